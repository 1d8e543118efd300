"""Recorded signals: ``time,symbol,action,confidence,price``, times in ISO 8601 or Unix seconds."""

import csv
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from pathlib import Path
from typing import Protocol

from agents.errors import InvalidInputError
from agents.model import Signal
from agents.signals import parse_signal
from replay.candles import Bar

COLUMNS = ("time", "symbol", "action", "confidence", "price")
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


class SignalSource(Protocol):
    """Where a replay has its signals from."""

    def due(self, now: datetime) -> list[Signal]:
        """What is to be decided at ``now``; each signal once."""

    def see(self, bar: Bar) -> None:
        """Learn the candles that have closed."""


class RecordedSignals:
    """Signals of a file; each is due at the first candle that opens at its time or later."""

    def __init__(self, path: Path) -> None:
        """Read the file, in any order; a row that says the same as another counts once.

        Raises:
            InvalidInputError: names the line and what it must be.
        """
        signals = {signal.id: signal for signal in _read(path)}
        self._signals = sorted(signals.values(), key=attrgetter("at", "symbol", "id"))
        self._next = 0

    def due(self, now: datetime) -> list[Signal]:
        """All signals up to ``now`` that were not due before."""
        begin = self._next
        self._next = bisect_right(self._signals, now, lo=begin, key=attrgetter("at"))
        return self._signals[begin : self._next]

    def see(self, bar: Bar) -> None:
        """Recorded signals learn nothing."""


def _read(path: Path) -> Iterator[Signal]:
    try:
        file = path.open(newline="", encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(str(path), error.strerror or "cannot be read") from error
    with file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise InvalidInputError(f"{path}, line 1", f"must be {','.join(COLUMNS)}")
        for row in rows:
            try:
                yield parse_signal(_as_sent(row), received_at=_LATEST)
            except InvalidInputError as error:
                raise InvalidInputError(f"{path}, line {rows.line_num}, {error.field}", error.reason) from error


def _as_sent(row: Mapping[str, str | None]) -> dict[str, object]:
    """A row as an engine would have sent it."""
    time = row["time"] or ""
    numbers = {name: _number(row[name]) for name in ("confidence", "price")}
    timestamp = _number(time) if time.replace(".", "", 1).isdigit() else time
    return {"symbol": row["symbol"], "action": row["action"], "timestamp": timestamp, **numbers}


def _number(text: str | None) -> Decimal | None:
    try:
        return Decimal(text or "")
    except InvalidOperation:
        return None
