"""The beat schedule in a real Redis."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import redis
from kombu.exceptions import OperationalError
from redbeat import RedBeatSchedulerEntry

from adapters.queue import KEY_PREFIX, TaskQueue, celery_app


@pytest.fixture
def queue(redis_url: str) -> Iterator[TaskQueue]:
    queue = TaskQueue(celery_app(redis_url))
    yield queue
    queue.app.close()


def entry(queue: TaskQueue) -> RedBeatSchedulerEntry:
    return RedBeatSchedulerEntry.from_key(f"{KEY_PREFIX}tick:atlas", app=queue.app)


def due(queue: TaskQueue) -> float:
    with redis.Redis.from_url(queue.app.conf.redbeat_redis_url) as client:
        score = client.zscore(f"{KEY_PREFIX}:schedule", f"{KEY_PREFIX}tick:atlas")
    assert isinstance(score, float)
    return score


def test_a_newly_scheduled_agent_ticks_at_once(queue: TaskQueue) -> None:
    queue.schedule_agent("atlas", Decimal(60))

    assert due(queue) <= datetime.now(UTC).timestamp()


def test_scheduling_an_agent_again_does_not_put_off_its_tick(queue: TaskQueue) -> None:
    queue.schedule_agent("atlas", Decimal(60))
    last_tick = datetime.now(UTC) - timedelta(seconds=40)
    entry(queue).reschedule(last_run_at=last_tick)
    looked_at = due(queue)

    queue.schedule_agent("atlas", Decimal(60))

    assert entry(queue).last_run_at == last_tick
    assert due(queue) <= looked_at


def test_a_new_interval_takes_effect(queue: TaskQueue) -> None:
    queue.schedule_agent("atlas", Decimal(60))
    queue.schedule_agent("atlas", Decimal("2.5"))

    assert entry(queue).schedule.run_every.total_seconds() == 2.5


def test_an_unscheduled_agent_is_gone_and_may_be_unscheduled_again(queue: TaskQueue) -> None:
    queue.schedule_agent("atlas", Decimal(60))

    queue.unschedule_agent("atlas")
    queue.unschedule_agent("atlas")

    with pytest.raises(KeyError):
        entry(queue)


def test_events_are_left_to_beat_while_the_broker_is_out_of_reach_so_that_nobody_waits_for_it_twice(
    queue: TaskQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def fail(task: str, **_: object) -> None:
        tried.append(task)
        raise OperationalError("the broker does not answer")

    monkeypatch.setattr(queue.app, "send_task", fail)
    assert [queue.announce_events() for _ in range(3)] == [False] * 3
    assert tried == ["events.deliver"]
