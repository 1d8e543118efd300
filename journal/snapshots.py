"""What the platform reads of the days: each account's day, week and month as one row of ``investment.performance_snapshots``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from journal import outward
from journal.inserting import insert

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """What the platform reads one row of per account; both days belong to it."""

    name: str
    first: date
    last: date

    def has_any(self, days: Sequence[date]) -> bool:
        """Whether one of ``days`` belongs to it."""
        return any(self.first <= day <= self.last for day in days)


INSERT = f"""
INSERT INTO {outward.SNAPSHOTS} AS known (account_id, snapshot_date, period_type, opening_balance, closing_balance, profit_loss,
                                          total_trades, winning_trades)
SELECT CAST(account_id AS {{account_id_type}}), first, period, opening, closing, profit_loss, trades, winning_trades
FROM ({{rows}}) sums
"""  # noqa: S608 - constants
"""All periods at once, each account's rows together: their places in the table's index are side by side."""

NEW = """
SELECT * FROM (SELECT * FROM trading.account_days WHERE day = :last ORDER BY account_id COLLATE "C") accounts
CROSS JOIN (VALUES {periods}) periods (first, period)
"""
"""Of a period that begins, its first day is all there is."""

GOING_ON = """
SELECT coalesce(account_id, former_id) AS account_id, first, period,
       coalesce(opening - {profit_loss} - {net_flows}, opening, - {profit_loss} - {net_flows}) AS opening,
       coalesce(closing, 0) AS closing, coalesce(profit_loss + {profit_loss}, profit_loss, {profit_loss}) AS profit_loss,
       coalesce(trades + {trades}, trades, {trades}) AS trades,
       coalesce(winning_trades + {winning_trades}, winning_trades, {winning_trades}) AS winning_trades
FROM (
    SELECT * FROM (SELECT * FROM trading.account_days WHERE day = :last) d
    FULL JOIN (
        SELECT account_id AS former_id, {earlier}
        FROM trading.account_days WHERE day >= :first AND day < :last GROUP BY account_id
    ) e ON former_id = account_id
    ORDER BY coalesce(account_id, former_id) COLLATE "C"
) accounts
CROSS JOIN (VALUES {periods}) periods (first, period)
WHERE account_id IS NOT NULL OR {trades} IS NOT NULL
"""
"""The last day as it stands, and the sums of those before it, which are NULL for an account that is new.

What the last day opened with less those is what the period opened with. An account that was closed in between has no last day, and
is worth nothing.
"""

SUMMED = ("profit_loss", "net_flows", "trades", "winning_trades")

CORRECT = """
ON CONFLICT (account_id, snapshot_date, period_type) DO UPDATE SET
    opening_balance = EXCLUDED.opening_balance, closing_balance = EXCLUDED.closing_balance,
    profit_loss = EXCLUDED.profit_loss, total_trades = EXCLUDED.total_trades, winning_trades = EXCLUDED.winning_trades
WHERE (known.opening_balance, known.closing_balance, known.profit_loss, known.total_trades, known.winning_trades)
    IS DISTINCT FROM (EXCLUDED.opening_balance, EXCLUDED.closing_balance, EXCLUDED.profit_loss, EXCLUDED.total_trades,
                      EXCLUDED.winning_trades)
"""


def publish(session: Session, day: date, periods: Sequence[Period], synced: Sequence[date]) -> None:
    """Roll ``periods`` up, as far as to ``day``; ``synced`` are their days of which rows were written before."""
    for are_new, rows in ((True, NEW), (False, GOING_ON)):
        alike = [period for period in periods if period.has_any(synced) is not are_new]
        if alike:
            _publish(session, day, alike, rows, are_new=are_new)


def _publish(session: Session, day: date, periods: Sequence[Period], rows: str, *, are_new: bool) -> None:
    names = [period.name for period in periods]
    source = rows.format(
        periods=", ".join(f"(CAST(:{name} AS date), '{name}')" for name in names),
        earlier=", ".join(
            f"sum({column}) FILTER (WHERE day >= :{name}) AS {name}_{column}" for name in names for column in SUMMED
        ),
        **{column: _of_period(column, names) for column in SUMMED},
    )
    account_id_type = outward.column_types(session, outward.SNAPSHOTS)["account_id"]
    statement = INSERT.format(account_id_type=account_id_type, rows=source)
    days = {"first": min(period.first for period in periods), "last": day}
    insert(session, statement, CORRECT, days | {period.name: period.first for period in periods}, are_new=are_new)


def _of_period(column: str, names: Sequence[str]) -> str:
    """The sum of a column over the earlier days of the row's own period; NULL where there are none."""
    return "CASE period " + " ".join(f"WHEN '{name}' THEN {name}_{column}" for name in names) + " END"


def periods_of(day: date) -> Sequence[Period]:
    """The periods that ``day`` belongs to."""
    monday = day - ONE_DAY * day.weekday()
    first = day.replace(day=1)
    next_first = (first + ONE_DAY * 31).replace(day=1)
    return (
        Period("daily", day, day),
        Period("weekly", monday, monday + ONE_DAY * 6),
        Period("monthly", first, next_first - ONE_DAY),
    )
