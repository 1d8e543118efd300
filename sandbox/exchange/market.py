"""The public side of a symbol at a given second: price, book, average price. Prices can be pinned by tests."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from sandbox.exchange.amounts import floor_to
from sandbox.exchange.book import Book, Consumption, make_book
from sandbox.exchange.prices import PriceProcess
from sandbox.exchange.settings import Settings
from sandbox.exchange.symbols import SYMBOLS

AVERAGE_MINUTES = 5
_AVERAGE_SAMPLE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Pin:
    """A price fixed by hand from one second up to, but not including, another; ``None``: still fixed."""

    symbol: str
    price: Decimal
    start: int
    end: int | None


class Market:
    """Prices and books of all symbols."""

    def __init__(self, settings: Settings, process: PriceProcess, thinness: Callable[[str], Decimal]) -> None:
        """Build the market over a price process; ``thinness`` is a further factor on a symbol's liquidity now."""
        self._settings = settings
        self._process = process
        self._thinness = thinness
        self._pins: dict[str, list[Pin]] = {}
        self._books = lru_cache(maxsize=100)(self._make_book)
        self._prices = lru_cache(maxsize=200_000)(self._compute_price)
        self.consumption = Consumption()
        self.version = 0
        """Grows whenever prices of the past may have changed; caches of candles depend on it."""

    def use_pins(self, pins: list[Pin]) -> None:
        """Replace all pins."""
        self._pins = {symbol: [pin for pin in pins if pin.symbol == symbol] for symbol in SYMBOLS}
        self.version += 1
        self._prices.cache_clear()

    def price(self, symbol: str, second: int) -> Decimal:
        """Return the last price of that second, a multiple of the tick."""
        return self._prices(symbol, second)

    def volume(self, symbol: str, second: int) -> float:
        """Return the base quantity traded in that second."""
        return self._process.volume(symbol, second)

    def book(self, symbol: str, second: int) -> Book:
        """Return the book of that second, less what was taken from it."""
        liquidity = self._settings.liquidity_of(symbol) * self._thinness(symbol)
        book = self._books(symbol, second, self.price(symbol, second), liquidity)
        return self.consumption.left_of(second, symbol, book)

    def average_price(self, symbol: str, second: int) -> Decimal:
        """Return the average over the last five minutes, or since the price was pinned."""
        start = second - AVERAGE_MINUTES * 60
        pin = self._pin_at(symbol, second)
        if pin is not None:
            start = max(start, pin.start)
        seconds = range(second, start - 1, -_AVERAGE_SAMPLE_SECONDS)
        return sum((self.price(symbol, s) for s in seconds), Decimal(0)) / len(seconds)

    def _compute_price(self, symbol: str, second: int) -> Decimal:
        spec = SYMBOLS[symbol]
        pin = self._pin_at(symbol, second)
        if pin is not None:
            return pin.price
        return max(floor_to(Decimal(self._process.price(symbol, second)), spec.tick), spec.tick * 2)

    def _pin_at(self, symbol: str, second: int) -> Pin | None:
        for pin in reversed(self._pins.get(symbol, [])):
            if pin.start <= second and (pin.end is None or second < pin.end):
                return pin
        return None

    def _make_book(self, symbol: str, second: int, price: Decimal, liquidity: Decimal) -> Book:
        return make_book(SYMBOLS[symbol], price, liquidity, f"{self._settings.seed}:{symbol}:{second}")
