"""Asking something that may hang, without hanging with it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Question(Generic[T]):
    """One question, asked in a thread of its own; whoever asks while it is open shares the answer.

    Args:
        ask: gives the answer or raises.
        name: of the thread.
    """

    def __init__(self, ask: Callable[[], T], name: str) -> None:
        self._ask = ask
        self._asking = ThreadPoolExecutor(1, name)
        self._answer: Future[T] | None = None

    def put(self) -> Future[T]:
        """Ask, unless the question is open already; the answer to come."""
        if self._answer is None or self._answer.done():
            self._answer = self._asking.submit(self._ask)
        return self._answer
