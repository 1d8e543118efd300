"""Candle files: ``symbol,open_time,open,high,low,close,volume``, times in UTC milliseconds, rows in order of time."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from agents.errors import InvalidInputError

COLUMNS = ("symbol", "open_time", "open", "high", "low", "close", "volume")
_EPOCH = datetime.fromtimestamp(0, UTC)
_LARGEST = Decimal(10) ** 15
_LAST_TIME = 253_370_764_800_000
"""The first millisecond of the year 9999; later times cannot be added to."""


class Candle(NamedTuple):
    """One symbol's prices between two moments; ``open_time`` in UTC milliseconds, ``volume`` in the base asset."""

    symbol: str
    open_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True)
class Bar:
    """All candles that open at ``at``, by symbol, and when they close."""

    at: datetime
    ends: datetime
    candles: Mapping[str, Candle]


def count_candles(path: Path) -> int:
    """About how many candles a file holds, without reading their numbers.

    Raises:
        InvalidInputError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return max(sum(1 for _ in file) - 1, 0)
    except OSError as error:
        raise InvalidInputError(str(path), error.strerror or "cannot be read") from error


def read_bars(path: Path) -> Iterator[Bar]:
    """The file's candles, moment by moment; the file is read as the bars are asked for.

    Every bar is as long as the distance of the first two; later ones may be missing.

    Raises:
        InvalidInputError: names the line and what it must be.
    """
    moments = ((time, tuple(candles)) for time, candles in groupby(_candles(path), attrgetter("open_time")))
    first, second = next(moments, None), next(moments, None)
    if first is None or second is None:
        raise InvalidInputError(str(path), "must have candles of two moments at least")
    length = timedelta(milliseconds=second[0] - first[0])
    free_from = _EPOCH
    for time, candles in chain((first, second), moments):
        bar = _bar(path, time, length, candles)
        if bar.at < free_from:
            raise InvalidInputError(str(path), f"must not have a candle at {bar.at} within the one before it")
        free_from = bar.ends
        yield bar


def _bar(path: Path, time: int, length: timedelta, candles: tuple[Candle, ...]) -> Bar:
    at = _EPOCH + timedelta(milliseconds=time)
    by_symbol = {candle.symbol: candle for candle in candles}
    if len(by_symbol) < len(candles):
        raise InvalidInputError(str(path), f"must have one candle per symbol at {at:%Y-%m-%d %H:%M:%S}")
    return Bar(at, at + length, by_symbol)


def _candles(path: Path) -> Iterator[Candle]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        if tuple(next(rows, ())) != COLUMNS:
            raise InvalidInputError(f"{path}, line 1", f"must be {','.join(COLUMNS)}")
        before = 0
        for row in rows:
            try:
                candle = _candle(row)
            except (ValueError, InvalidOperation) as error:
                raise InvalidInputError(f"{path}, line {rows.line_num}", _reason(error)) from error
            if candle.open_time < before:
                raise InvalidInputError(f"{path}, line {rows.line_num}", "rows must be in order of open_time")
            before = candle.open_time
            yield candle


def _candle(row: list[str]) -> Candle:
    symbol, time, *numbers = row
    opened, high, low, close, volume = map(Decimal, numbers)
    candle = Candle(symbol, int(time), opened, high, low, close, volume)
    if not 0 < low <= opened <= high < _LARGEST or not low <= close <= high:
        raise ValueError("must have 0 < low <= open, close <= high")
    if not 0 <= volume < _LARGEST:
        raise ValueError("must have a volume of 0 or more")
    if not 0 <= candle.open_time < _LAST_TIME:
        raise ValueError("must have an open_time in UTC milliseconds")
    return candle


def _reason(error: Exception) -> str:
    text = str(error)
    return text if text.startswith("must") else f"must be a row of {','.join(COLUMNS)} with plain numbers"
