"""A web server that misbehaves exactly as a test tells it to."""

import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    declared_length: int | None = None
    """Content-Length, when it shall differ from the body's."""


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass
class Drop:
    """Close the connection without a word."""


@dataclass
class Hang:
    """Keep the connection open without a word, until the test ends."""


@dataclass
class Trickle:
    """Send one byte at a time for as long as anyone listens."""

    pause: float


Reply = Answer | Drop | Hang | Trickle


class Stub:
    """Gives the queued replies in turn, the last one for ever; keeps what it was asked."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.replies: list[Reply] = []
        self.by_path: dict[str, Reply] = {}
        self.hanging = threading.Event()
        self.released = threading.Event()
        self.server = Server(self)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def reply(self, *replies: Reply) -> None:
        self.replies = list(replies)

    def answer(self, value: object, status: int = 200, **headers: str) -> None:
        self.reply(Answer(status, json.dumps(value).encode(), headers))

    def answer_at(self, path: str, value: object, status: int = 200) -> None:
        self.by_path[path] = Answer(status, json.dumps(value).encode())

    def next_reply(self, path: str) -> Reply:
        if path in self.by_path:
            return self.by_path[path]
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def _serve(self) -> None:
        stub = self.server.stub
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        stub.seen.append(Seen(self.command, parts.path, query, body, dict(self.headers)))
        reply = stub.next_reply(parts.path)
        if isinstance(reply, Answer):
            self._send(reply)
            return
        self.close_connection = True
        if isinstance(reply, Drop):
            self.connection.shutdown(socket.SHUT_RDWR)
        elif isinstance(reply, Hang):
            stub.hanging.set()
            stub.released.wait()
        else:
            self._trickle(reply.pause)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        length = len(answer.body) if answer.declared_length is None else answer.declared_length
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(answer.body)
        self.close_connection = answer.declared_length is not None

    def _trickle(self, pause: float) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while not self.server.stub.released.wait(pause):
                self.wfile.write(b" ")
        except OSError:
            return

    do_GET = do_POST = _serve  # noqa: N815 - names of http.server

    def log_message(self, *_arguments: object) -> None:
        """Keep the test's output clean."""


class Server(ThreadingHTTPServer):
    def __init__(self, stub: Stub) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stub = stub
