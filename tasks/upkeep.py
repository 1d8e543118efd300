"""Upkeep tasks: what was lost between the book and Redis is put right. Safe to trigger twice."""

from celery import shared_task

from journal import control, idempotency, signals
from runtime.publishing import publish
from tasks.celery import services
from tasks.delivering import deliver_events
from tasks.reconciling import reconcile

FORGOTTEN_AFTER_SECONDS = 5
RECONCILING = "exchange:reconcile"
"""The lease under which one worker reconciles."""


@shared_task(name="signals.sweep")
def sweep() -> str:
    """Announce again every decision that is still pending: its message was lost or came while Redis was down."""
    wired = services()
    with wired.book.reading() as session:
        forgotten = signals.forgotten_decisions(session, FORGOTTEN_AFTER_SECONDS)
    for decision_id in forgotten:
        wired.queue.announce_decision(decision_id)
    return f"{len(forgotten)} announced"


@shared_task(name="agents.rehydrate")
def rehydrate() -> str:
    """Publish every agent's state and schedule from the book, so that Redis may be lost at any time."""
    wired = services()
    with wired.book.reading() as session:
        publications = control.publications(session)
    for publication in publications:
        publish(publication, state=wired.state, queue=wired.queue)
    return f"{len(publications)} agents"


@shared_task(name="exchange.reconcile")
def reconcile_exchange() -> str:
    """Compare the book with the exchange, unless another worker is at it; serves what was asked for through the API too."""
    wired = services()
    with wired.state.lease(RECONCILING, wait_seconds=0) as lease:
        return "busy elsewhere" if lease is None else reconcile(wired)


@shared_task(name="events.deliver")
def deliver() -> str:
    """Deliver events to those who subscribed, unless another worker is at it."""
    return deliver_events(services())


@shared_task(name="idempotency.forget")
def forget_keys() -> str:
    """Delete idempotency keys that are too old to be asked for again, and their answers."""
    with services().book.unit_of_work() as session:
        return f"{idempotency.forget_old(session)} forgotten"
