"""What a worker's memory grows by when a signal concerns so many accounts."""

import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from bench.measure import Row
from bench.worker import worker
from bench.world import BookError, Servers, World, world

ACCOUNTS = 100_000
AT_MOST_MB = 150
PATIENCE_SECONDS = 120


def run(servers: Servers) -> Iterator[Row]:
    """The child's highest resident memory over an entry and its exit, against what it had before."""
    with world(servers, ACCOUNTS) as book:
        with worker(servers, book) as busy:
            busy.run("bench.get", "signals")
            (child,) = busy.children()
            idle = child.memory_info().rss
            for number, action in enumerate(("buy", "sell")):
                _decided(book, book.push(number, action))
            grown = _peak(child.pid) - idle
        book.check()
    found = f"+{grown / 1e6:.0f} MB"
    yield Row(
        f"worker's memory, one signal for {ACCOUNTS:,} accounts",
        f"{idle / 1e6:.0f} MB idle",
        f"{(idle + grown) / 1e6:.0f} MB at most",
        found,
        f"≤ +{AT_MOST_MB} MB",
        grown <= AT_MOST_MB * 1e6,
        1,
    )


def _decided(book: World, decision: int) -> None:
    book.services.queue.announce_decision(decision)
    statement = text("SELECT state FROM trading.orders WHERE decision_id = :decision AND resolved_at IS NOT NULL")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with book.services.book.reading() as session:
            state = session.scalar(statement, {"decision": decision})
        if state == "filled":
            return
        time.sleep(0.1)
    raise BookError(f"decision {decision} was not filled")


def _peak(pid: int) -> int:
    """The most resident memory a process ever had, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no peak of {pid}")
