"""A subscriber hears of what happens, through real processes."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.e2e.service import Service, wait_for


@dataclass
class Inbox:
    """What a subscriber received, as it came."""

    url: str
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def told(self, **facts: object) -> list[tuple[dict[str, str], bytes]]:
        """Deliveries whose event says all of this."""
        return [one for one in self.got if facts.items() <= flat(json.loads(one[1])).items()]


def flat(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**event, **event["data"]}.items() if not isinstance(value, (dict, list))}


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            kept.got.append((dict(self.headers), body))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept = Inbox(f"http://127.0.0.1:{server.server_address[1]}/events")
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        yield kept
        server.shutdown()
        serving.join()


def test_a_subscriber_hears_of_a_stopped_agent_and_of_the_trade_that_closed_signed(
    service: Service, inbox: Inbox
) -> None:
    made = service.post("/subscriptions", {"url": inbox.url}, status=201)
    service.pin("BTCUSDT", 45_000)
    service.open_account("orion", "told-of", 1000)
    service.signal("orion", "BTCUSDT", "buy", 45_000)
    service.post("/agents/orion/stop", {"close_positions": True})

    [(headers, body), *_] = wait_for(
        lambda: inbox.told(kind="agent.state_changed", agent="orion", account_id=None, after="stopped"),
        "the stop is told",
        30,
    )
    [(_, trade), *_] = wait_for(lambda: inbox.told(kind="trade.closed", agent="orion"), "the trade is told", 30)

    signed = headers["X-Trading-Agents-Timestamp"].encode() + b"." + body
    assert (
        headers["X-Trading-Agents-Signature"] == hmac.new(made["secret"].encode(), signed, hashlib.sha256).hexdigest()
    )
    assert headers["X-Trading-Agents-Event-Id"] == json.loads(body)["id"]
    closed = json.loads(trade)["data"]
    assert (closed["symbol"], closed["reason"]) == ("BTCUSDT", "operator")
    trades = service.items("/trades", client_order_id=closed["client_order_id"])
    assert [one["account_id"] for one in trades] == ["told-of"]
    delivered = wait_for(
        lambda: service.items(f"/subscriptions/{made['id']}/deliveries", status="delivered"), "deliveries are noted"
    )
    assert json.loads(body)["id"] in {one["event_id"] for one in delivered}
    assert made["secret"] not in service.written()
