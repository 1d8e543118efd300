"""Dividing whole units: exact, in proportion, and fair to the unit."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.allocation import divide
from agents.errors import BookError

WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**24), min_size=1, max_size=30).map(
    lambda weights: weights if any(weights) else [1, *weights[1:]]
)
TOTALS = st.integers(min_value=0, max_value=10**27)


@given(TOTALS, WEIGHTS)
def test_the_parts_sum_to_the_total(total: int, weights: list[int]) -> None:
    assert sum(divide(total, weights)) == total


@given(TOTALS, WEIGHTS)
def test_each_part_is_within_one_unit_of_its_exact_share(total: int, weights: list[int]) -> None:
    whole = sum(weights)
    for part, weight in zip(divide(total, weights), weights, strict=True):
        assert abs(part - Fraction(total * weight, whole)) < 1


@given(WEIGHTS, st.fractions(min_value=0, max_value=1))
def test_nobody_gets_more_than_asked_when_no_more_is_there(weights: list[int], fraction: Fraction) -> None:
    parts = divide(int(sum(weights) * fraction), weights)

    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))


@given(TOTALS, WEIGHTS)
def test_who_asks_for_more_gets_no_less(total: int, weights: list[int]) -> None:
    parts = divide(total, weights)

    by_weight = sorted(zip(weights, parts, strict=True))
    for (lighter, less), (heavier, more) in pairwise(by_weight):
        assert lighter == heavier or less <= more


@given(TOTALS, WEIGHTS)
def test_a_unit_left_over_goes_to_the_largest_remainder(total: int, weights: list[int]) -> None:
    whole = sum(weights)
    rounded_up: list[int] = []
    rounded_down: list[int] = []
    for part, weight in zip(divide(total, weights), weights, strict=True):
        floor, remainder = divmod(total * weight, whole)
        (rounded_up if part > floor else rounded_down).append(remainder)
    assert not rounded_up or not rounded_down or min(rounded_up) >= max(rounded_down)


def test_among_equals_the_earlier_ones_get_the_units_left_over() -> None:
    assert divide(5, [1, 1, 1]) == [2, 2, 1]
    assert divide(1, [7, 7, 7]) == [1, 0, 0]


def test_a_weight_of_zero_gets_nothing() -> None:
    assert divide(7, [0, 3, 0]) == [0, 7, 0]


def test_nothing_is_divided_into_nothing() -> None:
    assert divide(0, []) == []
    assert divide(0, [0, 0]) == [0, 0]


@pytest.mark.parametrize(("total", "weights"), [(1, []), (1, [0, 0]), (-1, [1]), (1, [2, -1])])
def test_what_cannot_be_divided_is_an_error(total: int, weights: list[int]) -> None:
    with pytest.raises(BookError):
        divide(total, weights)
