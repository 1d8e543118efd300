"""``POST /agents/{agent}/accounts``: an agent comes to serve many accounts by one call, all or none."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from journal import audit, tokens
from journal.database import Book
from journal.tokens import Scope
from tests.integration.api.conftest import Scribe

Start = Callable[..., dict[str, Any]]

URL = "/agents/atlas/accounts"
WRITTEN = (
    "trading.accounts",
    "trading.assignments",
    "trading.cash_flows",
    "trading.audit_log",
    "trading.events",
    "investment.account_transactions",
)


def entry(account_id: str, equity: object = 1000) -> dict[str, object]:
    return {"account_id": account_id, "initial_equity": equity}


def post(
    client: FlaskClient,
    *entries: dict[str, object],
    url: str = URL,
    headers: dict[str, str] | None = None,
    **more: object,
) -> TestResponse:
    return client.post(url, json={"accounts": list(entries), **more}, headers=headers)


def rows(book: Book, statement: str) -> list[Any]:
    with book.reading() as session:
        return list(session.execute(text(statement)))


def sound(book: Book) -> bool:
    with book.reading() as session:
        return not audit.breaches(session)


def test_each_account_is_opened_as_by_a_start_of_its_own(client: FlaskClient, start: Start, book: Book) -> None:
    start("atlas", "first", equity=7)
    start("atlas", "alone", equity=12.5)
    answer = post(client, entry("together", 12.5), entry("last", 1)).get_json()

    assert (answer["opened"], answer["restarted"], answer["accounts"]) == (2, [], 4)
    assert answer["status"] == "running"
    assert answer["equity"] == 33
    for table, columns in (
        ("trading.accounts", "agent, kind, status, version, cash, balance, peak_equity, day_equity, equity_day"),
        ("trading.assignments", "agent, ended_at"),
        ("trading.cash_flows", "flow_type, amount, replace(reference_id, account_id, ''), balance_after"),
        (
            "investment.account_transactions",
            """transaction_type, amount, balance_before, balance_after, description, reference_type,
            replace(reference_id, account_id, '')""",
        ),
        ("trading.audit_log", "actor, action, agent, before, after"),
        ("trading.events", "kind, agent, replace(cause, account_id, ''), payload"),
    ):
        key = "id" if table == "trading.accounts" else "account_id"
        alone, together = (
            rows(book, f"SELECT {columns} FROM {table} WHERE {key} = '{name}'")  # noqa: S608 - our own names
            for name in ("alone", "together")
        )
        assert alone, table
        assert alone == together, table
    assert sound(book)


def test_ten_thousand_accounts_are_opened_by_one_call(client: FlaskClient, book: Book) -> None:
    answer = post(client, *(entry(f"{number:064d}", 1000000.12345678) for number in range(10_000)))

    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.get_json()["opened"] == answer.get_json()["accounts"] == 10_000
    assert answer.get_json()["equity"] == Decimal("10000001234.5678")
    counts = [rows(book, f"SELECT count(*) FROM {table}")[0][0] for table in WRITTEN]  # noqa: S608 - our own names
    # The agent's own change of state is an event too.
    assert counts == [10_000, 10_000, 10_000, 10_000, 10_001, 10_000]
    assert sound(book)


def test_ten_thousand_and_one_are_refused_and_so_are_none(client: FlaskClient) -> None:
    assert post(client, *(entry(f"a{number}") for number in range(10_001))).status_code == 422
    assert post(client).status_code == 422
    assert client.post(URL, json={}).status_code == 422


def test_a_body_of_more_than_two_megabytes_is_refused_and_other_routes_take_no_more_than_before(
    client: FlaskClient,
) -> None:
    filler = " " * (2 * 1024 * 1024)
    json_type = {"Content-Type": "application/json"}

    assert client.post(URL, data='{"accounts": []' + filler + "}", headers=json_type).status_code == 413
    start = client.post("/agents/atlas/start", data="{" + " " * 65_536 + "}", headers=json_type)
    assert start.status_code == 413


def test_stopped_accounts_run_again_with_their_own_money_and_are_named(
    client: FlaskClient, start: Start, book: Book
) -> None:
    start("atlas", "old", equity=50)
    client.post("/agents/atlas/stop")

    answer = post(client, entry("new", 10), entry("old", 999)).get_json()

    assert (answer["opened"], answer["restarted"]) == (1, ["old"])
    assert client.get("/accounts/old").get_json()["cash"] == 50
    assert client.get("/accounts/old").get_json()["status"] == "running"
    ((before, after),) = rows(
        book, "SELECT before, after FROM trading.audit_log WHERE account_id = 'old' ORDER BY id DESC LIMIT 1"
    )
    assert (before["account_status"], after["account_status"]) == ("stopped", "running")
    assert (before["agent_status"], after["agent_status"]) == ("stopped", "running")
    assert sound(book)


def test_accounts_that_another_agent_stopped_are_taken_over(client: FlaskClient, start: Start, book: Book) -> None:
    for name in ("a", "b"):
        start("nova", name, equity=20)
    client.post("/agents/nova/stop")

    assert post(client, entry("a"), entry("b"), entry("c", 5)).get_json()["equity"] == 45

    served = rows(book, "SELECT account_id, agent FROM trading.assignments WHERE ended_at IS NULL ORDER BY account_id")
    assert served == [("a", "atlas"), ("b", "atlas"), ("c", "atlas")]
    assert rows(book, "SELECT count(*) FROM trading.assignments WHERE ended_at IS NOT NULL") == [(2,)]
    assert rows(book, "SELECT equity FROM trading.agents ORDER BY name") == [(Decimal(45),), (Decimal(0),)]


def test_one_account_that_runs_already_keeps_all_from_being_opened_and_is_named(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    start("atlas", "busy")
    start("nova", "elsewhere")
    counts = [scribe.count(table) for table in WRITTEN]

    refused = post(client, entry("a"), entry("busy"), entry("elsewhere"))

    assert refused.status_code == 409
    named = refused.get_json()["errors"]["json"]["accounts"]
    assert sorted(named) == ["1", "2"]
    assert "account busy is running" in named["1"]["account_id"][0]
    assert "assigned to agent nova" in named["2"]["account_id"][0]
    assert "entry 1: account busy is running" in refused.get_json()["message"]
    assert [scribe.count(table) for table in WRITTEN] == counts


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (entry("b", 0), "initial_equity"),
        (entry("b", "12"), "initial_equity"),
        (entry("b", 1e-9), "initial_equity"),
        (entry("not an id"), "account_id"),
        (entry("dust-atlas"), "account_id"),
        (entry("house-nova"), "account_id"),
        (entry("a"), "account_id"),
        ({"account_id": "b"}, "initial_equity"),
        ({"initial_equity": 5}, "account_id"),
    ],
)
def test_an_entry_that_cannot_be_is_named_by_its_position_and_nothing_is_opened(
    client: FlaskClient, scribe: Scribe, bad: dict[str, object], field: str
) -> None:
    refused = post(client, entry("a"), bad, entry("c"))

    assert refused.status_code == 422
    assert list(refused.get_json()["errors"]["json"]["accounts"]) == ["1"]
    assert list(refused.get_json()["errors"]["json"]["accounts"]["1"]) == [field]
    assert all(scribe.count(table) == 0 for table in WRITTEN)


def test_the_platforms_own_accounts_decide_which_ids_there_are(client: FlaskClient, scribe: Scribe) -> None:
    scribe.run("CREATE TABLE investment.known (id varchar(64) PRIMARY KEY)")
    scribe.run("INSERT INTO investment.known VALUES ('a')")
    scribe.run(
        "ALTER TABLE investment.account_transactions ADD FOREIGN KEY (account_id) REFERENCES investment.known (id)"
    )

    refused = post(client, entry("a"), entry("b"))

    assert refused.status_code == 422
    assert refused.get_json()["errors"]["json"]["accounts"] == {
        "1": {"account_id": ["is not known to the platform's own tables"]}
    }
    assert scribe.count("trading.accounts") == 0
    assert post(client, entry("a")).status_code == 200


def test_an_agent_name_or_symbols_that_contradict_are_refused_as_by_start(client: FlaskClient) -> None:
    assert post(client, entry("a"), agent_name="nova").status_code == 422
    assert post(client, entry("a"), symbols=["NOSUCHUSDT"]).status_code == 422
    assert post(client, entry("a"), url="/agents/nobody/accounts").status_code == 404
    assert post(client, entry("a"), symbols=["BTCUSDT"]).status_code == 200
    assert post(client, entry("b"), symbols=["ETHUSDT"]).status_code == 409


def test_sent_again_with_the_same_key_it_is_carried_out_once(client: FlaskClient, scribe: Scribe) -> None:
    headers = {"Idempotency-Key": "k"}

    first = post(client, entry("a"), entry("b"), headers=headers)
    second = post(client, entry("a"), entry("b"), headers=headers)

    assert second.headers["Idempotency-Replayed"] == "true"
    assert first.get_data() == second.get_data()
    assert scribe.count("trading.accounts") == 2
    assert post(client, entry("a"), entry("c"), headers=headers).status_code == 422


def test_it_can_depend_on_the_agents_state(client: FlaskClient, start: Start) -> None:
    start("atlas", "a")
    seen = client.get("/agents/atlas/status").headers["ETag"]

    first = post(client, entry("b"), headers={"If-Match": seen})
    assert first.status_code == 200
    assert post(client, entry("c"), headers={"If-Match": seen}).status_code == 412
    assert post(client, entry("c"), headers={"If-Match": first.headers["ETag"]}).status_code == 200


def test_it_takes_a_token_that_may_trade(app: Flask, book: Book) -> None:
    with book.unit_of_work() as session:
        secrets = {
            scope: tokens.create(session, scope.value, scope, expires_in=timedelta(days=1), actor="test")
            for scope in (Scope.READ, Scope.TRADE)
        }
    client = app.test_client()

    def status_for(name: str, secret: str | None) -> int:
        headers = {"Authorization": f"Bearer {secret}"} if secret else None
        return post(client, entry(name), headers=headers).status_code

    assert status_for("a", None) == 401
    assert status_for("a", secrets[Scope.READ]) == 403
    assert status_for("a", secrets[Scope.TRADE]) == 200


def test_of_calls_that_overlap_one_opens_all_of_its_accounts_and_the_others_none(
    app: Flask, book: Book, scribe: Scribe
) -> None:
    barrier = Barrier(4)

    def call(number: int) -> int:
        barrier.wait()
        agent = ("atlas", "nova")[number % 2]
        mine = [entry(f"{number}-{n}") for n in range(100)]
        return post(app.test_client(), *mine, entry("shared"), url=f"/agents/{agent}/accounts").status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(call, range(4)))

    assert statuses == [200, 409, 409, 409]
    assert scribe.count("trading.accounts") == 101
    assert sound(book)


def test_calls_for_different_accounts_of_one_agent_lose_no_money(app: Flask, book: Book) -> None:
    def call(number: int) -> int:
        return post(app.test_client(), *(entry(f"{number}-{n}", 10) for n in range(50))).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(call, range(6))) == {200}

    assert rows(book, "SELECT equity, peak_equity, day_equity FROM trading.agents") == [(3000, 3000, 3000)]
    assert rows(book, "SELECT peak_equity, day_equity FROM trading.service_state") == [(3000, 3000)]
    assert sound(book)
