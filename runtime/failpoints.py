"""Named points at which the chaos suite kills the process, as ``kill -9`` would.

Without the setting that only that suite sets, reaching a point does nothing.
"""

import os
import random
import signal
from collections.abc import Callable, Mapping

Reach = Callable[[str], None]

POINTS = (
    "signals_stored",
    "intent_written",
    "intent_committed",
    "order_answered",
    "outcome_written",
    "outcome_committed",
)
"""In the order of a tick; *written* is before the commit, *committed* after it."""


def nothing_happens(point: str) -> None:
    """What reaching a point does outside of the chaos suite."""


def reach_function(probabilities: Mapping[str, float]) -> Reach:
    """What reaching a point does: die with its probability, the worker's parent process first.

    Args:
        probabilities: from 0 to 1 by name of point; empty outside of the chaos suite.
    """
    if not probabilities:
        return nothing_happens

    def reach(point: str) -> None:
        if random.random() < probabilities.get(point, 0):  # noqa: S311 - chaos needs no secrecy
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    return reach
