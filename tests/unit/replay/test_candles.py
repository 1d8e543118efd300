"""A candle file is read in order, and what is wrong with it is said with its line."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from agents.errors import InvalidInputError
from replay.candles import COLUMNS, count_candles, read_bars
from tests.unit.replay.scenes import START, written

HEADER = ",".join(COLUMNS)
T0 = round(START.timestamp() * 1000)
T1 = T0 + 300_000


def row(time: int, symbol: str = "SOLUSDT", prices: str = "100,102,99,101,5.5") -> str:
    return f"{symbol},{time},{prices}"


def test_candles_of_one_moment_form_one_bar_with_exact_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, row(T0), row(T0, "BTCUSDT"), row(T1))
    first, second = read_bars(path)

    assert (first.at, first.ends, second.at) == (START, START + timedelta(minutes=5), START + timedelta(minutes=5))
    assert sorted(first.candles) == ["BTCUSDT", "SOLUSDT"]
    assert first.candles["SOLUSDT"].volume == Decimal("5.5")
    assert count_candles(path) == 3


def test_candles_may_be_missing_in_the_middle(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, row(T0), row(T1), row(T1 + 900_000))

    assert [bar.ends - bar.at for bar in read_bars(path)] == [timedelta(minutes=5)] * 3


@pytest.mark.parametrize(
    ("prices", "told"),
    [
        ("100,102,101,101,1", "low <= open, close <= high"),
        ("100,99,99,99,1", "low <= open, close <= high"),
        ("100,102,99,103,1", "low <= open, close <= high"),
        ("0,0,0,0,1", "0 < low"),
        ("NaN,102,99,101,1", "plain numbers"),
        ("100,Infinity,99,101,1", "low <= open, close <= high"),
        ("100,102,99,101,-1", "volume of 0 or more"),
        ("100,102,99,101", "must be a row of symbol"),
        ("100,102,99,101,1,7", "must be a row of symbol"),
        ("a,102,99,101,1", "plain numbers"),
    ],
)
def test_an_impossible_candle_is_refused_with_its_line(tmp_path: Path, prices: str, told: str) -> None:
    path = written(tmp_path, HEADER, row(T0), row(T1, prices=prices))

    with pytest.raises(InvalidInputError, match="line 3") as refused:
        list(read_bars(path))
    assert told in str(refused.value)


@pytest.mark.parametrize("time", [-1, 10**17])
def test_a_time_out_of_range_is_refused(tmp_path: Path, time: int) -> None:
    with pytest.raises(InvalidInputError, match="line 2: must have an open_time"):
        list(read_bars(written(tmp_path, HEADER, row(time))))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((HEADER, row(T1), row(T0)), "line 3: rows must be in order"),
        ((HEADER, row(T0), row(T0), row(T1)), "one candle per symbol"),
        ((HEADER, row(T0), row(T1), row(T1 + 60_000)), "within the one before it"),
        ((HEADER, row(T0)), "candles of two moments"),
        ((HEADER,), "candles of two moments"),
        (("time,price", "1,2"), "line 1: must be symbol,open_time"),
        (("",), "line 1"),
    ],
)
def test_a_file_that_cannot_be_replayed_says_why(tmp_path: Path, lines: tuple[str, ...], told: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        list(read_bars(written(tmp_path, *lines)))
    assert told in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="No such file"):
        count_candles(tmp_path / "nowhere.csv")
