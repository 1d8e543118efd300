"""Ten thousand accounts started over HTTP, one by one and by one call, against as many bare inserts over HTTP."""

import itertools
from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import text

from bench.http import drive, post, serving
from bench.measure import Row, Series, compare
from bench.world import AGENT, Servers, world

ACCOUNTS = 10_000
EXISTING = 1_000
"""A service in operation, whose tables PostgreSQL has seen filled."""
SAMPLE = 500
"""So many are sent one by one in a round; the seconds are those of ``ACCOUNTS`` at that rate."""
ROUNDS = 5
AT_MOST = Decimal(2)
NO_LIMIT = {"RATE_LIMIT_CONTROL": "100000000/minute"}
FLOOR = "CREATE TABLE floor_accounts (id text PRIMARY KEY, equity numeric(38, 18) NOT NULL)"


def run(servers: Servers) -> Iterator[Row]:
    """Measure both, the floor before each round of them."""
    floor, single, bulk = Series(), Series(), Series()
    with world(servers, EXISTING) as book:
        with book.services.book.unit_of_work() as session:
            session.execute(text(FLOOR))
        environment = servers.environment(book.url, **NO_LIMIT)
        names = itertools.count()
        with (
            serving("bench.floor_app:create_app()", environment, servers.folder / "floor.log") as bare,
            serving("api.app:create_app()", environment, servers.folder / "api.log") as api,
        ):
            for _ in range(ROUNDS):
                floor.values.append(_one_by_one(bare, "/insert", names))
                single.values.append(_one_by_one(api, f"/agents/{AGENT}/start", names))
                call = post(f"/agents/{AGENT}/accounts", {"accounts": [_entry(names) for _ in range(ACCOUNTS)]})
                bulk.values.append(1 / drive(api, iter([call]), connections=1))
        book.check()
    yield compare(f"start {ACCOUNTS:,} accounts, one by one", floor, single, AT_MOST)
    yield compare(f"start {ACCOUNTS:,} accounts, by one call", floor, bulk, AT_MOST)


def _one_by_one(port: int, path: str, names: Iterator[int]) -> float:
    return ACCOUNTS / drive(port, iter([post(path, _entry(names)) for _ in range(SAMPLE)]))


def _entry(names: Iterator[int]) -> dict[str, object]:
    return {"account_id": f"bench-{next(names)}", "initial_equity": 100}
