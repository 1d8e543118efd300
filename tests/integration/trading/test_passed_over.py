"""Workers that cannot keep up: ticks expire in the queue, and no agent may be the one whose tick always does."""

from datetime import datetime

import pytest

from tasks.tick import run_due
from tests.integration.trading.conftest import World


@pytest.fixture
def agents(world: World) -> World:
    for agent in ("atlas", "nova", "orion"):
        world.open_account(agent, "1000", f"{agent}-1")
        world.tick(agent)
    return world


def last_tick(world: World, agent: str) -> datetime:
    at: datetime = world.one("SELECT last_tick_at FROM trading.agents WHERE name = :agent", agent=agent)["last_tick_at"]
    return at


def let_pass(world: World, agent: str, ticks: float) -> None:
    """Let an agent have had its last tick so many intervals ago."""
    world.execute(
        "UPDATE trading.agents SET last_tick_at = now() - make_interval(secs => tick_seconds * :ticks) WHERE name = :agent",
        agent=agent,
        ticks=ticks,
    )


def test_an_agent_that_was_passed_over_is_served_with_the_next_agents_tick(agents: World) -> None:
    let_pass(agents, "nova", 4)
    let_pass(agents, "orion", 2)
    before = {agent: last_tick(agents, agent) for agent in ("atlas", "nova", "orion")}

    run_due(agents.services, "atlas")

    assert last_tick(agents, "atlas") > before["atlas"]
    assert last_tick(agents, "nova") > before["nova"]
    assert last_tick(agents, "orion") == before["orion"]


def test_of_several_agents_that_were_passed_over_the_one_that_waited_longest_is_served(agents: World) -> None:
    let_pass(agents, "nova", 4)
    let_pass(agents, "orion", 5)
    before = last_tick(agents, "nova")

    run_due(agents.services, "atlas")
    assert last_tick(agents, "nova") == before
    run_due(agents.services, "atlas")
    assert last_tick(agents, "nova") > before


def test_one_whose_worker_is_busy_or_dead_does_not_stand_before_the_others(agents: World) -> None:
    let_pass(agents, "nova", 4)
    let_pass(agents, "orion", 5)
    before = last_tick(agents, "nova")

    with agents.services.state.lease("orion", wait_seconds=0):
        run_due(agents.services, "atlas")

    assert last_tick(agents, "nova") > before


def test_a_stopped_agent_is_not_passed_over(agents: World) -> None:
    let_pass(agents, "nova", 100)
    agents.execute("UPDATE trading.agents SET status = 'stopped' WHERE name = 'nova'")
    before = last_tick(agents, "nova")

    run_due(agents.services, "atlas")

    assert last_tick(agents, "nova") == before


def test_an_agent_that_never_ticked_was_passed_over_too(agents: World) -> None:
    agents.execute(
        "UPDATE trading.agents SET last_tick_at = NULL, created_at = now() - interval '1 hour' WHERE name = 'nova'"
    )

    run_due(agents.services, "atlas")

    assert last_tick(agents, "nova") is not None
