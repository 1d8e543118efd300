"""The nightly sync of all accounts, against one INSERT … SELECT of as many rows, without keys and with them."""

from collections.abc import Iterator
from datetime import date
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
    name = f"nightly sync, {ACCOUNTS:,} accounts, daily, weekly and monthly"
    yield compare(f"{name}; floor without keys", bare, found, AT_MOST)
    yield compare(f"{name}; floor with the tables' own keys", keyed, found, AT_MOST)


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
