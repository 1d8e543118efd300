"""What a round of beat costs in which every agent's tick is due, against as many bare RedBeat entries; in seconds of processor."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import redis
from celery import Celery
from celery.schedules import schedule
from redbeat import RedBeatScheduler, RedBeatSchedulerEntry

from adapters.queue import LONG_AGO, TaskQueue, celery_app
from bench.measure import Row, Series, alternate, compare
from bench.world import Servers

SIZES = (3, 100, 1_000)
ROUNDS = {3: 31, 100: 11, 1_000: 5}
AT_MOST = Decimal("1.1")
"""No worse, but for what the same thing differs by when it is measured twice."""
INTERVAL = 3600
IDLE_ROUNDS = 100
"""A round in which none is due takes a quarter of a millisecond: too little to be measured once."""


def run(servers: Servers) -> Iterator[Row]:
    """Measure a round in which all are due, and one in which none is."""
    url = servers.redis.url()
    bare = Celery("floor", broker=url)
    bare.conf.update(redbeat_redis_url=url, redbeat_key_prefix="floor:", redbeat_lock_key=None)
    ours = celery_app(url)
    queue = TaskQueue(ours)
    for agents in SIZES:
        rounds = {
            "bare": lambda number=agents: _bare_entries(bare, number),
            "ours": lambda number=agents: _ours(queue, number),
        }
        yield from _measured(url, agents, (bare, rounds["bare"]), (ours, rounds["ours"]))
    for app in (bare, ours):
        app.close()


Subject = tuple[Celery, Callable[[], None]]


def _measured(url: str, agents: int, floor: Subject, found: Subject) -> Iterator[Row]:
    due = Series(), Series()
    idle = Series(), Series()

    def step(subject: Subject, which: int) -> None:
        app, schedule_all = subject
        with redis.Redis.from_url(url) as client:
            client.flushall()
        schedule_all()
        beat = RedBeatScheduler(app=app, lazy=True)
        beat.lock_key = None
        due[which].values.append(_processor_seconds(beat, 1))
        idle[which].values.append(_processor_seconds(beat, IDLE_ROUNDS))

    alternate(ROUNDS[agents], lambda _: step(floor, 0), lambda _: step(found, 1))
    yield compare(f"beat, {agents:,} agents, all due", *due, AT_MOST)
    yield compare(f"beat, {agents:,} agents, none due", *idle, AT_MOST)


def _processor_seconds(beat: RedBeatScheduler, rounds: int) -> float:
    """Of one of so many rounds: what others do on this machine does not count."""
    begun = time.process_time()
    for _ in range(rounds):
        beat.tick()
    return (time.process_time() - begun) / rounds


def _bare_entries(app: Celery, number: int) -> None:
    for entry in range(number):
        RedBeatSchedulerEntry(
            f"floor-{entry}",
            "floor.task",
            schedule(timedelta(seconds=INTERVAL)),
            args=[f"agent-{entry}"],
            last_run_at=LONG_AGO,
            app=app,
        ).save()


def _ours(queue: TaskQueue, number: int) -> None:
    for agent in range(number):
        queue.schedule_agent(f"agent-{agent}", Decimal(INTERVAL))
