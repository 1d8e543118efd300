"""What agents and accounts are worth and how they fare, read in one statement each.

Equity is cash, reserved cash and open positions at the market's bid, or at cost while no price is known.
Dust accounts never count. Drawdown is the fall from the highest equity known, as a fraction of it.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from agents.model import ONE, ZERO, Status
from journal.walks import HIGHEST, LOWEST, Walk

View = Mapping[str, Any]
"""One row by column name: Decimal, int, str, aware datetime, list or None."""

_AGENTS = """
SELECT *
FROM (
    SELECT
        name AS agent,
        coalesce(g.status, 'stopped') AS status,
        coalesce(g.status, 'stopped') AS agent_status,
        coalesce(g.version, 0) AS version,
        coalesce(g.revision, 0) AS agent_revision,
        g.profile_version,
        g.tick_seconds,
        g.symbols,
        g.last_tick_at,
        g.last_error,
        coalesce(g.peak_equity, 0) AS peak_equity,
        coalesce((SELECT state FROM trading.service_state), 'HALTED') AS trading_state,
        money.*,
        held.open_positions,
        held.unrealized_profit,
        money.cash + money.reserved + held.exposure AS equity,
        held.exposure
    FROM unnest(CAST(:names AS text[])) AS name
    LEFT JOIN trading.agents g USING (name)
    CROSS JOIN LATERAL (
        SELECT
            count(*) FILTER (WHERE a.closed_at IS NULL) AS accounts,
            count(*) FILTER (WHERE a.status = 'running') AS accounts_running,
            coalesce(sum(a.cash), 0) AS cash,
            coalesce(sum(a.reserved), 0) AS reserved,
            coalesce(sum(a.balance), 0) AS balance,
            coalesce(sum(a.total_profit), 0) AS total_profit,
            coalesce(sum(a.total_loss), 0) AS total_loss,
            coalesce(sum(a.total_trades), 0) AS total_trades,
            coalesce(sum(a.winning_trades), 0) AS winning_trades
        FROM trading.accounts a
        WHERE a.agent = name AND a.kind <> 'dust'
    ) money
    CROSS JOIN LATERAL (
        SELECT
            CAST(coalesce(sum(p.positions), 0) AS bigint) AS open_positions,
            coalesce(sum(coalesce(p.quantity * m.bid, p.cost)), 0) AS exposure,
            coalesce(sum(coalesce(p.quantity * m.bid, p.cost) - p.cost), 0) AS unrealized_profit
        FROM (
            SELECT symbol, count(*) AS positions, sum(quantity) AS quantity, sum(cost) AS cost
            FROM trading.positions
            WHERE agent = name AND account_id <> 'dust-' || name AND closed_at IS NULL AND quantity > 0
            GROUP BY symbol
        ) p
        LEFT JOIN trading.marks m USING (symbol)
    ) held
) v
ORDER BY v.agent
"""

_ACCOUNTS = """
SELECT *
FROM (
    SELECT
        a.id AS account_id,
        a.number,
        a.agent,
        a.kind,
        a.status,
        g.status AS agent_status,
        g.version,
        g.revision AS agent_revision,
        a.version AS account_version,
        g.profile_version,
        g.tick_seconds,
        g.symbols,
        g.last_tick_at,
        g.last_error,
        a.peak_equity,
        coalesce((SELECT state FROM trading.service_state), 'HALTED') AS trading_state,
        1 AS accounts,
        a.cash,
        a.reserved,
        a.balance,
        a.total_profit,
        a.total_loss,
        a.total_trades,
        a.winning_trades,
        a.close_requested_at,
        a.closed_at,
        a.opened_at,
        held.open_positions,
        held.unrealized_profit,
        a.cash + a.reserved + held.exposure AS equity,
        held.exposure
    FROM ({accounts}) a
    JOIN trading.agents g ON g.name = a.agent
    CROSS JOIN LATERAL (
        SELECT
            count(*) AS open_positions,
            coalesce(sum(coalesce(p.quantity * m.bid, p.cost)), 0) AS exposure,
            coalesce(sum(coalesce(p.quantity * m.bid, p.cost) - p.cost), 0) AS unrealized_profit
        FROM trading.positions p
        LEFT JOIN trading.marks m ON m.symbol = p.symbol
        WHERE p.account_id = a.id AND p.closed_at IS NULL AND p.quantity > 0
    ) held
) v
ORDER BY v.number DESC
"""

_POSITIONS = """
SELECT
    v.symbol,
    'long' AS side,
    v.quantity,
    v.cost / v.quantity AS entry_price,
    v.bid AS current_price,
    v.quantity * v.bid - v.cost AS pnl,
    100 * (v.quantity * v.bid - v.cost) / nullif(v.cost, 0) AS pnl_pct,
    v.opened_at,
    v.stop,
    v.target,
    v.accounts
FROM (
    SELECT
        p.symbol,
        sum(p.quantity) AS quantity,
        sum(p.cost) AS cost,
        max(m.bid) AS bid,
        min(p.opened_at) AS opened_at,
        sum(p.quantity * greatest(b.stop_price, b.highest_price * (1 - b.trailing_stop)))
            / sum(p.quantity) FILTER (WHERE b.order_id IS NOT NULL) AS stop,
        sum(p.quantity * b.target_price) / sum(p.quantity) FILTER (WHERE b.order_id IS NOT NULL) AS target,
        CAST(sum(p.accounts) AS bigint) AS accounts
    FROM (
        SELECT symbol, entry_order_id, sum(quantity) AS quantity, sum(cost) AS cost, min(opened_at) AS opened_at,
               count(*) AS accounts
        FROM trading.positions
        WHERE agent = :agent AND account_id <> 'dust-' || :agent AND closed_at IS NULL AND quantity > 0
            AND (:account_id IS NULL OR account_id = :account_id)
        GROUP BY symbol, entry_order_id
    ) p
    LEFT JOIN trading.marks m ON m.symbol = p.symbol
    LEFT JOIN trading.brackets b ON b.order_id = p.entry_order_id
    GROUP BY p.symbol
) v
ORDER BY v.symbol
"""


def agent_views(session: Session, names: Sequence[str]) -> list[View]:
    """State, money and results of the named agents as wholes, by name; zeros for one that was never started."""
    return [_with_ratios(row) for row in rows(session, _AGENTS, {"names": list(names)})]


def account_view(session: Session, account_id: str, *, agent: str | None = None) -> View | None:
    """State, money and results of one account; None if there is none, or if another than ``agent`` serves it."""
    one = "SELECT * FROM trading.accounts WHERE id = :account_id AND (:agent IS NULL OR agent = :agent)"
    found = rows(session, _ACCOUNTS.format(accounts=one), {"account_id": account_id, "agent": agent})
    return _with_ratios(found[0]) if found else None


def views_of_accounts(session: Session, account_ids: Sequence[str]) -> list[View]:
    """State, money and results of some accounts; those that do not exist are left out."""
    some = "SELECT * FROM trading.accounts WHERE id = ANY(:ids)"
    return [_with_ratios(row) for row in rows(session, _ACCOUNTS.format(accounts=some), {"ids": list(account_ids)})]


def account_views(
    session: Session, *, agent: str | None = None, status: str | None = None, before: int | None = None, limit: int
) -> list[View]:
    """Accounts, the newest first.

    Args:
        session: a view of the book.
        agent: only its accounts.
        status: only accounts in this state.
        before: only accounts with a smaller ``number``: the page's cursor.
        limit: the page's size.
    """
    by = {name: value for name, value in (("agent", agent), ("status", status)) if value is not None}
    walk = Walk("trading.accounts", tuple(by), ("number",)).statement
    page = f"SELECT * FROM ({walk}) w WHERE kind <> 'dust' LIMIT :limit"  # noqa: S608 - our own names
    chosen: dict[str, object] = {f"by_{name}": value for name, value in by.items()}
    chosen |= {"low_number": LOWEST, "high_number": before or HIGHEST, "limit": limit}
    return [_with_ratios(row) for row in rows(session, _ACCOUNTS.format(accounts=page), chosen)]


def positions(session: Session, agent: str, *, account_id: str | None = None) -> list[View]:
    """Open positions of an agent by symbol, those of all its accounts as one, or of one account.

    ``entry_price`` is what was paid, fees included, per unit held; ``stop`` and ``target`` are the levels of the
    accounts' brackets weighted by quantity, the stop being where a trailing stop has risen to; ``pnl`` is at the
    market's bid and ``pnl_pct`` percent of what was paid.
    """
    return rows(session, _POSITIONS, {"agent": agent, "account_id": account_id})


def rows(session: Session, statement: str, parameters: Mapping[str, object]) -> list[View]:
    """Run one statement and give its rows."""
    return [dict(row) for row in session.execute(_parsed(statement), parameters).mappings()]


@lru_cache(256)
def _parsed(statement: str) -> TextClause:
    """Looking for the parameters of a long statement takes as long as binding them."""
    return text(statement)


def _with_ratios(row: View) -> View:
    equity, trades, last_tick = row["equity"], row["total_trades"], row["last_tick_at"]
    peak = max(row["peak_equity"], equity)
    ticks = last_tick is not None and row["agent_status"] != Status.STOPPED
    return {
        **row,
        "net_profit": row["total_profit"] - row["total_loss"],
        "win_rate": Decimal(row["winning_trades"]) / trades if trades else ZERO,
        "current_drawdown": ONE - equity / peak if peak > 0 else ZERO,
        "next_tick_at": last_tick + timedelta(seconds=float(row["tick_seconds"])) if ticks else None,
    }
