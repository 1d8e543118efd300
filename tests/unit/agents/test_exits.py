"""When a position must be left, judged by the bid."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from agents.exits import exit_reason, follow, open_bracket
from agents.model import ExitReason
from agents.profiles import ATLAS, NOVA, ORION
from tests.unit.agents.values import NOW, quote

ATLAS_AT_100 = open_bracket(1, "BTCUSDT", Decimal(100), ATLAS, NOW)
NOVA_AT_100 = open_bracket(1, "BTCUSDT", Decimal(100), NOVA, NOW)


def test_a_bracket_has_the_profiles_distances_from_the_entry_price() -> None:
    bracket = open_bracket(7, "ETHUSDT", Decimal(2500), ORION, NOW)

    assert (bracket.order_id, bracket.symbol) == (7, "ETHUSDT")
    assert (bracket.stop_price, bracket.target_price) == (Decimal(2400), Decimal(2700))
    assert (bracket.trailing_stop, bracket.highest_price) == (Decimal("0.04"), Decimal(2500))


@pytest.mark.parametrize(
    ("bid", "reason"),
    [
        ("97.99", ExitReason.STOP),
        ("98", ExitReason.STOP),
        ("98.01", None),
        ("103.99", None),
        ("104", ExitReason.TARGET),
        ("500", ExitReason.TARGET),
    ],
)
def test_stop_and_target_are_reached_at_equality(bid: str, reason: ExitReason | None) -> None:
    assert exit_reason(ATLAS_AT_100, quote(bid, "1000")) is reason


def test_the_ask_closes_nothing() -> None:
    assert exit_reason(ATLAS_AT_100, quote("100", "104")) is None


@pytest.mark.parametrize(
    ("bid", "reason"), [("103.41", None), ("103.4", ExitReason.TRAILING), ("99", ExitReason.TRAILING)]
)
def test_a_trailing_stop_follows_the_highest_bid(bid: str, reason: ExitReason | None) -> None:
    risen = follow(NOVA_AT_100, quote("110", "110.01"))

    assert risen.highest_price == 110
    assert exit_reason(risen, quote(bid, "120")) is reason


def test_a_falling_bid_lowers_nothing() -> None:
    assert follow(NOVA_AT_100, quote("95", "95.01")) == NOVA_AT_100


def test_without_a_trailing_stop_a_fall_from_the_top_is_no_reason() -> None:
    risen = follow(ATLAS_AT_100, quote("103.9", "104"))

    assert exit_reason(risen, quote("98.01", "99")) is None


def test_the_stop_is_judged_before_the_trailing_stop() -> None:
    assert exit_reason(follow(NOVA_AT_100, quote("110", "111")), quote("92", "93")) is ExitReason.STOP


def test_the_trailing_stop_is_judged_before_the_target() -> None:
    bracket = replace(NOVA_AT_100, highest_price=Decimal(200))

    assert exit_reason(bracket, quote("117", "118")) is ExitReason.TRAILING


def test_the_stop_is_judged_before_the_target() -> None:
    bracket = replace(ATLAS_AT_100, stop_price=Decimal(100), target_price=Decimal(100))

    assert exit_reason(bracket, quote("100", "101")) is ExitReason.STOP


def test_a_position_is_left_at_any_price_once_its_time_is_over() -> None:
    late = NOW + timedelta(days=7)
    seen = replace(quote("101", "102"), at=late)

    assert ATLAS.max_holding == timedelta(days=7)
    assert exit_reason(ATLAS_AT_100, replace(seen, at=late - timedelta(microseconds=1))) is None
    assert exit_reason(ATLAS_AT_100, seen) is ExitReason.TIME_LIMIT
    assert exit_reason(ATLAS_AT_100, replace(seen, bid=Decimal(98))) is ExitReason.STOP


def test_without_a_time_limit_time_closes_nothing() -> None:
    patient = open_bracket(1, "BTCUSDT", Decimal(100), replace(ATLAS, max_holding=None), NOW)

    assert exit_reason(patient, replace(quote("101", "102"), at=NOW + timedelta(days=3650))) is None
