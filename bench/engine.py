"""An ML engine that has no signal for anything, at once."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Nothing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet per answer: two, and the second waits 40 ms for the first to be acknowledged.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer a batch."""
        symbols = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"signals": dict.fromkeys(symbols)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def engine() -> Iterator[str]:
    """Serve it; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Nothing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
