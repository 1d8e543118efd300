"""Answers that are given again as long as the book is as it was, for reads that many ask for and that cost much.

An answer is as fresh as if it had been worked out anew: it is given again only under a stamp (:mod:`journal.stamps`) that
is read after the request came in and says that nothing was committed since. Views whose answers depend on the clock besides
the book say for how long they hold.
"""

import functools
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Lock
from typing import Any, cast

from flask import Flask, Response, current_app, g, request

from journal.database import Book
from journal.stamps import Stamps

A_DAY = 86_400.0
MOST_ANSWERS = 512
LARGEST = 64 * 1024
_EXTENSION = "kept answers"
_HOLDS = "answer_holds"

View = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _Answer:
    body: bytes
    headers: list[tuple[str, str]]
    stamp: str | None
    began: float
    """When the work on it began, by the monotonic clock, and the stamp was not yet read."""
    until: float
    """By the same clock."""


class _Place:
    """One answer, which one request at a time works out."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.answer: _Answer | None = None


class Answers:
    """The answers of one process, those least asked for forgotten first.

    Args:
        stamps: how the book stands.
        clock: seconds that only rise.
    """

    def __init__(self, stamps: Stamps, clock: Callable[[], float] = time.monotonic) -> None:
        self._stamps = stamps
        self._clock = clock
        self._lock = Lock()
        self._places: OrderedDict[str, _Place] = OrderedDict()

    def give(self, key: str, work_out: Callable[[], tuple[Response, float]]) -> Response:
        """The answer kept under ``key`` if it still holds, else what ``work_out`` gives, with the seconds that it holds.

        Of requests that find none, one works it out; those that were there before it began share what it finds.
        """
        came = self._clock()
        place = self._place(key)
        stamp = self._stamps.now()
        if (kept := place.answer) is not None and self._holds(kept, stamp, came):
            return _again(kept)
        with place.lock:
            if (kept := place.answer) is not None and kept.began >= came:
                return _again(kept)
            began, stamp = self._clock(), self._stamps.now()
            response, seconds = work_out()
            place.answer = _kept(response, stamp, began, seconds)
            return response

    def _holds(self, kept: _Answer, stamp: str | None, now: float) -> bool:
        return stamp is not None and kept.stamp == stamp and now < kept.until

    def _place(self, key: str) -> _Place:
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            if len(self._places) > MOST_ANSWERS:
                self._places.popitem(last=False)
            return place


def register(app: Flask, book: Book) -> None:
    """Have ``app`` keep answers."""
    app.extensions[_EXTENSION] = Answers(Stamps(book.engine))


def kept(seconds: float = A_DAY) -> Callable[[View], View]:
    """Keep the answers of a view that only reads the book; belongs right below ``route``.

    Args:
        seconds: for which they hold while nothing is committed.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def answer(*arguments: object, **named: object) -> Response:
            def work_out() -> tuple[Response, float]:
                response = current_app.make_response(view(*arguments, **named))
                return response, min(seconds, g.get(_HOLDS, seconds))

            answers = cast("Answers", current_app.extensions[_EXTENSION])
            return answers.give(request.full_path, work_out)

        return answer

    return decorate


def until_breakers_expire(views: Iterable[Mapping[str, Any]]) -> None:
    """Have the present answer, which shows these agents or accounts, hold until the first of their breakers is over."""
    ends = [breaker["expires_at"] for view in views for breaker in view["breakers"] if breaker["expires_at"]]
    if ends:
        setattr(g, _HOLDS, (min(ends) - datetime.now(UTC)).total_seconds())


def _kept(response: Response, stamp: str | None, began: float, seconds: float) -> _Answer | None:
    # A refusal is raised or has another status; it is worked out anew each time.
    if response.status_code != HTTPStatus.OK or response.is_streamed or (response.content_length or 0) > LARGEST:
        return None
    return _Answer(response.get_data(), response.headers.to_wsgi_list(), stamp, began, began + seconds)


def _again(answer: _Answer) -> Response:
    # A list of bytes with all its headers is taken as it is, without setting and counting anything anew.
    return Response([answer.body], headers=answer.headers)
