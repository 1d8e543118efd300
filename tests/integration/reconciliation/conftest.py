"""The trading tests' world, with ways to corrupt it behind everybody's back."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from journal import performance
from journal.audit import breaches
from tasks import comparing
from tasks.reconciling import reconcile
from tests.integration.trading.conftest import World, exchange_process, make_world, world

__all__ = ["exchange_process", "make_world", "world"]

Plant = Callable[..., None]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "PAUSE", timedelta(milliseconds=10))


@pytest.fixture
def plant(world: World) -> Plant:
    """Change a row that nobody may change: by the database's owner, with the ledger's triggers off."""

    def change(statement: str, **parameters: object) -> None:
        (table,) = re.findall(r"(?:UPDATE|DELETE FROM|INSERT INTO) (\w+\.\w+)", statement)
        with world.services.book.unit_of_work() as session:
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            changed = session.execute(text(statement), parameters)
            session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        assert changed.rowcount == 1, "a corruption must change one row"  # type: ignore[attr-defined]  # a changing statement counts rows

    return change


@pytest.fixture
def found(world: World) -> Callable[..., dict[str, str]]:
    """Reconcile; what stands then, subject by code."""

    def run(*, full: bool = False) -> dict[str, str]:
        reconcile(world.services, is_full=full)
        rows = world.rows("SELECT code, subject FROM trading.discrepancies WHERE gone_at IS NULL ORDER BY id")
        return {row["code"]: row["subject"] for row in rows}

    return run


@pytest.fixture
def broken(world: World) -> Callable[[], set[str]]:
    """Audit; the codes of the rules that are broken."""

    def run() -> set[str]:
        with world.services.book.reading() as session:
            return {finding.code for finding in breaches(session)}

    return run


@pytest.fixture
def traded(world: World) -> World:
    """Entries of three accounts, an exit in two parts, an unknown outcome, and dust; measured until now."""
    world.without_fear()
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
    with world.services.book.unit_of_work() as session:
        performance.sync_day(session, datetime.now(UTC).date(), is_last=True)
    return world
