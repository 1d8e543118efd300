"""An ML engine that advises what a test tells it to, and else nothing."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class ScriptedEngine:
    """Its advice by symbol, as the batch route gives it; any other ``status`` than 200 spoils every answer."""

    def __init__(self) -> None:
        self.status = 200
        self.advice: dict[str, Mapping[str, object]] = {}
        self.url = ""

    def advise(self, symbol: str, action: str, price: float, confidence: float = 0.9) -> None:
        at = datetime.now(UTC).isoformat()
        self.advice[symbol] = {
            "symbol": symbol,
            "action": action,
            "confidence": confidence,
            "price": price,
            "timestamp": at,
        }

    @contextmanager
    def serving(self) -> Iterator[None]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                symbols = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer({"signals": {symbol: engine.advice.get(symbol) for symbol in symbols}})

            def do_GET(self) -> None:
                self._answer({"signal": engine.advice.get(self.path.rpartition("/")[2])})

            def _answer(self, content: Mapping[str, object]) -> None:
                body = json.dumps(content).encode()
                self.send_response(engine.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                # A worker that was killed meanwhile listens no more.
                with suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        return Handler
