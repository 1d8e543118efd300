"""What the exchange says of a symbol now; for a signal that was just pushed, asked while the book is read."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from adapters.exchange_asked import AskedQuote
from agents.errors import ExchangeBusyError, ExchangeError
from agents.model import Market, Quote
from runtime.bootstrap import WorkerServices

logger = logging.getLogger(__name__)


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
    """Prices of one symbol that were asked for a moment ago."""

    def __init__(self, market: Market | None, quote: AskedQuote) -> None:
        self._market, self._quote = market, quote

    def prices_of(self, symbol: str) -> Prices | None:
        """The prices, once they are known; None if they cannot be had, or it is another symbol that was asked for."""
        if self._market is None or symbol != self._market.symbol:
            return None
        quote = self._quote.quote()
        return None if quote is None else Prices(self._market, quote)


@contextmanager
def asked_ahead(services: WorkerServices, symbol: str | None) -> Iterator[Asked | None]:
    """Ask for a symbol's prices, to be read later; yields None if there is no symbol or they cannot be asked for."""
    quote = None if symbol is None else _ask(services, symbol)
    if symbol is None or quote is None:
        yield None
        return
    try:
        yield Asked(services.exchange.markets().get(symbol), quote)
    finally:
        quote.drop()


def _ask(services: WorkerServices, symbol: str) -> AskedQuote | None:
    try:
        return services.exchange.ask_quote(symbol)
    except ExchangeError as error:
        logger.warning("no rules of %s: %s", symbol, error)
        return None
