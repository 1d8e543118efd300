"""Whether everything the service needs works: asked where this process can ask, read from workers' notes elsewhere.

The control API neither holds the exchange's keys nor sends anything out, so what counts for the exchange and
the ML engine is what workers see.
"""

import logging
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from adapters.presence import EXCHANGE, ML_ENGINE, Note, Presence, Sightings
from adapters.queue import QUEUES
from agents.clock import LARGEST_DIFFERENCE, clock_difference
from api.patience import Question
from journal import gauge_queries
from journal.database import Book

UP, DOWN, UNKNOWN = "up", "down", "unknown"
PATIENCE = timedelta(seconds=2)
"""For the database and Redis."""
SILENCE = timedelta(seconds=7)
"""A worker or a beat that said nothing for so long is down; each speaks every two seconds or oftener."""
BUSY_TOO_LONG = timedelta(seconds=60)
"""A worker that could take no further task for so long serves nobody."""
OUTDATED = timedelta(seconds=10)
"""What workers saw longer ago says nothing; they look every two seconds and wait for three."""

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Condition:
    """How one dependency is."""

    status: str
    detail: str | None = None
    age: timedelta = timedelta(0)
    """Of what is known."""


class Readiness:
    """Asks and judges.

    Args:
        book: asked for its clock, and whether it is migrated.
        presence: where workers note what they do and see.
    """

    def __init__(self, book: Book, presence: Presence) -> None:
        self._book = book
        self._database = Question(self._ask_database, "ready-database")
        self._redis = Question(presence.read, "ready-redis")

    def conditions(self) -> dict[str, Condition]:
        """Every dependency by name."""
        deadline = datetime.now(UTC) + PATIENCE
        asked = self._database.put(), self._redis.put()
        ahead = _answer(asked[0], deadline)
        seen = _answer(asked[1], deadline)
        return {
            "database": Condition(UP) if isinstance(ahead, timedelta) else Condition(DOWN, ahead),
            "redis": Condition(UP) if isinstance(seen, Sightings) else Condition(DOWN, seen),
            **(_judge_notes(seen) if isinstance(seen, Sightings) else _nothing_is_known()),
            "clock": _judge_clocks(_clocks(ahead, seen)),
        }

    def _ask_database(self) -> timedelta:
        with self._book.reading() as session:
            gauge_queries.agents_running(session)
            before = datetime.now(UTC)
            theirs = gauge_queries.clock(session)
        return clock_difference(theirs, before=before, after=datetime.now(UTC))


def _answer(asked: "Future[T]", deadline: datetime) -> T | str:
    """The answer, or why there is none."""
    try:
        return asked.result(max(0, (deadline - datetime.now(UTC)).total_seconds()))
    except TimeoutError:
        return f"it does not answer within {PATIENCE.seconds} s"
    except SQLAlchemyError as error:
        logger.warning("not ready, the book: %s", error)
        return "out of reach or not migrated"
    except RedisError as error:
        logger.warning("not ready, Redis: %s", error)
        return "out of reach"


def _judge_notes(seen: Sightings) -> dict[str, Condition]:
    return {
        EXCHANGE: _judge_outside(seen.outside.get(EXCHANGE)),
        ML_ENGINE: _judge_outside(seen.outside.get(ML_ENGINE)),
        "worker": _judge_workers(seen.workers),
        "beat": _judge_beat(seen.beat_age),
    }


def _nothing_is_known() -> dict[str, Condition]:
    nowhere = Condition(UNKNOWN, "it is noted in Redis, which is down")
    return dict.fromkeys((EXCHANGE, ML_ENGINE, "worker", "beat"), nowhere)


def _judge_outside(note: Note | None) -> Condition:
    if note is None or note.age > OUTDATED:
        return Condition(UNKNOWN, f"no worker has looked for {OUTDATED.seconds} s")
    return Condition(UP if note.facts["up"] else DOWN, note.facts["detail"], note.age)


def _judge_workers(workers: Mapping[str, Note]) -> Condition:
    at_work = [note for note in workers.values() if note.age <= SILENCE]
    if not at_work:
        return Condition(DOWN, "no worker is at work")
    free = [note for note in at_work if note.facts["busy_seconds"] < BUSY_TOO_LONG.seconds]
    served = {queue for note in free for queue in note.facts["queues"]}
    age = max(note.age for note in at_work)
    if unserved := [queue for queue in QUEUES if queue not in served]:
        busy = f"; {len(at_work) - len(free)} of {len(at_work)} workers busy for over a minute" * (free != at_work)
        return Condition(DOWN, f"nobody takes tasks from {', '.join(unserved)}{busy}", age)
    return Condition(UP, f"{len(free)} at work", age)


def _judge_beat(age: timedelta | None) -> Condition:
    if age is None:
        return Condition(DOWN, "none is at work")
    if age > SILENCE:
        return Condition(DOWN, f"its last round began {age.total_seconds():.0f} s ago", age)
    return Condition(UP, None, age)


def _clocks(database: timedelta | str, redis: Sightings | str) -> dict[str, timedelta]:
    """By how much each clock that could be read is ahead of the one it was compared with."""
    clocks = {}
    if isinstance(database, timedelta):
        clocks["the database's clock against the API's"] = database
    if isinstance(redis, Sightings):
        clocks["Redis' clock against the API's"] = redis.clock_ahead
        note = redis.outside.get(EXCHANGE)
        if note is not None and note.age <= OUTDATED and note.facts["clock_ahead"] is not None:
            clocks["the exchange's clock against a worker's"] = timedelta(seconds=note.facts["clock_ahead"])
    return clocks


def _judge_clocks(clocks: Mapping[str, timedelta]) -> Condition:
    if not clocks:
        return Condition(UNKNOWN, "there is no other clock to compare with")
    wrong = {name: ahead for name, ahead in clocks.items() if abs(ahead) > LARGEST_DIFFERENCE}
    if not wrong:
        return Condition(UP)
    return Condition(DOWN, "; ".join(f"{name}: {ahead.total_seconds():+.1f} s" for name, ahead in wrong.items()))
