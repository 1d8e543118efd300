"""The matching engine and the one account that trades on it.

Every call runs alone, inside one database transaction: what it returns is committed. Resting orders are filled
lazily: each call first replays the seconds since the last one.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from sandbox.exchange import filters
from sandbox.exchange.accounts import Account, paid_asset
from sandbox.exchange.amounts import ZERO
from sandbox.exchange.book import Level
from sandbox.exchange.clock import Clock
from sandbox.exchange.errors import cancel_rejected, no_such_order, order_rejected
from sandbox.exchange.lifecycle import OrderLifecycle
from sandbox.exchange.market import Market, Pin
from sandbox.exchange.matching import lock_for, match_order, needed_for, quantity_of, tradable
from sandbox.exchange.orders import Order, OrderRequest, Trade
from sandbox.exchange.settings import Settings
from sandbox.exchange.store import Page, Store
from sandbox.exchange.symbols import SYMBOLS

_WHOLE = Decimal(1)


class Exchange:
    """Orders, trades and balances of the account."""

    def __init__(self, settings: Settings, store: Store, market: Market, clock: Clock) -> None:
        """Open the exchange on its store; the first time, credit the starting balances."""
        self._settings = settings
        self._store = store
        self._market = market
        self._clock = clock
        self._turns = threading.RLock()
        self._account = Account(store, settings, lambda symbol: market.price(symbol, clock() // 1000))
        self._lifecycle = OrderLifecycle(store, self._account, market)
        market.use_pins(store.pins())
        with store.transaction():
            if store.value("funded", "no") == "no":
                self._fund()

    def place(self, request: OrderRequest, fill_fraction: Decimal = _WHOLE) -> tuple[Order, list[Trade]]:
        """Accept an order, match it and return it with its immediate trades.

        ``fill_fraction`` below one caps what the book gives, as a share of what was asked for.

        Raises:
            ExchangeError: The order is refused; nothing has changed.
        """
        with self._turn() as now:
            self._check(request, now)
            levels = self._market.book(request.symbol, now // 1000).opposite(request.side)
            executions = match_order(request, tradable(request.side, request.limit, levels), fill_fraction)
            if request.quote_quantity:
                filters.check_chosen_lot(quantity_of(executions), SYMBOLS[request.symbol])
            order = self._accept(request, executions, now)
            trades = [self._account.settle(order, execution, now, is_maker=False) for execution in executions]
            self._market.consumption.take(now // 1000, request.symbol, request.side, executions)
            self._lifecycle.expire_own_makers(order, executions, now)
            self._lifecycle.conclude(
                order, exhausted=quantity_of(executions) == quantity_of(levels), capped=fill_fraction < 1
            )
            return order, trades

    def test(self, request: OrderRequest) -> None:
        """Check an order against everything but the balance, and forget it.

        Raises:
            ExchangeError: The order would be refused.
        """
        with self._turn() as now:
            self._check(request, now)

    def cancel(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order:
        """Cancel an open order named by either id.

        Raises:
            ExchangeError: -2011, there is no such open order.
        """
        with self._turn() as now:
            order = self._find(symbol, order_id, client_order_id)
            if order is None or not order.is_open:
                raise cancel_rejected()
            self._lifecycle.end(order, "CANCELED", now)
            return order

    def cancel_all(self, symbol: str) -> list[Order]:
        """Cancel every open order of a symbol.

        Raises:
            ExchangeError: -2011, there is none.
        """
        with self._turn() as now:
            orders = self._store.open_orders(symbol)
            if not orders:
                raise cancel_rejected()
            for order in orders:
                self._lifecycle.end(order, "CANCELED", now)
            return orders

    def order(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order:
        """Return an order by either id.

        Raises:
            ExchangeError: -2013, there is no such order.
        """
        with self._turn():
            order = self._find(symbol, order_id, client_order_id)
            if order is None:
                raise no_such_order()
            return order

    def open_orders(self, symbol: str | None) -> list[Order]:
        """Return the open orders of one symbol or of all."""
        with self._turn():
            return self._store.open_orders(symbol)

    def orders(self, symbol: str, page: Page) -> list[Order]:
        """Return one page of a symbol's orders."""
        with self._turn():
            return self._store.orders_between(symbol, page)

    def trades(self, symbol: str, order_id: int | None, page: Page) -> list[Trade]:
        """Return one page of a symbol's own trades, optionally of one order."""
        with self._turn():
            return self._store.trades(symbol, order_id, page)

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return free and locked by asset."""
        with self._turn():
            return self._store.balances()

    def set_free(self, amounts: dict[str, Decimal]) -> None:
        """Replace the free balances of some assets; what is locked stays."""
        with self._turn():
            for asset, free in amounts.items():
                self._store.set_balance(asset, free, self._store.balance(asset)[1])

    def wipe(self) -> None:
        """Forget orders, trades and balances and start with fresh money, as the real testnet does monthly."""
        with self._turn():
            self._store.wipe()
            self._fund()
            self._market.consumption.reset()

    def pin(self, symbol: str, price: Decimal) -> None:
        """Fix a symbol's price from now on."""
        with self._turn() as now:
            self._store.end_pin(symbol, now // 1000)
            self._store.add_pin(Pin(symbol, price, now // 1000, None))
            self._market.use_pins(self._store.pins())
            self._lifecycle.advance(now)

    def unpin(self, symbol: str) -> None:
        """Give a symbol's price back to the price process."""
        with self._turn() as now:
            self._store.end_pin(symbol, now // 1000)
            self._market.use_pins(self._store.pins())
            self._lifecycle.advance(now)

    @contextmanager
    def _turn(self) -> Iterator[int]:
        """Run alone and in a transaction, after everything that should have happened by now; yields the time.

        What happened by now is committed first: a refused request must not undo it.
        """
        with self._turns:
            now = self._clock()
            with self._store.transaction():
                self._lifecycle.advance(now)
            with self._store.transaction():
                yield now

    def _fund(self) -> None:
        for asset, free in self._settings.balances.items():
            self._store.set_balance(asset, free, ZERO)
        self._store.set_value("funded", "yes")

    def _find(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order | None:
        if order_id is not None:
            return self._store.order(symbol, order_id)
        return self._store.order_by_client_id(symbol, client_order_id or "")

    def _check(self, request: OrderRequest, now: int) -> None:
        spec = SYMBOLS[request.symbol]
        filters.check(request, spec, self._settings, self._market.average_price(request.symbol, now // 1000))
        filters.check_open_orders(len(self._store.open_orders(request.symbol)), self._settings)
        twin = self._store.order_by_client_id(request.symbol, request.client_order_id)
        if twin is not None and twin.is_open:
            raise order_rejected("Duplicate order sent.")
        if request.type == "LIMIT_MAKER":
            levels = self._market.book(request.symbol, now // 1000).opposite(request.side)
            if tradable(request.side, request.limit, levels) or self._lifecycle.own_makers(
                request.symbol, request.side, request.price
            ):
                raise order_rejected("Order would immediately match and take.")

    def _accept(self, request: OrderRequest, executions: Sequence[Level], now: int) -> Order:
        """Store the order with its money locked."""
        order = Order(
            request.symbol,
            request.client_order_id,
            request.side,
            request.type,
            request.time_in_force,
            request.price,
            request.quantity or quantity_of(executions),
            request.quote_quantity,
            now,
            now,
        )
        self._account.require(paid_asset(order.symbol, order.side), needed_for(request, executions))
        self._store.add_order(order)
        self._account.lock(order, lock_for(request, executions))
        return order
