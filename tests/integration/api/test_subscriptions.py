"""Events and who is told of them, as callers see it; deliveries themselves are in tests/integration/events."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from journal import deliveries
from journal.database import Book

Start = Callable[..., dict[str, Any]]
Scribe = Any

HERE = "http://127.0.0.1:9/events"


def subscribe(client: FlaskClient, **fields: object) -> dict[str, Any]:
    answer = client.post("/subscriptions", json={"url": HERE} | fields)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return dict(answer.get_json())


def publish(book: Book) -> int:
    with book.unit_of_work() as session:
        return deliveries.publish(session)


def events(client: FlaskClient, **query: object) -> list[dict[str, Any]]:
    return list(client.get("/events", query_string=query).get_json()["items"])


def test_the_secret_is_told_once_and_never_again(client: FlaskClient) -> None:
    made = subscribe(client)
    given = subscribe(client, secret="a-secret-of-their-own", events=["trade.closed", "breaker.tripped"])

    assert len(made["secret"]) >= 40
    assert given["secret"] == "a-secret-of-their-own"
    assert (made["events"], given["events"]) == (None, ["breaker.tripped", "trade.closed"])
    for path in ("/subscriptions", f"/subscriptions/{made['id']}", "/audit"):
        shown = client.get(path).get_data(as_text=True)
        assert made["id"] in shown
        assert made["secret"] not in shown
        assert given["secret"] not in shown


@pytest.mark.parametrize(
    "url",
    [
        "ftp://platform.example/x",
        "https://",
        "https:///x",
        "http://platform.example/x",
        "http://8.8.8.8/x",
        "https://user:password@platform.example/x",
        "https://user@platform.example/x",
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.1.1/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "https://100.100.100.200/",
        "http://0.0.0.0/",
        "https://224.0.0.1/",
        "https://platform.example:99999/",
        "https://platform.example/\u00e9",
        "https://platform.example/a b",
        "https://platform.example/" + "a" * 2000,
        "https://platform.example\\@169.254.169.254/",
        "",
        5,
        None,
    ],
)
def test_an_address_that_events_must_not_go_to_is_refused_by_name(
    client: FlaskClient, scribe: Scribe, url: object
) -> None:
    answer = client.post("/subscriptions", json={"url": url})
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]["json"]) == ["url"]
    assert scribe.count("trading.subscriptions") == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://platform.example/trading?source=agents",
        "https://8.8.8.8/x",
        "http://localhost:3000/x",
        "http://backend:3000/x",
        "http://backend.internal/x",
        "http://10.1.2.3/x",
        "http://[::1]:3000/x",
        "http://[fd12::1]/x",
    ],
)
def test_https_goes_anywhere_and_http_to_private_hosts(client: FlaskClient, url: str) -> None:
    assert subscribe(client, url=url)["url"] == url


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("events", []),
        ("events", ["trade.opened"]),
        ("events", "trade.closed"),
        ("secret", "short"),
        ("secret", "x" * 129),
        ("secret", "with a blank in it"),
        ("secret", "with\x00nul-in-the-middle"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused_by_name(client: FlaskClient, field: str, value: object) -> None:
    answer = client.post("/subscriptions", json={"url": HERE, field: value})
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]["json"]) == [field]


def test_a_control_call_is_an_event_for_those_who_asked_for_its_kind(
    client: FlaskClient, book: Book, start: Start
) -> None:
    told, other = subscribe(client), subscribe(client, events=["trade.closed"])
    start("atlas", "alice")
    client.post("/agents/atlas/pause")
    client.post("/agents/atlas/pause")
    client.post("/trading/halt", json={"reason": "a drill"})

    assert publish(book) == 4

    changed = [
        (e["kind"], e["agent"], e["account_id"], e["data"]["before"], e["data"]["after"]) for e in events(client)
    ]
    assert changed[:2] == [
        ("trading.state_changed", None, None, "ACTIVE", "HALTED"),
        ("agent.state_changed", "atlas", None, "running", "paused"),
    ]
    assert set(changed[2:]) == {
        ("agent.state_changed", "atlas", "alice", None, "running"),
        ("agent.state_changed", "atlas", None, "stopped", "running"),
    }
    assert [e["position"] for e in events(client)] == [4, 3, 2, 1]
    waiting = client.get(f"/subscriptions/{told['id']}/deliveries").get_json()["items"]
    assert [(d["kind"], d["status"], d["attempts"]) for d in waiting] == [
        (e["kind"], "pending", 0) for e in events(client)
    ]
    assert client.get(f"/subscriptions/{other['id']}/deliveries").get_json()["items"] == []
    assert client.get(f"/subscriptions/{told['id']}").get_json()["pending"] == 4


def test_whoever_was_away_catches_up_from_the_last_position_it_knows(
    client: FlaskClient, book: Book, start: Start
) -> None:
    start("atlas", "alice")
    start("nova", "bob")
    publish(book)

    seen: list[int] = []
    while found := events(client, after=seen[-1] if seen else 0, limit=1):
        seen += [event["position"] for event in found]
    assert seen == [1, 2, 3, 4]
    page = client.get("/events?after=0&limit=3").get_json()
    rest = client.get("/events", query_string={"after": 0, "limit": 3, "cursor": page["next_cursor"]}).get_json()
    assert [e["position"] for e in page["items"] + rest["items"]] == seen
    assert rest["next_cursor"] is None


def test_events_are_found_by_kind_and_agent(client: FlaskClient, book: Book, start: Start) -> None:
    start("atlas", "alice")
    start("nova", "bob")
    client.post("/trading/reduce", json={"reason": "a drill"})
    publish(book)

    assert {e["agent"] for e in events(client, agent="nova")} == {"nova"}
    assert [e["data"]["after"] for e in events(client, kind="trading.state_changed")] == ["REDUCING"]
    assert client.get("/events?agent=zeus").status_code == 404
    assert client.get("/events?kind=trade.opened").status_code == 422


def test_a_withdrawal_is_an_event_once_however_often_it_is_asked_for(
    client: FlaskClient, book: Book, start: Start
) -> None:
    start("atlas", "alice")
    for _ in range(3):
        client.post("/accounts/alice/withdrawals", json={"amount": 12.5, "reference_id": "w-1"})
    client.post("/accounts/alice/close", json={"reference_id": "c-1"})
    publish(book)

    closing, withdrawal = events(client, kind="withdrawal.completed")
    assert (withdrawal["account_id"], withdrawal["data"]["amount"]) == ("alice", 12.5)
    assert withdrawal["data"]["status_url"] == "/accounts/alice/withdrawals/w-1"
    assert client.get(withdrawal["data"]["status_url"]).status_code == 200
    assert (closing["data"]["type"], closing["data"]["amount"]) == ("closing", 987.5)
    stopped = next(e["data"] for e in events(client, kind="agent.state_changed") if e["account_id"])
    assert (stopped["after"], stopped["action"]) == ("stopped", "close")


def test_an_ended_subscription_is_sent_nothing_and_cannot_be_used_again(
    client: FlaskClient, book: Book, start: Start
) -> None:
    made = subscribe(client)
    path = f"/subscriptions/{made['id']}"
    start("atlas")
    publish(book)
    for _ in range(2):
        assert client.post(f"{path}/end").get_json()["active"] is False
    client.post("/agents/atlas/pause")
    publish(book)

    found = client.get(f"{path}/deliveries").get_json()["items"]
    assert {(d["status"], d["last_error"]) for d in found} == {("failed", "the subscription was ended")}
    assert len(found) == 2
    assert client.post(f"{path}/rotate-secret").status_code == 409
    assert client.post(f"{path}/deliveries/{found[0]['event_id']}/replay").status_code == 409


def test_a_rotated_secret_is_told_once_and_the_one_before_it_signs_for_a_day(client: FlaskClient) -> None:
    made = subscribe(client)
    path = f"/subscriptions/{made['id']}"
    rotated = client.post(f"{path}/rotate-secret").get_json()
    chosen = client.post(f"{path}/rotate-secret", json={"secret": "one-of-my-own-making"}).get_json()

    assert len({made["secret"], rotated["secret"], chosen["secret"]}) == 3
    assert chosen["previous_secret_until"] > chosen["created_at"]
    assert client.post(f"{path}/rotate-secret", json={"secret": "one-of-my-own-making"}).status_code == 409


def test_an_event_from_before_the_subscription_can_be_asked_for(client: FlaskClient, book: Book, start: Start) -> None:
    start("atlas")
    publish(book)
    event = events(client)[0]
    made = subscribe(client, events=["trade.closed"])
    path = f"/subscriptions/{made['id']}/deliveries"

    asked = client.post(f"{path}/{event['id']}/replay").get_json()
    assert (asked["event_id"], asked["status"]) == (event["id"], "pending")
    assert client.post(f"{path}/{uuid.uuid4()}/replay").status_code == 404
    assert [d["event_id"] for d in client.get(f"{path}?status=pending").get_json()["items"]] == [event["id"]]
    assert client.get(f"{path}?status=delivered").get_json()["items"] == []


def test_what_does_not_exist_is_not_found(client: FlaskClient) -> None:
    nobody = f"/subscriptions/{uuid.uuid4()}"
    for path in (nobody, f"{nobody}/deliveries"):
        assert client.get(path).status_code == 404
    assert client.post(f"{nobody}/end").status_code == 404
    assert client.post(f"{nobody}/rotate-secret").status_code == 404
    assert client.get("/subscriptions/1").status_code == 404


def test_subscriptions_are_listed_newest_first_in_pages(client: FlaskClient) -> None:
    made = [subscribe(client)["id"] for _ in range(3)]
    first = client.get("/subscriptions?limit=2").get_json()
    second = client.get("/subscriptions", query_string={"limit": 2, "cursor": first["next_cursor"]}).get_json()
    assert [s["id"] for s in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None


def test_there_is_an_end_to_subscriptions_until_one_is_ended(client: FlaskClient, scribe: Scribe) -> None:
    made = subscribe(client)
    scribe.run(
        "INSERT INTO trading.subscriptions (url, secret, created_by) "
        "SELECT 'https://platform.example', 'secret', 'test' FROM generate_series(1, 99)"
    )
    assert client.post("/subscriptions", json={"url": HERE}).status_code == 409
    answer = client.post(f"/subscriptions/{made['id']}/end")
    assert answer.get_json().get("active") is False, answer.get_json()
    subscribe(client)


def test_only_an_admin_changes_subscriptions_and_a_reader_sees_them(make_app: Callable[..., Flask]) -> None:
    app = make_app(API_TOKENS="an-admin-token-of-some-length")
    client = app.test_client()
    assert client.get("/subscriptions").status_code == 401
    assert client.get("/events").status_code == 401
    admin = {"Authorization": "Bearer an-admin-token-of-some-length"}
    assert client.post("/subscriptions", json={"url": HERE}, headers=admin).status_code == 201
