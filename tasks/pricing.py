"""What the exchange says of a symbol now; for a signal that was just pushed, asked while the book is read."""

import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from agents.errors import ExchangeBusyError, ExchangeError
from agents.model import Market, Quote
from runtime.bootstrap import WorkerServices

logger = logging.getLogger(__name__)

_asking = ThreadPoolExecutor(1, "pricing")


@dataclass(frozen=True, slots=True)
class Prices:
    """A symbol's rules and quote, None for what could not be had."""

    market: Market | None = None
    quote: Quote | None = None
    is_exchange_busy: bool = False


def prices_of(services: WorkerServices, symbol: str) -> Prices:
    """What the exchange says of the symbol now."""
    market = None
    try:
        market = services.exchange.markets().get(symbol)
        quote = services.exchange.quotes([symbol]).get(symbol)
    except ExchangeError as error:
        logger.warning("no market data for %s: %s", symbol, error)
        return Prices(market, is_exchange_busy=isinstance(error, ExchangeBusyError))
    return Prices(market, quote)


class Asked:
    """Prices that another thread asks for; until it has them, nobody else may use the exchange's connection."""

    def __init__(self, services: WorkerServices, symbol: str) -> None:
        self._symbol = symbol
        self._prices: Future[Prices] = _asking.submit(prices_of, services, symbol)

    def prices_of(self, symbol: str) -> Prices | None:
        """The prices, once they are known; None if it is another symbol that was asked for."""
        prices = self._prices.result()
        return prices if symbol == self._symbol else None

    def wait(self) -> None:
        """Wait until the exchange's connection is free."""
        wait([self._prices])


@contextmanager
def asked_ahead(services: WorkerServices, symbol: str | None) -> Iterator[Asked | None]:
    """Have a symbol's prices asked for meanwhile; at the end, the exchange's connection is free. Nothing without a symbol."""
    if symbol is None:
        yield None
        return
    asked = Asked(services, symbol)
    try:
        yield asked
    finally:
        asked.wait()
