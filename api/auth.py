"""Who may call: holders of a token whose scope includes the route's; without any token anywhere, only this machine.

Tokens are in the book, and in ``API_TOKENS`` for the first steps and for emergencies.
"""

import functools
import hmac
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Lock
from urllib.parse import urlsplit

from flask import Flask, current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from api import scopes
from api.errors import ApiError
from journal import tokens
from journal.database import Book
from journal.tokens import Scope, Token
from runtime.variables import is_loopback

FRESH_SECONDS = 1.0
"""How long a process relies on what it read: a token made, rotated or revoked counts within this time."""
PATIENCE_SECONDS = 1.0
"""How long a request waits while another reads the tokens."""
DOCUMENTATION = frozenset({"api-docs.openapi_json", "api-docs.openapi_swagger_ui", "docs_asset"})
"""Endpoints that a library or Flask made, not a blueprint of ours; they take no token."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request, as the audit log names them, and what they may do."""

    name: str
    scope: Scope


OPEN = Caller("open", Scope.ADMIN)
"""Whoever calls an API that asks for no token."""


@dataclass(frozen=True, slots=True)
class Known:
    """The tokens of the book: those in use by their digest, and whether there ever was one."""

    active: Mapping[bytes, Token]
    any_ever: bool


class TokenReader:
    """The tokens of the book, read again when what was read is no longer fresh.

    Args:
        book: where they are.
        clock: seconds that only rise.
    """

    def __init__(self, book: Book, clock: Callable[[], float] = time.monotonic) -> None:
        self._book = book
        self._clock = clock
        self._lock = Lock()
        self._read_last: tuple[Known | None, float] = (None, clock())

    def known(self) -> Known:
        """The tokens as they are now, or were a moment ago.

        Raises:
            ApiError: the book is out of reach: nobody can be told apart, so nobody gets in.
        """
        known, fresh_until = self._read_last
        if self._clock() >= fresh_until:
            known = self._known_anew()
        if known is None:
            raise _unavailable()
        return known

    def _known_anew(self) -> Known | None:
        # One attempt at a time: a book that hangs holds one thread, and leaves the others to the probes.
        if not self._lock.acquire(timeout=PATIENCE_SECONDS):
            return None
        try:
            known, fresh_until = self._read_last
            if self._clock() >= fresh_until:
                known = self._read()
                self._read_last = known, self._clock() + FRESH_SECONDS
            return known
        finally:
            self._lock.release()

    def _read(self) -> Known | None:
        try:
            with self._book.reading() as session:
                return Known(tokens.active(session), tokens.any_ever(session))
        except SQLAlchemyError as error:
            logger.error("tokens cannot be read, so nobody is let in: %s", error)  # noqa: TRY400 - the trace says no more
            return None


def _unavailable() -> ApiError:
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the database is out of reach or too busy: try again",
        headers={"Retry-After": "1"},
    )


def identify(app: Flask, api_tokens: tuple[str, ...], reader: TokenReader) -> None:
    """Note before every request to ``app`` who makes it.

    Args:
        app: the application.
        api_tokens: those of the environment; they may do everything.
        reader: those of the book.
    """
    digests = [tokens.digest(token) for token in api_tokens]

    @app.before_request
    def note_caller() -> None:
        _refuse_preflight()
        g.caller = None if takes_no_token() else _caller(digests, reader)


def guard(app: Flask) -> None:
    """Refuse every request to ``app`` that its caller, known by now, may not make."""

    @app.before_request
    def check() -> None:
        if not takes_no_token():
            _check_scope(caller())


def caller() -> Caller | None:
    """Who makes the present request; None if it brings no valid token, or its route takes none."""
    found: Caller | None = g.caller
    return found


def actor() -> str:
    """Who makes the present request, as the audit log names them: never the token itself."""
    found = caller()
    return "nobody" if found is None else found.name


def takes_no_token() -> bool:
    """Whether the present request goes to a route that is open to all: a probe, the documentation, the webhook."""
    endpoint = request.endpoint
    if endpoint is None or endpoint in DOCUMENTATION:
        return endpoint is not None
    return scopes.needed(current_app.view_functions[endpoint], request.method) is None


def _caller(digests: list[bytes], reader: TokenReader) -> Caller | None:
    authorization = request.authorization
    bearer = authorization.token if authorization is not None and authorization.type == "bearer" else None
    offered = tokens.digest(bearer or "")
    # Every digest is compared, each in constant time, so that timing tells nothing.
    if sum(hmac.compare_digest(offered, digest) for digest in digests):
        return Caller(f"token {offered.hex()[:8]}", Scope.ADMIN)
    known = reader.known()
    if not digests and not known.any_ever:
        _refuse_foreign_pages()
        return OPEN
    # Finding a digest may take longer or shorter, but nobody can choose a digest: it tells nothing of the secret.
    token = known.active.get(offered)
    if token is None or (token.expires_at is not None and token.expires_at <= datetime.now(UTC)):
        return None
    return Caller(f"token {token.name}", token.scope)


def _check_scope(found: Caller | None) -> None:
    if found is None:
        raise ApiError(HTTPStatus.UNAUTHORIZED, "a valid API token is needed", headers={"WWW-Authenticate": "Bearer"})
    if request.endpoint is None:
        return
    needed = scopes.needed(current_app.view_functions[request.endpoint], request.method)
    if needed is not None and not found.scope.includes(needed):
        raise ApiError(
            HTTPStatus.FORBIDDEN,
            f"this takes a token with scope {needed}; yours has {found.scope}",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'},
        )


def _refuse_preflight() -> None:
    """No page of another site may call: browsers ask first, and this is the answer."""
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        raise ApiError(HTTPStatus.FORBIDDEN, "pages of other sites may not call this API")


def _refuse_foreign_pages() -> None:
    """An open API trusts this machine, not every web page that its browser shows, whatever name the page gives it."""
    origin = request.headers.get("Origin")
    if origin is not None and not _is_loopback(origin):
        raise ApiError(HTTPStatus.FORBIDDEN, "requests from other sites' pages need an API token")
    if not _is_loopback(f"//{request.host}"):
        raise ApiError(HTTPStatus.FORBIDDEN, "requests under another name than this machine's own need an API token")


@functools.lru_cache(256)
def _is_loopback(address: str) -> bool:
    try:
        return is_loopback(urlsplit(address).hostname or "")
    except ValueError:
        return False
