"""The account's balances: locking for open orders, settling executions, commissions.

Commission = rate times the received asset: a buy pays base, a sell pays quote. With BNB commission switched on and
enough BNB free, it is taken in BNB at 75 %. Rounding is not documented; here it is down to eight places.
"""

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal

from sandbox.exchange.amounts import UNIT, ZERO
from sandbox.exchange.book import Level
from sandbox.exchange.errors import insufficient_balance
from sandbox.exchange.orders import Order, Trade
from sandbox.exchange.settings import Settings
from sandbox.exchange.store import Store
from sandbox.exchange.symbols import QUOTE_ASSET, SYMBOLS

BNB_DISCOUNT = Decimal("0.75")


def paid_asset(symbol: str, side: str) -> str:
    """Return the asset an order of this side gives away."""
    return QUOTE_ASSET if side == "BUY" else SYMBOLS[symbol].base


def received_asset(symbol: str, side: str) -> str:
    """Return the asset an order of this side brings in."""
    return SYMBOLS[symbol].base if side == "BUY" else QUOTE_ASSET


class Account:
    """Moves money within the store; the caller holds the transaction."""

    def __init__(self, store: Store, settings: Settings, price_of: Callable[[str], Decimal]) -> None:
        """Keep the balances of ``store``; ``price_of`` a symbol values commissions paid in BNB."""
        self._store = store
        self._settings = settings
        self._price_of = price_of

    def lock(self, order: Order, amount: Decimal) -> None:
        """Set aside what the order may pay.

        Raises:
            ExchangeError: There is not enough (-2010).
        """
        asset = paid_asset(order.symbol, order.side)
        self.require(asset, amount)
        self._move(asset, free=-amount, locked=amount)
        order.locked = amount

    def require(self, asset: str, amount: Decimal) -> None:
        """Refuse with -2010 unless ``amount`` of the asset is free."""
        if self._store.balance(asset)[0] < amount:
            raise insufficient_balance()

    def release(self, order: Order) -> None:
        """Free what is still locked for an order that has ended."""
        self._move(paid_asset(order.symbol, order.side), free=order.locked, locked=-order.locked)
        order.locked = ZERO

    def settle(self, order: Order, execution: Level, time: int, *, is_maker: bool) -> Trade:
        """Book one execution: pay from the lock, receive less commission, and store the trade."""
        price, quantity = execution
        cost = price * quantity
        paid, received = (cost, quantity) if order.side == "BUY" else (quantity, cost)
        set_aside = self._share_of_lock(order, execution)
        self._move(paid_asset(order.symbol, order.side), free=set_aside - paid, locked=-set_aside)
        order.locked -= set_aside
        asset = received_asset(order.symbol, order.side)
        self._move(asset, free=received)
        commission, commission_asset = self._commission(asset, received, is_maker=is_maker)
        self._move(commission_asset, free=-commission)
        order.executed_quantity += quantity
        order.executed_quote += cost
        order.update_time = time
        trade = (order.order_id, order.symbol, price, quantity, commission, commission_asset, time)
        draft = Trade(0, *trade, is_buyer=order.side == "BUY", is_maker=is_maker)
        return Trade(self._store.add_trade(draft), *trade, is_buyer=draft.is_buyer, is_maker=is_maker)

    def _share_of_lock(self, order: Order, execution: Level) -> Decimal:
        """Return how much of the lock this execution uses up; a buy below its limit gets the difference back."""
        if order.side == "SELL":
            return execution.quantity
        return execution.quantity * (execution.price if order.type == "MARKET" else order.price)

    def _commission(self, asset: str, received: Decimal, *, is_maker: bool) -> tuple[Decimal, str]:
        rate = self._settings.maker_commission if is_maker else self._settings.taker_commission
        commission = (received * rate).quantize(UNIT, ROUND_DOWN)
        if self._settings.bnb_commission:
            in_bnb = self._in_bnb(asset, received * rate)
            if in_bnb <= self._store.balance("BNB")[0]:
                return in_bnb, "BNB"
        return commission, asset

    def _in_bnb(self, asset: str, commission: Decimal) -> Decimal:
        """Return the discounted commission in BNB."""
        value = commission if asset == QUOTE_ASSET else commission * self._price_of(asset + QUOTE_ASSET)
        return (value * BNB_DISCOUNT / self._price_of("BNBUSDT")).quantize(UNIT, ROUND_DOWN)

    def _move(self, asset: str, free: Decimal = ZERO, locked: Decimal = ZERO) -> None:
        had_free, had_locked = self._store.balance(asset)
        self._store.set_balance(asset, had_free + free, had_locked + locked)
