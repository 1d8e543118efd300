"""One signal for so many running accounts: from the signal to everything committed, an entry and the exit of it."""

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import text

from bench.floors import ENTRY, EXIT, CopyFloor
from bench.measure import Row, Series, compare
from bench.world import BookError, Servers, World, world
from tasks.deciding import decide

SIZES = (1, 1_000, 10_000, 100_000)
ROUNDS = {1: 15, 1_000: 5, 10_000: 5, 100_000: 3}
AT_MOST = Decimal(3)
GROWTH = Decimal(11)


def run(servers: Servers, sizes: tuple[int, ...] = SIZES) -> Iterator[Row]:
    """Measure every size; the orders at the exchange are counted and the book's rules held each time."""
    medians: dict[tuple[str, int], float] = {}
    for accounts in sizes:
        for name, found, floor in _rounds(servers, accounts):
            medians[name, accounts] = found.median
            yield compare(f"{name}, {accounts:,} accounts", floor, found, AT_MOST)
    for name in ("entry", "exit"):
        if (name, 10_000) in medians and (name, 100_000) in medians:
            yield _growth(name, medians[name, 10_000], medians[name, 100_000])


def _growth(name: str, small: float, large: float) -> Row:
    growth = large / small
    floor, found = Series([small]), Series([large])
    row = compare(f"{name}, 100,000 accounts against 10,000", floor, found, GROWTH)
    return Row(row.measure, row.floor, row.found, f"{growth:.1f} x", row.goal, row.met, ROUNDS[100_000])


def _rounds(servers: Servers, accounts: int) -> Iterator[tuple[str, Series, Series]]:
    entry, leaving, entry_floor, exit_floor = (Series() for _ in range(4))
    with world(servers, accounts) as book:
        floors = CopyFloor(book.services.book, ENTRY), CopyFloor(book.services.book, EXIT)
        placed = book.orders_at_venue()
        for number in range(ROUNDS[accounts]):
            bought = _signal(book, entry, number, "buy")
            floors[0].run(entry_floor, bought, bought)
            sold = _signal(book, leaving, number, "sell")
            floors[1].run(exit_floor, sold, bought)
        if book.orders_at_venue() - placed != 2 * ROUNDS[accounts]:
            raise BookError("a signal was not one order at the exchange")
        book.check()
    yield "entry", entry, entry_floor
    yield "exit", leaving, exit_floor


def _signal(book: World, series: Series, number: int, action: str) -> int:
    """Push one signal and have it decided; the id of its order."""
    with series.time():
        decision = book.push(2 * number + (action == "sell"), action)
        decide(book.services, decision)
    with book.services.book.reading() as session:
        found = session.execute(
            text("SELECT id, state FROM trading.orders WHERE decision_id = :decision"), {"decision": decision}
        ).one_or_none()
    if found is None or found.state != "filled":
        raise BookError(f"the {action} of round {number} was not filled: {found}")
    return int(found.id)
