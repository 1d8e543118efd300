"""From accounts and positions to one block, or to the coded reason of each account why not."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.account_risk import judge_account
from agents.decision import decide_entries, decide_exits, judge_depth, smallest_entry
from agents.model import Account, Side, Status
from agents.profiles import ATLAS, NOVA
from agents.risk import Code
from tests.unit.agents.values import account, market, position

BTC = market()
PRICE = Decimal(45000)


@st.composite
def crowds(draw: st.DrawFn) -> list[Account]:
    """Accounts in every state, numbered in no particular order and with gaps."""
    numbers = draw(st.lists(st.integers(1, 10_000), unique=True, max_size=25))
    return [
        replace(
            account(str(draw(st.decimals(min_value=0, max_value=10_000, places=8))), number=number),
            status=draw(st.sampled_from(Status)),
            equity=draw(st.decimals(min_value=0, max_value=10_000, places=8)),
            exposure=draw(st.decimals(min_value=0, max_value=2_000, places=8)),
            open_positions=draw(st.integers(0, 4)),
            holds_symbol=draw(st.booleans()),
        )
        for number in numbers
    ]


@given(crowds())
def test_every_account_is_in_exactly_one_code_of_the_verdict(crowd: list[Account]) -> None:
    verdict = decide_entries(crowd, ATLAS, BTC, PRICE)

    numbered = [number for numbers in verdict.accounts.values() for number in numbers]
    assert sorted(numbered) == sorted(seen.number for seen in crowd)
    assert all(verdict.accounts.values())


@given(crowds())
def test_exactly_the_accounts_called_ordered_are_in_the_block(crowd: list[Account]) -> None:
    verdict = decide_entries(crowd, ATLAS, BTC, PRICE)

    in_block = [wanted.account_number for wanted in verdict.block.wants] if verdict.block else []
    assert sorted(in_block) == sorted(verdict.accounts.get(Code.ORDERED, []))
    assert (verdict.code is Code.ORDERED) == bool(in_block)


@given(crowds())
def test_an_account_is_told_its_own_reason(crowd: list[Account]) -> None:
    verdict = decide_entries(crowd, ATLAS, BTC, PRICE)

    told = {number: code for code, numbers in verdict.accounts.items() for number in numbers}
    for seen in crowd:
        own = judge_account(seen, ATLAS)
        if own:
            assert told[seen.number] is own
        else:
            assert told[seen.number] in {
                Code.ORDERED,
                Code.INSUFFICIENT_CASH,
                Code.RISK_LIMIT,
                Code.POSITION_LIMIT,
                Code.EXPOSURE_LIMIT,
                Code.BELOW_LOT_SIZE,
                Code.BELOW_MIN_NOTIONAL,
                Code.NOT_EXITABLE,
            }


def test_an_agent_without_accounts_says_so() -> None:
    verdict = decide_entries([], ATLAS, BTC, PRICE)

    assert (verdict.code, verdict.accounts, verdict.block) == (Code.NO_ACCOUNTS, {}, None)


def test_when_nobody_may_enter_the_commonest_reason_speaks_for_all() -> None:
    crowd = [
        account(number=1, status=Status.PAUSED),
        account(number=2, holds_symbol=True),
        account(number=3, holds_symbol=True),
    ]

    verdict = decide_entries(crowd, ATLAS, BTC, PRICE)

    assert verdict.code is Code.POSITION_ALREADY_OPEN
    assert verdict.accounts == {Code.ACCOUNT_PAUSED: [1], Code.POSITION_ALREADY_OPEN: [2, 3]}


def test_a_block_that_is_too_small_denies_only_those_who_wanted() -> None:
    crowd = [account("40", number=1), account("40", number=2, status=Status.PAUSED)]

    verdict = decide_entries(crowd, ATLAS, BTC, PRICE)

    assert verdict.code is Code.BELOW_MIN_NOTIONAL
    assert verdict.accounts == {Code.ACCOUNT_PAUSED: [2], Code.BELOW_MIN_NOTIONAL: [1]}
    assert verdict.block is None


def test_accounts_too_small_for_an_order_alone_trade_together() -> None:
    alone = decide_entries([account("40")], ATLAS, BTC, PRICE)
    together = decide_entries([account("40", number=number) for number in range(2)], ATLAS, BTC, PRICE)

    assert alone.block is None
    assert together.block is not None
    assert together.detail == "2 accounts in one block of 0.00017"


@pytest.mark.parametrize(("cash", "ordered"), [("51", False), ("52", True)])
def test_an_entry_that_could_not_be_sold_any_more_at_its_stop_is_not_made(cash: str, *, ordered: bool) -> None:
    fine = market(step="0.00000001", min_quantity="0.00000001")
    price = Decimal(100)

    verdict = decide_entries([account(cash)], ATLAS, fine, price)

    assert (verdict.code is Code.ORDERED) == ordered
    if verdict.block:
        at_stop = price * (1 - ATLAS.stop_loss) * (1 - ATLAS.max_slippage)
        received = verdict.block.quantity * (1 - ATLAS.fee_reserve)
        assert decide_exits([position(str(received))], fine, at_stop).code is Code.ORDERED
    else:
        assert verdict.code is Code.NOT_EXITABLE
        assert verdict.detail == "5.08982 USDT could not be sold any more at the stop, 5.12 could"


def test_an_account_that_may_enter_but_has_next_to_no_money_is_short_of_cash() -> None:
    verdict = decide_entries([account("0.00000002", equity="100")], NOVA, BTC, PRICE)

    assert verdict.code is Code.INSUFFICIENT_CASH


def test_an_exit_sells_every_position_whole() -> None:
    positions = [position("0.01", 7), position("0.020000005", 3)]

    verdict = decide_exits(positions, BTC, PRICE)

    assert verdict.code is Code.ORDERED
    assert verdict.block is not None
    assert verdict.block.side is Side.SELL
    assert verdict.block.quantity == Decimal("0.03")
    assert {wanted.account_number: wanted.quantity for wanted in verdict.block.wants} == {
        7: Decimal("0.01"),
        3: Decimal("0.020000005"),
    }
    assert all(wanted.reserved == 0 for wanted in verdict.block.wants)
    assert Counter(verdict.accounts[Code.ORDERED]) == Counter([7, 3])


def test_a_block_that_the_market_can_fill_in_part_may_go_if_the_part_can_be_sold_again() -> None:
    block = decide_entries([account("10000")], ATLAS, BTC, PRICE).block
    assert block is not None
    enough = smallest_entry(ATLAS, BTC, PRICE) / PRICE

    assert judge_depth(block, enough, ATLAS, BTC) is None
    denial = judge_depth(block, enough - Decimal("0.00000001"), ATLAS, BTC)
    assert denial is not None
    assert denial.code is Code.SLIPPAGE_TOO_HIGH
    empty = judge_depth(block, Decimal(0), ATLAS, BTC)
    assert empty is not None
    assert empty.detail == "up to 45000, 0.001 past the best price, only 0 BTC is offered"


def test_nothing_held_is_nothing_to_sell() -> None:
    verdict = decide_exits([], BTC, PRICE)

    assert (verdict.code, verdict.block) == (Code.NO_POSITION, None)


@pytest.mark.parametrize(("quantity", "code"), [("0.000009", Code.BELOW_LOT_SIZE), ("0.0001", Code.BELOW_MIN_NOTIONAL)])
def test_an_exit_smaller_than_the_exchange_accepts_says_why(quantity: str, code: Code) -> None:
    verdict = decide_exits([position(quantity, 5)], BTC, PRICE)

    assert (verdict.code, verdict.accounts, verdict.block) == (code, {code: [5]}, None)
