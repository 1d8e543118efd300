"""One complete service for all tests here but the first run's; each test leaves every agent stopped and flat."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.e2e.engine import ScriptedEngine
from tests.e2e.service import AGENTS, Service, wait_for

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
"""What tests trade; their prices can be pinned."""


@pytest.fixture(scope="session")
def scripted_engine() -> Iterator[ScriptedEngine]:
    engine = ScriptedEngine()
    with engine.serving():
        yield engine


@pytest.fixture(scope="session")
def running_service(scripted_engine: ScriptedEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service") / "data"
    service = Service(
        folder,
        ML_ENGINE_URL=scripted_engine.url,
        TICK_SECONDS="1",
        FLOWER_UNAUTHENTICATED_API="true",
    )
    try:
        service.until_ready()
        yield service
    finally:
        service.stop()


@pytest.fixture
def engine(scripted_engine: ScriptedEngine) -> Iterator[ScriptedEngine]:
    yield scripted_engine
    scripted_engine.advice.clear()
    scripted_engine.status = 200


@pytest.fixture
def service(running_service: Service, engine: ScriptedEngine) -> Iterator[Service]:
    yield running_service
    engine.advice.clear()
    running_service.clear_faults()
    running_service.unpin(SYMBOLS)
    for agent in AGENTS:
        running_service.post(f"/agents/{agent}/stop", {"close_positions": True})
    for agent in AGENTS:
        wait_for(partial(running_service.is_flat, agent), f"{agent} holds nothing", 30)
