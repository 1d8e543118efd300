"""Reading the parameters of a request, with Binance's errors for what is missing or malformed."""

import json
import re
import uuid
from collections.abc import Collection, Mapping
from decimal import Decimal

from sandbox.exchange.amounts import ZERO
from sandbox.exchange.errors import (
    ExchangeError,
    bad_symbol,
    either_parameter,
    illegal_characters,
    mandatory_parameter,
    order_rejected,
    parameter_not_required,
)
from sandbox.exchange.orders import ORDER_TYPES, RESPONSE_TYPES, SIDES, TIMES_IN_FORCE, OrderRequest
from sandbox.exchange.store import Page
from sandbox.exchange.symbols import SYMBOLS

CLIENT_ID = "^[a-zA-Z0-9-_]{1,36}$"
_DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER = "^[0-9]{1,20}$"
_UNSUPPORTED_TYPES = {
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}
_UNSUPPORTED_OPTIONS = {
    "icebergQty": "Iceberg orders are not supported for this symbol.",
    "stopPrice": "Stop loss orders are not supported for this symbol.",
    "trailingDelta": "Trailing stop orders are not supported for this symbol.",
}


class Parameters:
    """The parameters of one request by name; an empty value counts as not sent."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """Wrap decoded names and values."""
        self._values = {name: value for name, value in values.items() if value}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        """Return a mandatory parameter.

        Raises:
            ExchangeError: -1102, it was not sent.
        """
        if name not in self._values:
            raise mandatory_parameter(name)
        return self._values[name]

    def choice(self, name: str, choices: Collection[str], code: int, message: str, default: str | None = None) -> str:
        """Return a parameter that must be one of ``choices``; anything else is refused with ``code``."""
        value = self.text(name) if default is None else self._values.get(name, default)
        if value not in choices:
            raise ExchangeError(code, message)
        return value

    def decimal(self, name: str) -> Decimal:
        """Return a mandatory decimal number."""
        return Decimal(self._matching(name, self.text(name), _DECIMAL))

    def integer(self, name: str) -> int | None:
        """Return a whole number, or None when it was not sent."""
        value = self._values.get(name)
        return None if value is None else int(self._matching(name, value, _INTEGER))

    def limit(self, default: int, maximum: int) -> int:
        """Return ``limit``, cut to the maximum."""
        limit = self.integer("limit")
        return default if limit is None else max(1, min(limit, maximum))

    def flag(self, name: str) -> bool:
        """Return a boolean that is false by default."""
        choices = ("true", "false")
        return self.choice(name, choices, -1100, illegal_characters(name, "true|false").message, "false") == "true"

    def client_id(self, name: str) -> str:
        """Return a client's id, or a new one when none was sent."""
        value = self._values.get(name)
        return uuid.uuid4().hex[:22] if value is None else self._matching(name, value, CLIENT_ID)

    def symbol(self) -> str:
        """Return the mandatory symbol.

        Raises:
            ExchangeError: -1121, no such symbol.
        """
        symbol = self.text("symbol")
        if symbol not in SYMBOLS:
            raise bad_symbol()
        return symbol

    def symbols(self) -> list[str]:
        """Return what ``symbol`` or ``symbols`` (a JSON array) name; without them, all."""
        if "symbol" in self:
            return [self.symbol()]
        if "symbols" not in self:
            return list(SYMBOLS)
        try:
            names = json.loads(self.text("symbols"))
        except ValueError:
            names = None
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise illegal_characters("symbols", '["[A-Z0-9]{1,20}",...]')
        if not set(names) <= set(SYMBOLS):
            raise bad_symbol()
        return names

    def order_ids(self) -> tuple[int | None, str | None]:
        """Return ``orderId`` and ``origClientOrderId``, of which one is needed."""
        order_id, client_id = self.integer("orderId"), self._values.get("origClientOrderId")
        if order_id is None and client_id is None:
            raise either_parameter("origClientOrderId", "orderId")
        return order_id, client_id

    def page(self, id_name: str) -> Page:
        """Return which rows of a list are meant; ``id_name`` names the first id."""
        start, end = self.integer("startTime"), self.integer("endTime")
        return Page(self.integer(id_name), start, end, self.limit(500, 1000))

    def new_order(self) -> OrderRequest:
        """Return the new order these parameters describe.

        Raises:
            ExchangeError: A parameter is missing, malformed, not wanted, or asks for an order type this exchange
                does not offer.
        """
        symbol = self.symbol()
        side = self.choice("side", SIDES, -1117, "Invalid side.")
        order_type = self._order_type()
        client_id = self.client_id("newClientOrderId")
        if order_type == "MARKET":
            return self._market_order(symbol, side, client_id)
        self._refuse(["quoteOrderQty"])
        time_in_force = "GTC"
        if order_type == "LIMIT":
            time_in_force = self.choice("timeInForce", TIMES_IN_FORCE, -1115, "Invalid timeInForce.")
        else:
            self._refuse(["timeInForce"])
        price, quantity = self.decimal("price"), self.decimal("quantity")
        return OrderRequest(symbol, side, order_type, time_in_force, client_id, price, quantity)

    def response_type(self, order_type: str) -> str:
        """Return the wanted length of the reply to a new order."""
        default = "ACK" if order_type == "LIMIT_MAKER" else "FULL"
        return self.choice("newOrderRespType", RESPONSE_TYPES, -1138, "Invalid newOrderRespType.", default)

    def _market_order(self, symbol: str, side: str, client_id: str) -> OrderRequest:
        self._refuse(["price", "timeInForce"])
        if "quoteOrderQty" in self:
            self._refuse(["quantity"])
            spend = self.decimal("quoteOrderQty")
            return OrderRequest(symbol, side, "MARKET", "GTC", client_id, quote_quantity=spend)
        if "quantity" not in self:
            raise either_parameter("quantity", "quoteOrderQty")
        return OrderRequest(symbol, side, "MARKET", "GTC", client_id, ZERO, self.decimal("quantity"))

    def _order_type(self) -> str:
        order_type = self.choice("type", {*ORDER_TYPES, *_UNSUPPORTED_TYPES}, -1116, "Invalid orderType.")
        if order_type in _UNSUPPORTED_TYPES:
            raise order_rejected(_UNSUPPORTED_TYPES[order_type])
        for option, message in _UNSUPPORTED_OPTIONS.items():
            if option in self:
                raise order_rejected(message)
        return order_type

    def _refuse(self, names: Collection[str]) -> None:
        for name in names:
            if name in self:
                raise parameter_not_required(name)

    def _matching(self, name: str, value: str, legal: str) -> str:
        if not re.fullmatch(legal.strip("^$"), value, re.ASCII):
            raise illegal_characters(name, legal)
        return value
