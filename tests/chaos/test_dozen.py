"""A dozen random runs with seeds that meet every crash point, every disaster and every fault; `make chaos` makes hundreds."""

import re
import subprocess
import sys
from collections.abc import Mapping
from functools import reduce
from pathlib import Path

import pytest

from runtime.failpoints import POINTS
from tests.chaos.nursery import ROOT
from tests.chaos.plan import DISASTERS, DUPLICATES, FAULTS, plan

pytestmark = [pytest.mark.xdist_group("chaos"), pytest.mark.timeout(400)]

SEEDS = (4767, 3838, 2254, 403, 567, 5290, 1483, 5176, 855, 1930, 4299, 1467)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, str]:
    """What the command says of each run, by seed."""
    folder: Path = tmp_path_factory.mktemp("dozen") / "data"
    command = [sys.executable, "-m", "tests.chaos", "--keep", str(folder), "--lanes", "4", "--seeds", *map(str, SEEDS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    runs = re.findall(r"^\[\d+/\d+\] seed (\d+): (.*(?:\n .*)*)", done.stdout, re.MULTILINE)
    assert len(runs) == len(SEEDS), done.stdout + done.stderr
    assert done.returncode == any("BREACH" in said for _, said in runs), done.stdout
    return {int(seed): said for seed, said in runs}


def test_the_dozen_meets_everything_that_can_go_wrong() -> None:
    met = reduce(frozenset.union, (plan(seed).ingredients for seed in SEEDS))
    assert met == {*FAULTS, *DISASTERS, *DUPLICATES, *(f"dies at {point}" for point in POINTS)}


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_traded_twice_or_lost_in_this_run(outcomes: Mapping[int, str], seed: int) -> None:
    assert outcomes[seed].startswith("ok "), outcomes[seed]
