"""Who may call: bearer tokens where some are set; without any, only pages of this machine."""

import hashlib
import hmac
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Flask, g, request

from api.errors import ApiError

OPEN_PATHS = frozenset({"/health", "/ready", "/docs", "/openapi.json", "/webhooks/ml-signals"})
"""Answered without a token: probes, the documentation, and the webhook, which brings its own signature."""
OPEN_PREFIX = "/docs/"
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def guard(app: Flask, tokens: tuple[str, ...]) -> None:
    """Check every request to ``app`` before its view runs.

    Args:
        app: the application.
        tokens: those that are allowed; none: the API is open to this machine.
    """
    digests = [_digest(token) for token in tokens]

    @app.before_request
    def check() -> None:
        if not digests:
            _refuse_foreign_pages()
            g.actor = "open"
        elif not (request.path in OPEN_PATHS or request.path.startswith(OPEN_PREFIX)):
            g.actor = _caller(digests)


def actor() -> str:
    """Who makes the present request, as the audit log names them: never the token itself."""
    name: str = g.actor
    return name


def _caller(digests: list[bytes]) -> str:
    authorization = request.authorization
    token = authorization.token if authorization is not None and authorization.type == "bearer" else None
    offered = _digest(token or "")
    # Every digest is compared, each in constant time, so that timing tells nothing.
    if sum(hmac.compare_digest(offered, digest) for digest in digests) == 0:
        raise ApiError(HTTPStatus.UNAUTHORIZED, "a valid API token is needed", headers={"WWW-Authenticate": "Bearer"})
    return f"token {offered.hex()[:8]}"


def _refuse_foreign_pages() -> None:
    """An open API trusts this machine, not every web page that its browser shows."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).hostname not in LOOPBACK_NAMES:
        raise ApiError(HTTPStatus.FORBIDDEN, "requests from other sites' pages need an API token")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
