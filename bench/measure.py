"""What a measure is: two series of seconds taken in turn, one of them the floor, and a goal for their ratio."""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass
class Series:
    """Seconds (or other figures) of the same thing, measured several times."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def spread(self) -> str:
        """The least and the most, in the unit of :func:`seconds`."""
        return f"{seconds(min(self.values))} to {seconds(max(self.values))}"

    def percentile(self, percent: int) -> float:
        """So many percent of the values are at most this: the nearest rank."""
        ordered = sorted(self.values)
        return ordered[math.ceil(len(ordered) * percent / 100) - 1]

    @contextmanager
    def time(self) -> Iterator[None]:
        """Add the time that the block takes."""
        begun = time.perf_counter()
        yield
        self.values.append(time.perf_counter() - begun)


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured against what, how they compare, and the goal."""

    measure: str
    floor: str
    found: str
    ratio: str
    goal: str
    met: bool | None
    rounds: int


def compare(measure: str, floor: Series, found: Series, goal: Decimal | None) -> Row:
    """How many times its floor something takes, at most ``goal`` if it has one; the ratio's spread is that of the pairs of rounds."""
    ratio = found.median / floor.median
    pairs = [one / other for one, other in zip(found.values, floor.values, strict=False)]
    spread = f"{ratio:.2f} x ({min(pairs):.2f} to {max(pairs):.2f})"
    return Row(
        measure,
        f"{seconds(floor.median)} ({floor.spread})",
        f"{seconds(found.median)} ({found.spread})",
        spread,
        "—" if goal is None else f"≤ {goal} x",
        None if goal is None else ratio <= goal,
        len(found.values),
    )


def alternate(rounds: int, *steps: Callable[[int], None]) -> None:
    """Take every step in each round, so that a busy moment of the machine hits all of them."""
    for number in range(rounds):
        for step in steps:
            step(number)


def seconds(value: float) -> str:
    """A time as people read it."""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


Measure = Callable[..., Iterator[Row]]
