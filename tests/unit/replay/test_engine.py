"""A replay decides as the service does, fills at the next opening, and never knows the future."""

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.breakers import Scope
from agents.model import Action, BreakerKind, ExitReason, Signal
from agents.orders import OrderState
from agents.profiles import ATLAS, NOVA, ORION, BreakerAction, RiskProfile
from agents.risk import Code
from replay.candles import Bar
from replay.engine import Replay
from tests.unit.replay.scenes import START, bar_of, bars_of, candle, replayed, signal

BUY = signal(Action.BUY, 1)


def test_a_buy_is_filled_at_the_opening_of_the_next_candle() -> None:
    replay = replayed(bars_of(candle("100"), candle("100.1", close="101"), candle("101")), BUY)
    (bracket,) = replay.book.brackets["SOLUSDT"].values()

    assert bracket.entry_price == Decimal("100.13")
    assert replay.history.orders == {OrderState.FILLED: 1}
    assert replay.history.decisions == {Code.ORDERED: 1}


def test_an_opening_beyond_the_slippage_fills_nothing() -> None:
    replay = replayed(bars_of(candle("100"), candle("100.3"), candle("100")), BUY)

    assert replay.history.orders == {OrderState.EXPIRED: 1}
    assert replay.history.equity[-1][1] == 10_000


def test_the_size_is_the_profiles_risk_over_its_stop() -> None:
    replay = replayed(bars_of(candle("100"), candle("100"), candle("100")), BUY)
    (position,) = replay.book.positions("SOLUSDT")

    # Orion risks 1 % at a stop of 4 %, but puts at most 20 % into one symbol: 2,000 with fees.
    assert 1_990 < position.cost < 2_000


def test_an_opposite_signal_sells_everything() -> None:
    replay = replayed(bars_of(*[candle("100")] * 4), BUY, signal(Action.SELL, 2))
    (trade,) = replay.book.trades

    assert (trade.reason, trade.opened_at, trade.closed_at) == (
        ExitReason.OPPOSITE_SIGNAL,
        BUY.at,
        BUY.at + timedelta(minutes=5),
    )
    assert trade.profit_loss < 0, "two spreads and two commissions were paid"
    assert replay.book.open_positions() == 0
    assert replay.book.brackets["SOLUSDT"] == {}


def test_a_gap_below_the_stop_is_sold_at_the_opening() -> None:
    replay = replayed(bars_of(candle("100"), candle("100"), candle("90", high="99", low="85", close="98")), BUY)
    (trade,) = replay.book.trades

    assert trade.reason is ExitReason.STOP
    assert trade.proceeds / trade.quantity == pytest.approx(Decimal("89.98") * Decimal("0.999"))


def test_a_position_entered_at_the_opening_can_be_stopped_within_the_same_candle() -> None:
    replay = replayed(bars_of(candle("100"), candle("100", low="90", close="100"), candle("100")), BUY)

    assert [trade.reason for trade in replay.book.trades] == [ExitReason.STOP]


def test_a_partly_filled_exit_sells_the_rest_in_the_next_candles() -> None:
    thin = candle("90", volume="60")
    replay = replayed(bars_of(candle("100"), candle("100"), *[thin] * 8), BUY)

    assert len(replay.book.trades) > 2
    assert {trade.reason for trade in replay.book.trades} == {ExitReason.STOP}
    assert replay.book.open_positions() == 0


@pytest.mark.parametrize(
    ("given_signal", "code"),
    [
        (signal(Action.HOLD, 1), Code.HOLD),
        (signal(Action.SELL, 1), Code.NO_POSITION),
        (signal(Action.BUY, 1, confidence="0.5"), Code.CONFIDENCE_BELOW_MINIMUM),
        (signal(Action.BUY, 1, price="150"), Code.PRICE_AWAY_FROM_MARKET),
        (signal(Action.BUY, 1, symbol="BTCUSDT"), Code.MARKET_DATA_MISSING),
        (signal(Action.BUY, 1, symbol="PEPEUSDT"), Code.SYMBOL_NOT_ALLOWED),
        (signal(Action.BUY, 0), Code.MARKET_DATA_MISSING),
        (replace(BUY, at=BUY.at - timedelta(minutes=3)), Code.SIGNAL_STALE),
    ],
)
def test_every_signal_ends_as_a_counted_decision(given_signal: Signal, code: Code) -> None:
    replay = Replay(ORION, replayed([])._markets, [Decimal(10_000)], 1)
    for number, bar in enumerate(bars_of(candle("100"), candle("100"))):
        due = {Code.MARKET_DATA_MISSING: given_signal.at == bar.at}.get(code, number == 1)
        replay.advance(bar, [given_signal] if due else [])

    assert replay.history.decisions == {code: 1}


def test_after_a_gap_in_the_candles_the_last_price_is_no_price() -> None:
    first, second = bars_of(candle("100"), candle("100"))
    late = bar_of(candle("100", bar=5))
    replay = replayed([first, second, late], signal(Action.BUY, 5))

    assert replay.history.decisions == {Code.MARKET_DATA_MISSING: 1}


def test_accounts_share_a_block_at_one_price_in_proportion_to_their_money() -> None:
    replay = replayed(bars_of(*[candle("100")] * 3), BUY, deposits=("10000", "2500", "40"))
    positions = replay.book.positions("SOLUSDT")

    assert replay.history.orders.total() == 1
    assert [round(position.quantity / positions[0].quantity, 3) for position in positions] == [
        1,
        Decimal("0.25"),
        Decimal("0.004"),
    ]
    prices = [position.cost / position.quantity for position in positions]
    assert max(prices) - min(prices) < Decimal("1e-4")


def test_the_equity_is_marked_at_the_bid() -> None:
    replay = replayed(bars_of(*[candle("100")] * 2), BUY)
    (position,) = replay.book.positions("SOLUSDT")

    assert replay.history.equity[-1][1] == 10_000 - position.cost + position.quantity * Decimal("99.98")


def wild_bars(seed: int, count: int = 60) -> list[Bar]:
    """Two symbols whose prices jump by several percent, with candles missing and next to no volume at times."""
    chance, price, bars = random.Random(seed), {"SOLUSDT": 100.0, "ETHUSDT": 2500.0}, []
    for number in range(count):
        candles = []
        for symbol, last in price.items():
            opened = last * (1 + chance.gauss(0, 0.002))
            close = opened * (1 + chance.gauss(0, 0.02))
            high, low = max(opened, close) * (1 + chance.random() / 50), min(opened, close) * (1 - chance.random() / 50)
            price[symbol] = close
            numbers = [f"{number:.2f}" for number in (opened, high, low, close)]
            volume = chance.choice(["0", "3", "40", "900", "1000000"])
            if chance.random() < 0.95:
                candles.append(candle(*numbers, symbol=symbol, bar=number, volume=volume))
        if candles:
            bars.append(bar_of(*candles))
    return bars


def wild_signals(bars: list[Bar], seed: int) -> list[Signal]:
    chance = random.Random(seed)
    signals = []
    for before, bar in pairwise(bars):
        for symbol, last in before.candles.items():
            action = chance.choice([Action.BUY, Action.BUY, Action.SELL, Action.HOLD])
            if chance.random() < 0.6:
                signals.append(Signal(f"{symbol}{bar.at}", symbol, action, Decimal("0.9"), last.close, bar.at))
    return signals


@given(seed=st.integers(0, 10**6), profile=st.sampled_from([ATLAS, ORION, NOVA]))
def test_whatever_happens_every_cent_is_accounted_for(seed: int, profile: RiskProfile) -> None:
    bars, deposits = wild_bars(seed), [Decimal(10_000), Decimal("777.77"), Decimal(31)]
    replay = replayed(bars, *wild_signals(bars, seed), profile=profile, deposits=[str(each) for each in deposits])
    positions = [p for symbol in ("SOLUSDT", "ETHUSDT") for p in replay.book.positions(symbol) if not p.is_dust]

    profit = sum((trade.profit_loss for trade in replay.book.trades), Decimal(0))
    assert replay.book.cash + sum((p.cost for p in positions), Decimal(0)) == sum(deposits) + profit
    assert all(p.quantity > 0 and p.cost >= 0 for p in positions)
    accounts = replay.book.accounts("SOLUSDT", replay.marks, bars[-1].ends)
    assert sum(each.cash for each in accounts) == replay.book.cash
    assert all(each.cash >= 0 for each in accounts)
    assert sum(replay.book.equities(replay.marks).values()) == replay.history.equity[-1][1]
    assert replay.history.decisions.total() <= len(wild_signals(bars, seed))


@given(seed=st.integers(0, 10**6), known=st.integers(5, 50))
def test_the_past_is_the_same_whatever_the_future_brings(seed: int, known: int) -> None:
    bars = wild_bars(seed)
    signals = [each for each in wild_signals(bars, seed) if each.at <= bars[known].at]
    whole, part = replayed(bars, *signals), replayed(bars[: known + 1], *signals)

    assert whole.history.equity[: known + 2] == part.history.equity


def test_the_same_seed_gives_the_same_replay_and_another_seed_another() -> None:
    bars = wild_bars(3, count=200)
    signals = wild_signals(bars, 3)
    once, again, other = (replayed(bars, *signals, seed=seed, deposits=("90000",)) for seed in (1, 1, 2))

    assert once.history == again.history
    assert once.book.trades == again.book.trades
    assert once.history.equity[-1] != other.history.equity[-1]


def test_an_agent_without_signals_keeps_its_money() -> None:
    replay = replayed(bars_of(*[candle("100")] * 3))

    assert replay.history.equity == [(START, Decimal(10_000))] + [
        (START + timedelta(minutes=5 * number), Decimal(10_000)) for number in (1, 2, 3)
    ]


CLOSING = replace(ORION, trailing_stop=None, daily_loss=Decimal("0.005"), breaker_action=BreakerAction.CLOSE)


def test_a_daily_loss_sells_at_the_next_opening_and_ends_entries_until_midnight() -> None:
    fallen = [candle("97")] * 300
    bars = bars_of(candle("100"), candle("100", close="97"), *fallen)
    midnight = 288
    again = [signal(Action.BUY, bar, price="97") for bar in (100, midnight - 1, midnight)]
    replay = replayed(bars, BUY, *again, profile=replace(CLOSING, cooldown=timedelta(0)))
    (trade,) = replay.book.trades

    assert (trade.reason, trade.closed_at) == (ExitReason.DAILY_LOSS, bars[2].at)
    assert replay.history.decisions == {Code.ORDERED: 2, Code.DAILY_LOSS: 2}
    assert replay.history.breakers[Scope.ACCOUNT, BreakerKind.DAILY_LOSS] == 1
    assert replay.book.open_positions() == 1, "entered again at midnight"


def test_a_breaker_that_blocks_sells_nothing() -> None:
    bars = bars_of(candle("100"), candle("100", close="97"), candle("97"), candle("97"))
    replay = replayed(
        bars, BUY, signal(Action.BUY, 3, price="97"), profile=replace(CLOSING, breaker_action=BreakerAction.BLOCK)
    )

    assert replay.book.trades == []
    assert replay.history.decisions == {Code.ORDERED: 1, Code.DAILY_LOSS: 1}


def test_a_drawdown_ends_trading_for_good() -> None:
    bars = bars_of(candle("100"), candle("100", close="97"), *[candle("97")] * 900)
    profile = replace(CLOSING, daily_loss=Decimal("0.5"), max_drawdown=Decimal("0.005"))
    replay = replayed(bars, BUY, signal(Action.BUY, 890, price="97"), profile=profile)

    assert [trade.reason for trade in replay.book.trades] == [ExitReason.DRAWDOWN]
    assert replay.history.decisions == {Code.ORDERED: 1, Code.DRAWDOWN: 1}


def test_after_a_loss_the_account_waits_for_its_cooldown() -> None:
    bars = bars_of(*[candle("100")] * 40)
    profile = replace(ORION, cooldown=timedelta(minutes=30))
    signals = [BUY, signal(Action.SELL, 2), signal(Action.BUY, 7), signal(Action.BUY, 8)]
    replay = replayed(bars, *signals, profile=profile)

    assert replay.history.decisions == {Code.ORDERED: 3, Code.COOLDOWN: 1}


def test_a_position_is_left_when_its_time_is_up() -> None:
    bars = bars_of(*[candle("100")] * 40)
    replay = replayed(bars, BUY, profile=replace(ORION, max_holding=timedelta(hours=1)))
    (trade,) = replay.book.trades

    assert (trade.reason, trade.closed_at - trade.opened_at) == (ExitReason.TIME_LIMIT, timedelta(hours=1))
