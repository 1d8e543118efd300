"""What callers read most, of an agent with many accounts that hold something, against a route that answers at once."""

from collections.abc import Iterator
from decimal import Decimal

from bench.http import drive, get, repeated, serving
from bench.measure import Row, Series
from bench.world import AGENT, Servers, world
from tasks.deciding import decide

ACCOUNTS = 100_000
ROUNDS = 5
SECONDS = 2.0
AT_LEAST = Decimal("0.6")
READS = ("status", "positions", "metrics")
NO_LIMIT = {"RATE_LIMIT_READ": "100000000/minute"}
"""The count in Redis stays; only its limit is out of reach."""


def run(servers: Servers, accounts: int = ACCOUNTS) -> Iterator[Row]:
    """Measure each read, the floor before each round of it."""
    with world(servers, accounts) as book:
        decide(book.services, book.push(0, "buy"))
        environment = servers.environment(book.url, **NO_LIMIT)
        with (
            serving("bench.floor_app:create_app()", environment, servers.folder / "floor.log") as bare,
            serving("api.app:create_app()", environment, servers.folder / "api.log") as api,
        ):
            for name in READS:
                yield _measured(name, accounts, bare, api)
        book.check()


def _measured(name: str, accounts: int, bare: int, api: int) -> Row:
    floor, found = Series(), Series()
    path = f"/agents/{AGENT}/{name}"
    for _ in range(ROUNDS):
        floor.values.append(drive(bare, repeated(get("/bare"), SECONDS)))
        found.values.append(drive(api, repeated(get(path), SECONDS)))
    return rates(f"GET {name}, {accounts:,} accounts", floor, found, AT_LEAST)


def rates(measure: str, floor: Series, found: Series, goal: Decimal) -> Row:
    """What part of its floor's requests per second something answers, at least ``goal``."""
    ratio = found.median / floor.median
    pairs = [one / other for one, other in zip(found.values, floor.values, strict=True)]
    return Row(
        measure,
        _per_second(floor),
        _per_second(found),
        f"{ratio:.2f} x ({min(pairs):.2f} to {max(pairs):.2f})",
        f"≥ {goal} x",
        ratio >= goal,
        len(found.values),
    )


def _per_second(series: Series) -> str:
    return f"{series.median:,.0f}/s ({min(series.values):,.0f} to {max(series.values):,.0f})"
