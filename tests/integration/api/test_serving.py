"""What the server in front of the application refuses itself."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.openapi import NOWHERE

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of the application behind gunicorn; it never gets as far as to a database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    options = ["--bind", f"127.0.0.1:{number}", "--no-control-socket", "--config", "python:api.serving"]
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", *options, "api.app:create_app()"]
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | NOWHERE, stderr=subprocess.DEVNULL)
    try:
        _wait_for(number)
        yield number
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        else:
            return


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /health?x=" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X-Y: z\r\n" * 200 + b"\r\n", 431),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nX-Y: " + b"z" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nA name with \x00: y\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nX-Y: a\x00b\r\n\r\n", 400),
        (b"POST /trading/halt HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n", 400),
        (b"GET /health HTTP/9.9\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_request_that_cannot_be_read_is_refused_in_the_one_shape(port: int, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(sent)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/json" in head
    said = json.loads(body)
    assert set(said) == {"code", "status", "message"}
    assert said["code"] == status
