"""Deposits, withdrawals and closing over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redbeat import RedBeatSchedulerEntry

Start = Callable[..., dict[str, Any]]
Scribe = Any

FLOW_TABLES = ("trading.cash_flows", "trading.withdrawals", "trading.audit_log", "investment.account_transactions")


def post(client: FlaskClient, path: str, **body: object) -> tuple[int, dict[str, Any]]:
    answer = client.post(path, json=body)
    return answer.status_code, dict(answer.get_json())


def written(scribe: Scribe) -> list[int]:
    return [scribe.count(table) for table in FLOW_TABLES]


def transactions(client: FlaskClient, account_id: str) -> list[tuple[Any, ...]]:
    columns = ("transaction_type", "amount", "balance_before", "balance_after", "reference_type", "reference_id")
    items = client.get(f"/accounts/{account_id}/transactions").get_json()["items"]
    return [tuple(item[column] for column in columns) for item in items]


def test_a_deposit_raises_cash_and_balance_and_the_platform_can_read_it(client: FlaskClient, start: Start) -> None:
    start(account_id="a", equity=1000)
    status, body = post(client, "/accounts/a/deposits", amount=250.125, reference_id="tx-1")
    assert status == 200
    created_at = body.pop("created_at")
    assert created_at
    assert body == {
        "status": "completed",
        "account_id": "a",
        "reference_id": "tx-1",
        "amount": 250.125,
        "balance_before": 1000,
        "balance_after": 1250.125,
    }
    account = client.get("/accounts/a").get_json()
    assert [account[name] for name in ("cash", "balance", "equity", "peak_equity")] == [1250.125] * 4
    assert transactions(client, "a")[0] == ("deposit", 250.125, 1000, 1250.125, "deposit", "tx-1")


def test_the_same_deposit_again_gives_the_first_answer_and_writes_nothing(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    start(account_id="a")
    first = client.post("/accounts/a/deposits", json={"amount": 5, "reference_id": "tx-1"})
    post(client, "/accounts/a/deposits", amount=7, reference_id="tx-2")
    before = written(scribe)
    again = client.post(
        "/accounts/a/deposits", data='{"amount": 5.0, "reference_id": "tx-1"}', content_type="application/json"
    )
    assert (again.status_code, again.data) == (200, first.data)
    assert written(scribe) == before
    assert client.get("/accounts/a").get_json()["cash"] == 1012


def test_a_reference_stands_for_one_flow_of_one_account(client: FlaskClient, start: Start, scribe: Scribe) -> None:
    start(account_id="a")
    start(account_id="b")
    assert post(client, "/accounts/a/deposits", amount=5, reference_id="tx-1")[0] == 200
    assert post(client, "/accounts/a/withdrawals", amount=5, reference_id="tx-2")[0] == 200
    before = written(scribe)
    for path, amount, reference in (
        ("deposits", 6, "tx-1"),
        ("withdrawals", 5, "tx-1"),
        ("deposits", 5, "tx-2"),
        ("withdrawals", 6, "tx-2"),
        ("close", 0, "tx-1"),
        ("close", 0, "tx-2"),
    ):
        status, body = post(client, f"/accounts/a/{path}", amount=amount, reference_id=reference)
        assert status == 409, path
        assert reference in body["message"]
    assert written(scribe) == before
    assert post(client, "/accounts/b/deposits", amount=6, reference_id="tx-1")[0] == 200


def test_a_deposit_to_a_stopped_account_wakes_nothing(client: FlaskClient, start: Start) -> None:
    start(account_id="a")
    client.post("/agents/atlas/stop")
    version = client.get("/agents/atlas/status").get_json()["version"]
    assert post(client, "/accounts/a/deposits", amount=5, reference_id="tx-1")[0] == 200
    status = client.get("/agents/atlas/status").get_json()
    assert (status["status"], status["version"], status["equity"]) == ("stopped", version, 1005)


def test_free_cash_is_paid_at_once(client: FlaskClient, start: Start) -> None:
    start(account_id="a", equity=1000)
    status, body = post(client, "/accounts/a/withdrawals", amount=400, reference_id="w-1")
    assert (status, body["status"], body["amount"], body["balance_after"]) == (200, "completed", 400, 600)
    assert (body["detail"], body["free"], body["kind"]) == (None, None, "withdrawal")
    assert client.get("/accounts/a").get_json()["cash"] == 600
    assert transactions(client, "a")[0] == ("withdrawal", 400, 1000, 600, "withdrawal", "w-1")
    assert client.get(body["status_url"]).get_json() == body
    assert post(client, "/accounts/a/withdrawals", amount=400, reference_id="w-1") == (200, body)
    assert client.get("/accounts/a").get_json()["cash"] == 600


def test_everything_free_can_be_withdrawn_and_the_account_lives_on(client: FlaskClient, start: Start) -> None:
    start(account_id="a", equity=1000)
    assert post(client, "/accounts/a/withdrawals", amount=1000, reference_id="w-1")[0] == 200
    account = client.get("/accounts/a").get_json()
    assert (account["cash"], account["status"], account["current_drawdown"]) == (0, "running", 0)
    assert post(client, "/accounts/a/deposits", amount=5, reference_id="d-1")[0] == 200
    assert client.get("/accounts/a").get_json()["peak_equity"] == 5


def test_more_than_is_free_is_refused_with_the_free_amount_and_may_be_asked_again(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    start(account_id="a", equity=1000)
    scribe.hold("a", quantity="1", cost="300.5")
    before = written(scribe)
    status, body = post(client, "/accounts/a/withdrawals", amount=700, reference_id="w-1")
    assert (status, set(body), body["free"]) == (409, {"code", "status", "message", "free"}, 699.5)
    assert "699.5 free" in body["message"]
    assert "liquidate" in body["message"]
    assert written(scribe) == before
    assert client.get("/accounts/a/withdrawals/w-1").status_code == 404
    assert post(client, "/accounts/a/withdrawals", amount=699.5, reference_id="w-1")[0] == 200


def test_more_than_the_account_is_worth_is_refused_also_with_liquidation(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    start(account_id="a", equity=1000)
    scribe.hold("a", quantity="1", cost="300")
    scribe.mark("BTCUSDT", "250")
    before = written(scribe)
    status, body = post(client, "/accounts/a/withdrawals", amount=950.01, reference_id="w-1", liquidate=True)
    assert (status, body["free"]) == (409, 700)
    assert "950" in body["message"]
    assert written(scribe) == before
    assert post(client, "/accounts/a/withdrawals", amount=950, reference_id="w-1", liquidate=True)[0] == 202
    status, body = post(client, "/accounts/a/withdrawals", amount=1, reference_id="w-2", liquidate=True)
    assert (status, body["free"]) == (409, 0)


def test_a_withdrawal_that_needs_a_sale_is_pending_and_shows_where_to_look(
    client: FlaskClient, start: Start, scribe: Scribe, app: Flask
) -> None:
    start(account_id="a", equity=1000)
    scribe.hold("a", quantity="1", cost="300")
    client.post("/agents/atlas/stop")
    answer = client.post("/accounts/a/withdrawals", json={"amount": 800, "reference_id": "w-1", "liquidate": True})
    body = answer.get_json()
    assert (answer.status_code, answer.headers["Location"]) == (202, "/accounts/a/withdrawals/w-1")
    assert (body["status"], body["amount"], body["balance_after"], body["finished_at"]) == ("pending", 800, None, None)
    assert client.get(body["status_url"]).get_json() == body
    assert client.get("/accounts/a").get_json()["cash"] == 700
    queue = app.extensions["control"].queue
    assert RedBeatSchedulerEntry.from_key("redbeat:tick:atlas", app=queue.app)
    again = post(client, "/accounts/a/withdrawals", amount=800, reference_id="w-1")
    assert again == (202, body)


def test_a_withdrawal_that_failed_stays_failed_and_says_what_was_free(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    start(account_id="a", equity=1000)
    scribe.run(
        "INSERT INTO trading.withdrawals (account_id, reference_id, amount, status, free, detail, finished_at) "
        "VALUES ('a', 'w-1', 2000, 'failed', 1000, 'everything is sold and only 1000 is there', now())"
    )
    before = written(scribe)
    status, body = post(client, "/accounts/a/withdrawals", amount=2000, reference_id="w-1", liquidate=True)
    assert (status, body["free"]) == (409, 1000)
    assert "another reference_id" in body["message"]
    assert written(scribe) == before
    assert client.get("/accounts/a/withdrawals/w-1").get_json()["status"] == "failed"


def test_an_account_with_nothing_held_closes_at_once(client: FlaskClient, start: Start, scribe: Scribe) -> None:
    start(account_id="a", equity=1000)
    start(account_id="b", equity=10)
    version = client.get("/agents/atlas/status").get_json()["version"]
    status, body = post(client, "/accounts/a/close", reference_id="c-1")
    assert (status, body["status"], body["kind"], body["amount"], body["balance_after"]) == (
        200,
        "completed",
        "closing",
        1000,
        0,
    )
    account = client.get("/accounts/a").get_json()
    assert (account["status"], account["cash"], account["balance"], account["equity"]) == ("stopped", 0, 0, 0)
    assert account["closed_at"]
    assert transactions(client, "a")[0] == ("withdrawal", 1000, 1000, 0, "closing", "c-1")
    agent = client.get("/agents/atlas/status").get_json()
    assert (agent["accounts"], agent["equity"], agent["version"]) == (1, 10, version + 1)
    before = written(scribe)
    assert post(client, "/accounts/a/close", reference_id="c-1") == (200, body)
    for path, fields in (
        ("/accounts/a/close", {"reference_id": "c-2"}),
        ("/accounts/a/deposits", {"reference_id": "d-1", "amount": 5}),
        ("/accounts/a/withdrawals", {"reference_id": "w-1", "amount": 5}),
        ("/agents/atlas/start", {"account_id": "a", "initial_equity": 5}),
        ("/agents/nova/start", {"account_id": "a", "initial_equity": 5}),
        ("/agents/atlas/resume", {"account_id": "a"}),
    ):
        status, refusal = post(client, path, **fields)
        assert status == 409, path
        assert "closed" in refusal["message"] or path.endswith("resume")
    assert written(scribe) == before


def test_an_empty_account_closes_without_a_flow(client: FlaskClient, start: Start, scribe: Scribe) -> None:
    start(account_id="a", equity=5)
    post(client, "/accounts/a/withdrawals", amount=5, reference_id="w-1")
    flows = scribe.count("trading.cash_flows")
    status, body = post(client, "/accounts/a/close", reference_id="c-1")
    assert (status, body["status"], body["amount"]) == (200, "completed", 0)
    assert scribe.count("trading.cash_flows") == flows


def test_an_account_that_holds_something_is_closed_by_the_next_ticks(
    client: FlaskClient, start: Start, scribe: Scribe, app: Flask
) -> None:
    start(account_id="a")
    scribe.hold("a", quantity="1", cost="300")
    status, body = post(client, "/accounts/a/close", reference_id="c-1")
    assert (status, body["status"], body["amount"]) == (202, "pending", None)
    account = client.get("/accounts/a").get_json()
    assert (account["status"], account["closed_at"], account["cash"]) == ("stopped", None, 700)
    assert account["close_requested_at"]
    assert app.extensions["control"].state.agent("atlas").version == 2
    assert post(client, "/accounts/a/close", reference_id="c-1") == (202, body)


def test_withdrawals_are_listed_the_newest_first(client: FlaskClient, start: Start) -> None:
    start(account_id="a")
    for number in range(5):
        post(client, "/accounts/a/withdrawals", amount=number + 1, reference_id=f"w-{number}")
    first = client.get("/accounts/a/withdrawals?limit=3").get_json()
    second = client.get(f"/accounts/a/withdrawals?limit=3&cursor={first['next_cursor']}").get_json()
    assert [item["amount"] for item in first["items"] + second["items"]] == [5, 4, 3, 2, 1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("account_id", ["nobody", "dust-atlas"])
def test_an_unknown_account_is_not_found(client: FlaskClient, start: Start, scribe: Scribe, account_id: str) -> None:
    start(account_id="a")
    scribe.run("INSERT INTO trading.accounts (id, agent, kind) VALUES ('dust-atlas', 'atlas', 'dust')")
    for path in ("deposits", "withdrawals", "close"):
        assert post(client, f"/accounts/{account_id}/{path}", amount=5, reference_id="x")[0] == 404
    assert client.get(f"/accounts/{account_id}/withdrawals/x").status_code == 404
    if account_id == "nobody":
        assert client.get(f"/accounts/{account_id}/withdrawals").status_code == 404


@pytest.mark.parametrize("reference", ["nothing", "%00", "a%20b", "start:a", "a" * 129, "%C3%A9"])
def test_an_unknown_or_impossible_withdrawal_is_not_found(client: FlaskClient, start: Start, reference: str) -> None:
    start(account_id="a")
    assert client.get(f"/accounts/a/withdrawals/{reference}").status_code == 404


def test_with_redis_out_of_reach_a_withdrawal_is_committed_with_a_warning(
    make_app: Callable[..., Flask], start: Start, scribe: Scribe
) -> None:
    start(account_id="a")
    scribe.hold("a", quantity="1", cost="300")
    client = make_app(REDIS_URL="redis://127.0.0.1:1/0").test_client()
    status, body = post(client, "/accounts/a/withdrawals", amount=800, reference_id="w-1", liquidate=True)
    assert (status, body["status"]) == (202, "pending")
    assert "Redis" in body["warning"]
    assert scribe.count("trading.withdrawals") == 1
    assert post(client, "/accounts/a/withdrawals", amount=1, reference_id="w-2")[0] == 409
    assert post(client, "/accounts/a/deposits", amount=800, reference_id="d-1")[0] == 200


NO_AMOUNT = ["NaN", "Infinity", "-1", "0", "1e13", "0.000000001", "1e400", '"5"', "true", "null", "[]", "{}"]
NO_REFERENCE: list[object] = [
    5,
    True,
    None,
    [],
    {},
    "",
    " a",
    "a b",
    "a\n",
    "é",
    "a/b",
    "a'b",
    "a\x00b",
    "a" * 129,
    ".",
    "start:a",
]


@pytest.mark.parametrize("path", ["deposits", "withdrawals"])
def test_an_amount_that_is_none_is_refused_by_name(
    client: FlaskClient, start: Start, scribe: Scribe, path: str
) -> None:
    start(account_id="a")
    before = written(scribe)
    for literal in NO_AMOUNT:
        data = f'{{"amount": {literal}, "reference_id": "x"}}'
        answer = client.post(f"/accounts/a/{path}", data=data, content_type="application/json")
        assert (answer.status_code, list(answer.get_json()["errors"]["json"])) == (422, ["amount"]), literal
    answer = client.post(f"/accounts/a/{path}", json={"reference_id": "x"})
    assert (answer.status_code, list(answer.get_json()["errors"]["json"])) == (422, ["amount"])
    assert written(scribe) == before


@pytest.mark.parametrize("path", ["deposits", "withdrawals", "close"])
def test_a_reference_that_is_none_is_refused_by_name(
    client: FlaskClient, start: Start, scribe: Scribe, path: str
) -> None:
    start(account_id="a")
    before = written(scribe)
    for value in NO_REFERENCE:
        data = json.dumps({"amount": 5, "reference_id": value})
        answer = client.post(f"/accounts/a/{path}", data=data, content_type="application/json")
        assert (answer.status_code, list(answer.get_json()["errors"]["json"])) == (422, ["reference_id"]), value
    answer = client.post(f"/accounts/a/{path}", json={"amount": 5})
    assert (answer.status_code, list(answer.get_json()["errors"]["json"])) == (422, ["reference_id"])
    assert written(scribe) == before


@pytest.mark.parametrize("value", ["true", 1, 0, None, "", [], {}])
def test_liquidate_must_be_true_or_false(client: FlaskClient, start: Start, scribe: Scribe, value: object) -> None:
    start(account_id="a")
    before = written(scribe)
    body = {"amount": 5, "reference_id": "x", "liquidate": value}
    answer = client.post("/accounts/a/withdrawals", json=body)
    assert (answer.status_code, list(answer.get_json()["errors"]["json"])) == (422, ["liquidate"])
    assert written(scribe) == before
