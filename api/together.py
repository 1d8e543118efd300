"""Doing together what several requests ask at once, so that they do not wait for one another's transactions."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Given = TypeVar("Given")

MOST = 100


@dataclass
class _Wish(Generic[Asked, Given]):
    asked: Asked
    outcome: Given | Exception | None = None


class _Queue(Generic[Asked, Given]):
    """Wishes of one kind; whoever holds ``turn`` carries out all that wait."""

    def __init__(self) -> None:
        self.turn = Lock()
        self.waiting: list[_Wish[Asked, Given]] = []
        self.lock = Lock()


class Together(Generic[Asked, Given]):
    """Carries out wishes of one kind together: those that come while others are carried out wait, and are the next.

    A wish that comes alone is carried out at once.

    Args:
        carry_out: does all of some wishes; gives for each what came of it, or the error it came to.
    """

    def __init__(self, carry_out: Callable[[Sequence[Asked]], Sequence[Given | Exception]]) -> None:
        self._carry_out = carry_out
        self._lock = Lock()
        self._queues: defaultdict[Hashable, _Queue[Asked, Given]] = defaultdict(_Queue)

    def do(self, kind: Hashable, asked: Asked) -> Given:
        """Carry ``asked`` out, with others of its kind.

        Raises:
            Exception: what it came to.
        """
        with self._lock:
            queue = self._queues[kind]
        wish: _Wish[Asked, Given] = _Wish(asked)
        with queue.lock:
            queue.waiting.append(wish)
        while wish.outcome is None:
            with queue.turn:
                if wish.outcome is None:
                    self._take_turn(queue)
        if isinstance(wish.outcome, Exception):
            raise wish.outcome
        return wish.outcome

    def waiting(self, kind: Hashable) -> int:
        """How many wishes of a kind nobody carries out yet."""
        with self._lock:
            return len(self._queues[kind].waiting)

    def _take_turn(self, queue: _Queue[Asked, Given]) -> None:
        with queue.lock:
            wishes, queue.waiting = queue.waiting[:MOST], queue.waiting[MOST:]
        try:
            outcomes = self._carry_out([wish.asked for wish in wishes])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is handed to everyone whose wish it ended
            outcomes = [error] * len(wishes)
        for wish, outcome in zip(wishes, outcomes, strict=True):
            wish.outcome = outcome
