"""A pushed signal, from before it is stored until the exchange has its order, by the exchange's clock."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import text

from bench.measure import Row, Series, alternate, compare
from bench.worker import worker
from bench.world import SYMBOL, BookError, Servers, World, world
from tasks.reconciling import reconcile

ROUNDS = 160
"""Within one minute no more than 217: looking up when the exchange took each order costs 20 of the 5,000 of request weight that all
processes share, and then entries are denied with ``exchange_weight_exhausted``, as they must be."""
PATIENCE_SECONDS = 30
POLL_SECONDS = 0.06


def run(servers: Servers) -> Iterator[Row]:
    """Measure it with one account; the floor is the round trip, there and back, of a task that does nothing but place a bare order.

    As in production, book and exchange were reconciled a moment ago; once, for the floor's orders are none of the book's.
    """
    bare, pushed, numbers = Series(), Series(), itertools.count()
    with world(servers, 1) as book:
        reconcile(book.services)
        with worker(servers, book) as busy:
            busy.run("bench.order", "signals")
            _push(book, next(numbers), pushed)
            _push(book, next(numbers), pushed)
            pushed.values.clear()
            alternate(
                ROUNDS,
                lambda _: bare.values.append(busy.round_trip("bench.order", "signals")),
                lambda _: _push(book, next(numbers), pushed),
            )
        book.check()
    yield compare("pushed signal → order at the exchange, p50", bare, pushed, Decimal("1.5"))
    tails = Series([bare.percentile(99)]), Series([pushed.percentile(99)])
    yield replace(compare("pushed signal → order at the exchange, p99", *tails, Decimal(3)), rounds=ROUNDS)


def _push(book: World, number: int, series: Series) -> None:
    begun = time.time()
    decision = book.push(number, "buy" if number % 2 == 0 else "sell")
    book.services.queue.announce_decision(decision, SYMBOL)
    order = _order_of(book, decision)
    taken = next(taken for taken in book.services.exchange.orders_since(SYMBOL, order) if taken.id == order)
    series.values.append(taken.at.timestamp() - begun)


def _order_of(book: World, decision: int) -> int:
    """The exchange's id of the order, once it is booked."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    statement = text(
        "SELECT exchange_order_id FROM trading.orders WHERE decision_id = :decision AND resolved_at IS NOT NULL"
    )
    while time.monotonic() < deadline:
        # Looking earlier would take the processor from what is measured.
        time.sleep(POLL_SECONDS)
        with book.services.book.reading() as session:
            found = session.scalar(statement, {"decision": decision})
        if found is not None:
            return int(found)
    raise BookError(f"decision {decision} came to no order")
