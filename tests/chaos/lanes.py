"""Several runs at a time: each lane is a process of its own with servers of its own."""

import ctypes
import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from queue import Empty

from tests.chaos.nursery import Nursery
from tests.chaos.plan import plan
from tests.chaos.run import Result, run
from tests.chaos.world import Servers

_PROCESSES = multiprocessing.get_context("fork")
_PR_SET_PDEATHSIG = 1


class LaneError(Exception):
    """A lane could not start its servers, or ended without a word."""


def run_all(seeds: Sequence[int], lanes: int, folder: Path) -> Iterator[Result]:
    """Make these runs, ``lanes`` at a time, and hand on each result as it comes.

    Raises:
        LaneError: the machinery of the suite failed, not what it tests.
    """
    waiting: SimpleQueue[int | None] = _PROCESSES.SimpleQueue()
    results = _PROCESSES.Queue()
    for seed in [*seeds, *[None] * lanes]:
        waiting.put(seed)
    processes = [
        _PROCESSES.Process(target=_lane, args=(folder / f"lane-{number}", waiting, results, os.getpid()))
        for number in range(min(lanes, len(seeds)))
    ]
    for process in processes:
        process.start()
    try:
        for _ in seeds:
            yield _next(results, processes)
    finally:
        for process in processes:
            process.join(20)
            process.kill()
            process.join()


def _next(results: "multiprocessing.Queue[Result | str]", processes: Sequence[BaseProcess]) -> Result:
    while True:
        try:
            result = results.get(timeout=1)
        except Empty:
            if not any(process.is_alive() for process in processes):
                raise LaneError("every lane ended before its time") from None
            continue
        if isinstance(result, str):
            raise LaneError(result)
        return result


def _lane(
    folder: Path,
    waiting: "SimpleQueue[int | None]",
    results: "multiprocessing.Queue[Result | str]",
    parent: int,
) -> None:
    """Make runs until none is waiting; ends, with everything it started, when its parent does."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        return
    try:
        with Nursery() as nursery, Servers(folder, nursery) as servers:
            while (seed := waiting.get()) is not None:
                results.put(run(servers, plan(seed)))
    except Exception:  # noqa: BLE001 - told to the parent, which ends the suite
        results.put(traceback.format_exc())
