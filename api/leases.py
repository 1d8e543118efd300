"""Requests counted ahead: a process takes several of a caller's requests from the common count at once, and spends them itself.

So most requests wait for no round trip to Redis, and all processes together still never let more pass than the limit. The
price is at the end of a window: what one process took and did not need is not there for another.
"""

import time
from collections.abc import Callable
from threading import Lock

SHARE = 200
"""Of its limit, a process takes this part at once, so that at most half a percent is lost to each process."""
MOST = 200
MANY_CALLERS = 10_000


def size(limit: int) -> int:
    """How many requests to take at once from a limit of so many."""
    return max(1, min(MOST, limit // SHARE))


class Leases:
    """What one process has taken and not spent, by caller.

    Args:
        clock: seconds since the epoch, as windows end by them.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._left: dict[str, tuple[int, float]] = {}

    def spend(self, caller: str) -> bool:
        """Let one request pass; False if the common count has to be asked."""
        with self._lock:
            left, until = self._left.get(caller, (0, 0.0))
            if left == 0 or self._clock() >= until:
                self._left.pop(caller, None)
                return False
            self._left[caller] = (left - 1, until)
            return True

    def grant(self, caller: str, requests: int, until: float) -> None:
        """Have so many more requests of a caller until its window ends."""
        with self._lock:
            if len(self._left) >= MANY_CALLERS:
                self._left.clear()
            if requests:
                self._left[caller] = (requests, until)
