"""Changes that depend on what their caller has seen, so that two callers cannot overwrite each other."""

from collections.abc import Callable

Precondition = Callable[[int | None], None]
"""Gets the number of the locked row's last change, None where there is no row, and raises to prevent the next change.

It is :attr:`journal.models.Agent.revision` of an agent as a whole, :attr:`journal.models.Account.version` of an
account, :attr:`journal.models.ServiceState.version` of the switch.
"""


def whatever_it_was(_number: int | None) -> None:
    """Let the change happen in any case."""
