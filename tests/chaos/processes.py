"""The service's Celery processes in one run: two workers and two beats, started again whenever they are gone."""

import random
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.chaos.nursery import Nursery

REST_SECONDS = 0.3
"""Between two starts of the same process, so that one that cannot start does not keep the machine busy."""
TERM_SECONDS = 15

BEAT = ("beat", "--scheduler", "redbeat.RedBeatScheduler", "--loglevel", "INFO", "--pidfile", "")
QUEUES = ("signals,upkeep", "ticks,upkeep,events")
ALL_QUEUES = "signals,ticks,upkeep,events"


def worker_arguments(number: int, queues: str) -> tuple[str, ...]:
    """As the launcher starts its workers."""
    name = ("--hostname", f"worker-{number}@%h")
    return ("worker", *name, "--queues", queues, "--concurrency", "1", "--events", "--loglevel", "INFO")


class Child:
    """One Celery process that is kept running.

    Args:
        nursery: where it is forked.
        name: of its log.
        arguments: of ``celery --app tasks``.
        environment: all of its variables.
        folder: of its log.
    """

    def __init__(
        self, nursery: Nursery, name: str, arguments: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.point: str | None = None
        self._nursery = nursery
        self._arguments = ("--app", "tasks", *arguments)
        self._environment = dict(environment)
        self._process: psutil.Process | None = None
        self._started_at = 0.0
        self._expected_dead = True

    def start(self, kill_at: Mapping[str, float] | None = None) -> None:
        """Start it; with ``kill_at`` it dies at those fail points, with these probabilities."""
        chances = ",".join(f"{point}={chance:g}" for point, chance in (kill_at or {}).items())
        self.point = next(iter(kill_at or ()), None)
        environment = self._environment | ({"CHAOS_KILL_AT": chances} if chances else {})
        self._process = self._nursery.spawn(self._arguments, environment, self.log)
        self._started_at = time.monotonic()
        self._expected_dead = False

    @property
    def is_alive(self) -> bool:
        return self._process is not None and _is_alive(self._process)

    @property
    def is_rested(self) -> bool:
        return time.monotonic() - self._started_at > REST_SECONDS

    @property
    def died_by_itself(self) -> bool:
        """Whether it is dead though nobody here killed it."""
        return not self.is_alive and not self._expected_dead

    def family(self) -> list[psutil.Process]:
        """It and its children, as far as they live."""
        if self._process is None:
            return []
        with suppress(psutil.NoSuchProcess):
            return [self._process, *self._process.children(recursive=True)]
        return []

    def kill(self) -> None:
        """``kill -9`` of it and its children, and wait until they are gone."""
        self._expected_dead = True
        _kill(self.family())

    def kill_pool(self) -> bool:
        """``kill -9`` of its children alone; False if it has none."""
        children = self.family()[1:]
        _kill(children)
        return bool(children)

    def terminate(self) -> None:
        """Let it end in order, if it will."""
        self._expected_dead = True
        family = self.family()
        for process in family[:1]:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        deadline = time.monotonic() + TERM_SECONDS
        while any(map(_is_alive, family)) and time.monotonic() < deadline:
            time.sleep(0.02)
        _kill(family)

    def freeze(self) -> None:
        """Stop it where it stands, until :meth:`thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


class Processes:
    """Two workers and two beats, and what killed them.

    Args:
        nursery: where they are forked.
        environment: all of their variables.
        folder: of their logs.
        shared_queues: whether both workers take every task.
        kill_at: probability of dying by fail point; every worker that starts is given one of them.
        rng: chooses which.
    """

    def __init__(
        self,
        nursery: Nursery,
        environment: Mapping[str, str],
        folder: Path,
        *,
        shared_queues: bool,
        kill_at: Mapping[str, float],
        rng: random.Random,
    ) -> None:
        queues = (ALL_QUEUES, ALL_QUEUES) if shared_queues else QUEUES
        self.workers = [
            Child(nursery, f"worker-{number}", worker_arguments(number, names), environment, folder)
            for number, names in enumerate(queues)
        ]
        self.beats = [Child(nursery, f"beat-{number}", BEAT, environment, folder) for number in range(2)]
        self.deaths: Counter[str] = Counter()
        """Deaths at fail points, by point."""
        self._kill_at = dict(kill_at)
        self._rng = rng

    def tend(self) -> None:
        """Start what is not running."""
        for child in (*self.workers, *self.beats):
            if child.is_alive or not child.is_rested:
                continue
            if child.died_by_itself and child.point is not None:
                self.deaths[child.point] += 1
            child.start(self._next_point() if child in self.workers else None)

    def calm(self, *, gently: bool) -> None:
        """Kill no worker any more: start those again that are to die at a fail point."""
        self._kill_at = {}
        for child in (*self.workers, *self.beats):
            child.thaw()
            if child.point is None:
                continue
            if gently:
                child.terminate()
            else:
                child.kill()
        self.tend()

    def end(self) -> None:
        """Kill everything."""
        for child in (*self.beats, *self.workers):
            child.kill()

    def said(self) -> str:
        """Everything they have written."""
        logs = [child.log for child in (*self.workers, *self.beats)]
        return "".join(log.read_text(errors="replace") for log in logs if log.exists())

    def _next_point(self) -> Mapping[str, float]:
        if not self._kill_at:
            return {}
        point = self._rng.choice(sorted(self._kill_at))
        return {point: self._kill_at[point]}


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _kill(family: Sequence[psutil.Process]) -> None:
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + 10
    while any(map(_is_alive, family)):
        assert time.monotonic() < deadline, "a killed process is gone"
        time.sleep(0.01)
