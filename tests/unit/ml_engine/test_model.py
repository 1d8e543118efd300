"""The demo model says buy in a rise, sell in a fall, and is the surer the clearer the drift."""

import math
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.ml_engine.model import LOOKBACK, Candle, Signal, momentum, t_statistic

START = 1_700_000_000_000


def candles(drift: float, count: int = 70, noise: float = 1e-4) -> list[Candle]:
    """Prices from 45,000 that grow by `drift` a second with an alternating wobble."""
    wobble = [noise if second % 2 else -noise for second in range(count)]
    return [
        Candle(START + second * 1000, 45_000 * math.exp(drift * second + wobble[second])) for second in range(count)
    ]


def said(drift: float) -> Signal:
    signal = momentum("BTCUSDT", candles(drift))
    assert signal is not None
    return signal


def test_a_rise_says_buy_and_a_fall_says_sell() -> None:
    assert said(5e-5).action == "buy"
    assert said(-5e-5).action == "sell"


def test_a_price_that_goes_nowhere_says_hold_with_even_odds() -> None:
    signal = momentum("BTCUSDT", [Candle(START + second * 1000, 45_000.0) for second in range(70)])
    assert signal is not None
    assert (signal.action, signal.confidence) == ("hold", 0.5)


def test_a_steeper_rise_gives_more_confidence() -> None:
    assert 0.5 < said(1e-5).confidence < said(3e-5).confidence < said(2e-4).confidence <= 1


def test_the_confidence_is_the_normal_probability_of_the_t_statistic() -> None:
    returns = [0.01, 0.02, 0.03]
    assert t_statistic(returns) == pytest.approx(0.02 / (0.01 / math.sqrt(3)))
    assert t_statistic([0.01, 0.01]) == 0


def test_the_signal_stays_the_same_within_a_bar_and_changes_with_the_next() -> None:
    prices = random.Random(7)
    path = [Candle(START + second * 1000, 45_000 + prices.gauss(0, 50)) for second in range(80)]
    first, same, following = (momentum("BTCUSDT", path[:length]) for length in (71, 75, 76))
    assert first == same
    assert first != following


def test_the_time_is_the_end_of_the_bar_and_the_price_its_last_close() -> None:
    path = candles(1e-5, count=73)
    signal = momentum("BTCUSDT", path)
    assert signal is not None
    assert signal.timestamp == datetime.fromtimestamp((START + 70_000) / 1000, tz=UTC)
    assert signal.price == path[69].close


@pytest.mark.parametrize("count", [0, 1, LOOKBACK])
def test_too_few_candles_give_no_signal(count: int) -> None:
    assert momentum("BTCUSDT", candles(1e-5, count=count)) is None


def test_a_price_of_zero_gives_no_signal() -> None:
    assert momentum("BTCUSDT", [Candle(START + second * 1000, 0.0) for second in range(70)]) is None


@given(st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=66, max_size=80))
def test_every_price_path_gives_a_confidence_from_one_half_to_one(closes: list[float]) -> None:
    signal = momentum("X", [Candle(START + second * 1000, close) for second, close in enumerate(closes)])
    assert signal is not None
    assert 0.5 <= signal.confidence <= 1
