"""Cheap looks at what lies outside, for readiness: no keys, next to no request weight, short timeouts."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import requests
from redis.exceptions import RedisError
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from adapters.ml_engine import MLSignalConsumer
from agents.clock import clock_difference
from agents.errors import SignalSourceError

TIMEOUTS = (1.5, 3.0)
"""Seconds, for connecting and for each wait for data."""
TIME_WEIGHT = 1
DEFAULT_BAN = timedelta(seconds=60)
BANNED = frozenset({418, 429})
LARGEST_ANSWER = 1000


@dataclass(frozen=True, slots=True)
class Sight:
    """How something outside looks from here."""

    is_up: bool
    detail: str | None = None
    clock_ahead: timedelta | None = None
    """Its clock, compared with ours, where it tells the time."""

    def facts(self) -> Mapping[str, object]:
        """As it is noted."""
        ahead = None if self.clock_ahead is None else self.clock_ahead.total_seconds()
        return {"up": self.is_up, "detail": self.detail, "clock_ahead": ahead}


class ExchangeProbe:
    """Asks the exchange for the time, ``GET /api/v3/time``: public, weight 1.

    Args:
        base_url: scheme and host of the REST API.
        banned_until: until when any worker was told to send nothing, or None.
        spend_weight: takes request weight from the shared budget; false if there is none left.
        note_ban: tells all workers until when the exchange wants no requests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        banned_until: Callable[[], datetime | None],
        spend_weight: Callable[[int], bool],
        note_ban: Callable[[datetime], None],
    ) -> None:
        self._url = f"{base_url}/api/v3/time"
        self._banned_until = banned_until
        self._spend_weight = spend_weight
        self._note_ban = note_ban

    def look(self) -> Sight:
        """Whether it answers, and how its clock stands; nothing is sent while it wants no requests."""
        if reason := self._reason_to_wait():
            return Sight(is_up=False, detail=reason)
        try:
            return self._ask()
        except (RequestException, HTTPError) as error:
            return Sight(is_up=False, detail=f"it does not answer ({type(error).__name__})")

    def _ask(self) -> Sight:
        # A connection of its own each time: one that is kept could outlive the network's way to the exchange.
        with requests.Session() as session:
            session.trust_env = False
            before = datetime.now(UTC)
            session.headers["Accept-Encoding"] = "identity"
            with session.get(self._url, timeout=TIMEOUTS, allow_redirects=False, stream=True) as answer:
                return self._judge(answer, answer.raw.read(LARGEST_ANSWER), before, datetime.now(UTC))

    def _reason_to_wait(self) -> str | None:
        try:
            if banned_until := self._banned_until():
                return f"it wants no requests until {banned_until:%Y-%m-%dT%H:%M:%SZ}"
            return None if self._spend_weight(TIME_WEIGHT) else "this minute's request weight is used up"
        except RedisError as error:
            return f"the budget of requests is out of reach ({type(error).__name__})"

    def _judge(self, answer: requests.Response, body: bytes, before: datetime, after: datetime) -> Sight:
        if answer.status_code in BANNED:
            seconds = answer.headers.get("Retry-After", "")
            pause = timedelta(seconds=int(seconds)) if seconds.isdecimal() and len(seconds) < 9 else DEFAULT_BAN
            self._note_ban(after + pause)
        if answer.status_code != requests.codes.ok:
            return Sight(is_up=False, detail=f"it answers with HTTP status {answer.status_code}")
        try:
            milliseconds = int(json.loads(body)["serverTime"])
        except (ValueError, KeyError, TypeError):
            return Sight(is_up=False, detail="it does not tell the time")
        theirs = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
        return Sight(is_up=True, clock_ahead=clock_difference(theirs, before=before, after=after))


class EngineProbe:
    """Asks the ML engine for the newest signal of one symbol; that it has none is an answer too."""

    def __init__(self, engine: MLSignalConsumer, symbol: str) -> None:
        self._engine = engine
        self._symbol = symbol

    def look(self) -> Sight:
        """Whether it answers."""
        try:
            self._engine.latest(self._symbol)
        except SignalSourceError as error:
            return Sight(is_up=False, detail=str(error))
        return Sight(is_up=True)
