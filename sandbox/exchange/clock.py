"""The exchange's time, as a function that tests replace."""

import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], int]
"""Returns the current time in milliseconds since the epoch, UTC."""


def system_clock() -> int:
    """Return the machine's time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class ManualClock:
    """A clock that stands until it is moved; for tests."""

    now: int

    def __call__(self) -> int:
        """Return the time it was set to."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += int(seconds * 1000)
