"""Whoever watches sees each decision, order and trade once, when its outcome is known."""

from typing import Any

from sandbox.launcher.feed import Feed

DECISION: dict[str, Any] = {
    "id": 1,
    "agent": "nova",
    "symbol": "BTCUSDT",
    "action": "buy",
    "confidence": 0.8312,
    "code": "ordered",
    "detail": "5 accounts in one block of 0.01234",
    "decided_at": "2026-01-02T03:04:05.123Z",
}
ORDER: dict[str, Any] = {
    "client_order_id": "ta-nova-1",
    "agent": "nova",
    "symbol": "BTCUSDT",
    "side": "buy",
    "state": "filled",
    "executed_quantity": 0.01234,
    "average_price": 45010.5,
    "accounts": 5,
    "error_message": None,
    "resolved_at": "2026-01-02T03:04:06Z",
}
TRADE: dict[str, Any] = {
    "id": "a",
    "agent": "nova",
    "symbol": "BTCUSDT",
    "profit_loss": -1.5,
    "reason": "stop",
    "exit_order_id": "ta-nova-2",
    "closed_at": "2026-01-02T03:05:00Z",
}


def test_a_decision_that_led_to_an_order_is_one_line_with_its_signal() -> None:
    assert Feed().lines([DECISION], [], []) == [
        "03:04:05 decision  nova   BTCUSDT buy 0.83: 5 accounts in one block of 0.01234"
    ]


def test_the_reasons_of_all_other_decisions_are_counted_in_one_line_per_agent() -> None:
    others = [DECISION | {"id": number, "code": "hold"} for number in (2, 3)]
    others.append(DECISION | {"id": 4, "code": "signal_stale"})
    assert Feed().lines(others, [], []) == ["03:04:05 decisions nova   no order: 2 hold, 1 signal_stale"]


def test_an_order_is_shown_with_its_average_price_and_its_accounts() -> None:
    assert Feed().lines([], [ORDER], []) == [
        "03:04:06 order     nova   buy BTCUSDT: filled 0.01234 at 45,010.5 for 5 accounts (ta-nova-1)"
    ]


def test_a_refused_order_is_shown_with_the_exchanges_words() -> None:
    refused = ORDER | {"state": "rejected", "executed_quantity": 0, "error_message": "Filter failure: LOT_SIZE"}
    assert Feed().lines([], [refused], []) == [
        "03:04:06 order     nova   buy BTCUSDT: rejected Filter failure: LOT_SIZE (ta-nova-1)"
    ]


def test_the_trades_of_one_closing_order_are_one_line() -> None:
    assert Feed().lines([], [], [TRADE, TRADE | {"id": "b", "profit_loss": 0.25}]) == [
        "03:05:00 trade     nova   BTCUSDT: 2 accounts closed, loss 1.25 USDT (stop)"
    ]


def test_one_account_is_no_accounts() -> None:
    assert Feed().lines([], [ORDER | {"accounts": 1}], [TRADE]) == [
        "03:04:06 order     nova   buy BTCUSDT: filled 0.01234 at 45,010.5 for 1 account (ta-nova-1)",
        "03:05:00 trade     nova   BTCUSDT: 1 account closed, loss 1.50 USDT (stop)",
    ]


def test_nothing_is_shown_twice_and_nothing_before_its_outcome_is_known() -> None:
    feed = Feed()
    open_order = ORDER | {"resolved_at": None}
    open_decision = DECISION | {"decided_at": None}
    assert feed.lines([open_decision], [open_order], []) == []
    assert len(feed.lines([DECISION], [ORDER], [TRADE])) == 3
    assert feed.lines([DECISION], [ORDER], [TRADE]) == []


def test_what_was_there_before_is_skipped() -> None:
    feed = Feed()
    feed.skip([DECISION], [ORDER], [TRADE])
    assert feed.lines([DECISION], [ORDER], [TRADE]) == []
