"""The connection that quotes come by, over TLS, as the real exchange is reached."""

import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from adapters import exchange_line
from adapters.exchange_line import LOST, Line

LOOPBACK = "127.0.0.1"


class Quotes(BaseHTTPRequestHandler):
    """Answers each request with the path that was asked for, and keeps the connection open."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def url(authority: trustme.CA) -> Iterator[str]:
    server = HTTPServer((LOOPBACK, 0), Quotes)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(LOOPBACK).configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://{LOOPBACK}:{server.server_port}/api/v3"
    server.shutdown()
    thread.join()
    server.server_close()


def test_quotes_come_over_one_verified_connection_one_after_another(
    url: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setattr(exchange_line, "DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "authority.pem"))
    line = Line(url, timedelta(seconds=5))
    answers = []
    for symbol in ("BTCUSDT", "ETHUSDT"):
        line.send("ticker/bookTicker", {"symbol": symbol})
        answers.append(line.receive())
    line.close()

    assert [answer.status for answer in answers] == [200, 200]
    assert [answer.body.decode() for answer in answers] == [
        "/api/v3/ticker/bookTicker?symbol=BTCUSDT",
        "/api/v3/ticker/bookTicker?symbol=ETHUSDT",
    ]


def test_nothing_is_asked_of_a_server_that_cannot_prove_who_it_is(url: str) -> None:
    line = Line(url, timedelta(seconds=5))

    with pytest.raises(LOST, match="certificate verify failed"):
        line.send("ticker/bookTicker", {"symbol": "BTCUSDT"})
