"""The order book around a price: levels that depend on nothing but seed, symbol, second and price."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from sandbox.exchange.amounts import ZERO, ceil_to, floor_to
from sandbox.exchange.symbols import SymbolSpec

LEVELS = 100
_HALF_SPREAD = 0.5e-4
_MEAN_GAP = 1e-4
_QUANTITY_SLOPE = 0.08


class Level(NamedTuple):
    """Quantity offered at one price."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """Both sides of a book, best level first."""

    bids: Sequence[Level]
    asks: Sequence[Level]

    def opposite(self, side: str) -> Sequence[Level]:
        """Return the levels that a taker of this side trades against."""
        return self.asks if side == "BUY" else self.bids

    def own(self, side: str) -> Sequence[Level]:
        """Return the levels that an order of this side would rest among."""
        return self.bids if side == "BUY" else self.asks


def make_book(spec: SymbolSpec, price: Decimal, liquidity: Decimal, seed: str) -> Book:
    """Build the book around ``price``.

    The spread is about a basis point, levels lie a basis point apart on average and grow towards the outside; all of
    it varies with the seed. With little liquidity, levels below one quantity step disappear.
    """
    rng = random.Random(seed)
    half_spread = price * Decimal(_HALF_SPREAD)
    bid = min(floor_to(price - half_spread, spec.tick), price - spec.tick)
    ask = max(ceil_to(price + half_spread, spec.tick), bid + spec.tick)
    return Book(_side(spec, bid, -1, liquidity, rng), _side(spec, ask, 1, liquidity, rng))


def _side(spec: SymbolSpec, best: Decimal, direction: int, liquidity: Decimal, rng: random.Random) -> list[Level]:
    levels = []
    price = best
    gap = max(int(float(best / spec.tick) * _MEAN_GAP), 1)
    quantity = spec.level_notional / best * liquidity
    for depth in range(LEVELS):
        size = Decimal(round((0.4 + 1.2 * rng.random()) * (1 + _QUANTITY_SLOPE * depth), 4))
        levels.append(Level(price, floor_to(quantity * size, spec.step)))
        price += direction * spec.tick * rng.randint(max(gap // 2, 1), gap + gap // 2)
        if price <= 0:
            break
    return [level for level in levels if level.quantity > 0]


class Consumption:
    """What takers took off the levels; it grows back in the next second."""

    def __init__(self) -> None:
        """Start with nothing taken."""
        self._second = 0
        self._taken: dict[tuple[str, str], dict[Decimal, Decimal]] = {}

    def take(self, second: int, symbol: str, side: str, executions: Sequence[Level]) -> None:
        """Note what a taker of this side got in this second."""
        if second != self._second:
            self._second = second
            self._taken.clear()
        taken = dict(self._taken.get((symbol, side), {}))
        for execution in executions:
            taken[execution.price] = taken.get(execution.price, ZERO) + execution.quantity
        self._taken[symbol, side] = taken

    def reset(self) -> None:
        """Give everything back at once."""
        self._taken.clear()

    def left_of(self, second: int, symbol: str, book: Book) -> Book:
        """Return the book without what was taken in this second."""
        if second != self._second or not self._taken:
            return book
        return Book(self._left(symbol, "SELL", book.bids), self._left(symbol, "BUY", book.asks))

    def _left(self, symbol: str, taker_side: str, levels: Sequence[Level]) -> Sequence[Level]:
        taken = self._taken.get((symbol, taker_side))
        if taken is None:
            return levels
        left = (Level(level.price, level.quantity - taken.get(level.price, ZERO)) for level in levels)
        return [level for level in left if level.quantity > 0]
