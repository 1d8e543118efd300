"""A real worker process, to which measures send tasks."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from bench.world import DONE, ROOT, Servers, World

WAIT_SECONDS = 120
QUEUES = "signals,ticks,upkeep"


class Worker:
    """A worker process with one child, which does the work."""

    def __init__(self, process: subprocess.Popen[bytes], world: World) -> None:
        self._process = process
        self._app = world.services.queue.app
        self._redis = world.services.state.client

    def run(self, task: str, queue: str, *arguments: object) -> float:
        """Send a task and wait until it is done; the seconds from before sending to its end."""
        begun = time.time()
        self._app.send_task(task, args=list(arguments), queue=queue)
        return self.wait() - begun

    def round_trip(self, task: str, queue: str) -> float:
        """Send a task and wait until it is known here to be done; the seconds from before sending to then."""
        begun = time.time()
        self.run(task, queue)
        return time.time() - begun

    def wait(self) -> float:
        """When the next task is done, by its own clock.

        Raises:
            TimeoutError: none is.
        """
        answer = self._redis.blpop([DONE], timeout=1)
        deadline = time.time() + WAIT_SECONDS
        while answer is None:
            if time.time() > deadline or self._process.poll() is not None:
                raise TimeoutError("the worker does not answer")
            answer = self._redis.blpop([DONE], timeout=1)
        return float(answer[1])

    def children(self) -> list[psutil.Process]:
        """The processes that do the work."""
        return psutil.Process(self._process.pid).children()


@contextmanager
def worker(servers: Servers, world: World, **environment: str) -> Iterator[Worker]:
    """Start a worker on a world's book and wait until it works."""
    log = servers.folder / "worker.log"
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "bench.floor_tasks",
        "worker",
        "-c",
        "1",
        "-Q",
        QUEUES,
        "-l",
        "warning",
    ]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=ROOT, env=servers.environment(world.url, **environment), stdout=output, stderr=output
        )
    running = Worker(process, world)
    try:
        world.services.state.client.delete(DONE)
        running.run("bench.nothing", "ticks")
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
