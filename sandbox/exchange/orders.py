"""Orders and trades as the exchange keeps them."""

from dataclasses import dataclass
from decimal import Decimal

from sandbox.exchange.amounts import ZERO

OPEN_STATUSES = frozenset({"NEW", "PARTIALLY_FILLED"})
ORDER_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET")
SIDES = ("BUY", "SELL")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
RESPONSE_TYPES = ("ACK", "RESULT", "FULL")


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A new order as sent, parsed but not yet checked against filters or balances.

    ``price`` and ``quantity`` are zero where the order has none; ``quote_quantity`` is set for market orders that name
    what to spend or earn instead of a quantity.
    """

    symbol: str
    side: str
    type: str
    time_in_force: str
    client_order_id: str
    price: Decimal = ZERO
    quantity: Decimal = ZERO
    quote_quantity: Decimal = ZERO

    @property
    def limit(self) -> Decimal | None:
        """The worst price the order accepts, if it names one."""
        return None if self.type == "MARKET" else self.price


@dataclass(slots=True)
class Order:
    """An order and its progress. Times are milliseconds since the epoch.

    ``locked`` is what is still set aside for it: quote asset for a buy, base asset for a sell.
    """

    symbol: str
    client_order_id: str
    side: str
    type: str
    time_in_force: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    time: int
    update_time: int
    order_id: int = 0
    status: str = "NEW"
    executed_quantity: Decimal = ZERO
    executed_quote: Decimal = ZERO
    locked: Decimal = ZERO
    expiry_reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.status in OPEN_STATUSES

    @property
    def remaining(self) -> Decimal:
        """Quantity not executed yet."""
        return self.quantity - self.executed_quantity


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution of an order, with what it cost."""

    trade_id: int
    order_id: int
    symbol: str
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool

    @property
    def quote_quantity(self) -> Decimal:
        """Price times quantity."""
        return self.price * self.quantity
