"""The built-in model is the t-statistic that it says it is, and knows nothing of the future."""

import math
import random
import statistics
from itertools import pairwise

from agents.model import Action, Signal
from replay.momentum import LOOKBACK, SILENT_BELOW, Momentum
from tests.unit.replay.scenes import FIVE_MINUTES, START, bar_of, candle


def said(closes: list[float]) -> list[Signal]:
    model = Momentum()
    for number, close in enumerate(closes):
        model.see(bar_of(candle(f"{close:.8f}", bar=number)))
    return model.due(START)


def walk(drift: float, count: int = LOOKBACK + 60, seed: int = 5) -> list[float]:
    chance, price, closes = random.Random(seed), 100.0, []
    for _ in range(count):
        price *= math.exp(drift + chance.gauss(0, 1e-3))
        closes.append(round(price, 8))
    return closes


def test_a_rise_says_buy_and_a_fall_says_sell() -> None:
    assert [each.action for each in said(walk(3e-4))] == [Action.BUY]
    assert [each.action for each in said(walk(-3e-4))] == [Action.SELL]


def test_the_confidence_is_the_normal_probability_of_the_plain_t_statistic() -> None:
    closes = walk(2e-4)
    last = closes[-LOOKBACK - 1 :]
    returns = [math.log(after / before) for before, after in pairwise(last)]
    t = statistics.fmean(returns) / (statistics.stdev(returns) / math.sqrt(LOOKBACK))

    assert abs(t) > SILENT_BELOW
    assert abs(float(said(closes)[0].confidence) - statistics.NormalDist().cdf(abs(t))) <= 0.5e-4 + 1e-9


def test_without_a_direction_or_with_few_candles_it_is_silent() -> None:
    assert said([100.0] * (LOOKBACK + 10)) == []
    assert said([100.0 + 0.01 * (number % 2) for number in range(LOOKBACK + 10)]) == []
    assert said(walk(1e-3, count=LOOKBACK)) == []


def test_a_signal_is_stamped_with_the_close_of_its_candle() -> None:
    closes = walk(3e-4)

    assert said(closes)[0].at == START + len(closes) * FIVE_MINUTES
