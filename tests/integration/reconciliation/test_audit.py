"""The audit finds what is wrong in the book, and nothing in one that is sound."""

import os
import subprocess
import sys
from pathlib import Path

from journal.audit import Finding, breaches, findings
from tests.integration.trading.conftest import World

ROOT = Path(__file__).resolve().parents[3]


def traded(world: World) -> None:
    """Entries of three accounts, an exit in two parts, an unknown outcome, and dust."""
    world.open_account("atlas", "10000", "a")
    world.open_account("atlas", "20000", "b")
    world.open_account("nova", "333.33", "c")
    world.buy("atlas")
    world.venue.add_fault("accept_then_timeout", seconds=0.05)
    world.buy("nova")
    world.tick("nova")
    world.venue.pin_price("BTCUSDT", "40000")
    world.venue.add_fault("partial_fill", fraction="0.4")
    world.tick("atlas")
    world.tick("atlas")


def audit(world: World) -> list[Finding]:
    with world.services.book.reading() as session:
        return breaches(session)


def audit_command(url: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    named = {"DATABASE_URL": url} if url else {}
    command = [sys.executable, "-m", "journal.audit"]
    return subprocess.run(
        command, cwd=ROOT, env=environment | named, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_sound_book_has_no_breach_and_every_rule_had_something_to_look_at(world: World) -> None:
    traded(world)

    assert audit(world) == []
    with world.services.book.reading() as session:
        empty = {finding.code for finding in findings(session) if finding.rows == 0}
    assert empty == {"order_unresolved", "claim_differs", "decision_pending"}


def test_an_empty_book_has_no_breach(world: World) -> None:
    assert audit(world) == []
