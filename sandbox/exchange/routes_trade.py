"""Signed calls: account, orders, own trades."""

from sandbox.exchange import reports
from sandbox.exchange.limits import TAKER_FILL_CREDIT
from sandbox.exchange.parameters import Parameters
from sandbox.exchange.service import Reply, Route, Service

_ORDER = "/api/v3/order"


class TradeRoutes:
    """Handlers of the signed calls."""

    def __init__(self, service: Service) -> None:
        """Answer from the service's exchange."""
        self._service = service
        self._exchange = service.exchange

    def routes(self) -> list[Route]:
        """Return the signed part of the API."""
        orders = "/api/v3/openOrders"
        return [
            Route("POST", _ORDER, self.place, 1, signed=True, free_on_success=True),
            Route("POST", "/api/v3/order/test", self.test, _test_weight, signed=True),
            Route("GET", _ORDER, self.query, 4, signed=True),
            Route("DELETE", _ORDER, self.cancel, 1, signed=True, free_on_success=True),
            Route("GET", orders, self.open_orders, lambda p: 6 if "symbol" in p else 80, signed=True),
            Route("DELETE", orders, self.cancel_all, 1, signed=True, free_on_success=True),
            Route("GET", "/api/v3/allOrders", self.all_orders, 20, signed=True),
            Route("GET", "/api/v3/myTrades", self.own_trades, lambda p: 5 if "orderId" in p else 20, signed=True),
            Route("GET", "/api/v3/account", self.account, 20, signed=True),
            Route("GET", "/api/v3/account/commission", self.commission, 20, signed=True),
            Route("GET", "/api/v3/rateLimit/order", self.order_counts, 40, signed=True),
        ]

    def place(self, parameters: Parameters) -> Reply:
        """Place an order."""
        request = parameters.new_order()
        response_type = parameters.response_type(request.type)
        limits, faults = self._service.limits, self._service.faults
        limits.require_order()
        order, trades = self._exchange.place(request, faults.fill_fraction())
        headers = limits.count_order()
        if trades:
            limits.credit_fill(TAKER_FILL_CREDIT)
        faults.order_accepted(order.order_id, order.symbol)
        return Reply(reports.new_order(order, trades, response_type), headers)

    def test(self, parameters: Parameters) -> Reply:
        """Check an order without placing it."""
        request = parameters.new_order()
        self._exchange.test(request)
        if parameters.flag("computeCommissionRates"):
            rates = reports.commission(request.symbol, self._service.settings)
            return Reply(
                {
                    "standardCommissionForOrder": rates["standardCommission"],
                    "taxCommissionForOrder": rates["taxCommission"],
                    "discount": rates["discount"],
                }
            )
        return Reply({})

    def query(self, parameters: Parameters) -> Reply:
        """Return an order."""
        order = self._exchange.order(parameters.symbol(), *parameters.order_ids())
        self._service.faults.order_queried(order.order_id)
        return Reply(reports.queried_order(order))

    def cancel(self, parameters: Parameters) -> Reply:
        """Cancel an order."""
        cancel_id = parameters.client_id("newClientOrderId")
        order = self._exchange.cancel(parameters.symbol(), *parameters.order_ids())
        return Reply(reports.cancelled_order(order, cancel_id))

    def cancel_all(self, parameters: Parameters) -> Reply:
        """Cancel all open orders of a symbol."""
        orders = self._exchange.cancel_all(parameters.symbol())
        return Reply([reports.cancelled_order(order, parameters.client_id("newClientOrderId")) for order in orders])

    def open_orders(self, parameters: Parameters) -> Reply:
        """Return open orders."""
        symbol = parameters.symbol() if "symbol" in parameters else None
        return Reply([reports.queried_order(order) for order in self._exchange.open_orders(symbol)])

    def all_orders(self, parameters: Parameters) -> Reply:
        """Return orders, open or not."""
        orders = self._exchange.orders(parameters.symbol(), parameters.page("orderId"))
        return Reply([reports.queried_order(order) for order in orders])

    def own_trades(self, parameters: Parameters) -> Reply:
        """Return own trades."""
        order_id = parameters.integer("orderId")
        trades = self._exchange.trades(parameters.symbol(), order_id, parameters.page("fromId"))
        return Reply([reports.own_trade(trade) for trade in trades])

    def account(self, parameters: Parameters) -> Reply:
        """Return balances and rates."""
        omit_zero = parameters.flag("omitZeroBalances")
        balances = self._exchange.balances()
        return Reply(reports.account(balances, self._service.settings, self._service.clock(), omit_zero=omit_zero))

    def commission(self, parameters: Parameters) -> Reply:
        """Return commission rates of a symbol."""
        return Reply(reports.commission(parameters.symbol(), self._service.settings))

    def order_counts(self, _parameters: Parameters) -> Reply:
        """Return how many unfilled orders count at the moment."""
        return Reply(self._service.limits.order_counts())


def _test_weight(parameters: Parameters) -> int:
    return 20 if "computeCommissionRates" in parameters else 1
