"""The one place that wires concretes; tests wire their own."""

from dataclasses import dataclass

from adapters import state
from adapters.queue import TaskQueue, celery_app
from adapters.state import StateStore
from journal.database import Book, connect
from runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class ControlServices:
    """What the control API needs: the book, the nerve and a way to announce work; no exchange, no keys."""

    settings: Settings
    book: Book
    state: StateStore
    queue: TaskQueue


def control_services(settings: Settings) -> ControlServices:
    """Wire the control API."""
    return ControlServices(
        settings=settings,
        book=Book(connect(settings.database_url, pool_size=10)),
        state=StateStore(state.connect(settings.redis_url)),
        queue=TaskQueue(celery_app(settings.redis_url)),
    )
