"""JSON keeps every digit of money, both ways."""

import json
from decimal import Decimal

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from api.numbers import DecimalJSONProvider, parse_json, plain

MONEY = st.decimals(min_value=-(10**12), max_value=10**12, places=8, allow_nan=False, allow_infinity=False)


@given(MONEY)
def test_money_comes_back_as_it_was_written(amount: Decimal) -> None:
    provider = DecimalJSONProvider(Flask("test"))
    written = provider.dumps({"amount": amount})
    assert provider.loads(written)["amount"] == amount
    assert "e" not in written.removeprefix('{"amount"').lower()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_any_number_is_written_as_json_within_half_a_unit_of_the_eighth_decimal(number: Decimal) -> None:
    literal = plain(number)
    assert json.loads(literal, parse_int=Decimal, parse_float=Decimal) == Decimal(literal)
    assert abs(Decimal(literal) - number) <= Decimal("0.000000005")
    assert literal != "-0"


@pytest.mark.parametrize(
    ("number", "literal"),
    [
        ("1000.000000000000000000", "1000"),
        ("0E-18", "0"),
        ("-0.000000000001", "0"),
        ("1E+3", "1000"),
        ("0.00000001", "0.00000001"),
        ("45000.10", "45000.1"),
        ("100", "100"),
        ("-12.50", "-12.5"),
        ("12345678901234567890123", "12345678901234567890123"),
    ],
)
def test_numbers_are_written_without_exponents_and_idle_zeros(number: str, literal: str) -> None:
    assert plain(Decimal(number)) == literal


def test_numbers_are_read_exactly() -> None:
    assert parse_json("[0.1, 1e3, 5, 123456789012.12345678]") == [
        Decimal("0.1"),
        Decimal("1e3"),
        5,
        Decimal("123456789012.12345678"),
    ]
    assert not any(isinstance(value, float) for value in parse_json("[1.5, NaN, Infinity, 1e999999999999999999999]"))


@pytest.mark.parametrize("text", ["{", "", b"\xff", "[" * 100_000, "{}{}", "'a'"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_json(text)


@pytest.mark.parametrize("value", [object(), {1, 2}, Decimal("NaN"), Decimal("Infinity")])
def test_what_has_no_place_in_json_is_not_written(value: object) -> None:
    with pytest.raises(TypeError, match="JSON"):
        DecimalJSONProvider(Flask("test")).dumps({"a": value})
