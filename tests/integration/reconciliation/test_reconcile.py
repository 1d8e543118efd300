"""Reconciliation finds what differs, halts trading for it, and edits nothing."""

from collections.abc import Callable

from tasks.reconciling import reconcile
from tests.integration.trading.conftest import World

Found = Callable[..., dict[str, str]]


def last(world: World) -> dict[str, object]:
    return dict(world.one("SELECT * FROM trading.reconciliations ORDER BY id DESC LIMIT 1"))


def switch(world: World) -> tuple[str, str]:
    row = world.one("SELECT state, reason FROM trading.service_state")
    return row["state"], row["reason"]


def test_a_sound_book_is_in_order_at_first_later_and_from_the_beginning(traded: World) -> None:
    for full in (False, False, True):
        result = reconcile(traded.services, is_full=full)
        rows = traded.rows("SELECT * FROM trading.discrepancies")
        assert (result, rows) == ("ok", []), last(traded)
    print(last(traded))
    print(traded.rows("SELECT * FROM trading.unassigned"), traded.rows("SELECT * FROM trading.reconciliation_cursors"))
    assert switch(traded)[0] == "ACTIVE"
