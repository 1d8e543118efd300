"""The pure comparison of the exchange's history and balances with the book's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.balances import Explained, Holdings, drifts, shortages, taken_out
from agents.model import Side
from agents.reconciliation import (
    ARCHIVED_AFTER,
    Code,
    Discrepancy,
    FillRecord,
    History,
    OrderRecord,
    by_asset,
    compare_histories,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ORDER = OrderRecord("BTCUSDT", 7, "ta-7", Side.BUY, Decimal(2), Decimal(2), Decimal(200), NOW)
FILL = FillRecord("BTCUSDT", 70, 7, Decimal(100), Decimal(2), Decimal(200), Decimal("0.002"), "BTC")
NONE: dict[str, Decimal] = {}
NOTHING = Explained(NONE, NONE, NONE)

amounts = st.decimals(0, 10**9, places=8)
by_some_asset = st.dictionaries(st.sampled_from(["USDT", "BTC", "BNB"]), amounts)


def compare(book: History, venue: History) -> list[Discrepancy]:
    return compare_histories(book, venue, now=NOW)


def codes(book: History, venue: History) -> list[Code]:
    return [one.code for one in compare(book, venue)]


def test_equal_histories_do_not_differ() -> None:
    both = History([ORDER], [FILL])
    assert compare(both, both) == []


def test_an_order_of_one_side_is_one_finding_with_its_fills() -> None:
    both = History([ORDER], [FILL])
    (unknown,) = compare(History(), both)
    (missing,) = compare(both, History())
    assert (unknown.code, unknown.expected, unknown.actual) == (Code.ORDER_UNKNOWN_TO_BOOK, Decimal(200), Decimal(0))
    assert (missing.code, missing.expected, missing.actual) == (Code.ORDER_MISSING_AT_VENUE, Decimal(0), Decimal(200))
    assert unknown.size == missing.size == 200
    assert unknown.subject == missing.subject == "BTCUSDT order 7"
    assert unknown.halts
    assert missing.halts


def test_a_manual_order_that_filled_nothing_halts_too() -> None:
    unfilled = replace(ORDER, executed_quantity=Decimal(0), executed_cost=Decimal(0))
    (found,) = compare(History(), History([unfilled]))
    assert (found.code, found.size, found.halts) == (Code.ORDER_UNKNOWN_TO_BOOK, Decimal(0), True)


def test_an_old_order_that_filled_nothing_may_be_archived_and_a_filled_one_never() -> None:
    old = NOW - ARCHIVED_AFTER - timedelta(days=1)
    unfilled = replace(ORDER, executed_quantity=Decimal(0), executed_cost=Decimal(0))
    assert compare(History([replace(unfilled, at=old)]), History()) == []
    assert codes(History([unfilled]), History()) == [Code.ORDER_MISSING_AT_VENUE]
    assert codes(History([replace(ORDER, at=old)]), History()) == [Code.ORDER_MISSING_AT_VENUE]


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": Decimal(3)},
        {"executed_quantity": Decimal(1)},
        {"executed_cost": Decimal("200.0000001")},
        {"side": Side.SELL},
        {"client_order_id": "web_1"},
    ],
)
def test_any_difference_of_an_order_halts(changes: dict[str, object]) -> None:
    (found,) = compare(History([ORDER]), History([replace(ORDER, **changes)]))  # type: ignore[arg-type]  # fields by name
    assert (found.code, found.subject, found.halts) == (Code.ORDER_DIFFERS, "BTCUSDT order 7", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"price": Decimal(101)},
        {"quantity": Decimal(1)},
        {"cost": Decimal(201)},
        {"commission": Decimal(0)},
        {"commission_asset": "BNB"},
        {"order_id": 8},
    ],
)
def test_any_difference_of_a_fill_halts(changes: dict[str, object]) -> None:
    changed = History([ORDER], [replace(FILL, **changes)])  # type: ignore[arg-type]  # fields by name
    (found,) = compare(History([ORDER], [FILL]), changed)
    assert (found.code, found.subject, found.halts) == (Code.FILL_DIFFERS, "BTCUSDT fill 70", True)


def test_the_last_decimal_of_a_cost_that_the_exchange_truncates_is_noted_and_does_not_halt() -> None:
    truncated = History([ORDER], [replace(FILL, cost=FILL.cost - Decimal("0.00000001"))])
    (found,) = compare(History([ORDER], [FILL]), truncated)
    assert (found.code, found.halts) == (Code.FILL_DIFFERS, False)


def test_a_doubled_and_a_lost_fill_are_told_apart() -> None:
    doubled = replace(FILL, trade_id=71)
    assert codes(History([ORDER], [FILL, doubled]), History([ORDER], [FILL])) == [Code.FILL_UNKNOWN_AT_VENUE]
    assert codes(History([ORDER], [FILL]), History([ORDER], [FILL, doubled])) == [Code.FILL_MISSING_IN_BOOK]


def test_amounts_by_symbol_become_amounts_by_base_asset() -> None:
    held = {"BTCUSDT": Decimal(2), "BNBUSDT": Decimal(3)}
    assert by_asset(Decimal(5), held, "USDT") == {"USDT": Decimal(5), "BTC": Decimal(2), "BNB": Decimal(3)}


def test_an_asset_is_short_by_what_the_exchange_lacks() -> None:
    owned = {"USDT": Decimal(100), "BTC": Decimal(2), "ETH": Decimal(1)}
    found = shortages(Holdings({"USDT": Decimal(100), "BTC": Decimal("1.5")}, owned))
    assert [(one.subject, one.size) for one in found] == [("BTC", Decimal("0.5")), ("ETH", Decimal(1))]
    assert all(one.halts for one in found)


def test_what_fills_explain_is_no_drift() -> None:
    before = Holdings({"USDT": Decimal(1000), "BNB": Decimal(1)}, {"USDT": Decimal(500)})
    explained = Explained(
        {"USDT": Decimal(-100), "BTC": Decimal(2), "BNB": Decimal("-0.1")},
        {"USDT": Decimal(-101), "BTC": Decimal(2)},
        NONE,
    )
    now = Holdings(
        {"USDT": Decimal(900), "BTC": Decimal(2), "BNB": Decimal("0.9")}, {"USDT": Decimal(399), "BTC": Decimal(2)}
    )
    assert list(drifts(before, now, explained)) == []


@given(by_some_asset, by_some_asset, by_some_asset, by_some_asset)
def test_every_unexplained_change_is_a_drift_of_its_size_and_nothing_else_is(
    venue_before: dict[str, Decimal],
    venue_now: dict[str, Decimal],
    owned_before: dict[str, Decimal],
    owned_now: dict[str, Decimal],
) -> None:
    before, now = Holdings(venue_before, owned_before), Holdings(venue_now, owned_now)
    sizes = {(one.code, one.subject): one.size for one in drifts(before, now, NOTHING)}
    for asset in {*venue_before, *venue_now, *owned_before, *owned_now}:
        change = venue_now.get(asset, Decimal(0)) - venue_before.get(asset, Decimal(0))
        assert sizes.pop((Code.BALANCE_DRIFT, asset), Decimal(0)) == max(-change, Decimal(0))
        assert sizes.pop((Code.BALANCE_SURPLUS, asset), Decimal(0)) == max(change, Decimal(0))
        owned = owned_now.get(asset, Decimal(0)) - owned_before.get(asset, Decimal(0))
        assert sizes.pop((Code.ASSIGNED_DRIFT, asset), Decimal(0)) == abs(owned)
    assert sizes == {}


def test_money_that_comes_in_does_not_halt_and_money_that_leaves_does() -> None:
    before = Holdings({"USDT": Decimal(10)}, NONE)
    (came,) = drifts(before, Holdings({"USDT": Decimal(1000)}, NONE), NOTHING)
    (left,) = drifts(before, Holdings({"USDT": Decimal(9)}, NONE), NOTHING)
    assert (came.code, came.halts) == (Code.BALANCE_SURPLUS, False)
    assert (left.code, left.halts) == (Code.BALANCE_DRIFT, True)


@given(amounts, amounts, st.lists(amounts, max_size=6))
def test_withdrawals_explain_as_much_as_was_withdrawn_however_often_money_leaves(
    start: Decimal, withdrawn: Decimal, removals: list[Decimal]
) -> None:
    explained = Explained(NONE, NONE, {"USDT": withdrawn})
    held, before, unexplained = start, Holdings({"USDT": start}, NONE), Decimal(0)
    for removal in removals:
        held -= min(removal, held)
        now = Holdings({"USDT": held}, NONE)
        now = replace(now, taken_out=taken_out(before, now, explained))
        unexplained += sum((one.size for one in drifts(before, now, explained)), Decimal(0))
        before = now
    assert unexplained == max(start - held - withdrawn, Decimal(0))
