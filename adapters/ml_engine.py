"""Pulls signals from the machine-learning engine: short timeouts, a bounded answer, nothing trusted.

What a single signal must look like is decided elsewhere (:mod:`agents.signals`): a malformed one spoils
no other, so it is handed on as it came.
"""

import json
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers

from agents.errors import SignalSourceError

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 3.0
"""Seconds; of each wait for data."""
TOTAL_TIMEOUT = 6.0
"""Seconds for a whole call, however many requests and trickles it is made of."""
MAX_ANSWER_BYTES = 1_000_000
CHUNK_BYTES = 65_536
REPR_LIMIT = 200
MAX_DIGITS = 100
NOT_A_NUMBER = Decimal("NaN")

NO_SUCH_ROUTE = frozenset({404, 405})
NO_SIGNAL = frozenset({404, 500})
"""How the engine's ``latest`` says that it has no signal for the symbol."""

RawSignal = Mapping[str, object]


class MLSignalConsumer:
    """Reads the engine's signals. For one thread of one process.

    Args:
        base_url: scheme and host of the engine, without ``/api/v1``.
    """

    def __init__(self, base_url: str) -> None:
        self._prefix = f"{base_url.rstrip('/')}/api/v1/signals"
        # Every tick asks: without the layer above it, a request takes half the time. It knows no proxies and no .netrc of the
        # machine either, which are not for a service inside the platform.
        self._pool = PoolManager(ca_certs=DEFAULT_CA_BUNDLE_PATH)
        self._headers = {"Accept-Encoding": "identity", "Content-Type": "application/json", **_login(base_url)}

    def batch(self, symbols: Sequence[str]) -> dict[str, RawSignal | None]:
        """The newest raw signal of each symbol, None where there is none; numbers with a point are ``Decimal``.

        An engine whose batch route is missing or failing is asked symbol by symbol.

        Raises:
            SignalSourceError: the engine is down, slow or talks nonsense.
        """
        if not symbols:
            return {}
        deadline = time.monotonic() + TOTAL_TIMEOUT
        status, body = self._request("POST", "batch", deadline, list(symbols))
        if status in NO_SUCH_ROUTE or status >= 500:
            return self._one_by_one(symbols, deadline)
        signals = _object(_answer(status, body), "signals")
        return {symbol: _raw(signals.get(symbol)) for symbol in symbols}

    def latest(self, symbol: str) -> RawSignal | None:
        """The newest raw signal of one symbol, or None.

        Raises:
            SignalSourceError: the engine is down, slow or talks nonsense.
        """
        status, body = self._latest(symbol, time.monotonic() + TOTAL_TIMEOUT)
        return None if status in NO_SIGNAL else _raw(_member(_answer(status, body), "signal"))

    def _one_by_one(self, symbols: Sequence[str], deadline: float) -> dict[str, RawSignal | None]:
        answered = {symbol: self._latest(symbol, deadline) for symbol in symbols}
        if all(status == 404 for status, _ in answered.values()):
            raise SignalSourceError("the ML engine has neither of the signal routes (HTTP status 404)")
        return {
            symbol: None if status in NO_SIGNAL else _raw(_member(_answer(status, body), "signal"))
            for symbol, (status, body) in answered.items()
        }

    def _latest(self, symbol: str, deadline: float) -> tuple[int, bytes]:
        return self._request("GET", f"latest/{quote(symbol, safe='')}", deadline)

    def _request(self, method: str, path: str, deadline: float, body: object = None) -> tuple[int, bytes]:
        if time.monotonic() >= deadline:
            raise SignalSourceError("the ML engine is too slow")
        content = None if body is None else json.dumps(body).encode()
        try:
            response = self._pool.request(
                method,
                f"{self._prefix}/{path}",
                body=content,
                headers=self._headers,
                timeout=Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                return response.status, _read(response, deadline)
            finally:
                # What is not read to its end is not used again.
                response.close()
                response.release_conn()
        except HTTPError as error:
            raise SignalSourceError(f"the ML engine does not answer ({type(error).__name__})") from error


def _login(base_url: str) -> dict[str, str]:
    """The header for credentials in the address, if there are any."""
    parts = urlsplit(base_url)
    if parts.username is None:
        return {}
    return make_headers(basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")


def _read(response: BaseHTTPResponse, deadline: float) -> bytes:
    body = bytearray()
    while chunk := response.read1(CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise SignalSourceError(f"the ML engine's answer is larger than {MAX_ANSWER_BYTES} bytes")
        if time.monotonic() >= deadline:
            raise SignalSourceError("the ML engine is too slow")
    return bytes(body)


def _answer(status: int, body: bytes) -> Any:  # noqa: ANN401 - JSON of any shape
    if status != 200:
        raise SignalSourceError(f"the ML engine answers with HTTP status {status}")
    try:
        return json.loads(body, parse_float=_decimal, parse_int=_integer, parse_constant=_decimal)
    except (ValueError, RecursionError) as error:
        raise SignalSourceError("the ML engine's answer is no JSON") from error


def _decimal(digits: str) -> Decimal:
    """The number, or NaN for one that no number of ours can hold: it spoils its own signal only."""
    try:
        return Decimal(digits)
    except InvalidOperation:
        return NOT_A_NUMBER


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= MAX_DIGITS else NOT_A_NUMBER


def _member(answer: object, name: str) -> object:
    if not isinstance(answer, Mapping) or name not in answer:
        raise SignalSourceError(f"the ML engine's answer is no object with a member {name!r}")
    return answer[name]


def _object(answer: object, name: str) -> Mapping[str, object]:
    value = _member(answer, name)
    if not isinstance(value, Mapping):
        raise SignalSourceError(f"the ML engine's {name!r} is no object")
    return value


def _raw(signal: object) -> RawSignal | None:
    if signal is None or isinstance(signal, Mapping):
        return signal
    return {"malformed": repr(signal)[:REPR_LIMIT]}
