"""Upkeep tasks: what was lost between the book and Redis is put right. Safe to trigger twice."""

from celery import shared_task

from journal import control, signals
from runtime.publishing import publish
from tasks.celery import services

FORGOTTEN_AFTER_SECONDS = 5


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
