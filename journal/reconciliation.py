"""Runs of the reconciliation: asked for, concluded, and what of their findings still stands.

A discrepancy stands until a run that looked for it finds it no more. It stops trading when it is new or
larger than before; turning the switch back after that accepts it, and it stops nothing any more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from agents import reconciliation as agents_reconciliation
from agents.balances import Holdings
from agents.model import ZERO, TradingState
from agents.reconciliation import Code
from journal import events, switch
from journal.reconciliation_models import Discrepancy, Reconciliation, ReconciliationCursor, Unassigned
from journal.reconciliation_queries import Cursor, SeenOrders

OK, ACCEPTED, MISMATCH, WIPED, BUSY, FAILED = "ok", "accepted", "mismatch", "venue_wiped", "busy", "failed"
"""What a run ends as; BUSY and FAILED have compared nothing."""

EVENTS = frozenset({Code.BALANCE_DRIFT, Code.BALANCE_SURPLUS, Code.ASSIGNED_DRIFT})
"""Changes rather than states: each is found once, and stands until it is accepted."""

Found = Sequence[agents_reconciliation.Discrepancy]


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be run: on whose behalf, and whether from the beginning of the book."""

    ids: Sequence[int]
    is_full: bool
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a run found, and where the next one begins.

    ``looked_for`` are the codes that it would have found anywhere, so that what it did not find is gone.
    """

    found: Found
    looked_for: frozenset[Code]
    seen: SeenOrders
    flows: Decimal
    holdings: Holdings
    cursors: Mapping[str, Cursor] = field(default_factory=dict)
    orders: int = 0
    fills: int = 0


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How a run ended; ``alarming`` is what must stop trading, ``news`` what nobody was told of yet."""

    result: str
    alarming: Found
    news: Found


def request(session: Session, *, requested_by: str, is_full: bool) -> int:
    """Ask for a run; its id."""
    asked = insert(Reconciliation).values(requested_by=requested_by, is_full=is_full).returning(Reconciliation.id)
    return session.scalars(asked).one()


def begin(session: Session, *, requested_by: str, is_full: bool) -> Request:
    """One run for all that was asked for and not carried out, or if there is nothing, for the caller."""
    waiting = select(Reconciliation.id, Reconciliation.is_full).where(Reconciliation.finished_at.is_(None))
    rows = session.execute(waiting.order_by(Reconciliation.id)).all()
    ids = [row.id for row in rows] or [request(session, requested_by=requested_by, is_full=is_full)]
    started_at = session.scalars(select(func.clock_timestamp())).one()
    session.execute(update(Reconciliation).where(Reconciliation.id.in_(ids)).values(started_at=started_at))
    return Request(ids, is_full or any(row.is_full for row in rows), started_at)


def give_up(session: Session, run: Request, result: str, detail: str) -> None:
    """Note that nothing could be compared, and why."""
    _finish(session, run, result=result, detail=detail)


def note_wiped(session: Session, run: Request, found: agents_reconciliation.Discrepancy) -> None:
    """Note that the exchange forgot everything; there is nothing to compare."""
    events.record_mismatch(session, run.ids[-1], _note(session, run, [found]))
    _finish(session, run, result=WIPED, detail=found.detail)


def conclude(session: Session, run: Request, comparison: Comparison) -> Conclusion:
    """Keep what a run found, and judge what now stands."""
    session.execute(text("SELECT FROM trading.service_state FOR UPDATE"))
    news = _note(session, run, comparison.found)
    events.record_mismatch(session, run.ids[-1], [one for one in news if one.halts])
    position = switch.read(session)
    accepted_until = position.updated_at if position.state is not TradingState.HALTED else None
    _forget(session, run, comparison, accepted_until)
    standing = session.scalars(select(Discrepancy).where(Discrepancy.gone_at.is_(None)).order_by(Discrepancy.id)).all()
    halting = [row for row in standing if row.halts]
    alarming = [row for row in halting if accepted_until is None or row.since > accepted_until]
    result = MISMATCH if alarming else ACCEPTED if halting else OK
    _keep_place(session, comparison)
    _finish(
        session,
        run,
        result=result,
        detail=f"{len(alarming)} of {len(standing)} standing discrepancies stop trading" if standing else None,
        orders=comparison.orders,
        fills=comparison.fills,
        seen=dict(comparison.seen),
        flows=comparison.flows,
    )
    return Conclusion(result, [_as_value(row) for row in alarming], news)


def _note(session: Session, run: Request, found: Found) -> Found:
    """Keep what was found; gives back what is new, came back, or grew."""
    standing = select(Discrepancy.code, Discrepancy.subject, Discrepancy.size).where(Discrepancy.gone_at.is_(None))
    known = {(row.code, row.subject): row.size for row in session.execute(standing)}
    news = [
        one for one in found if one.code in EVENTS or one.size > known.get((one.code.value, one.subject), Decimal(-1))
    ]
    fresh = {(one.code, one.subject) for one in news}
    for one in found:
        values = {**asdict(one), "code": one.code.value, "halts": one.halts, "reconciliation_id": run.ids[-1]}
        statement = insert(Discrepancy).values(values | {"since": func.clock_timestamp()})
        changed = values | {"last_seen_at": func.clock_timestamp(), "gone_at": None}
        if (one.code, one.subject) in fresh:
            changed |= {"since": func.clock_timestamp()}
        session.execute(statement.on_conflict_do_update(index_elements=["code", "subject"], set_=changed))
    return news


def _forget(session: Session, run: Request, comparison: Comparison, accepted_until: datetime | None) -> None:
    """Let go of what is no more: states that were looked for and not found, and events that were accepted."""
    missed = (
        update(Discrepancy)
        .where(Discrepancy.gone_at.is_(None), Discrepancy.last_seen_at < run.started_at)
        .values(gone_at=func.clock_timestamp())
    )
    session.execute(missed.where(Discrepancy.code.in_(_names(comparison.looked_for - EVENTS))))
    settled = missed.where(Discrepancy.code.in_(_names(EVENTS)))
    session.execute(settled.where(Discrepancy.halts.is_(False)))
    if accepted_until is not None:
        session.execute(settled.where(Discrepancy.since <= accepted_until))


def _names(codes: Iterable[Code]) -> list[str]:
    return [code.value for code in codes]


def _keep_place(session: Session, comparison: Comparison) -> None:
    for symbol, cursor in comparison.cursors.items():
        values = asdict(cursor)
        statement = insert(ReconciliationCursor).values(symbol=symbol, **values)
        session.execute(statement.on_conflict_do_update(index_elements=["symbol"], set_=values))
    holdings = comparison.holdings
    for asset in holdings.assets:
        venue, owned = holdings.venue.get(asset, ZERO), holdings.assigned.get(asset, ZERO)
        values = {
            "venue": venue,
            "assigned": owned,
            "amount": venue - owned,
            "taken_out": holdings.taken_out.get(asset, ZERO),
            "at": func.clock_timestamp(),
        }
        statement = insert(Unassigned).values(asset=asset, **values)
        session.execute(statement.on_conflict_do_update(index_elements=["asset"], set_=values))


def _finish(session: Session, run: Request, **values: object) -> None:
    session.execute(
        update(Reconciliation)
        .where(Reconciliation.id.in_(run.ids))
        .values(finished_at=func.clock_timestamp(), is_full=run.is_full, **values)
    )


def _as_value(row: Discrepancy) -> agents_reconciliation.Discrepancy:
    return agents_reconciliation.Discrepancy(
        Code(row.code), row.subject, row.expected, row.actual, row.size, row.detail
    )
