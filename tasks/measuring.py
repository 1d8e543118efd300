"""Measuring performance: day by day, each in a transaction of its own, so that what is done stays done."""

import logging
from collections.abc import Callable
from datetime import date

from journal import performance
from runtime.bootstrap import WorkerServices

logger = logging.getLogger(__name__)


def sync_performance(services: WorkerServices, wanted: date | None, show: Callable[[str], None]) -> str:
    """Write every day that is missing or wrong, and those that are wanted, and say how far it has come.

    Args:
        services: the worker's.
        wanted: a day from which to write in any case, today at the latest.
        show: called with a sentence after each day.

    Raises:
        InvalidInputError: ``wanted`` is in the future.
    """
    with services.book.unit_of_work() as session:
        performance.thin_out(session)
    with services.book.reading() as session:
        days = performance.days_to_sync(session, wanted)
    for number, day in enumerate(days, start=1):
        with services.book.unit_of_work() as session:
            written = performance.sync_day(session, day, is_last=number == len(days))
        progress = f"day {number} of {len(days)}: {written.accounts} accounts for {day}"
        logger.info("performance: %s%s", progress, "" if written.is_final else ", which is not over")
        show(progress)
    return f"{len(days)} days, the last {days[-1]}" if days else "nothing to write"
