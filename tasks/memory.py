"""Whether the exchange still knows what it accepted."""

from enum import Enum

from adapters.exchange import Missing
from agents.orders import ABSENCE_PROVEN_AFTER, Accepted
from journal.canaries import canaries
from runtime.bootstrap import WorkerServices
from tasks.halting import halt

WIPED = "venue_wiped"
"""The reason with which trading is halted."""


class Memory(Enum):
    """What the exchange's memory is like."""

    INTACT = "intact"
    WIPED = "wiped"
    UNSURE = "unsure"
    """It did not answer, or does not show yet what it accepted a moment ago."""


def memory_of_exchange(services: WorkerServices, *, before: int) -> Memory:
    """Ask for the newest orders that the exchange accepted before order ``before``: one that it knows is enough.

    Where it never accepted any, there is nothing to forget.
    """
    with services.book.reading() as session:
        known = canaries(session, before)
    unsure = False
    for canary in known:
        answer = services.exchange.look_up(canary.client_order_id, canary.symbol)
        if isinstance(answer, Accepted):
            return Memory.INTACT
        unsure |= canary.age <= ABSENCE_PROVEN_AFTER or not isinstance(answer, Missing)
    if not known:
        return Memory.INTACT
    return Memory.UNSURE if unsure else Memory.WIPED


def halt_for_wipe(services: WorkerServices) -> None:
    """Freeze trading: what the book says cannot be acted upon any more. The book stays as it is."""
    halt(
        services,
        reason=WIPED,
        explanation="The exchange no longer knows orders that it accepted. Nothing in the book was changed.",
        actor="reconciliation",
    )
