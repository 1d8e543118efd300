"""What a round of beat costs in which every agent's tick is due, against as many bare RedBeat entries; in seconds of processor."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from decimal import Decimal

import redis
from celery import Celery
from celery.schedules import schedule
from redbeat import RedBeatScheduler, RedBeatSchedulerEntry

from adapters.queue import LONG_AGO, TaskQueue, celery_app
from bench.measure import Row, Series, compare
from bench.world import Servers

SIZES = (3, 100, 1_000)
ROUNDS = {3: 31, 100: 21, 1_000: 5}
AT_MOST = Decimal("1.1")
"""No worse, but for what the same thing differs by when it is measured twice."""
INTERVAL = 3600
IDLE_ROUNDS, IDLE_TURNS = 100, 5
"""A round in which none is due takes a quarter of a millisecond: too little to be measured once, or far from its floor."""


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


def _measured(url: str, agents: int, *subjects: Subject) -> Iterator[Row]:
    due, idle = (Series(), Series()), (Series(), Series())
    for _ in range(ROUNDS[agents]):
        with redis.Redis.from_url(url) as client:
            client.flushall()
        beats = [_beat(*subject) for subject in subjects]
        _add(due, beats, 1)
        for _ in range(IDLE_TURNS):
            _add(idle, beats, IDLE_ROUNDS)
    yield compare(f"beat, {agents:,} agents, all due", *due, AT_MOST)
    yield compare(f"beat, {agents:,} agents, none due", *idle, AT_MOST)


def _beat(app: Celery, schedule_all: Callable[[], None]) -> RedBeatScheduler:
    schedule_all()
    beat = RedBeatScheduler(app=app, lazy=True)
    beat.lock_key = None
    return beat


def _add(measured: Iterable[Series], beats: Iterable[RedBeatScheduler], rounds: int) -> None:
    for series, beat in zip(measured, beats, strict=True):
        series.values.append(_processor_seconds(beat, rounds))


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
