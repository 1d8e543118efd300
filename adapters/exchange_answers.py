"""Reads the exchange's JSON into values, from its strings straight to ``Decimal``.

Every function raises :class:`AnswerError` for an answer that cannot be used.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from agents.errors import ExchangeError
from agents.model import ZERO, Fill, Market, Quote, Side
from agents.orders import Accepted

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEVEL_LENGTH = 2
FINAL_STATUSES = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"})


class AnswerError(ExchangeError):
    """The exchange answered what cannot be used; the message names the field, never its value."""


def an_object(value: object) -> Mapping[str, object]:
    """The value as a JSON object."""
    if not isinstance(value, Mapping):
        raise AnswerError(f"expected an object, got {type(value).__name__}")
    return value


def a_list(value: object) -> Sequence[object]:
    """The value as a JSON array."""
    if not isinstance(value, list):
        raise AnswerError(f"expected a list, got {type(value).__name__}")
    return value


def text(answer: Mapping[str, object], field: str) -> str:
    """A field that must be a string or a whole number."""
    value = answer.get(field)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise AnswerError(f"{field} is missing or no text")
    return str(value)


def number(answer: Mapping[str, object], field: str) -> Decimal:
    """A field that must be a finite number, not negative, written as a string."""
    try:
        value = Decimal(text(answer, field))
    except InvalidOperation:
        raise AnswerError(f"{field} is no number") from None
    if not value.is_finite() or value < 0:
        raise AnswerError(f"{field} is out of range")
    return value


def moment(answer: Mapping[str, object], field: str) -> datetime:
    """A field that must be a time in milliseconds since 1970."""
    try:
        return EPOCH + timedelta(milliseconds=int(text(answer, field)))
    except (ValueError, OverflowError):
        raise AnswerError(f"{field} is no time in milliseconds") from None


def markets(answer: object) -> dict[str, Market]:
    """The symbols that can be traded now with limit orders, by symbol; those lacking a rule are left out."""
    listed = (an_object(entry) for entry in a_list(an_object(answer).get("symbols")))
    return {market.symbol: market for entry in listed if _tradable(entry) and (market := _market(entry))}


def _tradable(entry: Mapping[str, object]) -> bool:
    kinds = entry.get("orderTypes")
    spot = entry.get("isSpotTradingAllowed", True)
    return entry.get("status") == "TRADING" and spot is True and isinstance(kinds, list) and "LIMIT" in kinds


def _market(entry: Mapping[str, object]) -> Market | None:
    filters = {text(rule, "filterType"): rule for rule in map(an_object, a_list(entry.get("filters")))}
    price, lot = filters.get("PRICE_FILTER"), filters.get("LOT_SIZE")
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL")
    if price is None or lot is None or notional is None:
        return None
    market = Market(
        symbol=text(entry, "symbol"),
        base=text(entry, "baseAsset"),
        quote=text(entry, "quoteAsset"),
        price_tick=number(price, "tickSize"),
        lot_step=number(lot, "stepSize"),
        min_quantity=number(lot, "minQty"),
        max_quantity=number(lot, "maxQty"),
        min_notional=number(notional, "minNotional"),
        max_notional=number(notional, "maxNotional") if "maxNotional" in notional else Decimal("Infinity"),
    )
    return market if market.price_tick > 0 and market.lot_step > 0 else None


def quotes(answer: object, symbols: Collection[str], at: datetime) -> dict[str, Quote]:
    """Best bid and ask of the symbols asked for; a side without offers or a crossed book gives no quote."""
    entries = [answer] if len(symbols) == 1 else a_list(answer)
    found = (_quote(an_object(entry), at) for entry in entries)
    return {quote.symbol: quote for quote in found if quote.symbol in symbols and 0 < quote.bid <= quote.ask}


def _quote(entry: Mapping[str, object], at: datetime) -> Quote:
    bid = number(entry, "bidPrice") if number(entry, "bidQty") else ZERO
    offered = number(entry, "askQty")
    ask = number(entry, "askPrice") if offered else ZERO
    return Quote(text(entry, "symbol"), bid, ask, at, offered)


def offered(answer: object, price: Decimal) -> Decimal:
    """What is for sale up to ``price``; a book lists prices and quantities as pairs of strings."""
    levels = (a_list(level) for level in a_list(an_object(answer).get("asks")))
    pairs = ({"price": level[0], "quantity": level[1]} for level in levels if len(level) >= LEVEL_LENGTH)
    return sum((number(pair, "quantity") for pair in pairs if number(pair, "price") <= price), ZERO)


def balances(answer: object) -> dict[str, Decimal]:
    """Free plus locked amount by asset."""
    entries = map(an_object, a_list(an_object(answer).get("balances")))
    return {text(entry, "asset"): number(entry, "free") + number(entry, "locked") for entry in entries}


class OrderAnswer:
    """What the exchange says of one order, checked to be the order that was asked about."""

    def __init__(self, answer: object, client_order_id: str, symbol: str) -> None:
        self._order = an_object(answer)
        if text(self._order, "clientOrderId") != client_order_id or text(self._order, "symbol") != symbol:
            raise AnswerError("the answer is about another order")
        self.id = text(self._order, "orderId")
        self.executed = number(self._order, "executedQty")
        self.is_final = text(self._order, "status") in FINAL_STATUSES

    def check(self, side: Side, quantity: Decimal) -> None:
        """Refuse an answer of the other side or of more than was ordered."""
        if text(self._order, "side") != side.value.upper() or self.executed > quantity:
            raise AnswerError("the answer contradicts the order")

    def own_fills(self) -> tuple[Fill, ...]:
        """The fills inside a FULL answer, which share the order's transaction time."""
        at = moment(self._order, "transactTime")
        return tuple(_fill(an_object(entry), "tradeId", at) for entry in a_list(self._order.get("fills")))

    def accepted(self, fills: tuple[Fill, ...]) -> Accepted:
        """The outcome, if the fills are all there."""
        if sum((fill.quantity for fill in fills), ZERO) != self.executed:
            raise AnswerError("the fills do not add up to the executed quantity")
        return Accepted(self.id, fills)


def trades(answer: object) -> tuple[Fill, ...]:
    """The fills in an answer of myTrades."""
    entries = [an_object(entry) for entry in a_list(answer)]
    return tuple(_fill(entry, "id", moment(entry, "time")) for entry in entries)


def _fill(entry: Mapping[str, object], id_field: str, at: datetime) -> Fill:
    price, quantity = number(entry, "price"), number(entry, "qty")
    if price == 0 or quantity == 0:
        raise AnswerError("a fill without price or quantity")
    trade_id = text(entry, id_field)
    if not trade_id.isdecimal():
        raise AnswerError(f"{id_field} is no whole number")
    return Fill(
        trade_id=trade_id,
        price=price,
        quantity=quantity,
        cost=number(entry, "quoteQty") if "quoteQty" in entry else price * quantity,
        commission=number(entry, "commission"),
        commission_asset=text(entry, "commissionAsset"),
        at=at,
    )


def plain(value: Decimal) -> str:
    """A number as Binance takes it: no exponent, no needless zeros (too many decimals are refused with -1111)."""
    digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def symbol_list(symbols: Iterable[str]) -> str:
    """Symbols as Binance takes a list of them in a query: ``["BTCUSDT","ETHUSDT"]``."""
    return "[" + ",".join(f'"{symbol}"' for symbol in symbols) + "]"
