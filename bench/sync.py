"""The nightly sync of all accounts, against one INSERT … SELECT of as many rows."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from sqlalchemy import text

from bench.measure import Row, Series, compare
from bench.world import Servers, World, world
from journal import performance
from tasks.deciding import decide

ACCOUNTS = 100_000
ROUNDS = 3
AT_MOST = Decimal(2)

COPIES = (
    "INSERT INTO floor.account_days SELECT * FROM trading.account_days WHERE day = :day",
    "INSERT INTO floor.performance_snapshots SELECT * FROM investment.performance_snapshots",
)
CLEAR = "TRUNCATE trading.account_days, trading.agent_days, trading.synced_days, investment.performance_snapshots"


def run(servers: Servers) -> Iterator[Row]:
    """Measure one day of every account, each of which traded on it and holds something at its close."""
    floor, found = Series(), Series()
    with world(servers, ACCOUNTS) as book:
        for number, action in enumerate(("buy", "sell", "buy")):
            decide(book.services, book.push(number, action))
        with book.services.book.unit_of_work() as session:
            session.execute(text("CREATE SCHEMA floor"))
            for table in ("trading.account_days", "investment.performance_snapshots"):
                session.execute(text(f"CREATE TABLE floor.{table.partition('.')[2]} (LIKE {table})"))
        for _ in range(ROUNDS):
            _sync(book, found)
            _copy(book, floor)
        book.check()
    yield compare(f"nightly sync, {ACCOUNTS:,} accounts, daily, weekly and monthly", floor, found, AT_MOST)


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


def _copy(book: World, series: Series) -> None:
    day = _today(book)
    with book.services.book.unit_of_work() as session:
        session.execute(text("TRUNCATE floor.account_days, floor.performance_snapshots"))
    with series.time(), book.services.book.unit_of_work() as session:
        for statement in COPIES:
            session.execute(text(statement), {"day": day})
