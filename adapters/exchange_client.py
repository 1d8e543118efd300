"""One request to the exchange through unmodified ccxt: budget before, classified failure after.

ccxt signs, sends and maps errors. Its implicit methods (one per REST route) are used, because its
unified ones round quantities and prices and go through ``float``.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import ccxt
import requests

from adapters.exchange_answers import AnswerError, an_object, moment
from adapters.exchange_errors import Failure, Placed, classify
from adapters.exchange_line import Line
from agents.orders import RECEIVE_WINDOW

READ_TIMEOUT = timedelta(seconds=5)
ORDER_TIMEOUT = timedelta(seconds=10)
"""Binance's own back end gives up after 10 s too (-1007)."""
DEFAULT_BAN = timedelta(seconds=60)
"""Pause after a 418 or 429 without Retry-After: one window of the request-weight limit."""
MILLISECOND = timedelta(milliseconds=1)

CLOCK_REFUSED = "-1021"
WEIGHT_EXHAUSTED, RATE_LIMITED = "weight_exhausted", "rate_limited"
NOT_SENT = frozenset({WEIGHT_EXHAUSTED, RATE_LIMITED})
"""Our own codes for requests that the exchange was spared."""
TIME_ROUTE = "publicGetTime"
ORDER_ROUTE = "privatePostOrder"

WEIGHTS: Mapping[str, int] = {
    TIME_ROUTE: 1,
    "publicGetExchangeInfo": 20,
    "publicGetTickerBookTicker": 4,
    "publicGetDepth": 5,
    "privateGetAccount": 20,
    "privateGetOrder": 4,
    "privateGetMyTrades": 20,
    "privateGetAllOrders": 20,
    ORDER_ROUTE: 1,
}
"""Request weight of each route used, as called here (Binance Spot REST documentation)."""
ORDERS_TRADES_WEIGHT = 5
"""Of the trades of a single order."""
QUOTE_WEIGHT = 2
"""Of the quote of a single symbol."""
PAID_AHEAD_NANOSECONDS = 100_000_000
"""After that, others may have learned that the exchange wants no requests, and the budget is to be asked again."""

logger = logging.getLogger(__name__)


class RequestFailedError(Exception):
    """A request had no usable answer; never leaves the adapter."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class ExchangeClient:
    """Sends single requests, never twice. For one thread of one process; make it after a fork.

    Args:
        api_key: of the exchange account.
        api_secret: belonging to the key.
        base_url: scheme and host that stand in for the testnet's; unused when ``testnet`` is false.
        testnet: whether ccxt runs in sandbox mode.
        spend_weight: takes request weight from a budget shared by all processes; false if there is none left. What it
            raises passes through, before anything is sent.
        on_ban: told until when the exchange wants no requests (418, 429), to share it with other processes; must
            not raise.
    """

    def __init__(
        self,
        *,
        api_key: str,
        api_secret: str,
        base_url: str,
        testnet: bool,
        spend_weight: Callable[[int], bool],
        on_ban: Callable[[datetime], None],
    ) -> None:
        self._ccxt = _binance(api_key, api_secret, base_url, testnet=testnet)
        self._ccxt.session.hooks["response"].append(self._note_status)
        self.line = Line(self._ccxt.urls["api"]["public"], READ_TIMEOUT)
        self._secrets = (api_key, api_secret)
        self._spend_weight = spend_weight
        self._on_ban = on_ban
        self._order_paid_until = 0
        self._status: int | None = None
        self.banned_until: datetime | None = None
        self.clock_offset = timedelta(0)

    def send(self, route: str, parameters: Mapping[str, object], timeout: timedelta = READ_TIMEOUT) -> Any:  # noqa: ANN401 - JSON of any shape; adapters.exchange_answers checks it
        """Call one route once and return its JSON.

        Args:
            route: ccxt's name of the route, see :data:`WEIGHTS`.
            parameters: as Binance names them; a ``timestamp`` given here is the one that is signed.
            timeout: for connecting and for each wait for data.

        Raises:
            RequestFailedError: nothing was sent, or no usable answer came back.
        """
        self.admit(route, parameters)
        self._ccxt.timeout = timeout / MILLISECOND
        self._forget_last_answer()
        try:
            return getattr(self._ccxt, route)(dict(parameters))
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the request may have taken effect
            failure = self._redacted(classify(error, self._status, self._ccxt.last_http_response))
        self.note_ban(self._status, str((self._ccxt.last_response_headers or {}).get("Retry-After", "")))
        if failure.code == CLOCK_REFUSED and route != TIME_ROUTE:
            self._correct_clock()
        raise RequestFailedError(failure)

    def admit(self, route: str, parameters: Mapping[str, object], *, then_order: bool = False) -> None:
        """Take a request's weight from the budget, before it is sent.

        Args:
            route: ccxt's name of the route.
            parameters: as Binance names them.
            then_order: take that of an order too, which follows at once if at all: the budget is one more round trip.

        Raises:
            RequestFailedError: the exchange is to be spared.
        """
        if self.banned_until is not None and datetime.now(UTC) < self.banned_until:
            raise _not_sent(RATE_LIMITED, f"the exchange wants no requests until {self.banned_until}")
        if route == ORDER_ROUTE and time.monotonic_ns() < self._order_paid_until:
            self._order_paid_until = 0
            return
        weight = _weight(route, parameters)
        if not self._spend_weight(weight + WEIGHTS[ORDER_ROUTE] if then_order else weight):
            raise _not_sent(WEIGHT_EXHAUSTED, "this minute's request weight is used up")
        if then_order:
            self._order_paid_until = time.monotonic_ns() + PAID_AHEAD_NANOSECONDS

    def note_ban(self, status: int | None, retry_after: str) -> None:
        """Send nothing for a while if an answer's status asks for that."""
        if status not in {418, 429}:
            return
        is_number = retry_after.isdecimal() and len(retry_after) < 9
        self.banned_until = datetime.now(UTC) + (timedelta(seconds=int(retry_after)) if is_number else DEFAULT_BAN)
        logger.warning("the exchange wants no requests until %s (HTTP status %s)", self.banned_until, status)
        self._on_ban(self.banned_until)

    def signed_at(self, now: datetime) -> Mapping[str, int]:
        """What dates a request at our ``now``, in milliseconds of the exchange's time, and says how long it may be on its way."""
        at = int((now + self.clock_offset).timestamp() * 1000)
        return {"timestamp": at, "recvWindow": RECEIVE_WINDOW // MILLISECOND}

    def measure_clock(self) -> timedelta:
        """How far the exchange's clock is ahead of ours; requests are signed with it from then on.

        Raises:
            RequestFailedError: no answer.
            AnswerError: an answer without a time.
        """
        before = datetime.now(UTC)
        server = moment(an_object(self.send(TIME_ROUTE, {})), "serverTime")
        self.clock_offset = server - (before + (datetime.now(UTC) - before) / 2)
        self._ccxt.options["timeDifference"] = -round(self.clock_offset / MILLISECOND)
        return self.clock_offset

    def _correct_clock(self) -> None:
        try:
            logger.warning("the exchange refused our clock, which is off by %s", self.measure_clock())
        except (RequestFailedError, AnswerError) as error:
            logger.warning("the exchange refused our clock and does not tell the time: %s", error)

    def _forget_last_answer(self) -> None:
        self._status = None
        self._ccxt.last_http_response = None
        self._ccxt.last_response_headers = None

    def _note_status(self, response: requests.Response, **_options: object) -> None:
        self._status = response.status_code

    def _redacted(self, failure: Failure) -> Failure:
        message = failure.message
        for secret in self._secrets:
            message = message.replace(secret, "***")
        return Failure(failure.placed, failure.code, message, failure.lost)


def _weight(route: str, parameters: Mapping[str, object]) -> int:
    if route == "privateGetMyTrades" and "orderId" in parameters:
        return ORDERS_TRADES_WEIGHT
    if route == "publicGetTickerBookTicker" and "symbol" in parameters:
        return QUOTE_WEIGHT
    return WEIGHTS[route]


def _binance(api_key: str, api_secret: str, base_url: str, *, testnet: bool) -> ccxt.binance:
    api = f"{base_url}/api/v3"
    client = ccxt.binance(
        {
            "apiKey": api_key,
            "secret": api_secret,
            "enableRateLimit": False,
            "urls": {"test": {"public": api, "private": api}},
            "options": {"maxRetriesOnFailure": 0, "recvWindow": RECEIVE_WINDOW // MILLISECOND},
        }
    )
    if testnet:
        client.set_sandbox_mode(enable=True)
    # ccxt picks the spot error table by the address, which a stand-in for the testnet does not have.
    client.exceptions["exact"] = client.exceptions["exact"] | client.exceptions["spot"]["exact"]
    # A redirect would send the order, its signature and the key a second time.
    client.session.max_redirects = 0
    # Its debug lines hold the key.
    client.logger.setLevel(logging.INFO)
    return client


def _not_sent(code: str, message: str) -> RequestFailedError:
    return RequestFailedError(Failure(Placed.NO, code, message))
