"""The exchange: market rules, quotes, balances; an order placed once; a look-up of what became of it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters import exchange_answers as answers
from adapters import exchange_history as history
from adapters.exchange_answers import AnswerError, OrderAnswer
from adapters.exchange_asked import ROUTE, AskedQuotes, ask_quotes, parameters_for
from adapters.exchange_client import CLOCK_REFUSED, NOT_SENT, ORDER_TIMEOUT, ExchangeClient, RequestFailedError
from adapters.exchange_errors import Failure, Placed
from agents.errors import ExchangeBusyError, ExchangeError
from agents.model import Market, Quote, Side
from agents.orders import Accepted, Placement, Refused, Unknown
from agents.reconciliation import FillRecord, OrderRecord

MARKETS_MAX_AGE = timedelta(hours=1)
"""Tick sizes and limits change and symbols are delisted while a worker lives."""
NO_SUCH_ORDER = "-2013"
UNKNOWN_SYMBOL = "-1121"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Missing:
    """The exchange knows no order of this client order id.

    That proves absence only once the order can no longer arrive, see
    :data:`agents.orders.ABSENCE_PROVEN_AFTER`.
    """


LookUp = Accepted | Missing | Unknown


def _nobody_to_tell(_until: datetime) -> None:
    """Default for ``on_ban``."""


class Exchange:
    """Binance Spot, or what stands in for it. Reads are tried twice, orders once.

    For one thread of one process; make it after a fork.

    Args:
        api_key: of the exchange account.
        api_secret: belonging to the key.
        base_url: scheme and host that stand in for the testnet's; unused when ``testnet`` is false.
        testnet: false trades real money on Binance itself.
        spend_weight: takes request weight from a budget shared by all processes; false if there is none left. What it
            raises passes through, before anything is sent.
        on_ban: told until when the exchange wants no requests (418, 429), to share it with other processes; must
            not raise. This object keeps to it by itself.
    """

    def __init__(
        self,
        *,
        api_key: str,
        api_secret: str,
        base_url: str,
        testnet: bool,
        spend_weight: Callable[[int], bool],
        on_ban: Callable[[datetime], None] = _nobody_to_tell,
    ) -> None:
        self._client = ExchangeClient(
            api_key=api_key,
            api_secret=api_secret,
            base_url=base_url,
            testnet=testnet,
            spend_weight=spend_weight,
            on_ban=on_ban,
        )
        self._markets: Mapping[str, Market] = {}
        self._markets_until = datetime.min.replace(tzinfo=UTC)

    @property
    def banned_until(self) -> datetime | None:
        """When the last pause that the exchange asked for ends or ended."""
        return self._client.banned_until

    def markets(self) -> Mapping[str, Market]:
        """The rules of every symbol that can be traded now, by symbol; read once an hour.

        Raises:
            ExchangeError: no usable answer.
        """
        now = datetime.now(UTC)
        if now >= self._markets_until:
            self._markets = answers.markets(self._read("publicGetExchangeInfo", {"showPermissionSets": "false"}))
            self._markets_until = now + MARKETS_MAX_AGE
        return self._markets

    def quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        """Best bid and ask of the symbols, in one request, dated when it was sent.

        Symbols that cannot be traded, or whose book is empty on a side or crossed, are absent.

        Raises:
            ExchangeError: no usable answer.
        """
        known = self._tradable(symbols)
        if not known:
            return {}
        at = datetime.now(UTC)
        return answers.quotes(self._read(ROUTE, parameters_for(known)), known, at)

    def ask_quotes(self, symbols: Sequence[str], *, then_order: bool = False) -> AskedQuotes | None:
        """Ask for quotes now, to be read later, with an order to follow; None where :meth:`quotes` is to be asked, which raises likewise."""
        known = self._tradable(symbols)
        return ask_quotes(self._client, known, then_order=then_order) if known else None

    def offered(self, symbol: str, price: Decimal) -> Decimal:
        """How much is for sale up to ``price``, in base asset, among the hundred best offers.

        Raises:
            ExchangeError: no usable answer.
        """
        return answers.offered(self._read("publicGetDepth", {"symbol": symbol, "limit": 100}), price)

    def balances(self) -> dict[str, Decimal]:
        """Free plus locked amount by asset; assets without any are absent.

        Raises:
            ExchangeError: no usable answer.
        """
        return answers.balances(self._read("privateGetAccount", {"omitZeroBalances": "true"}))

    def orders_since(self, symbol: str, first_id: int | None) -> list[OrderRecord]:
        """All orders of a symbol from ``first_id`` on, oldest first; the newest 1000 if it is None.

        Raises:
            ExchangeError: no usable answer.
        """
        return history.orders_since(self._read, symbol, first_id)

    def trades_since(self, symbol: str, first_id: int | None) -> list[FillRecord]:
        """All own trades of a symbol from ``first_id`` on, oldest first; the newest 1000 if it is None.

        Raises:
            ExchangeError: no usable answer.
        """
        return history.trades_since(self._read, symbol, first_id)

    def server_time_offset(self) -> timedelta:
        """How far the exchange's clock is ahead of ours, measured now; later requests are signed with it.

        Raises:
            ExchangeError: no usable answer.
        """
        try:
            return self._client.measure_clock()
        except RequestFailedError as error:
            raise ExchangeError(str(error)) from None

    def place(
        self,
        *,
        client_order_id: str,
        symbol: str,
        side: Side,
        quantity: Decimal,
        limit_price: Decimal,
        expires_at: datetime,
    ) -> Placement:
        """Send a LIMIT IOC order once and say what is known of it. No failure of the exchange raises.

        The moment compared with ``expires_at`` is also the signed one, so that the exchange cannot take
        the order later than that plus :data:`agents.orders.RECEIVE_WINDOW`, whatever delays it on its way.

        Args:
            client_order_id: unique for ever, see :func:`agents.orders.client_order_id`.
            symbol: as the exchange writes it.
            side: buy or sell.
            quantity: in base asset, a multiple of the lot step.
            limit_price: worst price in quote asset, a multiple of the tick.
            expires_at: from then on the order is not sent.
        """
        now = datetime.now(UTC)
        if now >= expires_at:
            return Refused("expired_before_sending", f"not sent: it was to be sent before {expires_at.isoformat()}")
        order = {
            "symbol": symbol,
            "side": side.value.upper(),
            "type": "LIMIT",
            "timeInForce": "IOC",
            "quantity": answers.plain(quantity),
            "price": answers.plain(limit_price),
            "newClientOrderId": client_order_id,
            "newOrderRespType": "FULL",
        }
        try:
            reply = self._client.send("privatePostOrder", {**order, **self._client.signed_at(now)}, ORDER_TIMEOUT)
            answer = OrderAnswer(reply, client_order_id, symbol)
            answer.check(side, quantity)
            return answer.accepted(answer.own_fills()) if answer.is_final else Unknown("the order is still open")
        except RequestFailedError as error:
            return _outcome(error.failure)
        except AnswerError as error:
            return Unknown(f"unusable answer: {error}")

    def look_up(self, client_order_id: str, symbol: str) -> LookUp:
        """Ask what became of an order; its fills come with their commissions. No failure of the exchange raises.

        Args:
            client_order_id: under which it was placed, or may have been.
            symbol: as the exchange writes it.
        """
        try:
            reply = self._retried("privateGetOrder", {"symbol": symbol, "origClientOrderId": client_order_id})
            answer = OrderAnswer(reply, client_order_id, symbol)
            if not answer.is_final:
                return Unknown("the order is still open")
            return answer.accepted(history.fills_of_order(self._retried, symbol, answer))
        except RequestFailedError as error:
            return Missing() if error.failure.code == NO_SUCH_ORDER else Unknown(str(error))
        except AnswerError as error:
            return Unknown(f"unusable answer: {error}")

    def _tradable(self, symbols: Sequence[str]) -> list[str]:
        return sorted(self.markets().keys() & set(symbols))

    def _read(self, route: str, parameters: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON of any shape
        try:
            return self._retried(route, parameters)
        except RequestFailedError as error:
            if error.failure.code == UNKNOWN_SYMBOL:
                self._markets_until = datetime.min.replace(tzinfo=UTC)
            not_sent = error.failure.code in NOT_SENT
            raise (ExchangeBusyError if not_sent else ExchangeError)(str(error)) from None

    def _retried(self, route: str, parameters: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON of any shape
        """Send a read; once more if the connection was lost or our clock, since corrected, refused."""
        try:
            return self._client.send(route, parameters)
        except RequestFailedError as error:
            if not (error.failure.lost or error.failure.code == CLOCK_REFUSED):
                raise
            logger.info("reading %s again: %s", route, error)
        return self._client.send(route, parameters)


def _outcome(failure: Failure) -> Placement:
    return Refused(failure.code, failure.message) if failure.placed is Placed.NO else Unknown(str(failure))
