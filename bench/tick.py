"""A tick with nothing to do: prices are read, losses judged, signals asked for, and nothing comes of it."""

from collections.abc import Iterator
from decimal import Decimal

from bench.engine import engine
from bench.measure import Row, Series, alternate, compare
from bench.worker import Worker, worker
from bench.world import AGENT, Servers, world
from tasks.deciding import decide

SIZES = (1, 100_000)
ROUNDS = 40
AT_MOST = Decimal(2)


def run(servers: Servers) -> Iterator[Row]:
    """Measure it with one account and with many, without positions and, after an entry, with one for each account."""
    for accounts in SIZES:
        with world(servers, accounts) as book, engine() as address:
            with worker(servers, book, ML_ENGINE_URL=address) as busy:
                yield _measured(busy, f"idle tick, {accounts:,} accounts that hold nothing")
                decide(book.services, book.push(0, "buy"))
                yield _measured(busy, f"idle tick, {accounts:,} accounts that hold something")
            book.check()


def _measured(busy: Worker, name: str) -> Row:
    floor, found = Series(), Series()
    busy.run("bench.get", "ticks")
    busy.run("bench.tick", "ticks", AGENT)
    alternate(
        ROUNDS,
        lambda _: floor.values.append(busy.run("bench.get", "ticks")),
        lambda _: found.values.append(busy.run("bench.tick", "ticks", AGENT)),
    )
    return compare(name, floor, found, AT_MOST)
