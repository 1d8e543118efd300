"""Of a candle only four prices are known: the worse order of them is taken."""

from dataclasses import replace
from decimal import Decimal

import pytest

from agents.exits import open_bracket
from agents.model import Bracket, ExitReason, Quote
from agents.profiles import ORION
from replay.exits import judge_candle
from replay.markets import MARKETS
from replay.venue import Venue
from tests.unit.replay.scenes import START, candle

FIXED = replace(open_bracket(1, "SOLUSDT", Decimal(100), ORION, START), trailing_stop=None)
"""Stop 96, target 108."""
TRAILING = open_bracket(1, "SOLUSDT", Decimal(100), ORION, START)
"""The same, and 4 % below the highest bid."""


def judged(bracket: Bracket, *prices: str) -> tuple[Bracket, ExitReason | None, Quote]:
    venue = Venue(MARKETS, 1)
    return judge_candle(bracket, candle(*prices), lambda price: venue.quote("SOLUSDT", price, START))


@pytest.mark.parametrize("bracket", [FIXED, TRAILING])
def test_a_quiet_candle_sells_nothing(bracket: Bracket) -> None:
    assert judged(bracket, "100", "101", "99", "100")[1] is None


def test_a_candle_that_touches_stop_and_target_hits_the_stop() -> None:
    assert judged(FIXED, "100", "110", "95", "109")[1] is ExitReason.STOP


def test_a_stop_is_sold_at_the_lowest_bid_of_the_candle() -> None:
    _, reason, quote = judged(FIXED, "100", "100", "93", "99")

    assert (reason, quote.bid) == (ExitReason.STOP, Decimal("92.98"))


def test_a_stop_counts_by_the_bid_and_not_by_the_price_traded() -> None:
    assert judged(FIXED, "100", "100", "96.01", "97")[1] is ExitReason.STOP
    assert judged(FIXED, "100", "100", "96.03", "97")[1] is None


def test_a_target_is_sold_at_its_own_price_and_no_better() -> None:
    _, reason, quote = judged(FIXED, "100", "115", "99", "112")

    assert (reason, quote.bid) == (ExitReason.TARGET, Decimal("108.00"))


def test_a_target_below_the_whole_candle_is_sold_at_its_lowest_bid() -> None:
    _, reason, quote = judged(FIXED, "112", "115", "110", "112")

    assert (reason, quote.bid) == (ExitReason.TARGET, Decimal("109.97"))


def test_a_trailing_stop_is_judged_at_the_low_by_the_highest_price_before_the_candle() -> None:
    risen = replace(TRAILING, highest_price=Decimal(105))

    assert judged(risen, "104", "104", "100.8", "103")[1] is ExitReason.TRAILING
    assert judged(TRAILING, "101", "105", "100.8", "103")[1] is None


def test_a_high_raises_the_trailing_stop_and_the_close_may_then_reach_it() -> None:
    followed, reason, quote = judged(TRAILING, "101", "107", "100", "102")

    assert followed.highest_price == Decimal("106.97")
    assert (reason, quote.bid) == (ExitReason.TRAILING, Decimal("101.97"))
