"""Keys of the advisory locks that are held in the book's database, side by side so that no two are the same."""

from enum import IntEnum, unique

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session


@unique
class AdvisoryLock(IntEnum):
    """Who excludes whom; every other lock is one on rows."""

    MIGRATION = 7_318_003
    """Two migrations at once: the second waits and finds nothing to do."""
    NIGHTLY_SYNC = 7_318_004
    """Two syncs at once: they take turns, day by day."""
    EVENT_POSITIONS = 7_318_005
    """Events get their positions one after another, so that the order of positions is that of commits."""


def hold(connection: Connection | Session, lock: AdvisoryLock) -> None:
    """Wait for a lock and keep it until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock.value})
