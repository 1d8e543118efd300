"""What `GET /ready` of a running service shows when something it needs stands still, and when it goes on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
import requests

from tests.e2e.engine import ScriptedEngine
from tests.e2e.service import Json, Service, wait_for

SECONDS = 10
"""Within so long a failure is seen, and gone again after it."""
PROCESSES = {
    "database": ("postgres -D",),
    "redis": ("valkey-server",),
    "exchange": ("sandbox.exchange",),
    "worker": ("worker-signals@", "worker-ticks@"),
    "beat": ("celery --app tasks beat",),
}
HIDDEN_BY = {"redis": {"exchange", "ml_engine", "worker", "beat"}, "worker": {"exchange", "ml_engine"}}
"""What cannot be known while something else stands still."""


def readiness(service: Service) -> tuple[int, Json]:
    answer = requests.get(f"{service.api}/ready", timeout=10)
    return answer.status_code, dict(answer.json())


def missing(service: Service) -> set[str]:
    status, body = readiness(service)
    found = {name for name, state in body["dependencies"].items() if state != "up"}
    assert status == (503 if found else 200)
    return found


def until_ready(service: Service) -> None:
    wait_for(lambda: not missing(service), "everything is up", SECONDS)


@contextmanager
def standing_still(service: Service, *names: str) -> Iterator[None]:
    """Freeze processes and all theirs: nothing is refused, nothing answers, nothing is started anew."""
    parents = [service.child(name) for name in names]
    processes = [p for parent in parents for p in (parent, *parent.children(recursive=True))]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            resume(process)


def resume(process: psutil.Process) -> None:
    if process.is_running():
        process.resume()


@pytest.mark.parametrize("name", PROCESSES)
def test_what_stands_still_is_named_within_ten_seconds_and_up_again_ten_seconds_after_it_goes_on(
    service: Service, name: str
) -> None:
    until_ready(service)
    with standing_still(service, *PROCESSES[name]):
        wait_for(lambda: name in missing(service), f"{name} is missed", SECONDS)
        assert missing(service) - {name} <= HIDDEN_BY.get(name, set())
        begun = time.monotonic()
        assert requests.get(f"{service.api}/health", timeout=10).json()["status"] == "up"
        assert time.monotonic() - begun < 3
    until_ready(service)


def test_an_ml_engine_that_fails_is_named_and_up_again_within_ten_seconds(
    service: Service, engine: ScriptedEngine
) -> None:
    until_ready(service)
    engine.status = 503
    wait_for(lambda: missing(service) == {"ml_engine"}, "the engine is missed", SECONDS)
    assert readiness(service)[1]["details"]["ml_engine"]["detail"] == "the ML engine answers with HTTP status 503"
    engine.status = 200
    until_ready(service)


def test_a_ban_counts_as_an_exchange_that_is_down(service: Service) -> None:
    until_ready(service)
    service.add_fault("ban_418", method="GET", path="/api/v3/time", retry_after=3)
    wait_for(lambda: missing(service) == {"exchange"}, "the ban is told", SECONDS)
    until_ready(service)
