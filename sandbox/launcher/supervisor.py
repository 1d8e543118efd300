"""Keeps children running: starts them, starts again what ended by itself, and stops all in reverse order."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sandbox.embedded.server import ServerError
from sandbox.launcher.children import Child

_LONG_ENOUGH_SECONDS = 30.0
_LONGEST_WAIT_SECONDS = 30.0


class Supervisor:
    """The children of one run.

    Args:
        say: Takes the sentences that the person at the terminal should read.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._stages: list[list[Child]] = []
        self._restarts: dict[str, _Restarts] = {}

    def start(self, *children: Child) -> None:
        """Start children side by side, and return when all of them work.

        They stop together, before everything that was started earlier.

        Raises:
            ServerError: One of them does not work.
        """
        began = time.monotonic()
        self._stages.append([])
        for child in children:
            self._stages[-1].append(child)
            child.start()
        for child in children:
            child.wait_ready()
            self._restarts[child.name] = _Restarts()
            self._say(f"  {child.name:<14} works after {time.monotonic() - began:.1f} s")

    def tend(self) -> None:
        """Start again what has ended. To be called a few times a second."""
        for child in (child for stage in self._stages for child in stage):
            if not child.is_alive():
                self._restart(child)

    def stop(self) -> None:
        """Stop everything, the last started first."""
        for stage in reversed(self._stages):
            _stop_together(stage)
        self._stages.clear()

    def _restart(self, child: Child) -> None:
        restarts = self._restarts[child.name]
        if not restarts.is_due(time.monotonic()):
            return
        self._say(f"{child.name} ended by itself; starting it again (its words: {child.log})")
        try:
            child.start()
        except ServerError as error:
            self._say(f"{child.name} does not start: {error}")


class _Restarts:
    """Decides when to try again: at once, then ever later while a child keeps ending soon after its start."""

    def __init__(self) -> None:
        self._last = float("-inf")
        self._wait = 0.0

    def is_due(self, now: float) -> bool:
        """Return whether to start now; a yes counts as a start."""
        if now < self._last + self._wait:
            return False
        calm = now - self._last > _LONG_ENOUGH_SECONDS
        self._wait = 1.0 if calm else min(self._wait * 2, _LONGEST_WAIT_SECONDS)
        self._last = now
        return True


def _stop_together(children: Sequence[Child]) -> None:
    if children:
        with ThreadPoolExecutor(len(children)) as pool:
            list(pool.map(lambda child: child.stop(), children))
