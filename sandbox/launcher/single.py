"""Sees to it that a data folder is used by one launcher at a time, and that its ports are free."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.embedded.server import free_port
from sandbox.launcher.settings import LauncherError

_PATIENCE_SECONDS = 3.0


@contextmanager
def only_run(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for the length of the block; the system lets go of it when the process dies.

    Raises:
        LauncherError: Another run holds it.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().strip()
            raise LauncherError(
                f"already running on {data_dir} (process {pid}): stop it with Ctrl-C there, or `kill {pid}`"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def claim_port(host: str, port: int, variable: str) -> int:
    """Return `port` once it is free, or any free one for 0.

    A run that was killed may hold it for a second or two longer; that is waited for.

    Raises:
        LauncherError: Something else listens there.
    """
    if port == 0:
        return free_port()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not _is_free(host, port):
        if time.monotonic() > deadline:
            raise LauncherError(f"port {port} is in use by another program: set {variable} to a free one")
        time.sleep(0.1)
    return port


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
