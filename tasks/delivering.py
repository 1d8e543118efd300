"""Delivering events: one run at a time, a few subscribers at once, and whoever fails holds up nobody else.

A run ends after a few seconds; if something is left, the next one is announced. Subscribers whose last attempt failed are
tried by one thread alone, so that however many of them hang, the other threads serve those that answer.
"""

import logging
import random
import time
from concurrent.futures import ThreadPoolExecutor

from adapters import webhook_client
from adapters.webhook_client import Answer
from journal import deliveries
from journal.deliveries import BATCH, KEEP_TRYING_HOURS, Claimed, Due
from runtime.bootstrap import WorkerServices

DELIVERING = "events:deliver"
"""The lease under which one worker delivers."""
THREADS = 4
"""As many as a worker may have connections to the book."""
SECOND = 1_000_000_000
"""In nanoseconds, as deadlines are."""
RUN_SECONDS = 6
"""After this a run begins no further attempt."""
TURN_SECONDS = 2
"""After this a subscription waits until the others had their turn."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 10, 3600
LONGEST_WISH_SECONDS = 24 * 3600
"""A subscriber's Retry-After counts up to here."""

logger = logging.getLogger(__name__)


def deliver_events(services: WorkerServices) -> str:
    """Deliver what is due, unless another worker is at it; says how much was tried."""
    with services.state.lease(DELIVERING, wait_seconds=0) as lease:
        return "busy elsewhere" if lease is None else _run(services)


def _run(services: WorkerServices) -> str:
    deadline = time.monotonic_ns() + RUN_SECONDS * SECOND
    attempts = 0
    while True:
        fresh = _publish(services)
        due = _subscriptions_due(services)
        tried = _serve_all(services, due, deadline) if due else 0
        attempts += tried
        if time.monotonic_ns() >= deadline:
            services.queue.announce_events()
            break
        if not fresh and not tried:
            break
    _give_up(services)
    return f"{attempts} attempts"


def _publish(services: WorkerServices) -> int:
    published = 0
    while True:
        with services.book.unit_of_work() as session:
            fresh = deliveries.publish(session)
        published += fresh
        if fresh < BATCH:
            return published


def _subscriptions_due(services: WorkerServices) -> int:
    with services.book.reading() as session:
        return deliveries.subscriptions_due(session)


def _serve_all(services: WorkerServices, due: int, deadline: int) -> int:
    threads = min(THREADS, due)
    with ThreadPoolExecutor(threads, thread_name_prefix="deliver") as pool:
        # The first thread alone takes those that fail.
        working = [pool.submit(_work, services, deadline, failing=number == 0) for number in range(threads)]
    return sum(done.result() for done in working)


def _work(services: WorkerServices, deadline: int, *, failing: bool) -> int:
    """Serve one subscription after the other; how many attempts were made."""
    attempts = 0
    while time.monotonic_ns() < deadline:
        with services.book.unit_of_work() as session:
            claimed = deliveries.claim(session, failing=failing)
        if claimed is None:
            break
        attempts += _serve(services, claimed, min(deadline, time.monotonic_ns() + TURN_SECONDS * SECOND))
    return attempts


def _serve(services: WorkerServices, claimed: Claimed, deadline: int) -> int:
    """Deliver to one subscription until an attempt fails, nothing is due, or its turn is over."""
    attempts, goes_on = 0, True
    while goes_on and time.monotonic_ns() < deadline:
        with services.book.reading() as session:
            due = deliveries.next_due(session, claimed.id)
        if due is None:
            break
        attempts += 1
        goes_on = _attempt(services, claimed, due)
    with services.book.unit_of_work() as session:
        deliveries.release(session, claimed.id)
    return attempts


def _attempt(services: WorkerServices, claimed: Claimed, due: Due) -> bool:
    """Send one event and keep what came of it; whether the subscriber took it."""
    answer = webhook_client.send(claimed.url, event_id=str(due.event_id), body=due.body, secrets=claimed.secrets)
    if answer.status is not None and answer.is_delivered:
        with services.book.unit_of_work() as session:
            deliveries.record_delivered(session, claimed.id, due.event_id, answer.status)
        return True
    _note_failure(services, claimed, due, answer)
    return False


def _note_failure(services: WorkerServices, claimed: Claimed, due: Due, answer: Answer) -> None:
    wish = min(answer.retry_after or 0, LONGEST_WISH_SECONDS)
    with services.book.unit_of_work() as session:
        is_last = deliveries.record_failed(
            session,
            claimed.id,
            due.event_id,
            status=answer.status,
            error=answer.error or "no answer",
            retry_seconds=max(wish, pause_after(due.attempts)),
            block_seconds=max(wish, pause_after(claimed.failures)),
        )
    logger.info("event %s not delivered to subscription %s: %s", due.event_id, claimed.id, answer.error)
    if is_last:
        _tell(services, str(claimed.id), 1)


def pause_after(failures: int) -> int:
    """Seconds to wait after one more failure: from ten seconds, doubled each time, up to an hour, and up to a fifth more."""
    pause = min(FIRST_PAUSE_SECONDS << min(failures, 16), LONGEST_PAUSE_SECONDS)
    return pause + random.randrange(pause // 5 + 1)  # noqa: S311 - it only keeps attempts apart


def _give_up(services: WorkerServices) -> None:
    with services.book.unit_of_work() as session:
        given_up = deliveries.give_up(session)
    for subscription_id, events in given_up.items():
        _tell(services, str(subscription_id), events)


def _tell(services: WorkerServices, subscription_id: str, events: int) -> None:
    services.alerts.send(
        f"Events not delivered to subscription {subscription_id}",
        f"{events} given up after {KEEP_TRYING_HOURS} hours; they can be replayed, and are in GET /events",
    )
