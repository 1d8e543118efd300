"""Which command is legal in which state, and what to do instead of one that is not."""

from itertools import product

import pytest

from agents.control import Command, status_after
from agents.errors import ConflictError
from agents.model import Status

LEGAL = {
    (Status.STOPPED, Command.START): Status.RUNNING,
    (Status.STOPPED, Command.STOP): Status.STOPPED,
    (Status.RUNNING, Command.PAUSE): Status.PAUSED,
    (Status.RUNNING, Command.STOP): Status.STOPPED,
    (Status.PAUSED, Command.PAUSE): Status.PAUSED,
    (Status.PAUSED, Command.RESUME): Status.RUNNING,
    (Status.PAUSED, Command.STOP): Status.STOPPED,
}


@pytest.mark.parametrize(("current", "command"), sorted(LEGAL))
def test_a_legal_command_leads_to_its_state(current: Status, command: Command) -> None:
    assert status_after(current, command, subject="agent atlas") is LEGAL[current, command]


@pytest.mark.parametrize(("current", "command"), sorted(set(product(Status, Command)) - set(LEGAL)))
def test_an_illegal_command_names_the_present_state_and_the_way_out(current: Status, command: Command) -> None:
    with pytest.raises(ConflictError, match=rf"^agent atlas is {current}: .*(start|resume|another|only)"):
        status_after(current, command, subject="agent atlas")
