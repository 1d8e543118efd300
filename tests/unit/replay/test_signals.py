"""Recorded signals come once, never before their time, and bad rows are named."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from agents.errors import InvalidInputError
from agents.model import Action
from replay.signals import RecordedSignals
from tests.unit.replay.scenes import START, written

HEADER = "time,symbol,action,confidence,price"


def test_each_signal_is_due_once_at_its_time_or_the_next_moment_asked_for(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        HEADER,
        "2026-01-01T00:07:00Z,SOLUSDT,sell,0.8,101",
        "2026-01-01T00:05:00Z,SOLUSDT,buy,0.9,100.5",
    )
    signals = RecordedSignals(path)
    due = [signals.due(START + timedelta(minutes=minutes)) for minutes in (0, 5, 10, 15)]

    assert [[each.action for each in batch] for batch in due] == [[], [Action.BUY], [Action.SELL], []]
    assert due[1][0].price == Decimal("100.5")


def test_times_may_be_unix_seconds(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, f"{START.timestamp():.0f},SOLUSDT,buy,0.9,100")

    assert [each.at for each in RecordedSignals(path).due(START)] == [START]


def test_a_repeated_row_counts_once(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, *["2026-01-01T00:00:00Z,SOLUSDT,buy,0.9,100"] * 3)

    assert len(RecordedSignals(path).due(START)) == 1


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("2026-01-01T00:00:00Z,SOLUSDT,buy,1.5,100", "line 3, confidence: must be from 0 to 1"),
        ("2026-01-01T00:00:00Z,SOLUSDT,buy,,100", "line 3, confidence: must be a number"),
        ("2026-01-01T00:00:00Z,SOLUSDT,jump,0.9,100", "line 3, action"),
        ("2026-01-01T00:00:00Z,SOLUSDT,buy,0.9", "line 3, price"),
        ("yesterday,SOLUSDT,buy,0.9,100", "line 3, timestamp"),
        (",SOLUSDT,buy,0.9,100", "line 3, timestamp"),
        ("2026-01-01T00:00:00Z,sol,buy,0.9,100", "line 3, symbol"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_field(tmp_path: Path, row: str, told: str) -> None:
    path = written(tmp_path, HEADER, "2026-01-01T00:00:00Z,SOLUSDT,buy,0.9,100", row)

    with pytest.raises(InvalidInputError) as refused:
        RecordedSignals(path)
    assert told in str(refused.value)


def test_other_columns_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="line 1: must be time,symbol"):
        RecordedSignals(written(tmp_path, "symbol,time", "a,b"))
    with pytest.raises(InvalidInputError, match="No such file"):
        RecordedSignals(tmp_path / "nowhere.csv")
