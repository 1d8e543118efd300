"""Servers as the service runs them, and a caller that keeps so many connections busy with little work of its own."""

import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.world import ROOT
from sandbox.embedded.server import free_port

THREADS = 16
CONNECTIONS = 16
WAIT_SECONDS = 60
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class AnswerError(AssertionError):
    """A server did not answer as it should, so its figures are worth nothing."""


@contextmanager
def serving(application: str, environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """Serve an application with the launcher's settings of gunicorn; gives its port."""
    port = free_port()
    shape = ["--worker-class", "gthread", "--workers", "1", "--threads", str(THREADS)]
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", *shape]
    command += ["--no-control-socket", "--access-logfile", "-", application]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=output
        )
    try:
        _await(port, process)
        # The master listens before its worker has loaded the application.
        drive(port, iter([get("/health")] * THREADS))
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT_SECONDS)


def get(path: str) -> bytes:
    """A request to read."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: object) -> bytes:
    """A request that sends JSON."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
    )
    return head.encode() + _HEAD_END + content


def repeated(request: bytes, seconds: float) -> Iterator[bytes]:
    """The same request for so long."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        yield request


def drive(port: int, requests: Iterator[bytes], connections: int = CONNECTIONS) -> float:
    """Send all requests, one after the other on each connection; the requests per second.

    Raises:
        AnswerError: an answer was no success.
    """
    begun, done = time.perf_counter(), 0
    with selectors.DefaultSelector() as waiting:
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            waiting.register(connection, selectors.EVENT_READ)
            _send_next(waiting, connection, requests)
        while waiting.get_map():
            for key, _ in waiting.select(WAIT_SECONDS):
                connection = key.fileobj  # type: ignore[assignment] # only sockets are registered
                _read_answer(connection)
                done += 1
                _send_next(waiting, connection, requests)
    return done / (time.perf_counter() - begun)


def _send_next(waiting: selectors.DefaultSelector, connection: socket.socket, requests: Iterator[bytes]) -> None:
    request = next(requests, None)
    if request is None:
        waiting.unregister(connection)
        connection.close()
    else:
        connection.sendall(request)


def _read_answer(connection: socket.socket) -> None:
    received = connection.recv(65536)
    while _HEAD_END not in received:
        more = connection.recv(65536)
        if not more:
            raise AnswerError(f"the connection was closed after {received!r}")
        received += more
    head, _, body = received.partition(_HEAD_END)
    if not head.startswith(b"HTTP/1.1 2"):
        raise AnswerError(received[:2000].decode(errors="replace"))
    length = _LENGTH.search(head)
    missing = int(length[1]) - len(body) if length else 0
    while missing > 0:
        missing -= len(connection.recv(missing))


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AnswerError("the server does not start")
