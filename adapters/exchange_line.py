"""Public requests that are sent now and read later, so that other work is done while the exchange answers.

ccxt can only wait for an answer. A second thread that waits costs more than it saves: both need the interpreter.
"""

import select
import ssl
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlencode, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

LOST = (OSError, HTTPException)
"""What a connection that breaks raises."""


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """An HTTP answer as it came."""

    status: int
    retry_after: str
    body: bytes


class Line:
    """One connection that is kept open, with at most one request under way. For one thread of one process.

    Args:
        base_url: scheme, host and path that routes are appended to.
        timeout: for connecting and for each wait for data.
    """

    def __init__(self, base_url: str, timeout: timedelta) -> None:
        parts = urlsplit(base_url)
        self._path = parts.path
        host, seconds = parts.hostname or "", timeout.total_seconds()
        self._connection = (
            HTTPSConnection(
                host, parts.port, timeout=seconds, context=ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
            )
            if parts.scheme == "https"
            else HTTPConnection(host, parts.port, timeout=seconds)
        )
        weakref.finalize(self, self._connection.close)

    def send(self, route: str, parameters: Mapping[str, str]) -> None:
        """Send a GET request; an answer that nobody read is given up.

        Raises:
            OSError: or another of :data:`LOST`: it could not be sent.
        """
        if self._is_stale():
            self.close()
        try:
            self._connection.request("GET", f"{self._path}/{route}?{urlencode(parameters)}")
        except LOST:
            self.close()
            raise

    def receive(self) -> LineAnswer:
        """The answer to the request that was sent last, once it is there.

        Raises:
            OSError: or another of :data:`LOST`: the connection broke before, or nothing came in time.
        """
        try:
            with self._connection.getresponse() as response:
                return LineAnswer(response.status, response.headers.get("Retry-After", ""), response.read())
        except LOST:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def _is_stale(self) -> bool:
        """Whether there is something to read before anything is asked: the other side's end, or an answer left unread."""
        socket = self._connection.sock
        return socket is not None and bool(select.select([socket], [], [], 0)[0])
