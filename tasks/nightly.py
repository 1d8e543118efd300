"""The nightly task: the performance of every account up to yesterday, for the platform to read."""

from datetime import date
from typing import Any

from celery import Task, shared_task

from tasks.celery import services
from tasks.measuring import sync_performance

TIME_LIMIT = 3600
"""Seconds. A book that was not synced for years takes many days' work; each day is kept as soon as it is done."""


@shared_task(name="performance.sync", bind=True, time_limit=TIME_LIMIT)
def sync(self: "Task[Any, Any]", day: str | None = None) -> str:
    """Write the snapshots of every account; running it again corrects the same rows.

    Days that were missed are filled in, and from a day of which the ledger says something else now, all are corrected.

    Args:
        self: the task as it runs.
        day: ISO date from which to write anew in any case, today at the latest; without it only what is missing or wrong.
    """

    def show(progress: str) -> None:
        # Workers keep no results; as an event it is what Flower shows as the task's state.
        self.send_event("task-progress", result=progress)

    return sync_performance(services(), date.fromisoformat(day) if day else None, show)
