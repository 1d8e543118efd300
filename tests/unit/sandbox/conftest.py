"""An exchange without a server, on a clock that the test moves."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.exchange.clock import ManualClock
from sandbox.exchange.service import Service
from sandbox.exchange.settings import Settings

START = 1_790_000_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def open_service(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[..., Service]]:
    """Opens services on one data folder; an earlier one is closed first, as by a restart."""
    services: list[Service] = []

    def start(**settings: object) -> Service:
        for service in services:
            service.store.close()
        services.clear()
        services.append(Service(Settings(data=tmp_path, **settings), clock))  # type: ignore[arg-type]  # the test's own values
        return services[0]

    yield start
    for service in services:
        service.store.close()


@pytest.fixture
def service(open_service: Callable[..., Service]) -> Service:
    return open_service()
