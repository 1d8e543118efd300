"""Many wants into one block, and its fills back into legs that sum to them to the unit."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.allocation import divide_exit_fills, divide_fills, limit_price
from agents.decision import want_entry
from agents.errors import BookError
from agents.model import ZERO, Block, Fill, Leg, Market, Side, Want
from agents.profiles import NOVA
from agents.risk import Code, Denial
from tests.unit.agents.values import account, build_block, fill, market, quote, want

BTC = market(max_notional="1e12")
BNB = market(base="BNB", step="0.001", min_quantity="0.001")
FEE_RATE = Decimal("0.001")
BNB_PRICE = Decimal("310.005")


def bnb_price(asset: str) -> Decimal:
    assert asset in {"BNB", "BTC"}
    return BNB_PRICE


def no_third_asset(asset: str) -> Decimal:
    raise AssertionError(f"nothing was paid in {asset}")


@st.composite
def blocks_with_fills(draw: st.DrawFn, side: Side, fee_asset: str = "BTC") -> tuple[Block, list[Fill]]:
    """A block for up to 20 accounts and what the exchange filled of it: all, a part of it, in one or more pieces."""
    quantities = draw(st.lists(st.decimals(min_value="0.00000001", max_value=50, places=8), min_size=1, max_size=20))
    quantities[0] += max(1 - sum(quantities), ZERO)
    price = draw(st.decimals(min_value=6, max_value=100_000, places=2))
    wants = [want(quantity, f"account-{index}", index) for index, quantity in enumerate(quantities)]
    block = build_block(side, BTC, price, draw(st.permutations(wants)))
    assert isinstance(block, Block)
    left = int(block.quantity / BTC.lot_step)
    fills = []
    for number in range(draw(st.integers(1, 4))):
        steps = draw(st.integers(0, left))
        if not steps:
            continue
        left -= steps
        improved = price - draw(st.integers(0, 100)) * BTC.price_tick
        quantity = steps * BTC.lot_step
        received = quantity if side is Side.BUY else quantity * improved
        if fee_asset == "BNB":
            received = quantity * improved / BNB_PRICE
        commission = (received * FEE_RATE).quantize(Decimal("1e-8"))
        fills.append(fill(quantity, improved, commission, fee_asset, str(number)))
    return block, fills


def total(values: Sequence[Leg] | Sequence[Fill], column: str) -> Decimal:
    return sum((getattr(value, column) for value in values), ZERO)


@given(blocks_with_fills(Side.BUY))
def test_legs_of_a_buy_sum_to_its_fills_and_its_fees(case: tuple[Block, list[Fill]]) -> None:
    block, fills = case

    legs = divide_fills(Side.BUY, block.wants, fills, BTC, no_third_asset)

    assert total(legs, "quantity") == total(fills, "quantity")
    assert total(legs, "cost") == total(fills, "cost")
    assert total(legs, "fee_base") == total(fills, "commission")
    assert total(legs, "fee_quote") == total(legs, "fee_other") == total(legs, "fee_other_value") == 0


@given(blocks_with_fills(Side.SELL, "USDT"))
def test_legs_of_a_sale_sum_to_its_fills_and_its_fees(case: tuple[Block, list[Fill]]) -> None:
    block, fills = case

    legs = divide_fills(Side.SELL, block.wants, fills, BTC, no_third_asset)

    assert total(legs, "quantity") == total(fills, "quantity")
    assert total(legs, "cost") == total(fills, "cost")
    assert total(legs, "fee_quote") == total(fills, "commission")
    assert total(legs, "fee_base") == total(legs, "fee_other") == total(legs, "fee_other_value") == 0


@given(blocks_with_fills(Side.BUY, "BNB"))
def test_commissions_in_a_third_asset_are_divided_and_valued_rounded_up(case: tuple[Block, list[Fill]]) -> None:
    block, fills = case

    legs = divide_fills(Side.BUY, block.wants, fills, BTC, bnb_price)

    assert total(legs, "fee_other") == total(fills, "commission")
    value = total(fills, "commission") * BNB_PRICE
    assert value <= total(legs, "fee_other_value") < value + Decimal("1e-8")
    assert total(legs, "fee_base") == total(legs, "fee_quote") == 0


@given(blocks_with_fills(Side.BUY))
def test_nobody_gets_more_than_asked(case: tuple[Block, list[Fill]]) -> None:
    block, fills = case
    asked = {wanted.account_id: wanted.quantity for wanted in block.wants}

    for leg in divide_fills(Side.BUY, block.wants, fills, BTC, no_third_asset):
        assert 0 < leg.quantity <= asked[leg.account_id]


@given(blocks_with_fills(Side.BUY))
def test_a_partial_fill_scales_everyone_alike_up_to_one_unit(case: tuple[Block, list[Fill]]) -> None:
    block, fills = case
    got = {leg.account_id: leg.quantity for leg in divide_fills(Side.BUY, block.wants, fills, BTC, no_third_asset)}
    share = Fraction(total(fills, "quantity")) / Fraction(sum(wanted.quantity for wanted in block.wants))

    for wanted in block.wants:
        exact = Fraction(wanted.quantity) * share
        assert abs(Fraction(got.get(wanted.account_id, ZERO)) - exact) < Fraction(1, 10**8)


@given(blocks_with_fills(Side.BUY))
def test_everyone_pays_the_same_average_price_up_to_one_unit(case: tuple[Block, list[Fill]]) -> None:
    block, fills = case
    legs = divide_fills(Side.BUY, block.wants, fills, BTC, no_third_asset)
    if not fills:
        return
    average = Fraction(total(fills, "cost")) / Fraction(total(fills, "quantity"))

    for leg in legs:
        assert abs(Fraction(leg.cost) - Fraction(leg.quantity) * average) <= Fraction(1, 10**8)


@given(blocks_with_fills(Side.BUY), st.randoms())
def test_the_order_in_which_accounts_are_read_changes_nothing(case: tuple[Block, list[Fill]], chance: object) -> None:
    block, fills = case
    shuffled = list(block.wants)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' random.Random

    again = build_block(Side.BUY, BTC, block.limit_price, shuffled)

    assert again == block
    assert divide_fills(Side.BUY, again.wants, fills, BTC, no_third_asset) == divide_fills(
        Side.BUY, block.wants, fills, BTC, no_third_asset
    )


@given(
    st.lists(st.decimals(min_value="0.01", max_value=10**6, places=8), min_size=1, max_size=20),
    st.decimals(min_value="0.00001", max_value=10**5, places=5),
    st.fractions(min_value=0, max_value=1),
    st.sampled_from(["base", "bnb"]),
)
def test_what_an_account_reserved_pays_for_any_fill_within_the_limit_price(
    equities: list[Decimal], price: Decimal, filled: Fraction, paid_in: str
) -> None:
    coin = market(base="DOGE", tick="0.00001", step="1", min_quantity="1", max_quantity="1e30", max_notional="1e30")
    entries = [want_entry(account(str(e), number=n), NOVA, price) for n, e in enumerate(equities)]
    block = build_block(Side.BUY, coin, price, [entry for entry in entries if entry])
    if isinstance(block, Denial):
        return
    quantity = Decimal(int(block.quantity * Decimal(filled.numerator) / Decimal(filled.denominator)))
    commission = quantity * FEE_RATE if paid_in == "base" else quantity * price * FEE_RATE / BNB_PRICE
    asset = "DOGE" if paid_in == "base" else "BNB"
    fills = [fill(quantity, price, commission.quantize(Decimal("1e-8")), asset)] if quantity else []

    legs = divide_fills(Side.BUY, block.wants, fills, coin, lambda _asset: BNB_PRICE)

    reserved = {wanted.account_id: wanted.reserved for wanted in block.wants}
    for leg in legs:
        assert leg.cost + leg.fee_quote + leg.fee_other_value <= reserved[leg.account_id]


@given(blocks_with_fills(Side.SELL, "USDT"))
def test_an_exit_filled_whole_closes_every_position_and_leaves_less_than_a_lot_step(
    case: tuple[Block, list[Fill]],
) -> None:
    block, _ = case
    fills = [fill(block.quantity, block.limit_price, "0.01", "USDT")]

    legs = divide_exit_fills(block.wants, fills, BTC, no_third_asset)

    assert [leg.account_id for leg in legs] == [wanted.account_id for wanted in block.wants]
    for leg, wanted in zip(legs, block.wants, strict=True):
        assert leg.quantity + leg.dust == wanted.quantity
        assert leg.dust >= 0
    assert total(legs, "dust") < BTC.lot_step
    assert total(legs, "quantity") == block.quantity


@given(blocks_with_fills(Side.SELL, "USDT"))
def test_an_exit_filled_in_part_leaves_dust_only_when_less_than_a_lot_step_is_left(
    case: tuple[Block, list[Fill]],
) -> None:
    block, fills = case
    left = sum(wanted.quantity for wanted in block.wants) - total(fills, "quantity")

    legs = divide_exit_fills(block.wants, fills, BTC, no_third_asset)

    if fills and left < BTC.lot_step:
        assert total(legs, "dust") == left
    else:
        assert total(legs, "dust") == 0


def test_an_exit_that_filled_nothing_leaves_everything_as_it_was() -> None:
    assert divide_exit_fills([want("1")], [], BTC, no_third_asset) == []


def test_a_position_too_small_for_any_unit_of_the_fill_becomes_dust_whole() -> None:
    wants = [want("0.00000001", "a"), want("0.00000665", "b"), want("0.00001333", "c")]

    legs = divide_exit_fills(wants, [fill("0.00001", "45000", "0", "USDT")], BTC, no_third_asset)

    assert legs[0] == Leg("a", ZERO, ZERO, dust=Decimal("1e-8"))
    assert [leg.dust for leg in legs[1:]] == [Decimal("0.00000332"), Decimal("0.00000666")]


def test_a_sale_of_bnb_with_its_commission_in_bnb_is_charged_in_quote() -> None:
    wants = [want("1", "a"), want("3", "b")]

    legs = divide_exit_fills(wants, [fill("4", "310", "0.003", "BNB")], BNB, bnb_price)

    assert [leg.fee_other for leg in legs] == [Decimal("0.00075"), Decimal("0.00225")]
    assert total(legs, "fee_other_value") == Decimal("0.003") * BNB_PRICE
    assert [leg.fee_base for leg in legs] == [0, 0]
    assert total(legs, "quantity") == 4


def test_a_buy_of_bnb_with_its_commission_in_bnb_shrinks_what_is_received() -> None:
    (leg,) = divide_fills(Side.BUY, [want("4")], [fill("4", "310", "0.004", "BNB")], BNB, no_third_asset)

    assert (leg.fee_base, leg.fee_other) == (Decimal("0.004"), ZERO)


def test_commissions_of_one_order_in_several_assets_are_kept_apart() -> None:
    fills = [
        fill("1", "100", "0.001", "BTC", "1"),
        fill("1", "100", "0.1", "USDT", "2"),
        fill("1", "100", "0.0002", "BNB", "3"),
    ]

    (leg,) = divide_fills(Side.BUY, [want("3")], fills, BTC, bnb_price)

    assert (leg.fee_base, leg.fee_quote, leg.fee_other) == (Decimal("0.001"), Decimal("0.1"), Decimal("0.0002"))
    assert leg.fee_other_value == Decimal("0.06200100")


def test_no_price_is_asked_for_a_commission_of_nothing() -> None:
    divide_fills(Side.BUY, [want("1")], [fill("1", "100", "0", "BNB")], BTC, no_third_asset)


@pytest.mark.parametrize("unit", ["1e-8", "1e-12", "1e-18"])
def test_a_fill_finer_than_1e_8_is_divided_in_its_own_units(unit: str) -> None:
    finest = Decimal(unit)
    wants = [want("1", "a"), want("1", "b"), want("1", "c")]

    legs = divide_fills(Side.BUY, wants, [fill(1 + finest, "2", finest, "BTC")], BTC, no_third_asset)

    assert total(legs, "quantity") == 1 + finest
    assert total(legs, "cost") == 2 + 2 * finest
    assert total(legs, "fee_base") == finest
    assert max(leg.quantity for leg in legs) - min(leg.quantity for leg in legs) <= Decimal("1e-8")


def test_a_large_order_of_fine_units_is_divided_exactly() -> None:
    wants = [want(f"3000000000000.{'3' * 12}", name) for name in "abc"]
    filled = fill(f"8999999999999.{'9' * 12}", "1")

    legs = divide_fills(Side.BUY, wants, [filled], BTC, no_third_asset)

    assert total(legs, "quantity") == filled.quantity


def test_more_filled_than_wanted_is_an_error() -> None:
    with pytest.raises(BookError, match="was filled but only"):
        divide_fills(Side.BUY, [want("1")], [fill("1.00000001")], BTC, no_third_asset)


@pytest.mark.parametrize(
    ("wants", "quantity"),
    [(["0.00012"], "0.00012"), (["0.000129"], "0.00012"), (["0.000065", "0.000065"], "0.00013")],
    ids=["a whole number of steps", "floored", "steps made of two halves"],
)
def test_a_block_is_the_sum_of_the_wants_floored_to_the_lot_step(wants: list[str], quantity: str) -> None:
    block = build_block(Side.BUY, BTC, Decimal(45000), [want(amount, str(n)) for n, amount in enumerate(wants)])

    assert isinstance(block, Block)
    assert block.quantity == Decimal(quantity)


def test_a_blocks_wants_are_sorted_by_account_id() -> None:
    block = build_block(Side.BUY, BTC, Decimal(45000), [want("1", name) for name in ("b", "B", "a-1", "a")])

    assert isinstance(block, Block)
    assert [wanted.account_id for wanted in block.wants] == ["B", "a", "a-1", "b"]


@pytest.mark.parametrize(
    ("rules", "quantity"),
    [(market(max_quantity="2.5"), "2.5"), (market(max_notional="99999.99"), "2.22222")],
    ids=["quantity", "notional"],
)
def test_a_block_is_capped_at_the_exchanges_largest_order(rules: Market, quantity: str) -> None:
    block = build_block(Side.BUY, rules, Decimal(45000), [want("3")])

    assert isinstance(block, Block)
    assert block.quantity == Decimal(quantity)


def test_a_market_without_a_largest_notional_has_no_such_cap() -> None:
    block = build_block(Side.BUY, market(max_notional="Infinity"), Decimal(45000), [want("3000")])

    assert isinstance(block, Block)
    assert block.quantity == 3000


@pytest.mark.parametrize(
    ("rules", "wants", "code"),
    [
        (BTC, ["0.0000099"], Code.BELOW_LOT_SIZE),
        (market(min_quantity="0.001"), ["0.00099"], Code.BELOW_LOT_SIZE),
        (BTC, ["0.00011"], Code.BELOW_MIN_NOTIONAL),
        (BTC, [], Code.BELOW_LOT_SIZE),
    ],
)
def test_a_block_that_the_exchange_would_refuse_is_denied(rules: Market, wants: list[str], code: Code) -> None:
    denial = build_block(Side.BUY, rules, Decimal(45000), [want(amount) for amount in wants])

    assert isinstance(denial, Denial)
    assert denial.code is code


def test_a_block_of_exactly_the_smallest_notional_is_ordered() -> None:
    assert isinstance(build_block(Side.BUY, BTC, Decimal(50000), [want("0.0001")]), Block)


def test_a_limit_price_is_the_best_price_worsened_by_the_slippage() -> None:
    assert limit_price(Side.BUY, quote("99", "100"), Decimal("0.001"), BTC) == Decimal("100.10")
    assert limit_price(Side.SELL, quote("100", "101"), Decimal("0.001"), BTC) == Decimal("99.90")


@given(
    st.sampled_from(Side),
    st.integers(min_value=1, max_value=10**9),
    st.integers(min_value=0, max_value=10**6),
    st.decimals(min_value=0, max_value="0.1", places=4),
    st.sampled_from(["0.01", "0.00001", "0.5", "1"]),
)
def test_a_limit_price_is_on_the_tick_reaches_the_market_and_keeps_to_the_slippage(
    side: Side, bid_ticks: int, spread_ticks: int, slippage: Decimal, tick: str
) -> None:
    rules = replace(BTC, price_tick=Decimal(tick))
    offer = quote(str(bid_ticks * rules.price_tick), str((bid_ticks + spread_ticks) * rules.price_tick))

    limit = limit_price(side, offer, slippage, rules)

    assert limit % rules.price_tick == 0
    if side is Side.BUY:
        assert offer.ask <= limit <= offer.ask * (1 + slippage)
    else:
        assert offer.bid * (1 - slippage) <= limit <= offer.bid


def test_wants_are_not_changed_by_being_put_into_a_block() -> None:
    wanted = Want("a", 1, Decimal("1.123456789"), Decimal(7))

    block = build_block(Side.BUY, BTC, Decimal(45000), [wanted])

    assert isinstance(block, Block)
    assert block.wants == (wanted,)
