"""Starts Celery processes quickly: each is forked from one that has the libraries loaded already.

What is forked runs ``python -m celery`` from its first line, with an environment, a session and a log of its
own. Only the second and a half of processor time that importing takes is saved, hundreds of times.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Self

import psutil

from sandbox.embedded.server import die_with_parent

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = (
    "adapters.alerts",
    "adapters.exchange",
    "adapters.ml_engine",
    "adapters.queue",
    "adapters.state",
    "celery.__main__",
    "celery.bin.celery",
    "celery.apps.worker",
    "celery.apps.beat",
    "celery.concurrency.prefork",
    "celery.worker.consumer",
    "journal.ledger",
    "journal.performance",
    "kombu.transport.redis",
    "redbeat",
    "runtime.bootstrap",
    "runtime.settings",
    "sqlalchemy.dialects.postgresql.psycopg2",
)
"""Everything slow to import that reads no setting while it is imported; not :mod:`tasks`, which does."""


class Nursery:
    """The process that others are forked from; ends when the program that made it ends."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.chaos.nursery"]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one system call, no lock, no allocation
        )
        self._one_at_a_time = threading.Lock()

    def spawn(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> psutil.Process:
        """Run ``python -m celery`` with these arguments and this whole environment, its output added to a log."""
        order = json.dumps({"arguments": list(arguments), "environment": dict(environment), "log": str(log)})
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._one_at_a_time:
            self._process.stdin.write(order + "\n")
            self._process.stdin.flush()
            return psutil.Process(int(self._process.stdout.readline()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def serve() -> None:
    """Fork a process for every line on standard input, and say its id on standard output."""
    for library in LIBRARIES:
        __import__(library)
    # The kernel clears away whatever dies.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(**json.loads(line))
        print(pid, flush=True)  # noqa: T201 - the answer


def _become(arguments: Sequence[str], environment: Mapping[str, str], log: str) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["celery", *arguments]
    from celery.__main__ import main  # noqa: PLC0415 - loaded long ago

    code: object = 1
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - the process ends here
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve()
