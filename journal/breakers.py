"""Judging losses against the breakers' limits, once per tick of an agent; resetting what tripped.

Accounts are judged in one statement, whatever their number, and only the rows of those are written whose day began,
whose highest equity rose or whose breaker trips. It remembers how far prices may move before it can find anything
(:mod:`agents.leeway`); until then only the agent and the whole service are judged, by sums. An agent of which nothing can
have changed is not judged at all. The rules are :func:`agents.breakers.trips` and :func:`agents.leeway.leeway`; the
statement says the same in SQL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from agents.breakers import Equity, LossLimits, Scope, Trip, expiry, trips
from agents.profiles import BreakerAction, RiskProfile
from journal import events
from journal.breaker_models import STANDING, Breaker
from journal.database import MANY_ROWS, expect_rows
from journal.direct import Direct
from journal.judging_statements import (
    EXPIRE,
    FOLLOW,
    HAS_CHANGED,
    JUDGE_ACCOUNTS,
    JUDGE_AGENT,
    JUDGE_SERVICE,
)
from journal.leeways import Sums, sums_in

PEAK_STEP = Decimal("1.0005")
"""An account's highest equity is kept to within a twentieth of a percent, so that a market that rises tick by tick does
not rewrite every account at every tick."""
DIGITS = 12
"""Of the factors kept of a leeway; they are rounded to its safe side, by a whole unit of the last digit."""
SERVICE = "service"
"""The subject of the whole service's breakers."""
BY_TIME = "time"


@dataclass(frozen=True, slots=True)
class Tripped:
    """Breakers that tripped just now, ``accounts`` of one kind or one of an agent or of the service."""

    scope: Scope
    kind: str
    reason: str
    accounts: int = 0


def judge(session: Session, profile: RiskProfile, service: LossLimits) -> list[Tripped]:
    """Judge an agent's accounts, the agent and the whole service by the last known prices; what tripped just now.

    Args:
        session: the open unit of work.
        profile: the agent's, which has its and its accounts' limits and says what a trip does.
        service: the limits of the whole service, which only ever block.
    """
    session.execute(text(EXPIRE), {"by": BY_TIME})
    if not session.scalar(text(HAS_CHANGED), {"agent": profile.name}):
        return []
    lock = "SELECT clock_timestamp() FROM trading.agents WHERE name = :agent FOR NO KEY UPDATE"
    now = session.execute(text(lock), {"agent": profile.name}).scalar_one()
    limits = LossLimits(profile.daily_loss, profile.max_drawdown)
    # Before it has statistics, the planner takes the accounts for few, and needs minutes for 100,000.
    expect_rows(Direct.of(session), MANY_ROWS)
    row = _run(
        session,
        JUDGE_ACCOUNTS,
        agent=profile.name,
        step=PEAK_STEP,
        digits=DIGITS,
        margin=Decimal(1).scaleb(-DIGITS),
        action=profile.breaker_action.value,
        daily_loss=limits.daily_loss,
        max_drawdown=limits.max_drawdown,
    )
    tripped = [
        Tripped(Scope.ACCOUNT, kind, f"{row[kind]} accounts", row[kind])
        for kind in ("daily_loss", "drawdown")
        if row[kind]
    ]
    of_agent = Equity(**_run(session, JUDGE_AGENT, agent=profile.name, equity=row["equity"]))
    tripped += _trip(session, Scope.AGENT, profile.name, profile.breaker_action, trips(of_agent, limits), now)
    session.execute(text("SELECT FROM trading.service_state FOR UPDATE"))
    of_service = Equity(**_run(session, JUDGE_SERVICE))
    tripped += _trip(session, Scope.SERVICE, SERVICE, BreakerAction.BLOCK, trips(of_service, service), now)
    if tripped:
        events.record_breakers(session, profile.name)
        _outdate_decisions(session, profile.name)
    return tripped


def may_trip(profile: RiskProfile, service: LossLimits, sums: Sums) -> bool:
    """Whether the agent or the whole service lost too much by these sums; its breaker may stand already."""
    limits = LossLimits(profile.daily_loss, profile.max_drawdown)
    return any(trips(sums.of_agent, limits)) or any(trips(sums.of_service, service))


def judge_sums(session: Session, profile: RiskProfile, service: LossLimits) -> list[Tripped]:
    """Judge the agent and the whole service by the last known prices, at which no account can trip.

    Does nothing if the memory of the last judging is no longer valid: the next tick judges in full.

    Args:
        session: the open unit of work.
        profile: the agent's.
        service: the limits of the whole service.

    Returns:
        What tripped just now.
    """
    sums = sums_in(session.execute(FOLLOW, {"agent": profile.name}).one_or_none())
    if sums is None:
        return []
    limits = LossLimits(profile.daily_loss, profile.max_drawdown)
    tripped = _trip(session, Scope.AGENT, profile.name, profile.breaker_action, trips(sums.of_agent, limits), sums.at)
    tripped += _trip(session, Scope.SERVICE, SERVICE, BreakerAction.BLOCK, trips(sums.of_service, service), sums.at)
    if tripped:
        events.record_breakers(session, profile.name)
        _outdate_decisions(session, profile.name)
    return tripped


def _run(session: Session, statement: str, **parameters: object) -> Mapping[str, Any]:
    return dict(session.execute(text(statement), parameters).mappings().one())


def _trip(
    session: Session, scope: Scope, subject: str, action: BreakerAction, found: Iterable[Trip], now: datetime
) -> list[Tripped]:
    """Keep the breakers that trip and do not stand yet."""
    tripped = []
    for trip in found:
        row = {
            "scope": scope.value,
            "subject": subject,
            "agent": subject if scope is Scope.AGENT else None,
            "kind": trip.kind.value,
            "action": action.value,
            "allowed": trip.limit,
            "reference": trip.reference,
            "equity": trip.equity,
            "reason": trip.reason,
            "expires_at": expiry(trip.kind, now),
        }
        keys = [Breaker.scope, Breaker.subject, Breaker.kind]
        statement = insert(Breaker).values(row).on_conflict_do_nothing(index_elements=keys, index_where=STANDING)
        if session.scalar(statement.returning(Breaker.id)) is not None:
            tripped.append(Tripped(scope, trip.kind.value, trip.reason))
    return tripped


def _outdate_decisions(session: Session, agent: str) -> None:
    """Have what was decided before be decided anew, as after every booking."""
    session.execute(
        text(
            "UPDATE trading.agents SET book_version = book_version + 1, judged_version = book_version + 1 WHERE name = :agent"
        ),
        {"agent": agent},
    )
