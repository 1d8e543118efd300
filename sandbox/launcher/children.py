"""Running one service: its process, its log, whether it works, and how it ends."""

import signal
import subprocess
from pathlib import Path
from typing import Protocol

import requests

from sandbox.embedded.server import ServerError, spawn, stop, wait_until_ready
from sandbox.launcher.services import Service

_READY_SECONDS = 60.0
# SIGTERM lets a worker finish its task and gunicorn its requests; SIGQUIT gives the rest back to the queue.
_STOP_STEPS = ((signal.SIGTERM, 6.0), (signal.SIGQUIT, 2.0))


class Child(Protocol):
    """Something that runs as a process of its own. All of it but `stop` belongs to the main thread."""

    @property
    def name(self) -> str:
        """As shown."""

    @property
    def log(self) -> Path:
        """Where its output goes."""

    def start(self) -> None:
        """Start it, without waiting until it works."""

    def wait_ready(self) -> None:
        """Return once it works; raises ServerError when it does not."""

    def is_alive(self) -> bool:
        """Whether its process runs."""

    def stop(self) -> None:
        """End it within a few seconds; does nothing when it is not running."""


class Process:
    """A child made of a `Service`."""

    def __init__(self, service: Service, logs_dir: Path) -> None:
        self._service = service
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self.name = service.name
        self.log = logs_dir / f"{service.name}.log"

    def start(self) -> None:
        """Start it, without waiting until it works."""
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        # A killed launcher can give nobody time to finish: the next run resumes from the database as after a crash.
        self._process = spawn(
            self._service.command, log=self.log, death_signal=signal.SIGKILL, env=self._service.environment
        )

    def wait_ready(self) -> None:
        """Return once it works.

        Raises:
            ServerError: It ended, or does not work after a minute.
        """
        if self._process is None:
            raise ServerError(f"{self.name} was not started")
        wait_until_ready(self.name, self._process, self._works, log=self.log, seconds=_READY_SECONDS)

    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it, in order if it will, with all its descendants if it will not."""
        if self._process is not None:
            stop(self._process, *_STOP_STEPS)
            self._process = None

    def _works(self) -> bool:
        if self._service.ready_url is not None:
            return _answers(self._service.ready_url)
        return self._has_said(self._service.ready_words or "")

    def _has_said(self, words: str) -> bool:
        with self.log.open("rb") as output:
            output.seek(self._log_start)
            return words.encode() in output.read()


class Server:
    """A child made of an embedded server, which is ready as soon as it is started."""

    def __init__(self, name: str, log: Path, server: "EmbeddedServer") -> None:
        self._server = server
        self.name = name
        self.log = log

    def start(self) -> None:
        """Start it and wait until it works."""
        self._server.start()

    def wait_ready(self) -> None:
        """Return at once: `start` has waited."""

    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self._server.is_running()

    def stop(self) -> None:
        """End it."""
        self._server.stop()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


class EmbeddedServer(Protocol):
    """What EmbeddedPostgres and EmbeddedRedis have in common."""

    def start(self) -> str:
        """Start it and return its URL."""

    def is_running(self) -> bool:
        """Whether its process runs."""

    def stop(self) -> None:
        """End it."""
