"""What a sender may write, and what is made of it."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import InvalidInputError
from agents.model import Action, Signal
from agents.signals import CLOCK_TOLERANCE, content_id, parse_signal
from tests.unit.agents.values import NOW

GOOD = {
    "symbol": "BTCUSDT",
    "action": "buy",
    "confidence": Decimal("0.8"),
    "price": Decimal(45000),
    "timestamp": "2026-03-01T11:59:30+00:00",
}


def parse(**changes: object) -> Signal:
    return parse_signal({**GOOD, **changes}, received_at=NOW)


def refusal(**changes: object) -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse(**changes)
    return caught.value.field


def test_a_well_formed_signal_keeps_its_values() -> None:
    parsed = parse(id="engine:42.7_a-B")

    assert parsed == Signal(
        id="engine:42.7_a-B",
        symbol="BTCUSDT",
        action=Action.BUY,
        confidence=Decimal("0.8"),
        price=Decimal(45000),
        at=NOW - timedelta(seconds=30),
    )


@pytest.mark.parametrize("field", ["symbol", "action", "confidence", "price", "timestamp"])
def test_a_missing_field_is_named(field: str) -> None:
    raw = {name: value for name, value in GOOD.items() if name != field}

    with pytest.raises(InvalidInputError) as caught:
        parse_signal(raw, received_at=NOW)

    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


@pytest.mark.parametrize("field", ["symbol", "action", "confidence", "price", "timestamp"])
@pytest.mark.parametrize(
    "value", [None, True, [], {}, b"BTCUSDT", 0.5, float("nan"), "", "\x00", "x" * 10_000, "../etc"]
)
def test_a_field_of_the_wrong_kind_is_named(field: str, value: object) -> None:
    assert refusal(**{field: value}) == field


@pytest.mark.parametrize(
    "symbol",
    [
        "btcusdt",
        "BTC/USDT",
        "BTC USDT",
        "B",
        "A" * 21,
        "../BTCUSDT",
        "BTCUSDT\n",
        "BTC\x00USDT",
        "BTCUSDTé",
        "Ⅷ" * 4,
        7,
    ],
)
def test_a_symbol_is_2_to_20_capital_letters_or_digits(symbol: object) -> None:
    assert refusal(symbol=symbol) == "symbol"


def test_a_symbol_other_than_the_one_asked_for_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"symbol: must be ETHUSDT"):
        parse_signal(GOOD, received_at=NOW, expected_symbol="ETHUSDT")


@pytest.mark.parametrize("action", ["BUY", "short", " buy", "buy\n", 1, ["buy"]])
def test_an_action_is_buy_sell_or_hold(action: object) -> None:
    assert refusal(action=action) == "action"


HOPELESS_NUMBERS = [
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("-Infinity"),
    Decimal("1e999999"),
    Decimal("-1e999999"),
    Decimal("-1e-999999"),
    10**100,
    -(10**100),
    -(10**20),
    Decimal("-1e39"),
    Decimal("0." + "1" * 60),
    True,
    False,
    "0.8",
    0.8,
]


@pytest.mark.parametrize("field", ["confidence", "price"])
@pytest.mark.parametrize("value", HOPELESS_NUMBERS, ids=lambda value: repr(value)[:24])
def test_a_hopeless_number_is_named(field: str, value: object) -> None:
    assert refusal(**{field: value}) == field


@pytest.mark.parametrize("confidence", [Decimal("-0.01"), Decimal("1.01"), 2, -1])
def test_confidence_is_from_0_to_1(confidence: object) -> None:
    assert refusal(confidence=confidence) == "confidence"


@pytest.mark.parametrize("confidence", [0, 1, Decimal(0), Decimal("1.000")])
def test_confidence_may_be_exactly_0_or_1(confidence: object) -> None:
    assert parse(confidence=confidence).confidence == confidence


@pytest.mark.parametrize("confidence", [Decimal("2.2250738585072014e-308"), Decimal("1e-999999")])
def test_a_confidence_too_small_to_matter_is_none(confidence: Decimal) -> None:
    assert parse(confidence=confidence).confidence == 0


@pytest.mark.parametrize("price", [0, -1, Decimal("1e-999999"), Decimal("-0.5"), Decimal("1e-13"), 10**12 + 1])
def test_a_price_is_above_0_and_at_most_10_to_the_12(price: object) -> None:
    assert refusal(price=price) == "price"


def test_the_largest_price_with_every_decimal_is_read_exactly() -> None:
    assert parse(price=Decimal("999999999999.123456789012")).price == Decimal("999999999999.123456789012")


HOPELESS_TIMES = [
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("1e999999"),
    Decimal("-1e999999"),
    Decimal("1e-999999999"),
    10**30,
    -(10**30),
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-13-01T00:00:00Z",
    "yesterday",
    "1772366400",
    1.5,
    True,
    {},
]


@pytest.mark.parametrize("value", HOPELESS_TIMES, ids=lambda value: repr(value)[:24])
def test_a_hopeless_timestamp_is_named(value: object) -> None:
    assert refusal(timestamp=value) == "timestamp"


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-01T11:59:30Z",
        "2026-03-01T11:59:30",
        "2026-03-01T13:59:30+02:00",
        int((NOW - timedelta(seconds=30)).timestamp()),
        Decimal(str((NOW - timedelta(seconds=30)).timestamp())),
    ],
)
def test_a_timestamp_is_iso_8601_or_unix_seconds_and_utc_unless_it_says_otherwise(value: object) -> None:
    assert parse(timestamp=value).at == NOW - timedelta(seconds=30)


def test_unix_seconds_keep_their_microseconds() -> None:
    assert parse(timestamp=Decimal("1700000000.123456")).at == datetime(2023, 11, 14, 22, 13, 20, 123456, UTC)


def test_a_senders_clock_may_be_a_minute_ahead_and_no_more() -> None:
    assert parse(timestamp=(NOW + CLOCK_TOLERANCE).isoformat()).at == NOW + CLOCK_TOLERANCE
    assert refusal(timestamp=(NOW + CLOCK_TOLERANCE + timedelta(seconds=1)).isoformat()) == "timestamp"


@pytest.mark.parametrize("value", ["", "x" * 65, "a b", "a/b", "../a", "a\n", "a\x00", "ä", 7, True, Decimal(7)])
def test_an_id_is_1_to_64_plain_characters(value: object) -> None:
    assert refusal(id=value) == "id"


def test_the_same_content_has_the_same_id_however_its_numbers_are_written() -> None:
    one = parse(confidence=Decimal("0.80"), price=45000)
    other = parse(confidence=Decimal("0.8"), price=Decimal("45000.00"), timestamp="2026-03-01T11:59:30Z")

    assert one.id == other.id
    assert re.fullmatch(r"sig-[0-9a-f]{32}", one.id)


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "ETHUSDT"},
        {"action": "sell"},
        {"confidence": Decimal("0.81")},
        {"price": Decimal(45001)},
        {"timestamp": "2026-03-01T11:59:31Z"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_other_content_has_another_id(change: dict[str, object]) -> None:
    assert parse(**change).id != parse().id


def test_content_cannot_be_shifted_between_its_parts() -> None:
    assert content_id("ab", "c") != content_id("a", "bc")


def test_a_signal_without_time_is_taken_as_of_now_when_the_caller_gives_it_an_id() -> None:
    raw = {name: value for name, value in GOOD.items() if name != "timestamp"}

    parsed = parse_signal(raw, received_at=NOW, untimed_id="body-7")

    assert (parsed.id, parsed.at) == ("body-7", NOW)


def test_a_senders_own_id_goes_before_the_one_for_untimed_signals() -> None:
    raw = {**GOOD, "id": "own", "timestamp": None}

    assert parse_signal(raw, received_at=NOW, untimed_id="body-7").id == "own"


def test_unknown_fields_are_ignored() -> None:
    assert parse(model="lstm", account_id={"deep": [1]}) == parse()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers() | st.decimals(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted([*GOOD, "id"])), JSON_VALUES))
def test_whatever_a_sender_writes_is_a_signal_or_a_named_field(changes: dict[str, object]) -> None:
    try:
        parsed = parse_signal({**GOOD, **changes}, received_at=NOW)
    except InvalidInputError as error:
        assert error.field in {*GOOD, "id"}  # noqa: PT017 - either outcome is right
    else:
        assert 0 <= parsed.confidence <= 1
        assert parsed.price > 0
        assert parsed.at.tzinfo is UTC
