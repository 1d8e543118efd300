"""`make chaos`: many random runs, several at a time, and what they showed."""

import argparse
import logging
import queue
import random
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.chaos.nursery import Nursery
from tests.chaos.plan import plan
from tests.chaos.report import line, table
from tests.chaos.run import Result, run
from tests.chaos.world import Servers

LANES = 6


def main() -> int:
    """Run, print, and return 1 if any promise was broken."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, help="of the first run; the others follow")
    parser.add_argument("--lanes", type=int, default=LANES, help="runs at a time, each with servers of its own")
    parser.add_argument("--keep", type=Path, help="folder for data and logs; a temporary one, removed, if left out")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    first = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    seeds = list(range(first, first + chosen.runs))
    print(f"{len(seeds)} runs, seeds {seeds[0]} to {seeds[-1]}, {chosen.lanes} at a time", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        results = []
        for result in run_all(seeds, min(chosen.lanes, len(seeds)), chosen.keep or Path(temporary)):
            results.append(result)
            print(line(result, len(results), len(seeds)), flush=True)
    print(table(results))
    return 1 if any(result.breaches for result in results) else 0


def run_all(seeds: list[int], lanes: int, folder: Path) -> Iterator[Result]:
    """Make these runs, `lanes` at a time, and hand on each result as it comes."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for seed in seeds:
        waiting.put(seed)
    results: queue.SimpleQueue[Result] = queue.SimpleQueue()
    over = threading.Event()

    def lane(number: int, nursery: Nursery) -> None:
        with Servers(folder / f"lane-{number}", nursery) as servers:
            while not over.is_set():
                try:
                    seed = waiting.get_nowait()
                except queue.Empty:
                    return
                results.put(run(servers, plan(seed)))

    with Nursery() as nursery, ThreadPoolExecutor(lanes) as pool:
        futures = [pool.submit(lane, number, nursery) for number in range(lanes)]
        try:
            for _ in seeds:
                yield _next(results, futures)
        finally:
            over.set()


def _next(results: "queue.SimpleQueue[Result]", futures: list) -> Result:
    while True:
        try:
            return results.get(timeout=1)
        except queue.Empty:
            for future in futures:
                if future.done():
                    future.result()


if __name__ == "__main__":
    sys.exit(main())
