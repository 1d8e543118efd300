"""A stop in the middle of trading, and the next start on the same data."""

from functools import partial
from pathlib import Path

import psutil

from tests.e2e.service import AGENTS, Json, Service, wait_for


def test_a_stop_leaves_no_process_behind_and_the_next_start_trades_on(tmp_path: Path) -> None:
    first = Service(tmp_path / "data", DEMO="1", TICK_SECONDS="1")
    try:
        first.until_ready()
        wait_for(partial(filled, first), "an order is filled", 60)
        assert len(first.descendants()) >= 9
    finally:
        code = first.stop()
    assert code == 0
    assert "Stopped. Data stays in" in first.said()
    assert [child for child in psutil.Process().children() if str(tmp_path) in " ".join(child.cmdline())] == []

    second = Service(tmp_path / "data", TICK_SECONDS="1")
    try:
        second.until_ready()
        assert second.get("/health") == {"status": "up", "agents_running": len(AGENTS)}
        before = ticks(second)
        wait_for(lambda: all(at > before[agent] for agent, at in ticks(second).items()), "every agent ticks on")
        assert filled(second)
    finally:
        assert second.stop() == 0


def filled(service: Service) -> list[Json]:
    return service.items("/orders", state="filled")


def ticks(service: Service) -> dict[str, str]:
    """When each agent ticked last, in ISO 8601; nothing sorts before any time."""
    return {agent["agent"]: agent["last_tick_at"] or "" for agent in service.items("/agents")}
