"""Gunicorn around the application: one process, many threads, loopback only, gone when its parent is."""

import ctypes
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # gunicorn ships no types

from sandbox.exchange.app import create_app
from sandbox.exchange.settings import from_environment

HOST = "127.0.0.1"
READY = "sandbox exchange ready on "
THREADS = 64
_PR_SET_PDEATHSIG = 1


class ExchangeServer(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """The exchange on one port."""

    def __init__(self, port: int, data: Path | None) -> None:
        """Serve on ``port`` (0: a free one) with the settings of the environment, and ``data`` if given."""
        settings = from_environment()
        self._settings = replace(settings, data=data) if data else settings
        self._port = port
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn needs; it tells of errors only."""
        options: dict[str, Any] = {
            "bind": f"{HOST}:{self._port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "keepalive": 75,
            "graceful_timeout": 1,
            "loglevel": "error",
            "proc_name": "sandbox-exchange",
            "post_fork": _die_with_parent,
            "post_worker_init": _announce,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application, in the worker."""
        return create_app(self._settings)


def _die_with_parent(_arbiter: object, worker: Any) -> None:  # noqa: ANN401 - gunicorn ships no types
    """Let the kernel end the worker when the arbiter is killed, so that no orphan holds port or data."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker.ppid:
        os.kill(os.getpid(), signal.SIGKILL)


def _announce(worker: Any) -> None:  # noqa: ANN401 - gunicorn ships no types
    """Tell that requests are answered from now on."""
    port = worker.sockets[0].getsockname()[1]
    print(f"{READY}http://{HOST}:{port}", flush=True)  # noqa: T201 - the launcher and people wait for this line
