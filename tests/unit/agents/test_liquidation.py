"""Which parts of which positions raise an amount of cash."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.allocation import divide_exit_fills
from agents.decision import decide_exits
from agents.liquidation import REST_IN_SMALLEST_ORDERS, Offer, raise_cash
from agents.model import Block, Market, Position, Side, Want
from tests.unit.agents.values import build_block, fill, market

FEE = Decimal("0.002")
BTC, ETH = market(), market(base="ETH", step="0.0001", min_quantity="0.0001")
COARSE = market(base="DOGE", tick="0.00001", step="1", min_quantity="1")
OFFERS = {
    "BTCUSDT": Offer(BTC, Decimal(45000)),
    "ETHUSDT": Offer(ETH, Decimal(2500)),
    "DOGEUSDT": Offer(COARSE, Decimal("0.1")),
}
QUANTITIES = {"BTCUSDT": "0.5", "ETHUSDT": "4", "DOGEUSDT": "30000"}


def held(symbol: str, quantity: str | Decimal, number: int = 1) -> Position:
    return Position(number, "a", 1, symbol, Decimal(quantity), Decimal(100))


def sold(position: Position, parts: dict[int, Decimal], rules: Market, price: Decimal) -> Decimal:
    """What an account gets for its part at the worst: at the limit price, in a block that loses most by flooring."""
    quantity = parts[position.id]
    other = Want("b", 2, rules.lot_step * 10**9 - Decimal("1e-8"))
    block = build_block(
        Side.SELL,
        replace(rules, max_quantity=Decimal(10) ** 20, max_notional=Decimal(10) ** 20),
        price,
        [Want("a", 1, quantity, keeps_rest=quantity < position.quantity), other],
    )
    assert isinstance(block, Block)
    cost_fee = block.quantity * price * FEE
    fills = [fill(block.quantity, price, cost_fee.quantize(Decimal("1e-8")), "USDT")]
    leg = next(leg for leg in divide_exit_fills(block.wants, fills, rules, Decimal) if leg.account_id == "a")
    return leg.cost - leg.fee_quote


def test_of_one_position_just_enough_is_sold_and_the_rest_is_kept() -> None:
    parts = raise_cash(Decimal(1000), [held("BTCUSDT", "0.5")], OFFERS, FEE)

    assert parts == {1: Decimal("0.02228")}
    assert sold(held("BTCUSDT", "0.5"), parts, BTC, Decimal(45000)) > 1000


def test_the_largest_position_is_sold_first() -> None:
    positions = [held("ETHUSDT", "4", 1), held("BTCUSDT", "0.5", 2), held("DOGEUSDT", "30000", 3)]

    assert raise_cash(Decimal(20000), positions, OFFERS, FEE).keys() == {2}
    assert raise_cash(Decimal(23000), positions, OFFERS, FEE).keys() == {2, 1}


def test_more_than_everything_brings_sells_everything_whole() -> None:
    positions = [held("ETHUSDT", "4.00003", 1), held("BTCUSDT", "0.500004", 2)]

    assert raise_cash(Decimal(10**6), positions, OFFERS, FEE) == {1: Decimal("4.00003"), 2: Decimal("0.500004")}


def test_nothing_is_sold_for_nothing() -> None:
    assert raise_cash(Decimal(0), [held("BTCUSDT", "1")], OFFERS, FEE) == {}


def test_a_symbol_without_a_price_stays() -> None:
    positions = [held("BTCUSDT", "1", 1), held("ETHUSDT", "1", 2)]

    assert raise_cash(Decimal(10**6), positions, {"ETHUSDT": OFFERS["ETHUSDT"]}, FEE) == {2: Decimal(1)}


def test_a_small_amount_is_raised_by_the_smallest_order_the_exchange_takes() -> None:
    (quantity,) = raise_cash(Decimal("0.01"), [held("BTCUSDT", "0.5")], OFFERS, FEE).values()

    assert 5 <= quantity * 45000 < 6


@pytest.mark.parametrize(("quantity", "whole"), [("0.02255", False), ("0.0224", True), ("0.02228", True)])
def test_a_rest_that_could_hardly_be_sold_is_sold_with_the_part(quantity: str, *, whole: bool) -> None:
    (part,) = raise_cash(Decimal(1000), [held("BTCUSDT", quantity)], OFFERS, FEE).values()

    assert (part == Decimal(quantity)) is whole


@given(
    st.decimals(min_value="0.00000001", max_value=60_000, places=8),
    st.lists(
        st.tuples(st.sampled_from(sorted(OFFERS)), st.decimals(min_value="0.001", max_value=1, places=8)),
        min_size=1,
        max_size=3,
        unique_by=lambda drawn: drawn[0],
    ),
)
def test_the_amount_is_raised_whatever_the_fills_or_everything_is_sold(
    amount: Decimal, drawn: list[tuple[str, Decimal]]
) -> None:
    positions = [
        held(symbol, (Decimal(QUANTITIES[symbol]) * part).quantize(Decimal("1e-8")), number)
        for number, (symbol, part) in enumerate(drawn)
    ]

    parts = raise_cash(amount, positions, OFFERS, FEE)

    raised = Decimal(0)
    for position in positions:
        offer, part = OFFERS[position.symbol], parts.get(position.id, Decimal(0))
        rest = position.quantity - part
        assert 0 <= part <= position.quantity
        if part and rest:
            assert part % offer.market.lot_step == 0
            assert part * offer.price >= offer.market.min_notional
            assert rest * offer.price >= REST_IN_SMALLEST_ORDERS * offer.market.min_notional
            assert rest >= REST_IN_SMALLEST_ORDERS * offer.market.min_quantity
        if part:
            raised += sold(position, parts, offer.market, offer.price)
    assert raised >= amount or parts == {p.id: p.quantity for p in positions}


def test_a_position_sold_in_part_keeps_its_rest_and_gives_no_dust() -> None:
    wants = [Want("a", 1, Decimal("0.00123"), keeps_rest=True), Want("b", 2, Decimal("0.001234567"))]
    block = build_block(Side.SELL, BTC, Decimal(45000), wants)
    assert isinstance(block, Block)

    legs = divide_exit_fills(block.wants, [fill(block.quantity, "45000", "0", "USDT")], BTC, Decimal)

    assert [leg.dust for leg in legs] == [0, Decimal("0.001234567") - legs[1].quantity]
    assert sum(leg.quantity for leg in legs) == block.quantity == Decimal("0.00246")


def test_who_keeps_a_rest_and_got_nothing_of_the_fill_has_no_leg() -> None:
    parts = [Want("a", 1, Decimal("0.00000001"), keeps_rest=True)]
    wholes = [Want("b", 2, Decimal("0.00000665")), Want("c", 3, Decimal("0.00001333"))]

    legs = divide_exit_fills(parts + wholes, [fill("0.00001", "45000", "0", "USDT")], BTC, Decimal)

    assert [leg.account_id for leg in legs] == ["b", "c"]
    assert all(leg.dust > 0 for leg in legs)


@given(
    st.lists(
        st.tuples(st.decimals(min_value="0.00000001", max_value=1, places=8), st.booleans()), min_size=1, max_size=12
    ),
    st.fractions(min_value=0, max_value=1),
)
def test_parts_and_wholes_in_one_block_sum_to_the_fill_and_only_wholes_leave_dust(
    drawn: list[tuple[Decimal, bool]], filled: Fraction
) -> None:
    wants = [Want(f"{n:02}", n, quantity, keeps_rest=rest) for n, (quantity, rest) in enumerate(drawn)]
    block = build_block(Side.SELL, BTC, Decimal(45000), wants)
    if not isinstance(block, Block):
        return
    steps = int(block.quantity / BTC.lot_step * filled.numerator / filled.denominator)
    fills = [fill(steps * BTC.lot_step, "45000", "0.01", "USDT")] if steps else []

    legs = {leg.account_id: leg for leg in divide_exit_fills(block.wants, fills, BTC, Decimal)}

    assert sum(leg.quantity for leg in legs.values()) == steps * BTC.lot_step
    for want in block.wants:
        leg = legs.get(want.account_id)
        assert leg is None or leg.quantity + leg.dust <= want.quantity
        if want.keeps_rest:
            assert leg is None or (leg.dust == 0 < leg.quantity)
    left = sum(want.quantity for want in wants) - steps * BTC.lot_step
    if steps and left < BTC.lot_step:
        assert all(
            legs[w.account_id].quantity + legs[w.account_id].dust == w.quantity for w in wants if not w.keeps_rest
        )


def test_an_exit_of_parts_asks_for_the_parts_and_marks_who_keeps_a_rest() -> None:
    positions = [held("BTCUSDT", "1", 1), replace(held("BTCUSDT", "2", 2), account_id="b"), held("BTCUSDT", "3", 3)]

    verdict = decide_exits(positions, BTC, Decimal(45000), {1: Decimal("0.5"), 2: Decimal(2)})

    assert verdict.block is not None
    assert sorted((want.quantity, want.keeps_rest) for want in verdict.block.wants) == [
        (Decimal("0.5"), True),
        (Decimal(2), False),
        (Decimal(3), False),
    ]
