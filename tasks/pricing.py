"""What the exchange says of symbols now; asked for, where they are known by then, while the book is read."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from adapters.exchange_asked import AskedQuotes
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
    """Quotes that were asked for a moment ago."""

    def __init__(self, markets: Mapping[str, Market], asked: AskedQuotes) -> None:
        self._markets, self._asked = markets, asked

    def quotes_of(self, symbols: Collection[str]) -> Mapping[str, Quote] | None:
        """The symbols' quotes, once they are known; None if they cannot be had, or were not all asked for."""
        quotes = self._asked.quotes() if self._markets.keys() & symbols <= self._asked.symbols else None
        return None if quotes is None else {symbol: quote for symbol, quote in quotes.items() if symbol in symbols}

    def prices_of(self, symbol: str) -> Prices | None:
        """One symbol's rules and quote, once they are known; None if they cannot be had, or were not asked for."""
        quote = (self.quotes_of({symbol}) or {}).get(symbol)
        return None if quote is None else Prices(self._markets[symbol], quote)

    def drop(self) -> None:
        """Give quotes that were not read up."""
        self._asked.drop()


@contextmanager
def asked_ahead(
    services: WorkerServices, symbols: Sequence[str], *, then_order: bool = False
) -> Iterator[Asked | None]:
    """Ask for quotes, to be read later; yields None if there are no symbols or they cannot be asked for.

    Args:
        services: the worker's.
        symbols: whose.
        then_order: whether an order is likely to follow at once.
    """
    asked = _ask(services, symbols, then_order=then_order)
    try:
        yield asked
    finally:
        if asked is not None:
            asked.drop()


def _ask(services: WorkerServices, symbols: Sequence[str], *, then_order: bool) -> Asked | None:
    if not symbols:
        return None
    try:
        markets = services.exchange.markets()
        asked = services.exchange.ask_quotes(symbols, then_order=then_order)
    except ExchangeError as error:
        logger.warning("no rules of %s: %s", ", ".join(symbols), error)
        return None
    return None if asked is None else Asked(markets, asked)
