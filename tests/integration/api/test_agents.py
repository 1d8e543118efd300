"""Starting, pausing, resuming and stopping over HTTP."""

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text

from journal.database import Book

Start = Callable[..., dict[str, Any]]


def test_the_guides_client_starts_an_agent_and_finds_it_running(client: FlaskClient) -> None:
    started = client.post("/agents/atlas/start", json={"agent_name": "atlas", "initial_equity": 1000.0})
    assert started.status_code == 200
    body = started.get_json()
    assert (body["agent"], body["account_id"], body["status"], body["equity"], body["opened"]) == (
        "atlas",
        "house-atlas",
        "running",
        1000,
        True,
    )
    assert "warning" not in body
    status = client.get("/agents/atlas/status").get_json()
    assert (status["status"], status["equity"], status["accounts"], status["breakers"]) == ("running", 1000, 1, [])
    assert client.get("/health").get_json() == {"status": "up", "agents_running": 1}
