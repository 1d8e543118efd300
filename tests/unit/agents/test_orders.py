"""The life of an order: which state follows which, its id, and what an answer of fills means."""

import re
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import BookError
from agents.model import Side
from agents.orders import (
    ABSENCE_PROVEN_AFTER,
    RECEIVE_WINDOW,
    SEND_WITHIN,
    UNRESOLVED,
    OrderState,
    check_transition,
    client_order_id,
    state_after,
)
from tests.unit.agents.values import fill

S = OrderState
LEGAL = {
    (S.INTENDED, S.UNKNOWN),
    (S.INTENDED, S.FILLED),
    (S.INTENDED, S.PARTIALLY_FILLED),
    (S.INTENDED, S.EXPIRED),
    (S.INTENDED, S.REJECTED),
    (S.INTENDED, S.WITHDRAWN),
    (S.INTENDED, S.ABSENT),
    (S.UNKNOWN, S.FILLED),
    (S.UNKNOWN, S.PARTIALLY_FILLED),
    (S.UNKNOWN, S.EXPIRED),
    (S.UNKNOWN, S.REJECTED),
    (S.UNKNOWN, S.ABSENT),
}


@pytest.mark.parametrize(("old", "new"), sorted(LEGAL))
def test_a_legal_change_of_state_passes(old: OrderState, new: OrderState) -> None:
    check_transition(old, new)


@pytest.mark.parametrize(("old", "new"), sorted(set(product(OrderState, OrderState)) - LEGAL))
def test_every_other_change_of_state_is_refused(old: OrderState, new: OrderState) -> None:
    with pytest.raises(BookError, match=f"cannot go from {old} to {new}"):
        check_transition(old, new)


def test_what_may_have_been_sent_can_no_longer_be_withdrawn() -> None:
    with pytest.raises(BookError):
        check_transition(OrderState.UNKNOWN, OrderState.WITHDRAWN)


def test_only_intended_and_unknown_orders_keep_money_reserved() -> None:
    assert {OrderState.INTENDED, OrderState.UNKNOWN} == UNRESOLVED


TEXT = st.text(max_size=80)


@given(TEXT, TEXT, st.sampled_from(Side), TEXT)
def test_a_client_order_id_is_one_that_binance_takes(agent: str, symbol: str, side: Side, cause: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{35}", client_order_id(agent, symbol, side, cause))


def test_the_same_cause_has_the_same_id_in_every_process() -> None:
    assert client_order_id("atlas", "BTCUSDT", Side.BUY, "sig-1") == "ta-30f7eebb66da4e14c7d999058a3c400a"


@pytest.mark.parametrize(
    "other",
    [
        ("nova", "BTCUSDT", Side.BUY, "sig-1"),
        ("atlas", "ETHUSDT", Side.BUY, "sig-1"),
        ("atlas", "BTCUSDT", Side.SELL, "sig-1"),
        ("atlas", "BTCUSDT", Side.BUY, "sig-2"),
        ("atla", "sBTCUSDT", Side.BUY, "sig-1"),
    ],
)
def test_any_other_cause_has_another_id(other: tuple[str, str, Side, str]) -> None:
    assert client_order_id(*other) != client_order_id("atlas", "BTCUSDT", Side.BUY, "sig-1")


@pytest.mark.parametrize(
    ("filled", "state"),
    [
        ([], OrderState.EXPIRED),
        (["0.5"], OrderState.PARTIALLY_FILLED),
        (["0.5", "0.49999999"], OrderState.PARTIALLY_FILLED),
        (["0.5", "0.5"], OrderState.FILLED),
    ],
)
def test_the_fills_of_an_accepted_order_tell_its_final_state(filled: list[str], state: OrderState) -> None:
    assert state_after(Decimal(1), tuple(fill(quantity) for quantity in filled)) is state


def test_absence_is_proven_only_after_the_order_can_no_longer_arrive() -> None:
    assert ABSENCE_PROVEN_AFTER >= SEND_WITHIN + RECEIVE_WINDOW
