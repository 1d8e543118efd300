"""Reconciliation over HTTP: asking for a run, and reading what was found."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from celery import Celery
from flask import Flask
from flask.testing import FlaskClient

from agents.balances import Holdings
from agents.model import TradingState
from agents.reconciliation import Code, Discrepancy
from journal import reconciliation, switch
from journal.database import Book
from journal.reconciliation import Comparison
from tests.integration.api.conftest import Scribe

MISSING = Discrepancy(
    Code.ORDER_MISSING_AT_VENUE,
    "BTCUSDT order 7",
    Decimal(0),
    Decimal("44.5"),
    Decimal("44.5"),
    "the exchange lacks it",
)
HOLDINGS = Holdings({"USDT": Decimal("1000.5")}, {"USDT": Decimal(1000)})


def conclude(book: Book, *found: Discrepancy) -> None:
    """A worker's run that found this."""
    with book.unit_of_work() as session:
        run = reconciliation.begin(session, requested_by="beat", is_full=False)
    comparison = Comparison(list(found), frozenset(), {"atlas": 3}, Decimal(1000), HOLDINGS, orders=4, fills=5)
    with book.unit_of_work() as session:
        reconciliation.conclude(session, run, comparison)


def test_before_the_first_run_there_is_nothing_to_show(client: FlaskClient) -> None:
    answer = client.get("/reconciliation")

    assert answer.status_code == 200
    assert answer.get_json() == {"standing": 0, "compared_at": None, "discrepancies": [], "assets": []}


def test_the_last_run_is_shown_with_what_stands_and_what_belongs_to_nobody(client: FlaskClient, book: Book) -> None:
    conclude(book, MISSING)

    answer = client.get("/reconciliation").get_json()

    assert (answer["result"], answer["full"], answer["orders"], answer["fills"]) == ("mismatch", False, 4, 5)
    assert datetime.fromisoformat(answer["compared_at"]) <= datetime.now(UTC)
    assert answer["standing"] == 1
    (shown,) = answer["discrepancies"]
    assert (shown["code"], shown["subject"]) == ("order_missing_at_venue", "BTCUSDT order 7")
    assert (shown["expected"], shown["actual"], shown["size"]) == (0, 44.5, 44.5)
    assert (shown["halts"], shown["accepted"]) == (True, False)
    (asset,) = answer["assets"]
    assert (asset["asset"], asset["venue"], asset["assigned"], asset["unassigned"]) == ("USDT", 1000.5, 1000, 0.5)


def test_what_trading_was_activated_in_spite_of_is_shown_as_accepted(client: FlaskClient, book: Book) -> None:
    conclude(book, MISSING)
    with book.unit_of_work() as session:
        switch.turn(session, TradingState.HALTED, reason="reconciliation", actor="reconciliation")
    client.post("/trading/activate", json={"reason": "I know of it"})
    conclude(book)

    answer = client.get("/reconciliation").get_json()

    assert answer["result"] == "accepted"
    assert answer["discrepancies"][0]["accepted"] is True


@pytest.mark.parametrize("full", [False, True])
def test_a_run_is_asked_for_by_a_row_and_announced(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, *, full: bool
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(Celery, "send_task", lambda _app, name, **_options: sent.append(name))

    answer = client.post("/reconciliation", json={"full": True}) if full else client.post("/reconciliation")

    assert answer.status_code == 202
    requested = answer.get_json()
    assert requested["status"] == "pending"
    shown = client.get(requested["status_url"]).get_json()
    assert (shown["id"], shown["result"], shown["full"]) == (requested["id"], None, full)
    assert sent == ["exchange.reconcile"]


def test_with_redis_out_of_reach_the_request_is_kept(make_app: Callable[..., Flask], scribe: Scribe) -> None:
    app = make_app(REDIS_URL="redis://127.0.0.1:1/0")

    answer = app.test_client().post("/reconciliation", json={})

    assert answer.status_code == 202
    assert scribe.run("SELECT count(*) FROM trading.reconciliations WHERE finished_at IS NULL") == 1


@pytest.mark.parametrize("full", ["yes", 1, None, [], "true"])
def test_anything_but_true_or_false_is_refused_by_name(client: FlaskClient, scribe: Scribe, full: object) -> None:
    answer = client.post("/reconciliation", json={"full": full})

    assert answer.status_code == 422
    assert "full" in str(answer.get_json()["errors"])
    assert scribe.count("trading.reconciliations") == 0


@pytest.mark.parametrize("run_id", ["7", "abc", "-1", "9" * 40])
def test_a_run_that_is_not_there_is_not_found(client: FlaskClient, run_id: str) -> None:
    assert client.get(f"/reconciliation/{run_id}").status_code == 404
