"""What a worker tells of itself and of the outside, for ``GET /ready``.

Its main process does, so that a pool that is busy or a queue that is full delays nothing here.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread
from typing import Any

from celery import Celery
from celery.bootsteps import StartStopStep
from celery.worker.state import active_requests

from adapters.presence import Presence
from adapters.probes import Sight
from runtime import settings
from runtime.bootstrap import outside_probes, presence

HEARTBEAT_SECONDS = 2
LOOK_EVERY = timedelta(seconds=2)
"""All workers together look at the exchange and at the ML engine once in so long."""
TURN_SECONDS = 1

logger = logging.getLogger(__name__)


class Heartbeat(StartStopStep):
    """Notes from the main loop, every two seconds, that the worker takes tasks, and from which queues.

    A loop that hangs notes nothing; a worker that shuts down or lost its broker takes its note back.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:  # noqa: ANN401 - Celery's own arguments
        super().__init__(consumer, **options)
        self._presence = presence(settings.load())
        self._timer: Any = None

    def start(self, consumer: Any) -> None:  # noqa: ANN401 - Celery's own arguments
        """Begin."""
        self._note(consumer)
        self._timer = consumer.timer.call_repeatedly(HEARTBEAT_SECONDS, self._note, (consumer,))

    def stop(self, consumer: Any) -> None:  # noqa: ANN401 - Celery's own arguments
        """End."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._presence.forget_worker(consumer.hostname)

    def _note(self, consumer: Any) -> None:  # noqa: ANN401 - Celery's own arguments
        facts = {
            "queues": sorted(consumer.app.amqp.queues.consume_from),
            "busy_seconds": _seconds_without_a_free_process(consumer.pool.num_processes),
        }
        self._presence.note_worker(consumer.hostname, facts)


class Lookout(StartStopStep):
    """Looks at what lies outside, in threads of its own, whenever it is this worker's turn."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:  # noqa: ANN401 - Celery's own arguments
        super().__init__(worker, **options)
        self._over = Event()

    def start(self, _worker: Any) -> None:  # noqa: ANN401 - Celery's own arguments
        """Begin."""
        loaded = settings.load()
        notes = presence(loaded)
        for name, look in outside_probes(loaded, settings.load_exchange()).items():
            Thread(target=self._watch, args=(notes, name, look), name=f"look-{name}", daemon=True).start()

    def stop(self, _worker: Any) -> None:  # noqa: ANN401 - Celery's own arguments
        """End; a look that is under way is not waited for."""
        self._over.set()

    def _watch(self, notes: Presence, name: str, look: Callable[[], Sight]) -> None:
        was_up = True
        while not self._over.is_set():
            if notes.take_turn(name, LOOK_EVERY):
                sight = look()
                notes.note_outside(name, sight.facts())
                if sight.is_up is not was_up:
                    logger.warning("%s is %s", name, "up again" if sight.is_up else f"down: {sight.detail}")
                was_up = sight.is_up
            self._over.wait(TURN_SECONDS)


def add_steps(app: Celery) -> None:
    """Have every worker of ``app`` tell."""
    app.steps["consumer"].add(Heartbeat)
    app.steps["worker"].add(Lookout)


def _seconds_without_a_free_process(processes: int) -> int:
    """How long the pool has had no process for another task; 0 if there is one."""
    starts = sorted(request.time_start for request in active_requests if request.time_start)
    return int(time.time() - starts[-1]) if len(starts) >= processes else 0
