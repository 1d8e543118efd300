"""Servers of one lane for all tests here, and worlds in which nothing goes wrong unless a test makes it."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal

import pytest

from tests.chaos.nursery import Nursery
from tests.chaos.plan import Plan
from tests.chaos.run import not_back
from tests.chaos.world import Servers, World

OpenWorld = Callable[..., AbstractContextManager[World]]

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Nursery() as nursery, Servers(tmp_path_factory.mktemp("chaos") / "lane", nursery) as lane:
        yield lane


@pytest.fixture
def world(servers: Servers) -> Iterator[World]:
    """Two accounts of one agent, both workers taking every task; no process is started yet."""
    plan = Plan(
        seed=next(_NUMBERS),
        seconds=0,
        accounts={"atlas": {"a": Decimal("1000.01"), "b": Decimal("2500.37")}},
        tick_seconds=Decimal("0.5"),
        shared_queues=True,
        fees_in_bnb=False,
        kill_at={},
        faults=(),
        actions=(),
    )
    with servers.world(plan) as made:
        yield made


def until_back(world: World) -> float:
    """Seconds until every agent ticks again, with dead processes started anew meanwhile."""
    since, began = world.now(), time.monotonic()
    while waiting := not_back(world, since):
        assert time.monotonic() - began < 60, waiting
        world.processes.tend()
        time.sleep(0.05)
    return time.monotonic() - began
