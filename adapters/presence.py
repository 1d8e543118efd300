"""Who is at work and what it sees of the outside, noted in Redis and dated by Redis' own clock.

Several machines write and read here, so none of their clocks is taken for the age of a note.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from redis.exceptions import RedisError

from adapters.queue import BEAT_LOCK_KEY, BEAT_LOCK_SECONDS
from agents.clock import clock_difference

NOTES_KEY = "presence"
FORGET_AFTER_SECONDS = 60
"""Workers in containers have a new name each time; notes of those that are gone are dropped."""
WORKER = "worker:"
EXCHANGE, ML_ENGINE = "exchange", "ml_engine"
OUTSIDE = (EXCHANGE, ML_ENGINE)
"""What workers look at for all."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody noted, and how long ago."""

    age: timedelta
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sightings:
    """All there is at one moment."""

    workers: Mapping[str, Note]
    """By the worker's name."""
    outside: Mapping[str, Note]
    """By one of :data:`OUTSIDE`."""
    beat_age: timedelta | None
    """Since beat last began a round of its schedule; None if none is at work."""
    clock_ahead: timedelta
    """Redis' clock, compared with this process's."""


class Presence:
    """Notes of workers, for the probes of the API. Writing never raises: a note that is missing says enough."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def note_worker(self, name: str, facts: Mapping[str, object]) -> None:
        """Say that a worker is at work."""
        self._note(WORKER + name, facts)

    def note_outside(self, name: str, facts: Mapping[str, object]) -> None:
        """Say how something outside looks from here; what was known of it is replaced."""
        self._note(name, facts)

    def forget_worker(self, name: str) -> None:
        """Say that a worker takes no more work."""
        with _unless_redis_is_gone():
            self._client.hdel(NOTES_KEY, WORKER + name)

    def take_turn(self, name: str, every: timedelta) -> bool:
        """Whether it is this worker's turn to look at something: one of them does, once in so long."""
        turns: list[object] = []
        with _unless_redis_is_gone():
            turns.append(self._client.set(f"presence:turn:{name}", 1, nx=True, px=every))
        return any(turns)

    def read(self) -> Sightings:
        """Everything that is noted.

        Raises:
            RedisError: Redis is out of reach.
        """
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.time()
            pipeline.hgetall(NOTES_KEY)
            pipeline.pttl(BEAT_LOCK_KEY)
            before = datetime.now(UTC)
            (seconds, microseconds), noted, left = pipeline.execute()
            after = datetime.now(UTC)
        now = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
        notes = {name: _parse(text, now) for name, text in noted.items()}
        return Sightings(
            workers={name.removeprefix(WORKER): n for name, n in notes.items() if name.startswith(WORKER)},
            outside={name: notes[name] for name in OUTSIDE if name in notes},
            # Beat takes its lock anew at the beginning of every round.
            beat_age=timedelta(seconds=BEAT_LOCK_SECONDS, milliseconds=-left) if left > 0 else None,
            clock_ahead=clock_difference(now, before=before, after=after),
        )

    def _note(self, field: str, facts: Mapping[str, object]) -> None:
        with _unless_redis_is_gone():
            self._client.eval(NOTE, 1, NOTES_KEY, field, json.dumps(facts), FORGET_AFTER_SECONDS)


@contextmanager
def _unless_redis_is_gone() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        logger.debug("not noted: %s", error)


NOTE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local notes = redis.call('HGETALL', KEYS[1])
for i = 1, #notes, 2 do
    local at = tonumber(string.match(notes[i + 1], '^%d+'))
    if now - at > ARGV[3] * 1000 then redis.call('HDEL', KEYS[1], notes[i]) end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
return 1
"""


def _parse(text: str, now: datetime) -> Note:
    at, _, facts = text.partition(" ")
    noted = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(at))
    return Note(now - noted, json.loads(facts))
