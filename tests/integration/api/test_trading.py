"""The switch above all agents, over HTTP."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from agents.model import TradingState
from journal.database import Book
from tests.integration.api.conftest import Start


@pytest.mark.parametrize(("route", "state"), [("halt", "HALTED"), ("reduce", "REDUCING"), ("activate", "ACTIVE")])
def test_turning_the_switch_reaches_the_book_the_workers_and_every_status(
    client: FlaskClient, app: Flask, start: Start, route: str, state: str
) -> None:
    start("atlas")

    turned = client.post(f"/trading/{route}", json={"reason": "a drill"})

    assert turned.status_code == 200
    assert (turned.get_json()["state"], turned.get_json()["reason"]) == (state, "a drill")
    assert client.get("/trading").get_json()["state"] == state
    assert client.get("/agents/atlas/status").get_json()["trading_state"] == state
    assert app.extensions["control"].state.agent("atlas").trading is TradingState(state)


def test_the_audit_log_says_who_turned_the_switch_and_why(client: FlaskClient, book: Book) -> None:
    client.post("/trading/halt", json={"reason": "a drill"})

    with book.reading() as session:
        row = session.execute(
            text("SELECT action, before, after FROM trading.audit_log ORDER BY id DESC LIMIT 1")
        ).one()
    assert row.action == "trading HALTED"
    assert (row.before["state"], row.after["state"], row.after["reason"]) == ("ACTIVE", "HALTED", "a drill")


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": 7}, {"reason": "x" * 501}, {"reason": "a\nb"}])
def test_turning_the_switch_needs_a_reason(client: FlaskClient, body: dict[str, object]) -> None:
    answer = client.post("/trading/halt", json=body)

    assert answer.status_code == 422
    assert "reason" in str(answer.get_json()["errors"])
    assert client.get("/trading").get_json()["state"] == "ACTIVE"


def test_the_switch_cannot_be_turned_by_a_word_it_does_not_have(client: FlaskClient) -> None:
    assert client.post("/trading/explode", json={"reason": "why not"}).status_code == 404
