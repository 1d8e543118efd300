"""One run: trouble for some seconds, then rest, then the verdict."""

import logging
import random
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from redbeat import RedBeatSchedulerEntry
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from agents.model import Status
from journal import control
from journal.audit import Finding
from journal.control import Publication
from tests.chaos.actions import Actor
from tests.chaos.plan import Plan, market
from tests.chaos.verdict import judge
from tests.chaos.world import Servers, World

REST_SECONDS = 80
RECOVERY_SECONDS = 30
"""In which every running agent must be running again by itself."""
STEP_SECONDS = 0.03

logger = logging.getLogger(__name__)


@dataclass
class Result:
    """What a run showed."""

    plan: Plan
    breaches: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    audit: list[Finding] = field(default_factory=list)
    recovery_seconds: float = 0
    """From the last disaster to the tick of the last agent."""
    seconds: float = 0


def run(servers: Servers, plan: Plan) -> Result:
    """Make one run and judge it; whatever goes wrong is a breach."""
    began = time.monotonic()
    result = Result(plan)
    try:
        with servers.world(plan) as world:
            _run(world, result)
    except Exception:  # noqa: BLE001 - reported, and the other runs go on
        result.breaches.append(traceback.format_exc(limit=-4, chain=False))
    result.seconds = time.monotonic() - began
    return result


def _run(world: World, result: Result) -> None:
    actor = Actor(world)
    try:
        _trouble(world, actor)
        result.recovery_seconds = _rest(world, actor)
        verdict = judge(world, actor.pushed, actor.flows)
        result.breaches += verdict.breaches + _discrepancies(world)
        result.audit = verdict.audit
        if result.recovery_seconds > RECOVERY_SECONDS:
            result.breaches.append(f"the last agent was back after {result.recovery_seconds:.1f} s")
    finally:
        result.counts = (
            actor.done + world.strikes + Counter({f"died at {k}": n for k, n in world.processes.deaths.items()})
        )
        result.counts += _figures(world)


def _trouble(world: World, actor: Actor) -> None:
    world.switch_faults_on()
    world.processes.tend()
    began = time.monotonic()
    coming = list(world.plan.actions)
    while (now := time.monotonic() - began) < world.plan.seconds or coming:
        while coming and coming[0].at <= now:
            actor.perform(coming.pop(0))
        actor.thaw(now)
        world.processes.tend()
        time.sleep(STEP_SECONDS)


def _rest(world: World, actor: Actor) -> float:
    """Wait until every agent ticks and nothing is open; the seconds that the agents took."""
    world.note_strikes()
    world.exchange.clear_faults()
    world.processes.calm(gently=world.plan.seed % 2 == 0)
    recovered = _until_back(world, actor)
    world.servers.engine.advice.clear()
    deadline = time.monotonic() + REST_SECONDS
    while open_work := _open_work(world):
        assert time.monotonic() < deadline, f"still open {REST_SECONDS} s after all agents were back: {open_work}"
        world.processes.tend()
        time.sleep(0.1)
    return recovered


def _discrepancies(world: World) -> list[str]:
    """What the service itself finds when it compares everything with the exchange."""
    deadline = time.monotonic() + REST_SECONDS
    result = None
    while result not in {"ok", "mismatch", "accepted", "venue_wiped"}:
        run_id = world.api.post("/reconciliation", json={"full": True}).get_json()["id"]
        while (result := world.api.get(f"/reconciliation/{run_id}").get_json()["result"]) is None:
            assert time.monotonic() < deadline, "the reconciliation that was asked for is carried out"
            world.services.queue.app.send_task("exchange.reconcile")
            world.processes.tend()
            time.sleep(0.5)
    return [] if result == "ok" else [f"reconciliation: {world.api.get('/reconciliation').get_json()}"]


def _until_back(world: World, actor: Actor) -> float:
    """Seconds until every agent ticks again, while the market goes on."""
    since, began = world.now(), time.monotonic()
    coming = market(random.Random(world.plan.seed), REST_SECONDS)
    while waiting := not_back(world, since):
        passed = time.monotonic() - began
        assert passed < REST_SECONDS, f"not back after {REST_SECONDS} s: {waiting}"
        while coming and coming[0].at <= passed:
            actor.perform(coming.pop(0))
        world.processes.tend()
        time.sleep(0.1)
    return time.monotonic() - began


def not_back(world: World, since: datetime) -> list[str]:
    """Why the agents are not yet what the book says they are."""
    try:
        with world.book.reading() as session:
            publications = control.publications(session)
        ticks = {row["name"]: row for row in world.rows("SELECT name, last_tick_at, last_error FROM trading.agents")}
        return [
            reason
            for publication in publications
            if (reason := _reason(world, publication, ticks[publication.agent]["last_tick_at"], since))
        ]
    except (SQLAlchemyError, RedisError) as error:
        return [str(error)]


def _reason(world: World, publication: Publication, last_tick: datetime | None, since: datetime) -> str | None:
    agent = publication.agent
    state = world.services.state.agent(agent)
    if (state.status, state.version) != (publication.status, publication.version):
        return f"{agent} is {state} in Redis, {publication} in the book"
    if state.trading is not publication.switch.state:
        return f"trading is {state.trading} in Redis, {publication.switch.state} in the book"
    if _is_scheduled(world, agent) != publication.needs_ticks:
        return f"{agent} is {publication.status} and {'not ' * publication.needs_ticks}on the schedule"
    if publication.status is not Status.STOPPED and (last_tick is None or last_tick < since):
        return f"{agent} has not ticked since {since:%H:%M:%S}, last {last_tick}"
    return None


def _is_scheduled(world: World, agent: str) -> bool:
    try:
        RedBeatSchedulerEntry.from_key(f"redbeat:tick:{agent}", app=world.services.queue.app)
    except KeyError:
        return False
    return True


def _open_work(world: World) -> list[str]:
    orders = world.rows(
        "SELECT client_order_id, agent, state, created_at FROM trading.orders WHERE resolved_at IS NULL"
    )
    decisions = world.rows("SELECT id, agent, created_at FROM trading.decisions WHERE decided_at IS NULL")
    withdrawals = world.rows("""
        SELECT account_id, reference_id, amount FROM trading.withdrawals
        WHERE status = 'pending' AND (SELECT state FROM trading.service_state) <> 'HALTED'""")
    return [
        *(f"open order {row}" for row in orders),
        *(f"pending decision {row}" for row in decisions),
        *(f"pending withdrawal {row}" for row in withdrawals),
    ]


def _figures(world: World) -> Counter[str]:
    """What the run made and met."""
    try:
        (row,) = world.rows("""
            SELECT (SELECT count(*) FROM trading.orders) AS orders,
                   (SELECT count(*) FROM trading.fills) AS fills,
                   (SELECT count(*) FROM trading.legs) AS legs,
                   (SELECT count(*) FROM trading.trades) AS trades,
                   (SELECT count(*) FROM trading.decisions) AS decisions,
                   (SELECT count(*) FROM trading.cash_flows) AS flows,
                   (SELECT count(DISTINCT order_id) FROM chaos.history WHERE after = 'unknown') AS unknown
        """)
        states = world.rows("""
            SELECT 'order ' || state AS state, count(*) AS n FROM trading.orders GROUP BY 1
            UNION ALL
            SELECT 'decided ' || code, count(*) FROM trading.decisions WHERE decided_at IS NOT NULL GROUP BY 1""")
    except SQLAlchemyError as error:
        logger.info("no figures: %s", error)
        return Counter()
    counts = Counter(row) + Counter({state["state"]: state["n"] for state in states})
    counts["looked up"] = world.processes.said().count(" looked up ")
    return counts
