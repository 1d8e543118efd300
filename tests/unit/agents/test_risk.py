"""The checks before an entry or a signalled exit: each code, their order, and that missing data denies."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from agents.account_risk import judge_account
from agents.model import Account, Action, Status, TradingState
from agents.profiles import ATLAS, NOVA, ORION, PROFILES, RiskProfile
from agents.risk import SIGNAL_CHECKS, Code, Situation, judge_signal
from tests.unit.agents.values import account, quote, signal, situation


def code_of(seen: Situation) -> Code | None:
    denial = judge_signal(seen)
    return denial.code if denial else None


@pytest.mark.parametrize("action", [Action.BUY, Action.SELL])
def test_a_good_signal_in_a_good_situation_is_not_denied(action: Action) -> None:
    assert judge_signal(situation(signal(action))) is None


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (situation(status=Status.STOPPED), Code.AGENT_NOT_RUNNING),
        (situation(status=Status.PAUSED), Code.AGENT_PAUSED),
        (situation(trading=TradingState.HALTED), Code.TRADING_HALTED),
        (situation(trading=TradingState.REDUCING), Code.TRADING_REDUCING),
        (situation(signal(Action.HOLD)), Code.HOLD),
        (situation(signal(symbol="SHIBUSDT")), Code.SYMBOL_NOT_ALLOWED),
        (situation(signal(confidence="0.7499")), Code.CONFIDENCE_BELOW_MINIMUM),
        (situation(signal(age=timedelta(seconds=121))), Code.SIGNAL_STALE),
        (situation(unresolved=True), Code.ORDER_UNRESOLVED),
        (situation(rules=None, offer=None, busy=True), Code.EXCHANGE_WEIGHT_EXHAUSTED),
        (situation(offer=quote("44950", "45050")), Code.SPREAD_TOO_WIDE),
        (situation(rules=None), Code.MARKET_DATA_MISSING),
        (situation(offer=None), Code.MARKET_DATA_MISSING),
        (situation(signal(price="46000")), Code.PRICE_AWAY_FROM_MARKET),
        (situation(signal(price="44000")), Code.PRICE_AWAY_FROM_MARKET),
    ],
)
def test_each_reason_not_to_buy_has_its_code(seen: Situation, code: Code) -> None:
    assert code_of(seen) is code


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (situation(signal(Action.SELL), status=Status.STOPPED), Code.AGENT_NOT_RUNNING),
        (situation(signal(Action.SELL), trading=TradingState.HALTED), Code.TRADING_HALTED),
        (situation(signal(Action.SELL), unresolved=True), Code.ORDER_UNRESOLVED),
        (situation(signal(Action.SELL), offer=None), Code.MARKET_DATA_MISSING),
    ],
)
def test_a_sell_is_denied_where_nothing_may_be_sent(seen: Situation, code: Code) -> None:
    assert code_of(seen) is code


@pytest.mark.parametrize(
    "seen",
    [
        situation(signal(Action.SELL), status=Status.PAUSED),
        situation(signal(Action.SELL), trading=TradingState.REDUCING),
        situation(signal(Action.SELL, symbol="SHIBUSDT")),
        situation(signal(Action.SELL), offer=quote("44900", "45100")),
    ],
    ids=["paused", "reducing", "symbol no longer traded", "wide spread"],
)
def test_leaving_a_position_is_allowed_where_entering_one_is_not(seen: Situation) -> None:
    assert judge_signal(seen) is None


def test_of_several_reasons_the_first_of_the_list_is_the_decision() -> None:
    reasons = [
        (Code.AGENT_NOT_RUNNING, {"status": Status.RUNNING}),
        (Code.TRADING_HALTED, {"trading": TradingState.ACTIVE}),
        (Code.SYMBOL_NOT_ALLOWED, {"symbols": ("DOGEUSDT",)}),
        (Code.CONFIDENCE_BELOW_MINIMUM, {"profile": replace(ATLAS, min_confidence=Decimal(0))}),
        (Code.SIGNAL_STALE, {"profile": replace(ATLAS, min_confidence=Decimal(0), signal_max_age=timedelta.max)}),
        (Code.ORDER_UNRESOLVED, {"has_unresolved_order": False}),
        (Code.EXCHANGE_WEIGHT_EXHAUSTED, {"is_exchange_busy": False}),
        (Code.MARKET_DATA_MISSING, {"market": situation().market, "quote": quote()}),
    ]
    seen = situation(
        signal(symbol="DOGEUSDT", confidence="0.1", age=timedelta(days=1), price="1"),
        status=Status.STOPPED,
        trading=TradingState.HALTED,
        symbols=("BTCUSDT",),
        offer=None,
        rules=None,
        unresolved=True,
        busy=True,
    )

    for code, cure in reasons:
        assert code_of(seen) is code
        seen = replace(seen, **cure)  # type: ignore[arg-type]  # each cure has its field's type
    assert code_of(seen) is Code.PRICE_AWAY_FROM_MARKET


def test_a_stopped_agent_says_so_even_of_a_hold() -> None:
    assert code_of(situation(signal(Action.HOLD), status=Status.STOPPED)) is Code.AGENT_NOT_RUNNING


@pytest.mark.parametrize("check", SIGNAL_CHECKS)
def test_no_check_passes_over_missing_market_data_with_an_error(check: object) -> None:
    assert callable(check)
    check(situation(offer=None, rules=None))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_confidence_exactly_at_the_minimum_is_enough(profile: RiskProfile) -> None:
    assert code_of(situation(signal(confidence=str(profile.min_confidence)), profile=profile)) is None
    below = str(profile.min_confidence - Decimal("0.000000000001"))
    assert code_of(situation(signal(confidence=below), profile=profile)) is Code.CONFIDENCE_BELOW_MINIMUM


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_signal_exactly_at_the_age_limit_is_fresh(profile: RiskProfile) -> None:
    limit = profile.signal_max_age
    assert code_of(situation(signal(age=limit), profile=profile)) is None
    assert code_of(situation(signal(age=limit + timedelta(microseconds=1)), profile=profile)) is Code.SIGNAL_STALE


def test_a_spread_exactly_at_the_limit_is_narrow_enough() -> None:
    assert code_of(situation(signal(price="100"), offer=quote("99.9", "100.1"))) is None
    assert code_of(situation(signal(price="100"), offer=quote("99.9", "100.1001"))) is Code.SPREAD_TOO_WIDE


def test_a_price_exactly_at_the_allowed_distance_is_near_enough() -> None:
    offer = quote("99.95", "100.05")
    assert code_of(situation(signal(price="102"), offer=offer)) is None
    assert code_of(situation(signal(price="98"), offer=offer)) is None
    assert code_of(situation(signal(price="102.000001"), offer=offer)) is Code.PRICE_AWAY_FROM_MARKET


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (situation(signal(confidence="0.6")), "confidence 0.6 is below atlas's minimum 0.75"),
        (situation(signal(age=timedelta(seconds=300))), "the signal is 300 s old, at most 120 s are allowed"),
        (situation(signal(symbol="SHIBUSDT")), "SHIBUSDT is not among the agent's symbols"),
        (situation(offer=None), "no current quote for BTCUSDT"),
        (situation(rules=None), "the exchange's rules for BTCUSDT are not known"),
        (
            situation(signal(price="50000")),
            "the signal's price 50000 is 0.1111 away from the market's 45000, at most 0.02 is allowed",
        ),
    ],
)
def test_a_denial_gives_the_figures_behind_it(seen: Situation, words: str) -> None:
    denial = judge_signal(seen)

    assert denial is not None
    assert denial.detail == words


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (account(), None),
        (account(status=Status.STOPPED), Code.ACCOUNT_NOT_RUNNING),
        (account(status=Status.PAUSED), Code.ACCOUNT_PAUSED),
        (account(holds_symbol=True, open_positions=1), Code.POSITION_ALREADY_OPEN),
        (account(open_positions=2), None),
        (account(open_positions=3), Code.TOO_MANY_POSITIONS),
        (account(exposure="299.99"), None),
        (account(exposure="300"), Code.EXPOSURE_LIMIT),
        (account("0", equity="1000"), Code.INSUFFICIENT_CASH),
        (account("0", equity="0"), Code.INSUFFICIENT_CASH),
        (account("0.00000001", equity="1000"), None),
        (account(since_loss=timedelta(minutes=59)), Code.COOLDOWN),
        (account(since_loss=timedelta(minutes=60)), None),
    ],
)
def test_each_reason_why_an_account_may_not_enter_has_its_code(seen: Account, code: Code | None) -> None:
    assert judge_account(seen, ATLAS) is code


def test_of_several_reasons_an_account_is_told_the_first() -> None:
    seen = account("0", status=Status.PAUSED, equity="100", exposure="100", open_positions=9, holds_symbol=True)
    seen = replace(seen, withdrawal_pending=True, since_loss=timedelta(0))
    cures = [
        (Code.ACCOUNT_PAUSED, {"status": Status.RUNNING}),
        (Code.WITHDRAWAL_PENDING, {"withdrawal_pending": False}),
        (Code.POSITION_ALREADY_OPEN, {"holds_symbol": False}),
        (Code.TOO_MANY_POSITIONS, {"open_positions": 0}),
        (Code.EXPOSURE_LIMIT, {"exposure": Decimal(0)}),
        (Code.INSUFFICIENT_CASH, {"cash": Decimal(1)}),
        (Code.COOLDOWN, {"since_loss": None}),
    ]

    for code, cure in cures:
        assert judge_account(seen, ATLAS) is code
        seen = replace(seen, **cure)  # type: ignore[arg-type]  # each cure has its field's type
    assert judge_account(seen, ATLAS) is None


@pytest.mark.parametrize(
    ("profile", "figures"),
    [
        (ATLAS, ("0.75", "0.005", "0.10", "0.30", 3, "0.02", "0.04", "0.02", "0.05")),
        (ORION, ("0.65", "0.01", "0.20", "0.60", 5, "0.04", "0.08", "0.04", "0.10")),
        (NOVA, ("0.55", "0.02", "0.35", "1.00", 8, "0.08", "0.16", "0.08", "0.20")),
    ],
    ids=lambda value: value.name if isinstance(value, RiskProfile) else "",
)
def test_the_built_in_profiles_have_the_published_figures(profile: RiskProfile, figures: tuple[str | int, ...]) -> None:
    assert [
        profile.min_confidence,
        profile.risk_per_trade,
        profile.max_position,
        profile.max_exposure,
        Decimal(profile.max_open_positions),
        profile.stop_loss,
        profile.take_profit,
        profile.daily_loss,
        profile.max_drawdown,
    ] == [Decimal(figure) for figure in figures]
