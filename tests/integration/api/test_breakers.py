"""Breakers over HTTP: shown where somebody asks how things stand, reset by an operator."""

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text

from journal.database import Book
from tests.integration.api.conftest import Start


def trip(book: Book, scope: str, subject: str, kind: str = "drawdown", agent: str | None = "orion") -> None:
    with book.unit_of_work() as session:
        session.execute(
            text("""
            INSERT INTO trading.breakers (scope, subject, agent, account_id, kind, action, allowed, reference, equity, reason)
            VALUES (:scope, :subject, :agent, CASE :scope WHEN 'account' THEN :subject END, :kind, 'block', 0.1, 1000, 900,
                    'lost 0.1000 since the highest equity, at most 0.1 is allowed')
            """),
            {"scope": scope, "subject": subject, "kind": kind, "agent": agent},
        )


def seen(client: FlaskClient, path: str) -> list[tuple[str, str, int]]:
    breakers: list[dict[str, Any]] = client.get(path).get_json()["breakers"]
    return [(breaker["scope"], breaker["kind"], breaker["accounts"]) for breaker in breakers]


def test_who_asks_sees_what_concerns_the_agent_or_the_account(client: FlaskClient, start: Start, book: Book) -> None:
    for name in ("a", "b"):
        start("orion", name)
        trip(book, "account", name)
    start("nova", "c")
    trip(book, "agent", "orion", "daily_loss")
    trip(book, "service", "service", agent=None)

    service, agent = ("service", "drawdown", 1), ("agent", "daily_loss", 1)
    assert sorted(seen(client, "/agents/orion/status")) == [("account", "drawdown", 2), agent, service]
    assert sorted(seen(client, "/accounts/a")) == [("account", "drawdown", 1), agent, service]
    assert seen(client, "/agents/nova/status?account_id=c") == seen(client, "/trading") == [service]
    listed = client.get("/accounts").get_json()["items"]
    assert {row["account_id"]: len(row["breakers"]) for row in listed} == {"a": 3, "b": 3, "c": 1}
    shown = client.get("/accounts/c").get_json()["breakers"][0]
    assert (shown["action"], shown["expires_at"]) == ("block", None)
    assert shown["reason"].startswith("lost 0.1000 since the highest equity")


def test_a_reset_ends_those_of_one_account_or_of_the_agent_with_all_its_accounts(
    client: FlaskClient, start: Start, book: Book
) -> None:
    for name in ("a", "b"):
        start("orion", name)
        trip(book, "account", name)
    trip(book, "agent", "orion")
    trip(book, "service", "service", agent=None)

    one = client.post("/agents/orion/breakers/reset", json={"account_id": "a"}).get_json()
    assert (one["breakers_reset"], one["account_id"], len(one["breakers"])) == (1, "a", 2)
    whole = client.post("/agents/orion/breakers/reset").get_json()
    assert (whole["breakers_reset"], [b["scope"] for b in whole["breakers"]]) == (2, ["service"])
    service = client.post("/trading/breakers/reset").get_json()
    assert (service["breakers_reset"], service["breakers"]) == (1, [])
    assert client.post("/trading/breakers/reset").get_json()["breakers_reset"] == 0
    with book.reading() as session:
        log = session.execute(text("SELECT account_id, before FROM trading.audit_log WHERE action = 'reset breakers'"))
        assert [tuple(row) for row in log][:3] == [
            ("a", {"account drawdown": "1"}),
            (None, {"account drawdown": "1", "agent drawdown": "1"}),
            (None, {"service drawdown": "1"}),
        ]


def test_breakers_of_what_is_not_there_cannot_be_reset(client: FlaskClient, start: Start) -> None:
    assert client.post("/agents/orion/breakers/reset").status_code == 404
    start("orion", "a")
    start("nova", "b")
    assert client.post("/agents/orion/breakers/reset", json={"account_id": "b"}).status_code == 404
    assert client.post("/agents/vega/breakers/reset").status_code == 404
