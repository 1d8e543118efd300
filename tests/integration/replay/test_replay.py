"""`make replay`: one known result, the same at every run, quick enough for years of candles."""

import csv
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from agents.profiles import ORION
from replay.candles import read_bars
from replay.engine import Replay
from replay.markets import MARKETS
from replay.momentum import Momentum

ROOT = Path(__file__).resolve().parents[3]
CANDLES = ROOT / "examples" / "candles.csv"
SIGNALS = ROOT / "examples" / "signals.csv"
GOLDEN = Path(__file__).parent
"""Known results. One that changes on purpose is made anew with the command of the test."""

MOST_TIMES_THE_FLOOR = 120
"""A year of five-minute candles of five symbols takes less than a minute where reading it as text takes half a second."""


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    return subprocess.run(
        [sys.executable, "-m", "replay", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_shipped_candles_give_the_known_result(tmp_path: Path) -> None:
    picture = tmp_path / "equity.svg"
    done = command("run", "--candles", CANDLES, "--agent", "orion", "--picture", picture)

    assert done.returncode == 0, done.stderr
    assert done.stdout == (GOLDEN / "orion.txt").read_text()
    assert ET.parse(picture).getroot().tag.endswith("svg")  # noqa: S314  # it is our own


def test_the_page_about_it_shows_the_known_result_and_its_picture(tmp_path: Path) -> None:
    picture = tmp_path / "equity.svg"
    command("run", "--candles", CANDLES, "--agent", "orion", "--picture", picture)

    assert (GOLDEN / "orion.txt").read_text().rstrip() in (ROOT / "docs" / "replay.md").read_text()
    assert picture.read_text() == (ROOT / "docs" / "replay.svg").read_text()


def test_recorded_signals_and_several_accounts_give_the_known_result(tmp_path: Path) -> None:
    options = ("--signals", SIGNALS.relative_to(ROOT), "--accounts", "10000,2500", "--picture", tmp_path / "equity.svg")
    done = command("run", "--candles", CANDLES, "--agent", "orion", *options)

    assert done.returncode == 0, done.stderr
    assert done.stdout == (GOLDEN / "orion-recorded.txt").read_text()


def test_two_runs_print_and_draw_the_same(tmp_path: Path) -> None:
    results = []
    for name in ("first", "second"):
        picture = tmp_path / name
        done = command("run", "--candles", CANDLES, "--agent", "nova", "--seed", "7", "--picture", picture)
        results.append((done.stdout, picture.read_text()))

    assert results[0] == results[1]
    assert "Replay of nova" in results[0][0]


def test_an_agent_of_a_profiles_file_can_be_replayed(tmp_path: Path) -> None:
    options = ("--profiles", ROOT / "examples" / "profiles.toml", "--picture", tmp_path / "equity.svg")
    done = command("run", "--candles", CANDLES, "--agent", "vega", *options)

    assert done.returncode == 0, done.stderr
    assert "Replay of vega" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--agent", "orin"), "--agent: must be one of atlas, orion, nova"),
        (("--agent", "orion", "--accounts", "10,zero"), "--accounts: must be amounts above 0"),
        (("--agent", "orion", "--picture", "nowhere/equity.svg"), "there is no folder nowhere"),
        (("--agent", "orion", "--accounts", "0"), "--accounts: must be amounts above 0"),
        (("--agent", "orion", "--signals", "nowhere.csv"), "File 'nowhere.csv' does not exist"),
        (("--agent", "orion", "--profiles", "nowhere.toml"), "File 'nowhere.toml' does not exist"),
        (
            ("--agent", "orion", "--candles", "examples/signals.csv"),
            "examples/signals.csv, line 1: must be symbol,open_time",
        ),
    ],
)
def test_what_cannot_be_replayed_is_said_in_one_line(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    done = command("run", "--candles", CANDLES, "--picture", tmp_path / "equity.svg", *arguments)

    assert done.returncode in {1, 2}
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_made_up_candles_are_the_same_for_the_same_seed_and_can_be_replayed(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("first", "second", "other")]
    for path, seed in zip(paths, ("1", "1", "2"), strict=True):
        assert command("candles", path, "--days", "2", "--seed", seed).returncode == 0
    first, second, other = (path.read_text() for path in paths)

    assert first == second != other
    assert len(first.splitlines()) == 1 + 5 * 2 * 288
    assert len(list(read_bars(paths[0]))) == 2 * 288


def test_the_time_is_a_bounded_multiple_of_reading_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    command("candles", path, "--days", "10")

    def floor() -> None:
        with path.open(newline="") as file:
            for _ in csv.reader(file):
                pass

    def whole() -> None:
        Replay(ORION, MARKETS, [Decimal(10_000)], 1).run(read_bars(path), Momentum())

    assert least_time(whole, 2) / least_time(floor, 5) < MOST_TIMES_THE_FLOOR


def least_time(work: object, times: int) -> float:
    assert callable(work)
    taken = []
    for _ in range(times):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)
