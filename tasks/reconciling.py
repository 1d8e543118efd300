"""Reconciliation: the exchange judges what was executed; where the book differs, trading stops and someone is told.

The book is never edited to fit.
"""

import logging
from collections.abc import Sequence

from agents.errors import ExchangeError
from agents.model import ZERO
from agents.reconciliation import Code, Discrepancy
from journal import reconciliation
from journal.reconciliation import BUSY, FAILED, Conclusion, Request
from journal.reconciliation_queries import baseline, beginning, overdue
from runtime.bootstrap import WorkerServices
from tasks.comparing import compare
from tasks.halting import halt
from tasks.memory import WIPED, Memory, halt_for_wipe, memory_of_exchange

ACTOR = "reconciliation"
NAMED = 3
"""So many discrepancies are named in a reason; all are in ``GET /reconciliation``."""
OVERDUE_MINUTES = 15

logger = logging.getLogger(__name__)


def reconcile(services: WorkerServices, *, is_full: bool = False, requested_by: str = "beat") -> str:
    """Compare the book with the exchange, keep what differs, and halt trading if it is over its tolerance.

    Args:
        services: a worker's.
        is_full: from the book's beginning, and not only what is new.
        requested_by: who asks, if nobody did through the API.

    Returns:
        The result, as :mod:`journal.reconciliation` names them.
    """
    with services.book.unit_of_work() as session:
        run = reconciliation.begin(session, requested_by=requested_by, is_full=is_full)
    result = _carry_out(services, run)
    logger.info("reconciliation %s: %s", run.ids[-1], result)
    return result


def _carry_out(services: WorkerServices, run: Request) -> str:
    with services.book.reading() as session:
        if beginning(session) is None:
            return _give_up(services, run, reconciliation.OK, "no agent was ever started")
        last = baseline(session)
    match memory_of_exchange(services, before=max(last.seen.values(), default=0) + 1 if last else 1):
        case Memory.WIPED:
            return _stop_for_wipe(services, run)
        case Memory.UNSURE:
            return _give_up(services, run, FAILED, "the exchange does not show an order that it accepted")
        case Memory.INTACT:
            pass
    try:
        comparison = compare(services, is_full=run.is_full)
    except ExchangeError as error:
        return _give_up(services, run, FAILED, str(error))
    if comparison is None:
        return _give_up(services, run, BUSY, "orders were under way all the time")
    with services.book.unit_of_work() as session:
        conclusion = reconciliation.conclude(session, run, comparison)
    _act(services, conclusion)
    return conclusion.result


def _act(services: WorkerServices, conclusion: Conclusion) -> None:
    """Stop trading for what stands, and tell of what is new."""
    if conclusion.alarming:
        reason = f"{ACTOR}: {_summary(conclusion.alarming)}"
        halt(services, reason=reason, explanation=_listed(conclusion.alarming), actor=ACTOR)
    elif conclusion.news:
        services.alerts.send(f"Noted at the exchange: {_summary(conclusion.news)}", _listed(conclusion.news))


def _stop_for_wipe(services: WorkerServices, run: Request) -> str:
    detail = "the exchange no longer knows orders that it accepted; nothing in the book was changed"
    found = Discrepancy(Code.VENUE_WIPED, "exchange", expected=None, actual=None, size=ZERO, detail=detail)
    with services.book.unit_of_work() as session:
        reconciliation.note_wiped(session, run, found)
    halt_for_wipe(services)
    return WIPED


def _give_up(services: WorkerServices, run: Request, result: str, detail: str) -> str:
    with services.book.unit_of_work() as session:
        reconciliation.give_up(session, run, result, detail)
        is_overdue = result != reconciliation.OK and overdue(session, OVERDUE_MINUTES)
    if is_overdue:
        services.alerts.send(f"Not reconciled for {OVERDUE_MINUTES} minutes", f"{result}: {detail}")
    return result


def _summary(found: Sequence[Discrepancy]) -> str:
    named = ", ".join(f"{one.code} {one.subject}" for one in found[:NAMED])
    return f"{named} and {len(found) - NAMED} more" if len(found) > NAMED else named


def _listed(found: Sequence[Discrepancy]) -> str:
    return "\n".join(f"{one.code} {one.subject}: {one.detail}" for one in found[:20])
