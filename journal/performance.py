"""Daily performance of every account, marked to market at the day's close, in set-based SQL.

Each day follows from the closing of the one before it and from what the ledger says of the day. Days
are UTC days. The platform reads them, rolled up, in ``investment.performance_snapshots``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.errors import InvalidInputError
from journal.database import MANY_ROWS, expect_rows
from journal.direct import Direct
from journal.inserting import insert
from journal.locks import AdvisoryLock, hold
from journal.past import BID_AT, HELD_AT, SIGNED
from journal.snapshots import ONE_DAY, periods_of, publish

MINUTES_KEPT = timedelta(days=2)
"""So long every minute's bid and equity are kept; then the last of each hour."""


@dataclass(frozen=True, slots=True)
class DayWritten:
    """One day's snapshots: of how many accounts, and whether the day is over."""

    day: date
    accounts: int
    is_final: bool


FIRST_STALE_DAY = f"""
WITH ledger AS (
    SELECT day, sum(trades) AS trades, sum(profit_loss) AS profit_loss, sum(net_flows) AS net_flows FROM (
        SELECT CAST(t.closed_at AT TIME ZONE 'UTC' AS date) AS day, 1 AS trades, t.profit_loss, 0 AS net_flows
        FROM trading.trades t JOIN trading.accounts a ON a.id = t.account_id AND a.kind <> 'dust'
        UNION ALL
        SELECT CAST(created_at AT TIME ZONE 'UTC' AS date), 0, 0, {SIGNED} FROM trading.cash_flows
    ) entries GROUP BY day
)
SELECT min(d.day) FROM (
    SELECT CAST(generate_series(min(day), CAST(:until AS date), interval '1 day') AS date) AS day FROM ledger
) d
LEFT JOIN trading.synced_days s ON s.day = d.day AND s.is_final
LEFT JOIN ledger l ON l.day = d.day
WHERE s.day IS NULL OR (s.trades, s.realised_profit, s.net_flows)
    IS DISTINCT FROM (coalesce(l.trades, 0), coalesce(l.profit_loss, 0), coalesce(l.net_flows, 0))
"""  # noqa: S608 - a constant
"""The first day that was missed, that was not over when it was synced, or of which the ledger says something else now."""

WRITE_ACCOUNTS = f"""
WITH marks AS MATERIALIZED (
    SELECT m.symbol, ({BID_AT.format(symbol="m.symbol", moment=":close")}) AS bid FROM trading.marks m
), entries AS (
    SELECT id AS account_id, agent, CAST(NULL AS numeric) AS opening, CAST(NULL AS numeric) AS net, CAST(NULL AS numeric) AS came_in,
           CAST(NULL AS numeric) AS realised, CAST(NULL AS numeric) AS unrealised, CAST(NULL AS boolean) AS won
    FROM trading.accounts WHERE kind <> 'dust' AND (closed_at IS NULL OR closed_at >= :open)
    UNION ALL
    SELECT account_id, NULL, closing, NULL, NULL, realised, NULL, NULL
    FROM trading.account_days WHERE day = CAST(:day AS date) - 1
    UNION ALL
    SELECT account_id, NULL, NULL, {SIGNED}, CASE flow_type WHEN 'deposit' THEN amount END, {SIGNED}, NULL, NULL
    FROM trading.cash_flows WHERE created_at >= :open AND created_at < :close
    UNION ALL
    SELECT account_id, NULL, NULL, NULL, NULL, profit_loss, NULL, profit_loss > 0
    FROM trading.trades WHERE closed_at >= :open AND closed_at < :close
    UNION ALL
    SELECT h.account_id, NULL, NULL, NULL, NULL, NULL, coalesce(h.quantity * m.bid, h.cost) - h.cost, NULL
    FROM ({HELD_AT.format(moment=":close", chosen_positions="", chosen_trades="")}) h LEFT JOIN marks m USING (symbol)
), worth AS (
    SELECT account_id, any_value(agent) AS agent, coalesce(any_value(opening), 0) AS opening, coalesce(sum(net), 0) AS net_flows,
           coalesce(sum(came_in), 0) AS came_in, coalesce(sum(realised), 0) AS realised,
           coalesce(round(sum(unrealised), 8), 0) AS unrealised, count(won) AS trades, count(*) FILTER (WHERE won) AS winning_trades
    FROM (
        SELECT account_id COLLATE "C" AS account_id, agent, opening, net, came_in, realised, unrealised, won
        FROM entries ORDER BY account_id
    ) sorted
    GROUP BY account_id HAVING any_value(agent) IS NOT NULL AND (any_value(opening) IS NOT NULL OR sum(net) IS NOT NULL)
), served AS (
    SELECT DISTINCT ON (account_id) account_id, agent FROM trading.assignments former
    WHERE started_at < :close AND ended_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM trading.assignments present
        WHERE present.account_id = former.account_id AND present.ended_at IS NULL AND present.started_at < :close)
    ORDER BY account_id, started_at DESC
)
INSERT INTO trading.account_days AS kept (day, account_id, agent, opening, net_flows, capital, profit_loss, closing, realised,
                                          trades, winning_trades)
SELECT :day, w.account_id, coalesce(s.agent, w.agent), opening, net_flows, opening + came_in,
       realised + unrealised - opening - net_flows, realised + unrealised, realised, trades, winning_trades
FROM worth w LEFT JOIN served s ON s.account_id = w.account_id COLLATE "C"
ORDER BY w.account_id
"""  # noqa: S608 - constants of this package
"""One sort and one pass over everything that says something of an account's day, the account itself and the day before included.

A closed account has its last row on the day on which it was closed. Only who is with another agent than at the close, or with none
any more, is looked for among former assignments: the present one is that of the account itself."""

CORRECT_ACCOUNTS = """
ON CONFLICT (day, account_id) DO UPDATE SET
    agent = excluded.agent, opening = excluded.opening, net_flows = excluded.net_flows, capital = excluded.capital,
    profit_loss = excluded.profit_loss, closing = excluded.closing, realised = excluded.realised,
    trades = excluded.trades, winning_trades = excluded.winning_trades
WHERE kept IS DISTINCT FROM excluded
"""

WRITE_AGENTS = """
INSERT INTO trading.agent_days (agent, day, accounts, opening, net_flows, capital, profit_loss, closing)
SELECT agent, :day, accounts, opening, closing - opening - profit_loss, capital, profit_loss, closing FROM (
    SELECT g.name AS agent, coalesce(d.accounts, 0) AS accounts, coalesce(b.closing, 0) AS opening,
           coalesce(d.capital, 0) AS capital, coalesce(d.profit_loss, 0) AS profit_loss, coalesce(d.closing, 0) AS closing
    FROM trading.agents g
    LEFT JOIN trading.agent_days b ON b.agent = g.name AND b.day = CAST(:day AS date) - 1
    LEFT JOIN (
        SELECT agent, count(*) AS accounts, sum(capital) AS capital, sum(profit_loss) AS profit_loss, sum(closing) AS closing
        FROM trading.account_days WHERE day = :day GROUP BY agent
    ) d ON d.agent = g.name
    WHERE d.agent IS NOT NULL OR b.closing <> 0
) sums
ON CONFLICT (agent, day) DO UPDATE SET
    accounts = excluded.accounts, opening = excluded.opening, net_flows = excluded.net_flows, capital = excluded.capital,
    profit_loss = excluded.profit_loss, closing = excluded.closing
"""

NOTE_DAY = """
INSERT INTO trading.synced_days (day, is_final, accounts, trades, net_flows, realised_profit)
SELECT :day, :close <= now(), d.accounts, d.trades, d.net_flows, d.realised - b.realised - d.net_flows FROM (
    SELECT count(*) AS accounts, coalesce(sum(trades), 0) AS trades, coalesce(sum(net_flows), 0) AS net_flows,
           coalesce(sum(realised), 0) AS realised
    FROM trading.account_days WHERE day = :day
) d, (SELECT coalesce(sum(realised), 0) AS realised FROM trading.account_days WHERE day = CAST(:day AS date) - 1) b
ON CONFLICT (day) DO UPDATE SET
    is_final = excluded.is_final, accounts = excluded.accounts, trades = excluded.trades, net_flows = excluded.net_flows,
    realised_profit = excluded.realised_profit, synced_at = now()
RETURNING accounts, is_final
"""
"""The sums are those of what was written, so that an entry that came meanwhile is found by the next sync."""

COUNT_TO_MANY = "SELECT count(*) FROM (SELECT FROM trading.accounts LIMIT :many) a"

SYNCED = "SELECT day FROM trading.synced_days WHERE day BETWEEN :first AND :last"

THIN_OUT = """
DELETE FROM trading.{table} h
WHERE h.at < :before AND EXISTS (
    SELECT FROM trading.{table} n
    WHERE n.{key} = h.{key} AND n.at > h.at AND n.at < date_trunc('hour', h.at, 'UTC') + interval '1 hour')
"""


def days_to_sync(session: Session, wanted: date | None) -> Sequence[date]:
    """The days to write, in order: from the first that is missing or was corrected, or an earlier one that is wanted.

    Args:
        session: a view of the book.
        wanted: a day to be written in any case, today at the latest; yesterday when omitted. All days after it
            follow from it and are written as well.

    Raises:
        InvalidInputError: ``wanted`` is in the future.
    """
    now: datetime = session.execute(text("SELECT now()")).scalar_one()
    today = now.astimezone(UTC).date()
    last = max(wanted or today - ONE_DAY, today - ONE_DAY)
    if last > today:
        raise InvalidInputError("day", f"{wanted} has not begun")
    stale: date | None = session.scalar(text(FIRST_STALE_DAY), {"until": last})
    beginning: date | None = session.scalar(text("SELECT min(day) FROM trading.synced_days"))
    first = min((day for day in (stale, wanted) if day is not None), default=None)
    if first is None or (beginning is None and stale is None):
        return []
    first = max(first, min(day for day in (beginning, stale) if day is not None))
    return [first + ONE_DAY * offset for offset in range((last - first).days + 1)]


def sync_day(session: Session, day: date, *, is_last: bool) -> DayWritten:
    """Write or correct one day: of accounts, of agents, and what the platform reads.

    The day before is written already. A week or month is rolled up with its last day and with the last
    day of the run.

    Args:
        session: the open unit of work.
        day: in UTC; today's is provisional.
        is_last: whether no later day will be written in this run.
    """
    session.execute(text("SET LOCAL statement_timeout = 0"))
    session.execute(text("SET LOCAL lock_timeout = 0"))
    hold(session, AdvisoryLock.NIGHTLY_SYNC)
    expect_rows(Direct.of(session), session.execute(text(COUNT_TO_MANY), {"many": MANY_ROWS}).scalar_one())
    opening = datetime.combine(day, time(), UTC)
    moments = {"day": day, "open": opening, "close": opening + ONE_DAY}
    periods = periods_of(day)
    bounds = {"first": min(period.first for period in periods), "last": max(period.last for period in periods)}
    synced = session.scalars(text(SYNCED), bounds).all()
    insert(session, WRITE_ACCOUNTS, CORRECT_ACCOUNTS, moments, are_new=day not in synced)
    session.execute(text(WRITE_AGENTS), {"day": day})
    written = session.execute(text(NOTE_DAY), moments).one()
    publish(session, day, [period for period in periods if is_last or day == period.last], synced)
    return DayWritten(day, written.accounts, written.is_final)


def thin_out(session: Session) -> None:
    """Keep of older prices and equities the last of each hour."""
    now: datetime = session.execute(text("SELECT now()")).scalar_one()
    for table, key in (("mark_history", "symbol"), ("equity_points", "agent")):
        session.execute(text(THIN_OUT.format(table=table, key=key)), {"before": now - MINUTES_KEPT})
