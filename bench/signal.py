"""One signal for so many running accounts: from the signal to everything committed, an entry and the exit of it."""

import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import count, islice

from sqlalchemy import text

from bench.floors import ENTRY, EXIT, CopyFloor
from bench.measure import Row, Series, compare
from bench.world import BookError, Servers, World, world
from tasks.deciding import decide

SIZES = (1, 1_000, 10_000, 100_000)
ROUNDS = {1: 15, 1_000: 5, 10_000: 5, 100_000: 5}
AT_MOST = {100_000: Decimal(3)}
"""The goal is set for this many accounts."""
GROWTH = Decimal(11)
ATTEMPTS = 5
ORDER = "SELECT id, state, error_message FROM trading.orders WHERE decision_id = :decision"


def run(servers: Servers, sizes: tuple[int, ...] = SIZES) -> Iterator[Row]:
    """Measure every size; the orders at the exchange are counted and the book's rules held each time."""
    medians: dict[tuple[str, int], float] = {}
    for accounts in sizes:
        for name, found, floor in _rounds(servers, accounts):
            medians[name, accounts] = found.median
            yield compare(f"{name}, {accounts:,} accounts", floor, found, AT_MOST.get(accounts))
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
        numbers = count()
        for _ in range(ROUNDS[accounts]):
            bought = _signal(book, entry, numbers, "buy")
            floors[0].run(entry_floor, bought, bought)
            sold = _signal(book, leaving, numbers, "sell")
            floors[1].run(exit_floor, sold, bought)
        if book.orders_at_venue() - placed != 2 * ROUNDS[accounts]:
            raise BookError("a signal was not one order at the exchange")
        book.check()
    yield "entry", entry, entry_floor
    yield "exit", leaving, exit_floor


def _signal(book: World, series: Series, numbers: Iterator[int], action: str) -> int:
    """Push a signal and have it decided, until one is filled; the id of its order.

    On a machine so busy that an intent takes longer than ten seconds to commit its order is not sent, and that is said.
    """
    for number in islice(numbers, ATTEMPTS):
        begun = time.perf_counter()
        decision = book.push(number, action)
        decide(book.services, decision)
        took = time.perf_counter() - begun
        with book.services.book.reading() as session:
            found = session.execute(text(ORDER), {"decision": decision}).one()
        if found.state == "filled":
            series.values.append(took)
            return int(found.id)
        sys.stdout.write(f"{action}, {book.accounts:,} accounts: {found.state}, {found.error_message}\n")
    raise BookError(f"no {action} was filled")
