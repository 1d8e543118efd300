"""Sends one event to one subscriber: signed, in bounded time, to no address that is forbidden; answers are not trusted."""

import hashlib
import hmac
import os
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from adapters.webhook_addresses import check_connection, check_url
from agents.errors import InvalidInputError

CONNECT_SECONDS = 2
"""To each address that the name stands for."""
TIMEOUT_SECONDS = 5
"""From the connection to the head of the answer; what follows the head is not read."""
USER_AGENT = "trading-agents"
EVENT_ID, TIMESTAMP, SIGNATURE = (f"X-Trading-Agents-{name}" for name in ("Event-Id", "Timestamp", "Signature"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: a status, or the reason why there is none."""

    status: int | None = None
    error: str | None = None
    retry_after: int | None = None
    """Seconds that the subscriber wants to be left alone for."""

    @property
    def is_delivered(self) -> bool:
        """Whether the subscriber took the event."""
        return self.status is not None and 200 <= self.status < 300


def signature(secrets: Sequence[str], timestamp: str, body: bytes) -> str:
    """Hex HMAC-SHA256 of ``timestamp.body``, one for each secret, separated by commas."""
    signed = timestamp.encode() + b"." + body
    return ",".join(hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)


def send(url: str, *, event_id: str, body: str, secrets: Sequence[str]) -> Answer:
    """POST one event, once; redirects are not followed. Never raises for what the network or the other side does.

    Args:
        url: the subscriber's.
        event_id: the same in every attempt.
        body: JSON text.
        secrets: all that sign.
    """
    content, timestamp = body.encode(), str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        EVENT_ID: event_id,
        TIMESTAMP: timestamp,
        SIGNATURE: signature(secrets, timestamp, content),
    }
    with _Watch() as watch:
        try:
            check_url(url)
            answer = _post(url, content, headers, watch)
        except InvalidInputError as error:
            return Answer(error=str(error))
        except (RequestException, HTTPError, OSError, ValueError) as error:
            # Its words hold the address; its kind says enough.
            answer = Answer(error=f"no answer ({_kind(error)})")
        # The library takes a head that was cut off for a whole one.
        return Answer(error=f"no answer within {TIMEOUT_SECONDS} s") if watch.is_over else answer


def _post(url: str, content: bytes, headers: dict[str, str], watch: "_Watch") -> Answer:
    with requests.Session() as session:
        # Proxies and .netrc of the machine are not for this, and would be where the connection ends.
        session.trust_env = False
        for scheme in ("http", "https"):
            session.mount(f"{scheme}://", _Adapter(watch))
        # The watch is what ends a wait for the head; the library's own limit comes after it.
        options: Any = {"timeout": (CONNECT_SECONDS, 2 * TIMEOUT_SECONDS), "allow_redirects": False, "stream": True}
        with session.post(url, data=content, headers=headers, **options) as response:
            error = None if 200 <= response.status_code < 300 else f"HTTP status {response.status_code}"
            return Answer(response.status_code, error, _retry_after(response.headers.get("Retry-After")))


def _kind(error: BaseException) -> str:
    inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
    reason = getattr(inner, "reason", None)
    return type(reason or inner or error).__name__


def _retry_after(value: str | None) -> int | None:
    """Seconds, from seconds or from an HTTP date; None for anything else."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return int(value[:9])
    try:
        return max(0, int(parsedate_to_datetime(value).timestamp() - time.time()))
    except (ValueError, TypeError, OverflowError):
        return None


class _Watch:
    """Cuts an attempt's connection when its time is up: a peer that trickles would never meet a timeout between bytes."""

    def __init__(self) -> None:
        self._timer = threading.Timer(TIMEOUT_SECONDS, self._cut)
        self._sockets: list[socket.socket] = []
        self.is_over = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for watched in self._sockets:
                watched.close()
            self._sockets.clear()

    def admit(self, connected: socket.socket, scheme: str) -> socket.socket:
        """Judge a new connection by its other end, and watch it.

        Raises:
            InvalidInputError: it ended where none may.
        """
        try:
            check_connection(str(connected.getpeername()[0]), scheme)
        except (InvalidInputError, OSError):
            connected.close()
            raise
        # By a handle of its own: TLS takes the original over.
        handle = socket.socket(fileno=os.dup(connected.fileno()))
        with self._lock:
            self._sockets.append(handle)
            if self.is_over:
                _shut(handle)
        return connected

    def _cut(self) -> None:
        with self._lock:
            self.is_over = True
            for watched in self._sockets:
                _shut(watched)


def _shut(watched: socket.socket) -> None:
    # The other side may have closed it already.
    with suppress(OSError):
        watched.shutdown(socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """Opens its connections under a watch, and never sends twice."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the library's own arguments
        """As the library does, with our own connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._watch)


def _pools(watch: _Watch) -> dict[str, type[HTTPConnectionPool]]:
    """The library's pools, with connections that are judged by where they ended before anything is sent."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return watch.admit(super()._new_conn(), "http")

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return watch.admit(super()._new_conn(), "https")

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
