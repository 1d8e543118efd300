"""Orders whose outcome is unknown: looked up until the exchange answers, never placed again."""

import logging

from adapters.exchange import Missing
from adapters.state import Lease
from agents.orders import ABSENCE_PROVEN_AFTER, Accepted, OrderState
from journal import ledger
from journal.ledger import OpenOrder, Outcome
from runtime.bootstrap import WorkerServices
from tasks.execution import book, keep_unknown, settle
from tasks.memory import Memory, halt_for_wipe, memory_of_exchange

logger = logging.getLogger(__name__)


def resolve_orders(services: WorkerServices, agent: str, lease: Lease) -> int:
    """Look up every open order of the agent and book what is known of it; the number still open.

    The caller holds the agent's ``lease``, so no worker is placing one of them now.
    """
    with services.book.reading() as session:
        orders = ledger.unresolved_orders(session, agent)
    still_open = 0
    for order in orders:
        lease.renew()
        still_open += not _resolve(services, order)
    return still_open


def _resolve(services: WorkerServices, order: OpenOrder) -> bool:
    answer = services.exchange.look_up(order.client_order_id, order.symbol)
    if isinstance(answer, Missing):
        return _resolve_missing(services, order)
    logger.info("looked up %s: %s", order.client_order_id, type(answer).__name__)
    settle(services, order, answer)
    return isinstance(answer, Accepted)


def _resolve_missing(services: WorkerServices, order: OpenOrder) -> bool:
    """Absence is proven by time, provided that the exchange has not forgotten everything.

    The order's age was taken before the exchange was asked.
    """
    if order.age <= ABSENCE_PROVEN_AFTER:
        keep_unknown(services, order, "not found on the exchange yet")
        return False
    match memory_of_exchange(services, before=order.id):
        case Memory.INTACT:
            book(services, order, Outcome(OrderState.ABSENT, error_message="the exchange never received it"))
            return True
        case Memory.WIPED:
            keep_unknown(services, order, "the exchange forgot it with everything else")
            halt_for_wipe(services)
        case Memory.UNSURE:
            keep_unknown(services, order, "not found, but the exchange does not show older orders either")
    return False
