"""When a worker's pool counts as busy."""

import time
from dataclasses import dataclass

import pytest

from tasks import presence


@dataclass(frozen=True)
class Request:
    time_start: float | None


def busy_seconds(monkeypatch: pytest.MonkeyPatch, *seconds: float | None) -> int:
    """With two processes, and tasks that began so many seconds ago; None: taken from the queue, not begun yet."""
    now = time.time()
    running = {Request(None if ago is None else now - ago) for ago in seconds}
    monkeypatch.setattr(presence, "active_requests", running)
    return presence._seconds_without_a_free_process(2)


def test_a_pool_with_a_free_process_is_not_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert busy_seconds(monkeypatch) == 0
    assert busy_seconds(monkeypatch, 500) == 0
    assert busy_seconds(monkeypatch, 500, None) == 0


def test_a_full_pool_is_busy_since_its_last_process_took_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    assert busy_seconds(monkeypatch, 500, 70) in {70, 71}
    assert busy_seconds(monkeypatch, 500, 0) == 0
