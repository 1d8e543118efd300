"""The Celery application: how work is announced, and the beat schedule in Redis (RedBeat).

A message is only a wake-up call; the row in the book is the work. Losing or doubling a message
therefore costs time, never money. Settings follow measurements of Celery over Redis: short
socket timeouts, no publish retry (it doubles messages), results off, one message prefetched.
"""

import logging
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import unquote, urlsplit

from celery import Celery
from celery.schedules import schedule as every
from kombu import Queue
from kombu.exceptions import OperationalError
from redbeat import RedBeatSchedulerEntry

SIGNALS, TICKS, UPKEEP, EVENTS = "signals", "ticks", "upkeep", "events"
QUEUES = (SIGNALS, TICKS, UPKEEP, EVENTS)
KEY_PREFIX = "redbeat:"
BEAT_LOCK_KEY = f"{KEY_PREFIX}:lock"
"""RedBeat's own name for it; whoever holds it sends, and takes it anew at the beginning of every round."""
BEAT_LOCK_SECONDS = 10
"""So long after a killed beat, another one sends. It must exceed the longest round: 7,000 entries due at once."""
TICK_TASK = "agents.tick"
SIGNAL_TASK = "agents.signal"
RECONCILE_TASK = "exchange.reconcile"
DELIVER_TASK = "events.deliver"
DELIVER_SECONDS = 5
"""Beat sends it so often, whether somebody announces events or not."""
HARD_TIME_LIMIT = 240
VISIBILITY_TIMEOUT = 2 * HARD_TIME_LIMIT
SOCKET_TIMEOUT = 2

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""The last run of an entry that never ran: it is due at once."""

logger = logging.getLogger(__name__)


def celery_app(redis_url: str) -> Celery:
    """The application that both the API (to send) and the workers (to run) use.

    Args:
        redis_url: the broker, which also holds the beat schedule.
    """
    address, credentials = _apart(redis_url)
    app = Celery("trading-agents", broker=redis_url)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        timezone="UTC",
        task_ignore_result=True,
        task_queues=[Queue(name) for name in QUEUES],
        task_default_queue=UPKEEP,
        task_routes={SIGNAL_TASK: {"queue": SIGNALS}, TICK_TASK: {"queue": TICKS}, DELIVER_TASK: {"queue": EVENTS}},
        task_create_missing_queues=False,
        task_acks_late=False,
        task_time_limit=HARD_TIME_LIMIT,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT,
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "socket_timeout": SOCKET_TIMEOUT,
            "socket_connect_timeout": SOCKET_TIMEOUT,
            "retry_on_timeout": False,
        },
        redbeat_redis_url=address,
        redbeat_key_prefix=KEY_PREFIX,
        redbeat_redis_options={"socket_timeout": 10, "socket_connect_timeout": SOCKET_TIMEOUT, **credentials},
        redbeat_lock_timeout=BEAT_LOCK_SECONDS,
        beat_max_loop_interval=1,
    )
    return app


def _apart(url: str) -> tuple[str, dict[str, str]]:
    """An address, and what logs in there. Celery hides passwords from Flower by their name, but not in RedBeat's address."""
    parts = urlsplit(url)
    given = {"username": parts.username, "password": parts.password}
    credentials = {name: unquote(value) for name, value in given.items() if value}
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), credentials


class TaskQueue:
    """Announces rows to the workers and keeps one periodic entry per running agent."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self._no_events_until = 0.0

    def announce_decision(self, decision_id: int, symbol: str | None = None) -> bool:
        """Wake a worker for a pending decision; False if the broker is out of reach.

        The row stays pending then, and the sweeper announces it again.

        Args:
            decision_id: the row.
            symbol: the signal's, if it is announced for the first time, so that the worker asks for its prices at once.
        """
        try:
            self.app.send_task(SIGNAL_TASK, args=[decision_id, symbol], task_id=f"decision-{decision_id}")
        except OperationalError as error:
            logger.warning("decision %s not announced, the sweeper will: %s", decision_id, error)
            return False
        return True

    def announce_reconciliation(self, run_id: int) -> bool:
        """Wake a worker for a reconciliation that was asked for; False if the broker is out of reach.

        The row stays pending then, and the next periodic run serves it.
        """
        try:
            self.app.send_task(RECONCILE_TASK, task_id=f"reconciliation-{run_id}")
        except OperationalError as error:
            logger.warning("reconciliation %s not announced, the next periodic one serves it: %s", run_id, error)
            return False
        return True

    def announce_events(self) -> bool:
        """Wake a worker for events that were written; False if the broker is out of reach.

        They wait in the book then, until beat sends the same.
        """
        if time.monotonic() < self._no_events_until:
            return False
        try:
            self.app.send_task(DELIVER_TASK, expires=DELIVER_SECONDS)
        except OperationalError as error:
            # Nobody else waits for a broker that does not answer: it may take seconds to find out.
            self._no_events_until = time.monotonic() + DELIVER_SECONDS
            logger.warning("events not announced, beat does within %s s: %s", DELIVER_SECONDS, error)
            return False
        return True

    def schedule_agent(self, agent: str, interval: Decimal) -> None:
        """Have beat send the agent's tick every ``interval`` seconds, the first time at once.

        The same call changes the interval; repeating it puts nothing off, for the time of the last tick is kept.
        """
        seconds = float(interval)
        RedBeatSchedulerEntry(
            name=_entry_name(agent),
            task=TICK_TASK,
            schedule=every(timedelta(seconds=seconds)),
            args=[agent],
            options={"queue": TICKS, "expires": seconds},
            last_run_at=self._last_tick(agent),
            app=self.app,
        ).save()

    def _last_tick(self, agent: str) -> datetime:
        try:
            last = RedBeatSchedulerEntry.from_key(_entry_key(agent), app=self.app).last_run_at
        except KeyError:
            return LONG_AGO
        return last or LONG_AGO

    def unschedule_agent(self, agent: str) -> None:
        """Take the agent's tick off the schedule; nothing happens if it is not there."""
        try:
            entry = RedBeatSchedulerEntry.from_key(_entry_key(agent), app=self.app)
        except KeyError:
            return
        entry.delete()


def _entry_name(agent: str) -> str:
    return f"tick:{agent}"


def _entry_key(agent: str) -> str:
    return KEY_PREFIX + _entry_name(agent)
