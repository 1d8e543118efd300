"""Every control call leaves an entry that says who, what, before and after; GET /audit shows them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import scopes
from journal import tokens
from journal.database import Book
from journal.tokens import Scope

Json = dict[str, Any]
Start = Callable[..., Json]
Signal = Callable[..., dict[str, object]]
Scribe = Any


def entries(client: FlaskClient, **query: str | int) -> list[Json]:
    answer = client.get("/audit", query_string=query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return list(answer.get_json()["items"])


def called(client: FlaskClient, path: str, body: object = None) -> Json:
    """Make a control call that works, and return the one entry that it left in its caller's name."""
    before = len(entries(client, actor="open"))
    answer = client.post(path, json=body)
    assert answer.status_code in {200, 201, 202}, answer.get_data(as_text=True)
    found = entries(client, actor="open")
    assert len(found) == before + 1, found
    return found[0]


CALLS = [
    ("/agents/atlas/start", {"initial_equity": 10, "account_id": "new"}, "start"),
    ("/agents/atlas/accounts", {"accounts": [{"account_id": "new", "initial_equity": 10}]}, "start"),
    ("/agents/atlas/pause", None, "pause"),
    ("/agents/atlas/stop", {"account_id": "alice", "close_positions": True}, "stop"),
    ("/agents/orion/stop", None, "stop"),
    ("/agents/atlas/breakers/reset", None, "reset breakers"),
    ("/agents/atlas/signals?wait=0", {"symbol": "BTCUSDT", "action": "buy", "confidence": 0.9, "price": 100}, "signal"),
    ("/accounts/alice/deposits", {"amount": 5, "reference_id": "d"}, "deposit"),
    ("/accounts/alice/withdrawals", {"amount": 5, "reference_id": "w"}, "withdrawal"),
    ("/accounts/alice/close", {"reference_id": "c"}, "close"),
    ("/trading/halt", {"reason": "a drill"}, "trading HALTED"),
    ("/trading/reduce", {"reason": "a drill"}, "trading REDUCING"),
    ("/trading/activate", {"reason": "a drill"}, "trading ACTIVE"),
    ("/trading/breakers/reset", None, "reset breakers"),
    ("/reconciliation", {"full": True}, "reconcile"),
]


@pytest.mark.parametrize(("path", "body", "action"), CALLS)
def test_a_control_call_leaves_one_entry_with_who_what_before_and_after(
    client: FlaskClient, start: Start, path: str, body: object, action: str
) -> None:
    start(account_id="alice", equity=100)

    entry = called(client, path, body)

    assert (entry["actor"], entry["action"]) == ("open", action)
    assert set(entry) == {"id", "at", "actor", "action", "agent", "account_id", "before", "after"}
    assert datetime.fromisoformat(entry["at"]).utcoffset() == timedelta(0)
    assert isinstance(entry["before"], dict)
    assert isinstance(entry["after"], dict)


ELSEWHERE = {"/webhooks/ml-signals", "/agents/<agent:agent>/resume"}
"""The webhook is no control call: its signals are their own record. Resuming has a test of its own."""


def test_no_route_that_changes_something_is_forgotten_here(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if (rule.methods or set()) - scopes.SAFE_METHODS]
    matched = app.url_map.bind("localhost")
    tried = {matched.match(path.partition("?")[0], method="POST", return_rule=True)[0].rule for path, _, _ in CALLS}
    subscriptions = {
        rule.rule for rule in rules if rule.rule.startswith("/subscriptions") or "/deliveries" in rule.rule
    }

    assert {rule.rule for rule in rules} - tried - ELSEWHERE - subscriptions == set()


def test_whatever_becomes_of_a_subscription_leaves_an_entry_without_its_secret(client: FlaskClient) -> None:
    body = {"url": "http://127.0.0.1:9/events", "secret": "a-secret-that-is-long-enough-to-sign"}

    subscribed = called(client, "/subscriptions", body)
    (one,) = client.get("/subscriptions").get_json()["items"]
    rotated = called(client, f"/subscriptions/{one['id']}/rotate-secret")
    ended = called(client, f"/subscriptions/{one['id']}/end")

    assert [entry["action"] for entry in (subscribed, rotated, ended)] == ["subscribe", "rotate secret", "unsubscribe"]
    assert body["secret"] not in client.get("/audit").get_data(as_text=True)


def test_an_entry_says_what_changed(client: FlaskClient, start: Start) -> None:
    start(account_id="alice", equity=100)

    paused = called(client, "/agents/atlas/pause")
    assert (paused["before"]["agent_status"], paused["after"]["agent_status"]) == ("running", "paused")
    resumed = called(client, "/agents/atlas/resume")
    assert (resumed["before"]["agent_status"], resumed["after"]["agent_status"]) == ("paused", "running")
    paid_in = called(client, "/accounts/alice/deposits", {"amount": 5, "reference_id": "d"})
    assert [float(paid_in[when]["cash"]) for when in ("before", "after")] == [100.0, 105.0]
    assert (paid_in["account_id"], paid_in["after"]["reference_id"]) == ("alice", "d")
    halted = called(client, "/trading/halt", {"reason": "a drill"})
    assert (halted["before"]["state"], halted["after"]["state"]) == ("ACTIVE", "HALTED")


def test_an_entry_of_a_signal_says_what_it_said(client: FlaskClient, start: Start, signal: Signal) -> None:
    start()

    entry = called(client, "/agents/atlas/signals?wait=0", signal(id="s-1"))

    assert entry["after"] == {
        "signal_id": "s-1",
        "symbol": "BTCUSDT",
        "action": "buy",
        "confidence": "0.85",
        "price": "45000",
    }


def test_a_call_that_is_refused_or_fails_leaves_none(client: FlaskClient, start: Start) -> None:
    start(account_id="alice", equity=100)
    known = entries(client)

    for path, body, status in (
        ("/agents/atlas/resume", None, 409),
        ("/accounts/alice/withdrawals", {"amount": 500, "reference_id": "w"}, 409),
        ("/accounts/nobody/deposits", {"amount": 5, "reference_id": "d"}, 404),
        ("/trading/halt", {}, 422),
        ("/agents/nova/signals?wait=0", {"symbol": "BTCUSDT"}, 422),
    ):
        assert client.post(path, json=body).status_code == status, path

    assert entries(client) == known


def test_the_log_is_read_in_pages_and_by_each_filter(client: FlaskClient, start: Start, scribe: Scribe) -> None:
    start(account_id="alice")
    start("orion", account_id="bob")
    for _ in range(3):
        client.post("/agents/atlas/pause")
    scribe.run("INSERT INTO trading.audit_log (actor, action) VALUES ('worker', 'withdrawal completed')")

    def ids(**query: str | int) -> list[int]:
        return [entry["id"] for entry in entries(client, **query)]

    everything = ids()
    assert everything == sorted(everything, reverse=True)
    page = client.get("/audit?limit=4").get_json()
    assert ids(limit=4, cursor=page["next_cursor"]) == everything[4:]
    assert len(ids(action="pause")) == 3
    assert len(ids(actor="worker")) == 1
    assert {entry["agent"] for entry in entries(client, agent="orion")} == {"orion"}
    assert [entry["action"] for entry in entries(client, account_id="bob")] == ["start"]
    assert ids(account_id="bob", action="pause") == []


@pytest.mark.parametrize(
    "query",
    ["actor=%00", "action=", "agent=A", "account_id=a/b", "cursor=0", "limit=501", "cursor=x", f"actor={'x' * 101}"],
)
def test_a_filter_that_makes_no_sense_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/audit?{query}").status_code == 422


def test_only_admins_read_the_log(client: FlaskClient, book: Book) -> None:
    with book.unit_of_work() as session:
        trader, admin = (
            tokens.create(session, scope.value, scope, expires_in=None, actor="test")
            for scope in (Scope.TRADE, Scope.ADMIN)
        )

    assert client.get("/audit", headers={"Authorization": f"Bearer {trader}"}).status_code == 403
    read = client.get("/audit", headers={"Authorization": f"Bearer {admin}"})
    assert [entry["action"] for entry in read.get_json()["items"]] == ["token create"] * 2
    assert trader not in read.get_data(as_text=True)
