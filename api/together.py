"""Doing together what several requests ask at once, so that they do not wait for one another's transactions."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from threading import Condition, Lock
from typing import Generic, TypeVar, cast

Asked = TypeVar("Asked")
Given = TypeVar("Given")

MOST = 100
PATIENCE_SECONDS = 0.02
"""So long at most those are waited for who asked at the same time before, as a database's ``commit_delay`` does: they are likely
to ask again, and one more in a transaction costs far less than one more transaction."""


class _Wish(Generic[Asked, Given]):
    """``woken`` is held until there is an outcome, or until it is its caller's turn to carry out what waits."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.outcome: Given | Exception | None = None
        self.woken = Lock()
        self.woken.acquire()


class _Queue(Generic[Asked, Given]):
    """Wishes of one kind that nobody carries out yet; ``busy`` while somebody carries out others.

    ``expected`` is how many asked at the same time before.
    """

    def __init__(self) -> None:
        self.waiting: list[_Wish[Asked, Given]] = []
        self.busy = False
        self.expected = 1


class Together(Generic[Asked, Given]):
    """Carries out wishes of one kind together: those that come while others are carried out wait, and are the next.

    A wish that comes alone is carried out at once. The first of those that wait carries all of them out, and before that gives
    those who asked together with it the last time a moment to ask again.

    Args:
        carry_out: does all of some wishes; gives for each what came of it, or the error it came to.
        patience_seconds: how long to wait for those who asked at the same time before.
    """

    def __init__(
        self,
        carry_out: Callable[[Sequence[Asked]], Sequence[Given | Exception]],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._carry_out = carry_out
        self._patience_seconds = patience_seconds
        self._lock = Lock()
        self._more = Condition(self._lock)
        self._queues: defaultdict[Hashable, _Queue[Asked, Given]] = defaultdict(_Queue)

    def do(self, kind: Hashable, asked: Asked) -> Given:
        """Carry ``asked`` out, with others of its kind.

        Raises:
            Exception: what it came to.
        """
        wish: _Wish[Asked, Given] = _Wish(asked)
        with self._lock:
            queue = self._queues[kind]
            queue.waiting.append(wish)
            if len(queue.waiting) == queue.expected:
                self._more.notify_all()
            has_to_wait, queue.busy = queue.busy, True
        if has_to_wait:
            wish.woken.acquire()
        if wish.outcome is None:
            self._take_turn(queue)
        if isinstance(wish.outcome, Exception):
            raise wish.outcome
        return cast("Given", wish.outcome)

    def waiting(self, kind: Hashable) -> int:
        """How many wishes of a kind nobody carries out yet."""
        with self._lock:
            return len(self._queues[kind].waiting)

    def _take_turn(self, queue: _Queue[Asked, Given]) -> None:
        with self._lock:
            self._more.wait_for(lambda: len(queue.waiting) >= queue.expected, self._patience_seconds)
            wishes, queue.waiting = queue.waiting[:MOST], queue.waiting[MOST:]
        try:
            outcomes = self._carry_out([wish.asked for wish in wishes])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is handed to everyone whose wish it ended
            outcomes = [error] * len(wishes)
        for wish, outcome in zip(wishes, outcomes, strict=True):
            wish.outcome = outcome
            wish.woken.release()
        with self._lock:
            queue.expected = min(MOST, len(wishes) + len(queue.waiting))
            queue.busy = bool(queue.waiting)
            if queue.busy:
                queue.waiting[0].woken.release()
