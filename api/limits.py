"""How often one caller may call: counted per token, or per address where no token is brought, in Redis by all processes together.

Large limits are counted several requests at once, see :mod:`api.leases`. While Redis is out of reach every process counts
for itself, so that neither the API closes nor the limits fall.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import limits
from flask import Flask, request
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.exceptions import RedisError
from redis.retry import Retry

from api import auth, scopes
from api.errors import ApiError
from api.leases import Leases, size
from runtime.settings import RateLimits, Settings

REDIS_PATIENCE_SECONDS = 0.5
"""Every request waits for the count; when Redis hangs, this long, and then not again for a while."""
PAUSE_SECONDS = 1.0
"""So long a process that could not reach Redis counts for itself before it tries again."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit, and how many requests of one caller are counted at once."""

    limit: limits.RateLimitItem
    at_once: int


@dataclass(frozen=True, slots=True)
class Count:
    """What became of one attempt to count; the window ends at ``until``, in seconds since the epoch."""

    passes: bool
    until: float


class Counts:
    """The common counts in Redis, or this process's own while Redis is out of reach.

    Args:
        pool: connections to Redis.
        clock: seconds that only rise.
    """

    def __init__(self, pool: ConnectionPool, clock: Callable[[], float] = time.monotonic) -> None:
        self._common = FixedWindowRateLimiter(RedisStorage("redis://", connection_pool=pool))
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._clock = clock
        self._common_again = 0.0

    def take(self, rate: Rate, caller: str) -> Count:
        """Count as many requests of a caller as its rate counts at once."""
        now = self._clock()
        if now >= self._common_again:
            if self._common_again:
                # One request tries whether it is back; those that come meanwhile do not wait with it.
                self._common_again = now + PAUSE_SECONDS
            try:
                count = _taken(self._common, rate, caller)
            except RedisError as error:
                logger.warning("requests are counted by each process for itself: %s", error)
                self._common_again = self._clock() + PAUSE_SECONDS
            else:
                self._common_again = 0.0
                return count
        return _taken(self._own, rate, caller)


def register(app: Flask, settings: Settings) -> None:
    """Limit the requests to ``app``; belongs after its callers are identified and before they are judged.

    So whoever tries tokens is limited too.
    """
    counts = Counts(
        ConnectionPool.from_url(
            settings.redis_url,
            socket_timeout=REDIS_PATIENCE_SECONDS,
            socket_connect_timeout=REDIS_PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    )
    leases = Leases()
    rates = _rates(settings.rate_limits)

    @app.before_request
    def limit() -> None:
        kind = _kind()
        if kind is None:
            return
        caller = f"{kind} {_who()}"
        if leases.spend(caller):
            return
        rate = rates[kind]
        count = counts.take(rate, caller)
        if not count.passes:
            raise _refusal(rate, count)
        leases.grant(caller, rate.at_once - 1, count.until)


def _taken(counter: FixedWindowRateLimiter, rate: Rate, caller: str) -> Count:
    passes = counter.hit(rate.limit, caller, cost=rate.at_once)
    return Count(passes, counter.storage.get_expiry(rate.limit.key_for(caller)))


def _rates(given: RateLimits) -> Mapping[str, Rate]:
    parsed = {kind: limits.parse(getattr(given, kind)) for kind in ("read", "control", "webhook")}
    return {kind: Rate(limit, size(limit.amount)) for kind, limit in parsed.items()}


def _kind() -> str | None:
    """Which of the limits counts for the present request; none for probes and for the documentation.

    Probes must not fail because somebody calls often.
    """
    takes_no_token = auth.takes_no_token()
    if request.method in scopes.SAFE_METHODS:
        return None if takes_no_token else "read"
    return "webhook" if takes_no_token else "control"


def _who() -> str | None:
    found = auth.caller()
    return request.remote_addr if found is None or found == auth.OPEN else found.name


def _refusal(rate: Rate, count: Count) -> ApiError:
    seconds = max(1, math.ceil(count.until - time.time()))
    return ApiError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"more than {rate.limit}: wait",
        headers={"Retry-After": str(seconds)},
    )
