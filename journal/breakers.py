"""Judging losses against the breakers' limits, once per tick of an agent; resetting what tripped.

Accounts are judged in one statement, whatever their number, and only the rows of those are written whose day began,
whose highest equity rose or whose breaker trips. An agent of which nothing can have changed is not judged at all.
The rule itself is :func:`agents.breakers.trips`; the statement says the same in SQL.
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

PEAK_STEP = Decimal("1.0005")
"""An account's highest equity is kept to within a twentieth of a percent, so that a market that rises tick by tick does
not rewrite every account at every tick."""
SERVICE = "service"
"""The subject of the whole service's breakers."""
BY_TIME = "time"

EXPIRE = (
    "UPDATE trading.breakers SET ended_at = expires_at, ended_by = :by WHERE ended_at IS NULL AND expires_at <= now()"
)

HAS_CHANGED = """
SELECT a.judged_version IS DISTINCT FROM a.book_version OR a.equity_day IS DISTINCT FROM current_date
       OR EXISTS (SELECT FROM trading.brackets b WHERE b.agent = a.name AND b.closed_at IS NULL)
FROM trading.agents a WHERE a.name = :agent
"""

WORTH = """
WITH held AS (
    SELECT p.account_id, sum(coalesce(p.quantity * m.bid, p.cost)) AS value
    FROM trading.positions p LEFT JOIN trading.marks m ON m.symbol = p.symbol
    WHERE p.agent = :agent AND p.closed_at IS NULL
    GROUP BY p.account_id
), worth AS (
    SELECT a.id, a.cash + a.reserved + coalesce(h.value, 0) AS equity, a.peak_equity,
           CASE WHEN a.equity_day = current_date THEN a.day_equity END AS day_equity
    FROM trading.accounts a LEFT JOIN held h ON h.account_id = a.id
    WHERE a.agent = :agent AND a.kind <> 'dust' AND a.closed_at IS NULL
)"""

JUDGE_ACCOUNTS = f"""{WORTH}, moved AS (
    UPDATE trading.accounts a
    SET peak_equity = greatest(a.peak_equity, w.equity), day_equity = coalesce(w.day_equity, w.equity),
        equity_day = current_date
    FROM worth w
    WHERE a.id = w.id AND (w.day_equity IS NULL OR w.equity > w.peak_equity * :step)
), tripped AS (
    INSERT INTO trading.breakers (scope, subject, agent, account_id, kind, action, allowed, reference, equity, reason,
                                  expires_at)
    SELECT 'account', w.id, :agent, w.id, l.kind, :action, l.allowed, l.reference, w.equity,
           format('lost %s %s, at most %s is allowed', round(1 - w.equity / l.reference, 4), l.since,
                  trim_scale(l.allowed)),
           CASE l.kind WHEN 'daily_loss' THEN current_date + interval '1 day' END
    FROM worth w CROSS JOIN LATERAL (VALUES
        ('daily_loss', CAST(:daily_loss AS numeric), w.day_equity, 'since 00:00 UTC'),
        ('drawdown', CAST(:max_drawdown AS numeric), w.peak_equity, 'since the highest equity')
    ) AS l (kind, allowed, reference, since)
    WHERE l.reference > 0 AND w.equity <= l.reference * (1 - l.allowed)
      AND NOT EXISTS (SELECT FROM trading.breakers b
                      WHERE b.scope = 'account' AND b.subject = w.id AND b.kind = l.kind AND b.ended_at IS NULL)
    RETURNING kind
)
SELECT (SELECT coalesce(sum(equity), 0) FROM worth) AS equity,
       (SELECT count(*) FILTER (WHERE kind = 'daily_loss') FROM tripped) AS daily_loss,
       (SELECT count(*) FILTER (WHERE kind = 'drawdown') FROM tripped) AS drawdown
"""  # noqa: S608 - our own text

NO_NESTED_LOOPS = "SET LOCAL enable_nestloop = off"
"""A planner that takes the accounts for few, before it has statistics, joins them one by one and needs minutes for 100,000."""

JUDGE_AGENT = """
UPDATE trading.agents
SET equity = :equity, peak_equity = greatest(peak_equity, :equity), judged_version = book_version,
    day_equity = CASE WHEN equity_day = current_date THEN day_equity ELSE :equity END, equity_day = current_date
WHERE name = :agent
RETURNING equity AS now, day_equity AS day_start, peak_equity AS peak
"""

JUDGE_SERVICE = """
UPDATE trading.service_state s
SET peak_equity = greatest(s.peak_equity, a.equity),
    day_equity = CASE WHEN s.equity_day = current_date THEN s.day_equity ELSE a.equity END, equity_day = current_date
FROM (SELECT coalesce(sum(equity), 0) AS equity FROM trading.agents) a
RETURNING a.equity AS now, s.day_equity AS day_start, s.peak_equity AS peak
"""


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
    session.execute(text(NO_NESTED_LOOPS))
    row = _run(
        session,
        JUDGE_ACCOUNTS,
        agent=profile.name,
        step=PEAK_STEP,
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
