"""`make chaos`: many random runs, several at a time, and what they showed."""

import argparse
import logging
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.lanes import run_all
from tests.chaos.report import line, table

LANES = 6


def main() -> int:
    """Run, print, and return 1 if any promise was broken."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, help="of the first run; the others follow")
    parser.add_argument("--seeds", type=int, nargs="+", help="exactly these runs")
    parser.add_argument("--lanes", type=int, default=LANES, help="runs at a time, each with servers of its own")
    parser.add_argument("--keep", type=Path, help="folder for data and logs; a temporary one, removed, if left out")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    first = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    seeds = chosen.seeds or range(first, first + chosen.runs)
    _say(f"{len(seeds)} runs, seeds {seeds[0]} to {seeds[-1]}, {chosen.lanes} at a time")
    results = []
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        for result in run_all(seeds, chosen.lanes, chosen.keep or Path(temporary)):
            results.append(result)
            _say(line(result, len(results), len(seeds)))
    _say(table(results))
    return 1 if any(result.breaches for result in results) else 0


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201 - the terminal is its output


if __name__ == "__main__":
    sys.exit(main())
