"""The nightly sync of all accounts, against one INSERT … SELECT of as many rows, without keys and with them.

First the night in which all rows are new, then the usual one, in which the week's and the month's rows of the nights before go on.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import text

from bench.measure import Row, Series, compare
from bench.world import Servers, World, world
from journal import performance
from tasks.deciding import decide

ACCOUNTS = 100_000
ROUNDS = 5
AT_MOST = Decimal(2)

TABLES = ("trading.account_days", "investment.performance_snapshots")
BARE, KEYED = "floor_bare", "floor_keyed"
LIKE = {BARE: "", KEYED: "INCLUDING INDEXES INCLUDING CONSTRAINTS"}
"""What the copies take over of the tables besides their columns."""
CLEAR = "TRUNCATE trading.account_days, trading.agent_days, trading.synced_days, investment.performance_snapshots"


HAPPENED = {
    "trading.cash_flows": ("created_at",),
    "trading.assignments": ("started_at",),
    "trading.positions": ("opened_at",),
    "trading.trades": ("opened_at", "closed_at"),
    "trading.mark_history": ("at",),
}
"""When what the sync reads happened."""
ON_FIRST_DAY = ("trading.cash_flows", "trading.assignments")
AS_MANY = (
    f"INSERT INTO {KEYED}.account_days SELECT * FROM trading.account_days WHERE day = :day",  # noqa: S608 - our own text
    f"INSERT INTO {KEYED}.performance_snapshots SELECT * FROM investment.performance_snapshots WHERE snapshot_date = :day",  # noqa: S608 - our own text
    f"""UPDATE {KEYED}.performance_snapshots f
    SET opening_balance = s.opening_balance, closing_balance = s.closing_balance, profit_loss = s.profit_loss,
        total_trades = s.total_trades, winning_trades = s.winning_trades
    FROM investment.performance_snapshots s WHERE s.id = f.id AND s.period_type <> 'daily'""",  # noqa: S608 - our own text
)
"""What a usual night leaves different, from the finished rows."""
AS_ROOMY = f"ALTER TABLE {KEYED}.performance_snapshots SET (fillfactor = 60)"
"""As the real table; a copy does not take it over."""


def run(servers: Servers) -> Iterator[Row]:
    """Measure one day of every account, each of which traded on it and holds something at its close."""
    bare, keyed, found = Series(), Series(), Series()
    with world(servers, ACCOUNTS) as book:
        for number, action in enumerate(("buy", "sell", "buy")):
            decide(book.services, book.push(number, action))
        _make_copies(book)
        for _ in range(ROUNDS):
            _sync(book, found)
            _copy(book, BARE, bare)
            _copy(book, KEYED, keyed)
        book.check()
        usual, as_many = _usual_nights(book)
    name = f"nightly sync, {ACCOUNTS:,} accounts"
    yield compare(f"{name}; floor without keys", bare, found, AT_MOST)
    yield compare(f"{name}; floor with the tables' own keys", keyed, found, AT_MOST)
    name = f"usual night, {ACCOUNTS:,} accounts"
    yield compare(f"{name}; floor with the tables' own keys", as_many, usual, AT_MOST)


def _make_copies(book: World) -> None:
    with book.services.book.unit_of_work() as session:
        for schema, including in LIKE.items():
            session.execute(text(f"CREATE SCHEMA {schema}"))
            for table in TABLES:
                session.execute(text(f"CREATE TABLE {_copy_of(table, schema)} (LIKE {table} {including})"))


def _copy_of(table: str, schema: str) -> str:
    return f"{schema}.{table.partition('.')[2]}"


def _today(book: World) -> date:
    with book.services.book.reading() as session:
        today: date = session.execute(text("SELECT current_date")).scalar_one()
    return today


def _sync(book: World, series: Series) -> None:
    day = _today(book)
    with book.services.book.unit_of_work() as session:
        session.execute(text(CLEAR))
    with series.time(), book.services.book.unit_of_work() as session:
        performance.sync_day(session, day, is_last=True)


def _copy(book: World, schema: str, series: Series) -> None:
    with book.services.book.unit_of_work() as session:
        session.execute(text("TRUNCATE " + ", ".join(_copy_of(table, schema) for table in TABLES)))
    with series.time(), book.services.book.unit_of_work() as session:
        for table in TABLES:
            session.execute(text(f"INSERT INTO {_copy_of(table, schema)} SELECT * FROM {table}"))  # noqa: S608 - our own text


def _usual_nights(book: World) -> tuple[Series, Series]:
    """Money comes in on one day, and all that was traded was traded on the next, which is in the same week and month."""
    first = _tuesday_of_last_month(_today(book))
    second = first + timedelta(days=1)
    _move(book, first, second)
    found, floor = Series(), Series()
    for _ in range(ROUNDS):
        with book.services.book.unit_of_work() as session:
            session.execute(text(CLEAR))
            performance.sync_day(session, first, is_last=True)
        _copy(book, KEYED, Series())
        with found.time(), book.services.book.unit_of_work() as session:
            performance.sync_day(session, second, is_last=True)
        with floor.time(), book.services.book.unit_of_work() as session:
            for statement in AS_MANY:
                session.execute(text(statement), {"day": second})
    book.check()
    return found, floor


def _tuesday_of_last_month(today: date) -> date:
    """One with its week in the middle of that month."""
    tenth = (today.replace(day=1) - timedelta(days=1)).replace(day=10)
    return tenth + timedelta(days=(1 - tenth.weekday()) % 7)


def _move(book: World, first: date, second: date) -> None:
    """Have what happened today have happened on these days, in the same distances; the book itself refuses that."""
    with book.services.book.unit_of_work() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(AS_ROOMY))
        for table, columns in HAPPENED.items():
            day = first if table in ON_FIRST_DAY else second
            moved = ", ".join(f"{column} = {column} + make_interval(days => :days)" for column in columns)
            session.execute(text(f"UPDATE {table} SET {moved}"), {"days": (day - _today(book)).days})  # noqa: S608 - our own text
    with book.services.book.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
