"""Equity over time: daily closes, and points between them since the beginning of yesterday.

An agent's points are kept at its ticks. An account's are computed from the ledger and from the prices of
the time, so that a tick over many accounts writes no rows for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.model import ONE, ZERO
from agents.performance import Day
from journal import queries
from journal.metrics import record_of
from journal.past import BID_AT, HELD_AT, SIGNED
from journal.queries import View

ONE_DAY = timedelta(days=1)
APART = timedelta(minutes=10)
"""Between two points."""

POINTS_OF_AGENT = """
SELECT DISTINCT ON (date_bin(:apart, at, :since)) at, equity, drawdown FROM trading.equity_points
WHERE agent = :agent AND at >= :since ORDER BY date_bin(:apart, at, :since), at DESC
"""

POINTS_OF_ACCOUNT = f"""
SELECT g.at, a.balance - coalesce(f.net, 0) - coalesce(t.profit_loss, 0) + coalesce(h.unrealised, 0) AS equity,
       coalesce(f.net, 0) AS net_later, coalesce(f.came_in, 0) AS in_later
FROM trading.accounts a
CROSS JOIN generate_series(CAST(:since AS timestamptz), now(), :apart) g (at)
CROSS JOIN LATERAL (
    SELECT sum({SIGNED}) AS net, sum(amount) FILTER (WHERE flow_type = 'deposit') AS came_in
    FROM trading.cash_flows WHERE account_id = a.id AND created_at >= g.at
) f
CROSS JOIN LATERAL (
    SELECT sum(profit_loss) AS profit_loss FROM trading.trades WHERE account_id = a.id AND closed_at >= g.at
) t
CROSS JOIN LATERAL (
    SELECT round(sum(coalesce(x.quantity * m.bid, x.cost) - x.cost), 8) AS unrealised
    FROM ({HELD_AT.format(moment="g.at", chosen_positions="AND p.account_id = a.id", chosen_trades="AND t.account_id = a.id")}) x
    LEFT JOIN LATERAL ({BID_AT.format(symbol="x.symbol", moment="g.at")}) m ON true
) h
WHERE a.id = :account_id
ORDER BY g.at
"""  # noqa: S608 - constants of this package
"""Flows after each point come along: what lies between two points is their difference."""


KEEP = "UPDATE trading.agents SET equity = :equity WHERE name = :agent"


@dataclass(frozen=True, slots=True)
class Close:
    """A day that is over; ``growth`` is the time-weighted return since the start, ``drawdown`` the fall from its peak."""

    date: date
    equity: Decimal
    net_flows: Decimal
    profit_loss: Decimal
    growth: Decimal
    drawdown: Decimal


@dataclass(frozen=True, slots=True)
class Point:
    """A moment between closes."""

    at: datetime
    equity: Decimal
    drawdown: Decimal


@dataclass(frozen=True, slots=True)
class Curve:
    """Equity over time, the oldest first; the last point is the present."""

    closes: Sequence[Close]
    points: Sequence[Point]


def measure(session: Session, agent: str) -> None:
    """Keep what an agent is worth now that nobody judges, because it is stopped."""
    view = queries.agent_views(session, [agent])[0]
    session.execute(text(KEEP), {"agent": agent, "equity": view["equity"]})


def curve(session: Session, view: View, days: int) -> Curve:
    """Equity of an agent or account.

    Args:
        session: a view of the book.
        view: how it stands, from :mod:`journal.queries`; an account's has an ``account_id``.
        days: so many daily closes at most, the newest.
    """
    closes = _closes(record_of(session, view).days)
    now = datetime.now(UTC)
    since = datetime.combine(now.date() - ONE_DAY, time(), UTC)
    if view.get("account_id") is None:
        found = session.execute(text(POINTS_OF_AGENT), {"agent": view["agent"], "since": since, "apart": APART})
        points = [Point(row.at, row.equity, row.drawdown) for row in found]
    else:
        points = _points_of_account(session, view, since, closes)
    return Curve(closes[-days:], [*points, Point(now, view["equity"], view["current_drawdown"])])


def _closes(days: Sequence[Day]) -> list[Close]:
    closes: list[Close] = []
    index = peak = ONE
    before = ZERO
    for day in days:
        index *= ONE + (day.profit_loss / day.capital if day.capital > 0 else ZERO)
        peak = max(peak, index)
        net = day.closing - before - day.profit_loss
        closes.append(Close(day.day, day.closing, net, day.profit_loss, index - ONE, ONE - index / peak))
        before = day.closing
    return closes


def _points_of_account(session: Session, view: View, since: datetime, closes: Sequence[Close]) -> list[Point]:
    """Growth goes on from the last close before the first point."""
    earlier = [close for close in closes if close.date < since.date()]
    index = ONE + earlier[-1].growth if earlier else ONE
    peak = max([ONE, *(ONE + close.growth for close in earlier)])
    since = max(since, view["opened_at"] + timedelta(microseconds=1))
    parameters = {"account_id": view["account_id"], "since": since, "apart": APART}
    points: list[Point] = []
    before = None
    for row in session.execute(text(POINTS_OF_ACCOUNT), parameters):
        if before is not None:
            capital = before.equity + before.in_later - row.in_later
            profit = row.equity - before.equity - (before.net_later - row.net_later)
            index *= ONE + (profit / capital if capital > 0 else ZERO)
            peak = max(peak, index)
        points.append(Point(row.at, row.equity, ONE - index / peak if peak > 0 else ZERO))
        before = row
    return points
