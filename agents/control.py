"""Starting, pausing, resuming and stopping: which command is legal in which state."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from agents.errors import ConflictError
from agents.model import Status


class Command(StrEnum):
    """What an operator or the platform asks of an agent or an account."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


TRANSITIONS: Mapping[tuple[Status, Command], Status] = MappingProxyType(
    {
        (Status.STOPPED, Command.START): Status.RUNNING,
        (Status.STOPPED, Command.STOP): Status.STOPPED,
        (Status.RUNNING, Command.PAUSE): Status.PAUSED,
        (Status.RUNNING, Command.STOP): Status.STOPPED,
        (Status.PAUSED, Command.PAUSE): Status.PAUSED,
        (Status.PAUSED, Command.RESUME): Status.RUNNING,
        (Status.PAUSED, Command.STOP): Status.STOPPED,
    }
)
"""The state after a command; what is not listed is illegal. Pausing the paused and stopping the stopped change nothing."""

_WAYS_OUT: Mapping[tuple[Status, Command], str] = MappingProxyType(
    {
        (Status.STOPPED, Command.PAUSE): "start it first",
        (Status.STOPPED, Command.RESUME): "start it instead",
        (
            Status.RUNNING,
            Command.START,
        ): "pass another account_id to start one more account, or post a deposit to add money",
        (Status.RUNNING, Command.RESUME): "only a paused one can be resumed",
        (Status.PAUSED, Command.START): "resume it instead",
    }
)
"""What to do instead of an illegal command."""


def status_after(current: Status, command: Command, *, subject: str) -> Status:
    """The state that follows ``command``.

    Args:
        current: the state now.
        command: what is asked.
        subject: what the error calls the agent or account, such as ``agent atlas``.

    Raises:
        ConflictError: the command is illegal now; the message names the current state and the way out.
    """
    following = TRANSITIONS.get((current, command))
    if following is None:
        raise ConflictError(f"{subject} is {current}: {_WAYS_OUT[current, command]}")
    return following
