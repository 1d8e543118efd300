"""Safe retries: a POST with an ``Idempotency-Key`` is carried out once, and whoever repeats it gets the first answer.

After draft-ietf-httpapi-idempotency-key-header. The key is claimed in the book before the view runs, marked in
the transaction that carries the request out, and keeps the answer: see :mod:`journal.idempotency` for what a
process that dies in between leaves behind. Without the header nothing of this happens.
"""

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus

from flask import Flask, Response, g, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from agents.signals import content_id
from api.auth import actor
from api.errors import ApiError
from api.services import services, use_services
from journal import idempotency
from journal.database import Book
from journal.idempotency import Answer, Claim, Known

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
EXEMPT = frozenset({"webhooks.receive_ml_signal"})
"""Done once by other means: the same body is the same signal."""
MAY_REPEAT = frozenset({"flows.deposit", "flows.withdraw", "flows.close", "signals.post_signal"})
"""Done once by the book, whatever becomes of the key: by ``reference_id``, or by the signal's id."""
FINAL = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})
"""Refusals that are kept like successes: who was told no must not find it done later. A ``Retry-After`` makes them none."""
KEPT_HEADERS = ("Content-Type", "ETag", "Location")
LOOK_AT = {
    "agents": "agents.status",
    "opening": "agents.status",
    "flows": "accounts.account",
    "trading": "trading.show",
    "reconciliation": "reconciliation.latest",
}
"""By blueprint, the view that shows what became of a request whose answer was lost."""

_KEY = re.compile("[ -~]{1,128}")

logger = logging.getLogger(__name__)


class ClaimedBook(Book):
    """The book as one request with a key sees it: each of its units of work marks the key as carried out.

    A direct statement does not: what it writes must be found to be known when it is repeated.
    """

    def __init__(self, book: Book, claim: Claim) -> None:
        super().__init__(book.engine, book.on_events)
        self._claim = claim

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """One transaction, in which the key is marked too.

        Raises:
            StaleStateError: another request took the key over: nothing is committed.
        """
        with super().unit_of_work() as session:
            yield session
            idempotency.carry_out(session, self._claim)


def register(app: Flask) -> None:
    """Have ``app`` heed the header; to be called after the check of who calls."""
    app.before_request(_begin)
    app.after_request(_finish)


def signal_id() -> str | None:
    """The id of a signal that brings none, from the request's key; None without a key."""
    claim: Claim | None = g.get("claim")
    if claim is None:
        return None
    return content_id("idempotency", claim.request.actor, claim.request.path, claim.request.key)


def _begin() -> Response | None:
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST" or request.url_rule is None or request.endpoint in EXEMPT:
        return None
    if _KEY.fullmatch(key) is None:
        raise _refusal("must be 1 to 128 printable ASCII characters")
    book = services().book
    asked = idempotency.Request(actor(), request.method, request.path, key, _fingerprint())
    with book.unit_of_work() as session:
        found = idempotency.claim(session, asked, may_repeat=request.endpoint in MAY_REPEAT)
    if not isinstance(found, Claim):
        return _repeated(asked, found)
    g.claim = found
    use_services(replace(services(), book=ClaimedBook(book, found)))
    return None


def _finish(response: Response) -> Response:
    claim: Claim | None = g.pop("claim", None)
    if claim is None:
        return response
    kept = _is_final(response)
    try:
        with Book(services().book.engine).unit_of_work() as session:
            if kept:
                idempotency.keep_answer(session, claim, _answer(response))
            else:
                idempotency.give_up(session, claim)
    except SQLAlchemyError as error:
        # The request itself is done or not done, and its caller must learn which.
        logger.warning("an idempotency key stays claimed until its lease is over: %s", error)
    return response


def _is_final(response: Response) -> bool:
    succeeded = HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES
    return (succeeded or response.status_code in FINAL) and "Retry-After" not in response.headers


def _answer(response: Response) -> Answer:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return Answer(response.status_code, headers, response.get_data())


def _repeated(asked: idempotency.Request, known: Known | None) -> Response:
    if known is None:
        raise _still_running(1)
    if known.fingerprint != asked.fingerprint:
        raise _refusal("was used before with another body or query: use a new one")
    if known.answer is not None:
        headers: Mapping[str, str] = {**known.answer.headers, REPLAYED: "true"}
        return Response(known.answer.body, known.answer.status, headers)
    if known.busy_seconds or known.carried_out_at is None:
        raise _still_running(max(1, min(known.busy_seconds, idempotency.LEASE_SECONDS - known.busy_seconds)))
    raise ApiError(
        HTTPStatus.CONFLICT,
        f"this was carried out at {known.carried_out_at.isoformat()}, but its answer was lost{_where_to_look()}",
    )


def _still_running(seconds: int) -> ApiError:
    return ApiError(
        HTTPStatus.CONFLICT,
        f"the first request with this {HEADER} is still running: try again",
        headers={"Retry-After": str(seconds)},
    )


def _refusal(reason: str) -> ApiError:
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{HEADER}: {reason}", errors={"headers": {HEADER: [reason]}})


def _where_to_look() -> str:
    view = LOOK_AT.get(request.blueprint or "")
    return f": see {url_for(view, **(request.view_args or {}))}" if view else ""


def _fingerprint() -> str:
    digest = hashlib.sha256(request.query_string)
    digest.update(b"\0")
    digest.update(request.get_data())
    return digest.hexdigest()
