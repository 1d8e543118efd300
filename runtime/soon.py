"""Doing something a moment later and apart, once for all who asked meanwhile."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

PAUSE_SECONDS = 0.02
"""So long it waits for others to ask the same."""


class Soon:
    """Calls a function in a thread of its own; whoever asks before it begins shares the call.

    Args:
        act: what is to be done; must not raise.
        name: of the thread.
    """

    def __init__(self, act: Callable[[], object], name: str) -> None:
        self._act = act
        self._acting = ThreadPoolExecutor(1, name)
        self._lock = Lock()
        self._is_asked = False

    def ask(self) -> None:
        """Have it done after this moment, and do not wait for it."""
        with self._lock:
            if self._is_asked:
                return
            self._is_asked = True
        self._acting.submit(self._do)

    def _do(self) -> None:
        time.sleep(PAUSE_SECONDS)
        with self._lock:
            self._is_asked = False
        self._act()
