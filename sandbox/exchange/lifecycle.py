"""What happens to an order after it was accepted: resting, filling, ending. The caller holds the transaction."""

from collections.abc import Sequence
from decimal import Decimal

from sandbox.exchange.accounts import Account
from sandbox.exchange.book import Level
from sandbox.exchange.market import Market
from sandbox.exchange.matching import crosses, quantity_of, take, tradable
from sandbox.exchange.orders import Order
from sandbox.exchange.store import Store

_REPLAYED_SECONDS = 3600


class OrderLifecycle:
    """Moves orders from status to status, with their money."""

    def __init__(self, store: Store, account: Account, market: Market) -> None:
        """Look after the orders of ``store``."""
        self._store = store
        self._account = account
        self._market = market
        self._advanced_to = 0

    def conclude(self, order: Order, *, exhausted: bool, capped: bool) -> None:
        """Give an order its status after matching and free what it no longer needs."""
        by_quote = order.quote_quantity > 0
        unspent = by_quote and (capped or (exhausted and order.executed_quote < order.quote_quantity))
        if not order.remaining and not unspent:
            self.end(order, "FILLED", order.update_time)
        elif order.type == "MARKET":
            order.expiry_reason = "INSUFFICIENT_LIQUIDITY"
            self.end(order, "EXPIRED", order.update_time)
        elif order.type == "LIMIT" and order.time_in_force != "GTC":
            self.end(order, "EXPIRED", order.update_time)
        else:
            order.status = "PARTIALLY_FILLED" if order.executed_quantity else "NEW"
            self._store.update_order(order)

    def end(self, order: Order, status: str, now: int) -> None:
        """End an order and free what it had locked."""
        order.status = status
        order.update_time = now
        self._account.release(order)
        self._store.update_order(order)

    def expire_own_makers(self, taker: Order, executions: Sequence[Level], now: int) -> None:
        """Expire the account's own resting orders that the taker met (self-trade prevention EXPIRE_MAKER)."""
        if taker.time_in_force == "FOK" and not executions:
            return
        worst = executions[-1].price if executions and not taker.remaining else taker.price
        for maker in self.own_makers(taker.symbol, taker.side, worst or None):
            self.end(maker, "EXPIRED_IN_MATCH", now)

    def own_makers(self, symbol: str, taker_side: str, worst: Decimal | None) -> list[Order]:
        """Return the account's own resting orders that a taker going as far as ``worst`` would meet."""
        return [
            maker
            for maker in self._store.open_orders(symbol)
            if maker.side != taker_side and (worst is None or crosses(taker_side, worst, maker.price))
        ]

    def advance(self, now: int) -> None:
        """Fill resting orders that the price has crossed since the last call."""
        second = now // 1000
        for order in self._store.open_orders():
            start = max(self._advanced_to, order.update_time // 1000) + 1
            stride = max(1, (second - start) // _REPLAYED_SECONDS)
            for moment in [*range(start, second, stride), second]:
                if order.is_open:
                    self._fill_resting(order, moment, now)
        self._advanced_to = second

    def _fill_resting(self, order: Order, second: int, now: int) -> None:
        if not crosses(order.side, order.price, self._market.price(order.symbol, second)):
            return
        levels = tradable(order.side, order.price, self._market.book(order.symbol, second).opposite(order.side))
        met = take(levels, order.remaining)
        if not met:
            return
        self._market.consumption.take(second, order.symbol, order.side, met)
        time = max(order.time, min(now, second * 1000))
        self._account.settle(order, Level(order.price, quantity_of(met)), time, is_maker=True)
        self.conclude(order, exhausted=False, capped=False)
