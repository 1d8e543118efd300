"""How an agent or one of its accounts performs; the cost depends on days and accounts, never on past trades."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents import performance, trade_statistics
from agents.model import ZERO
from agents.performance import Day
from agents.trade_statistics import TradeTotals, ratio
from journal.past import SIGNED
from journal.queries import View, rows

_STATS_OF_ACCOUNT = """
SELECT s.*, a.opened_at AS since, now() AS now
FROM trading.accounts a LEFT JOIN trading.account_stats s ON s.account_id = a.id
WHERE a.id = :account_id
"""
_STATS_OF_AGENT = """
SELECT g.current_streak, g.longest_winning_streak, g.longest_losing_streak, g.exposed_since, g.exposed_seconds,
       sums.*, a.created_at AS since, now() AS now
FROM (
    SELECT coalesce(sum(fees), 0) AS fees, coalesce(sum(bought), 0) AS bought, coalesce(sum(sold), 0) AS sold,
           coalesce(sum(losing_trades), 0) AS losing_trades, max(best_trade) AS best_trade,
           min(worst_trade) AS worst_trade, coalesce(sum(held_seconds), 0) AS held_seconds
    FROM trading.account_stats JOIN trading.accounts c ON c.id = account_id WHERE c.agent = :agent
) sums
LEFT JOIN trading.agents a ON a.name = :agent
LEFT JOIN trading.agent_stats g ON g.agent = :agent
"""

_DAYS_OF_ACCOUNT = """
SELECT d.day, d.capital, d.profit_loss, d.closing FROM trading.account_days d JOIN trading.synced_days s USING (day)
WHERE d.account_id = :account_id AND s.is_final ORDER BY d.day
"""
_DAYS_OF_AGENT = """
SELECT d.day, d.capital, d.profit_loss, d.closing FROM trading.agent_days d JOIN trading.synced_days s USING (day)
WHERE d.agent = :agent AND s.is_final ORDER BY d.day
"""

_SINCE_CLOSE = f"""
WITH last AS (SELECT max(day) AS day FROM trading.synced_days WHERE is_final)
SELECT coalesce(sum(d.closing), 0) AS opening, coalesce(sum(f.net), 0) AS net, coalesce(sum(f.came_in), 0) AS came_in
FROM trading.accounts a
CROSS JOIN last
LEFT JOIN trading.account_days d ON d.account_id = a.id AND d.day = last.day
LEFT JOIN (
    SELECT account_id, sum({SIGNED}) AS net, sum(amount) FILTER (WHERE flow_type = 'deposit') AS came_in
    FROM trading.cash_flows
    WHERE created_at >= coalesce((SELECT day + 1 FROM last)::timestamp AT TIME ZONE 'UTC', '-infinity')
        AND (CAST(:account_id AS text) IS NULL OR account_id = CAST(:account_id AS text))
    GROUP BY account_id
) f ON f.account_id = a.id
WHERE a.kind <> 'dust' AND a.agent = :agent AND (CAST(:account_id AS text) IS NULL OR a.id = CAST(:account_id AS text))
"""  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class Record:
    """The days of an agent or account that are over, and the one that goes on."""

    days: Sequence[Day]
    today: Day

    @property
    def all(self) -> list[Day]:
        """The days with what has become of the present one so far, all of which had capital."""
        return [day for day in (*self.days, self.today) if day.capital > 0]


def metrics(session: Session, view: View) -> View:
    """Everything that is measured of an agent, or of one account.

    Args:
        session: a view of the book.
        view: how it stands, from :mod:`journal.queries`; an account's has an ``account_id``.
    """
    named = {"agent": view["agent"], "account_id": view.get("account_id")}
    (stats,) = rows(session, _STATS_OF_ACCOUNT if named["account_id"] else _STATS_OF_AGENT, named)
    record = record_of(session, view)
    return {**view, **_trades(view, stats), **_exposure(view, stats, record), **_returns(view, record)}


def record_of(session: Session, view: View) -> Record:
    """The daily record of whatever ``view`` is of, up to this moment."""
    named = {"agent": view["agent"], "account_id": view.get("account_id")}
    found = session.execute(text(_DAYS_OF_ACCOUNT if named["account_id"] else _DAYS_OF_AGENT), named)
    days = [Day(row.day, row.capital, row.profit_loss, row.closing) for row in found]
    since = session.execute(text(_SINCE_CLOSE), named).one()
    today = Day(
        day=datetime.now(UTC).date(),
        capital=since.opening + since.came_in,
        profit_loss=view["equity"] - since.opening - since.net,
        closing=view["equity"],
    )
    return Record(days, today)


def _trades(view: View, stats: View) -> dict[str, Any]:
    totals = TradeTotals(
        profit=view["total_profit"],
        loss=view["total_loss"],
        trades=int(view["total_trades"]),
        won=int(view["winning_trades"]),
        lost=int(stats["losing_trades"] or 0),
    )
    return {
        "losing_trades": totals.lost,
        "average_win": trade_statistics.average_win(totals),
        "average_loss": trade_statistics.average_loss(totals),
        "profit_factor": trade_statistics.profit_factor(totals),
        "payoff_ratio": trade_statistics.payoff_ratio(totals),
        "expectancy": trade_statistics.expectancy(totals),
        "best_trade": stats["best_trade"],
        "worst_trade": stats["worst_trade"],
        "current_streak": stats["current_streak"] or 0,
        "longest_winning_streak": stats["longest_winning_streak"] or 0,
        "longest_losing_streak": stats["longest_losing_streak"] or 0,
        "average_holding_seconds": ratio(stats["held_seconds"] or ZERO, Decimal(totals.trades)),
        "fees": stats["fees"] or ZERO,
        "traded_value": (stats["bought"] or ZERO) + (stats["sold"] or ZERO),
    }


def _exposure(view: View, stats: View, record: Record) -> dict[str, Any]:
    """Time with a position over time since the start; and the lesser of buys and sales over average equity.

    The latter is how the SEC's Form N-1A, item 13, has funds state their turnover.
    """
    now, since = stats["now"], stats["since"]
    held = stats["exposed_seconds"] or ZERO
    if stats["exposed_since"] is not None:
        held += _seconds(now - stats["exposed_since"])
    closings = [day.closing for day in record.all]
    average = sum(closings, ZERO) / len(closings) if closings else ZERO
    return {
        "exposure": view["exposure"],
        "exposure_time": ratio(held, _seconds(now - since)) if since is not None else None,
        "turnover": ratio(min(stats["bought"] or ZERO, stats["sold"] or ZERO), average),
    }


def _returns(view: View, record: Record) -> dict[str, Any]:
    """Ratios from days that are over; growth and drawdowns up to this moment."""
    over = performance.returns_of(record.days)
    until_now = record.all
    returns = performance.returns_of(until_now)
    today = record.today.day
    return {
        "days": len(over),
        "return_day": performance.time_weighted_return(performance.returns_of([record.today])),
        "return_week": performance.time_weighted_return(_last(until_now, today, 7)),
        "return_month": performance.time_weighted_return(_last(until_now, today, 30)),
        "return_total": performance.time_weighted_return(returns),
        "cagr": performance.annual_growth(over),
        "volatility": performance.volatility(over),
        "sharpe": performance.sharpe(over),
        "sortino": performance.sortino(over),
        "calmar": performance.calmar(over),
        **_drawdowns(view["current_drawdown"], until_now, returns),
    }


def _last(days: Sequence[Day], today: date, count: int) -> list[Decimal]:
    return performance.returns_of([day for day in days if day.day > today - timedelta(days=count)])


def _drawdowns(current: Decimal, days: Sequence[Day], returns: performance.Returns) -> dict[str, Any]:
    """The deepest fall between closes, and the present one, which is from the highest equity at any tick."""

    def day_of(position: int) -> date | None:
        return days[max(0, position - 1)].day if days else None

    deepest = performance.deepest_drawdown(returns)
    depth = deepest.depth if deepest else ZERO
    found = {
        "drawdown_since": day_of(performance.last_peak(returns)) if current > 0 else None,
        "max_drawdown": depth,
        "max_drawdown_from": day_of(deepest.peak) if deepest else None,
        "max_drawdown_to": day_of(deepest.trough) if deepest else None,
        "max_drawdown_recovered": day_of(deepest.recovered) if deepest and deepest.recovered is not None else None,
    }
    if current <= depth:
        return found
    return found | {
        "max_drawdown": current,
        "max_drawdown_from": found["drawdown_since"],
        "max_drawdown_to": days[-1].day if days else None,
        "max_drawdown_recovered": None,
    }


def _seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1)) / 1_000_000
