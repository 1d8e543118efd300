"""Public calls: time, symbols, book, trades, candles, prices."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from sandbox.exchange import filters
from sandbox.exchange.amounts import ZERO, floor_to, wire
from sandbox.exchange.book import Level
from sandbox.exchange.candles import INTERVALS, Candle
from sandbox.exchange.market import AVERAGE_MINUTES
from sandbox.exchange.orders import ORDER_TYPES
from sandbox.exchange.parameters import Parameters
from sandbox.exchange.service import Reply, Route, Service
from sandbox.exchange.symbols import QUOTE_ASSET, SYMBOLS

_DAY = 86_400
_LISTED_DAYS_BEFORE_NOW = 400
Report = Mapping[str, object]


class MarketRoutes:
    """Handlers of the public calls."""

    def __init__(self, service: Service) -> None:
        """Answer from the service's market."""
        self._service = service

    def routes(self) -> list[Route]:
        """Return the public part of the API."""
        return [
            Route("GET", "/api/v3/ping", lambda _: Reply({})),
            Route("GET", "/api/v3/time", lambda _: Reply({"serverTime": self._service.clock()})),
            Route("GET", "/api/v3/exchangeInfo", self.exchange_info, 20),
            Route("GET", "/api/v3/depth", self.depth, _depth_weight),
            Route("GET", "/api/v3/trades", self.trades, 25),
            Route("GET", "/api/v3/aggTrades", self.aggregate_trades, 4),
            Route("GET", "/api/v3/klines", self.klines, 2),
            Route("GET", "/api/v3/avgPrice", self.average_price, 2),
            Route("GET", "/api/v3/ticker/24hr", self.day_ticker, lambda p: 2 if "symbol" in p else 80),
            Route("GET", "/api/v3/ticker/price", self.price_ticker, _ticker_weight),
            Route("GET", "/api/v3/ticker/bookTicker", self.book_ticker, _ticker_weight),
        ]

    def exchange_info(self, parameters: Parameters) -> Reply:
        """Return limits and symbols with their filters."""
        return Reply(
            {
                "timezone": "UTC",
                "serverTime": self._service.clock(),
                "rateLimits": self._service.limits.describe(),
                "exchangeFilters": [],
                "symbols": [self._symbol(name) for name in parameters.symbols()],
            }
        )

    def depth(self, parameters: Parameters) -> Reply:
        """Return the book."""
        symbol, second = parameters.symbol(), self._service.second
        limit = parameters.limit(100, 5000)
        book = self._service.market.book(symbol, second)
        return Reply({"lastUpdateId": second, "bids": _rows(book.bids[:limit]), "asks": _rows(book.asks[:limit])})

    def trades(self, parameters: Parameters) -> Reply:
        """Return the market's last trades, one a second."""
        symbol, second = parameters.symbol(), self._service.second
        limit = parameters.limit(500, 1000)
        return Reply([self._trade(symbol, moment) for moment in range(second - limit + 1, second + 1)])

    def aggregate_trades(self, parameters: Parameters) -> Reply:
        """Return the same trades in the aggregate form, from a time on if one is given."""
        symbol, now = parameters.symbol(), self._service.second
        limit, start = parameters.limit(500, 1000), parameters.integer("startTime")
        first = now - limit + 1 if start is None else max(-(-start // 1000), now - _LISTED_DAYS_BEFORE_NOW * _DAY)
        moments = range(first, min(now + 1, first + limit))
        return Reply([_aggregate(self._trade(symbol, moment)) for moment in moments])

    def klines(self, parameters: Parameters) -> Reply:
        """Return candles, the current one unfinished."""
        symbol = parameters.symbol()
        interval = INTERVALS[parameters.choice("interval", INTERVALS, -1120, "Invalid interval.")]
        limit = parameters.limit(500, 1000)
        now = self._service.second
        start, end = parameters.integer("startTime"), parameters.integer("endTime")
        last = min(now, now if end is None else end // 1000)
        first = last // interval * interval - (limit - 1) * interval
        if start is not None:
            listed = now - _LISTED_DAYS_BEFORE_NOW * _DAY
            first = -(-max(-(-start // 1000), listed) // interval) * interval
            last = min(last, first + (limit - 1) * interval)
        candles = self._service.candles.between(symbol, interval, first, last, now)
        return Reply([_kline(candle) for candle in candles])

    def average_price(self, parameters: Parameters) -> Reply:
        """Return the average price over five minutes."""
        symbol, now = parameters.symbol(), self._service.clock()
        average = self._service.market.average_price(symbol, now // 1000)
        return Reply({"mins": AVERAGE_MINUTES, "price": wire(average), "closeTime": now})

    def day_ticker(self, parameters: Parameters) -> Reply:
        """Return the statistics of the last 24 hours."""
        second = self._service.second
        return self._one_or_all(parameters, lambda name: self._day_statistics(name, second))

    def price_ticker(self, parameters: Parameters) -> Reply:
        """Return last prices."""
        second = self._service.second
        price = self._service.market.price
        return self._one_or_all(parameters, lambda name: {"symbol": name, "price": wire(price(name, second))})

    def book_ticker(self, parameters: Parameters) -> Reply:
        """Return best bids and asks."""
        second = self._service.second
        return self._one_or_all(parameters, lambda name: {"symbol": name} | self._best(name, second))

    def _one_or_all(self, parameters: Parameters, report: Callable[[str], Report]) -> Reply:
        reports = [report(name) for name in parameters.symbols()]
        return Reply(reports[0] if "symbol" in parameters else reports)

    def _symbol(self, name: str) -> Report:
        spec = SYMBOLS[name]
        return {
            "symbol": name,
            "status": "TRADING",
            "baseAsset": spec.base,
            "baseAssetPrecision": filters.ASSET_PRECISION,
            "quoteAsset": QUOTE_ASSET,
            "quotePrecision": filters.ASSET_PRECISION,
            "quoteAssetPrecision": filters.ASSET_PRECISION,
            "baseCommissionPrecision": filters.ASSET_PRECISION,
            "quoteCommissionPrecision": filters.ASSET_PRECISION,
            "orderTypes": list(ORDER_TYPES),
            "icebergAllowed": False,
            "ocoAllowed": False,
            "otoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": filters.describe(spec, self._service.settings),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
            "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
        }

    def _trade(self, symbol: str, second: int) -> Report:
        price = self._service.market.price(symbol, second)
        step = SYMBOLS[symbol].step
        quantity = max(step, floor_to(Decimal(self._service.market.volume(symbol, second)), step))
        return {
            "id": second,
            "price": wire(price),
            "qty": wire(quantity),
            "quoteQty": wire(price * quantity),
            "time": second * 1000,
            "isBuyerMaker": price < self._service.market.price(symbol, second - 1),
            "isBestMatch": True,
        }

    def _best(self, symbol: str, second: int) -> dict[str, object]:
        book = self._service.market.book(symbol, second)
        none = Level(ZERO, ZERO)
        bid, ask = next(iter(book.bids), none), next(iter(book.asks), none)
        return {
            "bidPrice": wire(bid.price),
            "bidQty": wire(bid.quantity),
            "askPrice": wire(ask.price),
            "askQty": wire(ask.quantity),
        }

    def _day_statistics(self, symbol: str, second: int) -> Report:
        day = self._service.candles.window(symbol, _DAY, second)
        average = day.quote_volume / day.volume if day.volume else day.close
        return {
            "symbol": symbol,
            "priceChange": wire(day.close - day.open),
            "priceChangePercent": f"{(day.close / day.open - 1) * 100:.3f}",
            "weightedAvgPrice": wire(average),
            "prevClosePrice": wire(day.open),
            "lastPrice": wire(day.close),
            "lastQty": self._trade(symbol, second)["qty"],
            **self._best(symbol, second),
            "openPrice": wire(day.open),
            "highPrice": wire(day.high),
            "lowPrice": wire(day.low),
            "volume": wire(day.volume),
            "quoteVolume": wire(day.quote_volume),
            "openTime": day.open_time * 1000,
            "closeTime": second * 1000,
            "firstId": day.open_time,
            "lastId": second,
            "count": day.trades,
        }


def _rows(levels: Sequence[Level]) -> list[list[str]]:
    return [[wire(level.price), wire(level.quantity)] for level in levels]


def _aggregate(trade: Report) -> Report:
    names = {"a": "id", "p": "price", "q": "qty", "f": "id", "l": "id", "T": "time", "m": "isBuyerMaker"}
    return {short: trade[name] for short, name in names.items()} | {"M": True}


def _kline(candle: Candle) -> list[object]:
    """Return the twelve elements of a kline; takers bought half of the volume."""
    half, half_quote = candle.volume / 2, candle.quote_volume / 2
    return [
        candle.open_time * 1000,
        wire(candle.open),
        wire(candle.high),
        wire(candle.low),
        wire(candle.close),
        wire(candle.volume),
        (candle.open_time + candle.seconds) * 1000 - 1,
        wire(candle.quote_volume),
        candle.trades,
        wire(half),
        wire(half_quote),
        "0",
    ]


def _ticker_weight(parameters: Parameters) -> int:
    return 2 if "symbol" in parameters else 4


def _depth_weight(parameters: Parameters) -> int:
    limit = parameters.limit(100, 5000)
    return next(weight for most, weight in ((100, 5), (500, 25), (1000, 50), (5000, 250)) if limit <= most)
