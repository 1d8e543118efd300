"""How large an entry is: the least of four limits, less a reserve for fees, and never more than free cash."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.account_risk import binding_limit, entry_budget, judge_account
from agents.decision import want_entry
from agents.model import Account
from agents.profiles import ATLAS, NOVA, ORION, RiskProfile
from agents.risk import Code
from tests.unit.agents.values import account

AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=8)
PRICES = st.decimals(min_value="0.00000001", max_value=10**6, places=8)
PROFILES = st.sampled_from([ATLAS, ORION, NOVA])


@pytest.mark.parametrize(
    ("profile", "holding", "budget"),
    [
        # 2 % may be lost over a stop 8 % away: a quarter of equity, less than nova's 35 %.
        (NOVA, account("1000"), "250"),
        # 0.5 % over 2 % would be a quarter of equity, but atlas puts at most 10 % into one symbol.
        (ATLAS, account("1000"), "100"),
        # 60 % of 1000 less the 450 already out leaves 150; one symbol alone could have 200.
        (ORION, account("550", equity="1000", exposure="450"), "150"),
        # Everything else would allow 250.
        (NOVA, account("40", equity="1000", exposure="700"), "40"),
    ],
    ids=["risk per trade", "max position", "room under max exposure", "free cash"],
)
def test_the_least_of_the_four_limits_binds(profile: RiskProfile, holding: Account, budget: str) -> None:
    assert entry_budget(holding, profile) == Decimal(budget)


@pytest.mark.parametrize(
    ("profile", "holding", "code"),
    [
        (NOVA, account("1000"), Code.RISK_LIMIT),
        (ATLAS, account("1000"), Code.POSITION_LIMIT),
        (ORION, account("550", equity="1000", exposure="450"), Code.EXPOSURE_LIMIT),
        (NOVA, account("40", equity="1000", exposure="700"), Code.INSUFFICIENT_CASH),
    ],
)
def test_the_limit_that_binds_has_its_code(profile: RiskProfile, holding: Account, code: Code) -> None:
    assert binding_limit(holding, profile) is code


def test_a_stop_loses_no_more_than_the_risk_per_trade() -> None:
    budget = entry_budget(account("1000"), NOVA)

    assert budget * NOVA.stop_loss == 1000 * NOVA.risk_per_trade


def test_a_want_leaves_room_for_the_fee_reserve() -> None:
    wanted = want_entry(account("1000"), ATLAS, Decimal(50000))

    assert wanted is not None
    assert wanted.quantity == Decimal("0.00199600")
    assert wanted.reserved == Decimal("99.99960001")


@pytest.mark.parametrize("cash", ["0.00000001", "0.00000002"])
def test_an_account_with_next_to_nothing_wants_nothing(cash: str) -> None:
    assert want_entry(account(cash), ATLAS, Decimal(45000)) is None


@given(PROFILES, AMOUNTS, AMOUNTS, st.decimals(min_value=0, max_value=2, places=4), PRICES)
def test_an_entry_never_reserves_more_than_free_cash_or_any_limit(
    profile: RiskProfile, cash: Decimal, invested: Decimal, marked: Decimal, price: Decimal
) -> None:
    exposure = (invested * marked).quantize(Decimal("1e-18"))
    seen = replace(account(), cash=cash, exposure=exposure, equity=cash + exposure)
    if judge_account(seen, profile):
        return
    wanted = want_entry(seen, profile, price)
    if wanted is None:
        return
    assert wanted.quantity > 0
    assert wanted.reserved <= cash
    assert wanted.reserved <= seen.equity * profile.max_position
    assert wanted.reserved <= seen.equity * profile.risk_per_trade / profile.stop_loss
    assert wanted.reserved <= seen.equity * profile.max_exposure - exposure
    assert wanted.reserved > wanted.quantity * price


@given(PROFILES, AMOUNTS, PRICES)
def test_an_entry_uses_its_budget_up_to_the_last_unit_that_fits(
    profile: RiskProfile, cash: Decimal, price: Decimal
) -> None:
    seen = replace(account(), cash=cash, equity=cash)
    wanted = want_entry(seen, profile, price)
    quantity = wanted.quantity if wanted else Decimal(0)

    one_more = (quantity + Decimal("1e-8")) * price * (1 + profile.fee_reserve)

    assert one_more > entry_budget(seen, profile) - Decimal("2.1e-8")
