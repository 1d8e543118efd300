"""What `GET /ready` says of each dependency, from what is noted in Redis."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from adapters import state
from adapters.presence import EXCHANGE, ML_ENGINE, NOTES_KEY, Presence
from adapters.queue import BEAT_LOCK_KEY, BEAT_LOCK_SECONDS, QUEUES, SIGNALS

NAMES = ["database", "redis", "exchange", "ml_engine", "worker", "beat", "clock"]
NOBODY_LISTENS = "redis://127.0.0.1:1/0"


class Nerve:
    """Notes what workers and beat note, and can make a note look old."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.presence = Presence(client)

    def all_is_well(self) -> None:
        self.worker()
        self.presence.note_outside(EXCHANGE, {"up": True, "detail": None, "clock_ahead": 0.0})
        self.presence.note_outside(ML_ENGINE, {"up": True, "detail": None, "clock_ahead": None})
        self.beat(seconds_ago=0)

    def worker(self, name: str = "w1", queues: tuple[str, ...] = QUEUES, busy_seconds: int = 0) -> None:
        self.presence.note_worker(name, {"queues": list(queues), "busy_seconds": busy_seconds})

    def beat(self, seconds_ago: float) -> None:
        self.client.set(BEAT_LOCK_KEY, "beat", px=timedelta(seconds=BEAT_LOCK_SECONDS - seconds_ago))

    def age(self, field: str, seconds: int) -> None:
        at, _, facts = str(self.client.hget(NOTES_KEY, field)).partition(" ")
        self.client.hset(NOTES_KEY, field, f"{int(at) - 1000 * seconds} {facts}")


@pytest.fixture
def nerve(redis_url: str) -> Iterator[Nerve]:
    with state.connect(redis_url) as client:
        yield Nerve(client)


def ask(client: FlaskClient, **expected: str) -> dict[str, Any]:
    """Insist that all but the expected is up, and return the details."""
    answer = client.get("/ready")
    body = answer.get_json()
    assert body["dependencies"] == dict.fromkeys(NAMES, "up") | expected, body
    assert (answer.status_code, body["status"]) == ((503, "not ready") if expected else (200, "ready"))
    assert {name: detail["status"] for name, detail in body["details"].items()} == body["dependencies"]
    return dict(body["details"])


def test_it_is_ready_when_everything_works_and_says_how_old_that_is(client: FlaskClient, nerve: Nerve) -> None:
    nerve.all_is_well()
    nerve.age("worker:w1", 3)

    details = ask(client)

    age = datetime.now(UTC) - datetime.fromisoformat(details["worker"]["checked_at"])
    assert timedelta(seconds=3) <= age < timedelta(seconds=6)


def test_with_no_worker_the_outside_is_unknown(client: FlaskClient, nerve: Nerve) -> None:
    nerve.beat(seconds_ago=0)
    ask(client, worker="down", exchange="unknown", ml_engine="unknown")


def test_a_worker_that_says_nothing_for_seven_seconds_is_down(client: FlaskClient, nerve: Nerve) -> None:
    nerve.all_is_well()
    nerve.age("worker:w1", 8)
    assert ask(client, worker="down")["worker"]["detail"] == "no worker is at work"


def test_a_worker_that_takes_its_leave_is_down_at_once(client: FlaskClient, nerve: Nerve) -> None:
    nerve.all_is_well()
    nerve.presence.forget_worker("w1")
    ask(client, worker="down")


def test_a_queue_that_nobody_takes_from_is_named(client: FlaskClient, nerve: Nerve) -> None:
    nerve.all_is_well()
    nerve.worker(queues=tuple(set(QUEUES) - {SIGNALS}))
    assert "signals" in ask(client, worker="down")["worker"]["detail"]
    nerve.worker("w2", queues=(SIGNALS,))
    assert ask(client)["worker"]["detail"] == "2 at work"


def test_a_worker_without_a_free_process_for_a_minute_counts_for_nothing(client: FlaskClient, nerve: Nerve) -> None:
    nerve.all_is_well()
    nerve.worker(busy_seconds=61)
    assert "1 of 1 workers busy" in ask(client, worker="down")["worker"]["detail"]
    nerve.worker("w2")
    ask(client)


def test_what_workers_see_of_the_outside_counts_until_it_is_ten_seconds_old(client: FlaskClient, nerve: Nerve) -> None:
    nerve.all_is_well()
    nerve.presence.note_outside(EXCHANGE, {"up": False, "detail": "no answer", "clock_ahead": None})
    assert ask(client, exchange="down")["exchange"]["detail"] == "no answer"
    nerve.age(EXCHANGE, 11)
    nerve.age(ML_ENGINE, 11)
    ask(client, exchange="unknown", ml_engine="unknown")


def test_a_beat_that_began_no_round_for_seven_seconds_is_down(client: FlaskClient, nerve: Nerve) -> None:
    nerve.all_is_well()
    begun = datetime.now(UTC) - timedelta(seconds=8)
    nerve.beat(seconds_ago=8)
    told = re.fullmatch(r"its last round began (\d+) s ago", ask(client, beat="down")["beat"]["detail"])
    assert told is not None
    assert 8 <= int(told[1]) <= (datetime.now(UTC) - begun).total_seconds() + 0.5
    nerve.client.delete(BEAT_LOCK_KEY)
    assert ask(client, beat="down")["beat"]["detail"] == "none is at work"


@pytest.mark.parametrize("seconds", [1.5, -1.5])
def test_an_exchange_whose_clock_differs_by_over_a_second_is_up_but_the_clock_is_not(
    client: FlaskClient, nerve: Nerve, seconds: float
) -> None:
    nerve.all_is_well()
    nerve.presence.note_outside(EXCHANGE, {"up": True, "detail": None, "clock_ahead": seconds})
    detail = ask(client, clock="down")["clock"]["detail"]
    assert detail == f"the exchange's clock against a worker's: {seconds:+} s"


def test_without_redis_nothing_that_is_noted_there_is_known(make_app: Callable[..., Flask]) -> None:
    unknown = dict.fromkeys(("exchange", "ml_engine", "worker", "beat"), "unknown")
    ask(make_app(REDIS_URL=NOBODY_LISTENS).test_client(), redis="down", **unknown)


def test_without_the_book_the_rest_is_told_all_the_same(make_app: Callable[..., Flask], nerve: Nerve) -> None:
    nerve.all_is_well()
    details = ask(make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none").test_client(), database="down")
    assert "127.0.0.1" not in details["database"]["detail"]


def test_an_empty_database_is_down(make_app: Callable[..., Flask], nerve: Nerve, empty_database_url: str) -> None:
    nerve.all_is_well()
    ask(make_app(DATABASE_URL=empty_database_url).test_client(), database="down")


def test_a_redis_that_hangs_does_not_hang_the_probe(client: FlaskClient, nerve: Nerve) -> None:
    nerve.client.client_pause(2600)
    begun = datetime.now(UTC)
    answer = client.get("/ready")
    assert datetime.now(UTC) - begun < timedelta(seconds=4)
    assert answer.get_json()["dependencies"]["redis"] == "down"


def test_notes_of_workers_that_are_long_gone_are_dropped(nerve: Nerve) -> None:
    nerve.worker("old")
    nerve.age("worker:old", 61)
    nerve.worker("new")
    assert set(nerve.presence.read().workers) == {"new"}


def test_only_one_worker_looks_at_a_time(nerve: Nerve) -> None:
    turns = [nerve.presence.take_turn(EXCHANGE, timedelta(minutes=1)) for _ in range(3)]
    assert turns == [True, False, False]
    assert nerve.presence.take_turn(ML_ENGINE, timedelta(minutes=1))


def test_a_worker_whose_redis_is_gone_notes_nothing_and_goes_on() -> None:
    with state.connect(NOBODY_LISTENS) as client:
        presence = Presence(client)
        presence.note_worker("w", {})
        presence.forget_worker("w")
        assert not presence.take_turn(EXCHANGE, timedelta(minutes=1))
