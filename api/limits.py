"""How often one caller may call: counted per token, or per address where no token is brought, in Redis by all processes together.

Large limits are counted several requests at once, see :mod:`api.leases`. While Redis is out of reach every process counts
for itself, so that neither the API closes nor the limits fall.
"""

import time
from contextlib import suppress
from http import HTTPStatus

from flask import Flask, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded
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


def register(app: Flask, settings: Settings) -> None:
    """Limit the requests to ``app``; belongs after its callers are identified and before they are judged.

    So whoever tries tokens is limited too.
    """
    pool = ConnectionPool.from_url(
        settings.redis_url,
        socket_timeout=REDIS_PATIENCE_SECONDS,
        socket_connect_timeout=REDIS_PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    leases = Leases()
    limiter = Limiter(
        _counter,
        application_limits=[
            ApplicationLimit(
                limit_provider=lambda: _rate(settings.rate_limits), cost=lambda: _at_once(settings.rate_limits)
            )
        ],
        storage_uri="redis://",
        storage_options={"connection_pool": pool},  # type: ignore[dict-item]  # handed on to redis, which takes it
        in_memory_fallback_enabled=True,
        # When Redis goes, the library has only the first of several waiting requests fall back and fails the others.
        swallow_errors=True,
        request_identifier=lambda: request.endpoint or "none",
    )
    limiter.request_filter(_is_free)
    limiter.request_filter(lambda: _spends_a_lease(leases))
    limiter.init_app(app)

    @app.before_request
    def lease() -> None:
        counted = None if g.get("spends_a_lease") else limiter.current_limit
        more = _at_once(settings.rate_limits) - 1 if counted else 0
        if counted and more:
            # Should Redis go away at this moment, what was counted ahead is lost, and the request goes on.
            with suppress(RedisError):
                leases.grant(_counter(), more, counted.reset_at)

    @app.errorhandler(RateLimitExceeded)
    def refuse(error: RateLimitExceeded) -> ResponseReturnValue:
        refusal = ApiError(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"more than {error.limit.limit}: wait",
            headers={"Retry-After": str(_seconds_left(limiter))},
        )
        return current_app.handle_user_exception(refusal)


def _kind() -> str:
    """Which of the limits counts for the present request."""
    if request.method in scopes.SAFE_METHODS:
        return "read"
    return "webhook" if auth.takes_no_token() else "control"


def _counter() -> str:
    found = auth.caller()
    who = request.remote_addr if found in {None, auth.OPEN} else found.name
    return f"{_kind()} {who}"


def _rate(rates: RateLimits) -> str:
    return {"read": rates.read, "control": rates.control, "webhook": rates.webhook}[_kind()]


def _at_once(rates: RateLimits) -> int:
    """How many requests of the present kind are counted at once."""
    return size(int(_rate(rates).partition("/")[0]))


def _spends_a_lease(leases: Leases) -> bool:
    """Whether the present request was counted ahead; asked more than once, it is the same one."""
    if "spends_a_lease" not in g:
        g.spends_a_lease = leases.spend(_counter())
    return bool(g.spends_a_lease)


def _is_free() -> bool:
    """Probes, which must not fail because somebody calls often, and the documentation."""
    return auth.takes_no_token() and request.method in scopes.SAFE_METHODS


def _seconds_left(limiter: Limiter) -> int:
    """Until the count begins anew; a second if Redis went away in between."""
    current = limiter.current_limit
    try:
        return max(1, current.reset_at - int(time.time())) if current else 1
    except RedisError:
        return 1
