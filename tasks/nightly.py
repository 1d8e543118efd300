"""The nightly task: yesterday's performance of every account, for the platform to read."""

from datetime import UTC, date, datetime, timedelta

from celery import shared_task

from journal import performance
from tasks.celery import services


@shared_task(name="performance.sync")
def sync(day: str | None = None) -> str:
    """Write the daily snapshot of every account for one UTC day; running it again corrects the same rows.

    Args:
        day: ISO date; yesterday when omitted.
    """
    wanted = date.fromisoformat(day) if day else datetime.now(UTC).date() - timedelta(days=1)
    with services().book.unit_of_work() as session:
        written = performance.sync_day(session, wanted)
    return f"{written} accounts for {wanted}"
