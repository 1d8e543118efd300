"""Idempotency-Key: carried out once, answered the same again, whatever dies in between."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from agents.errors import StaleStateError
from api.idempotency import EXEMPT, LOOK_AT, MAY_REPEAT
from api.retry_description import DEPENDING_ON_A_STATE, SHOWING_A_TAG
from journal import idempotency
from journal.database import Book
from tests.integration.api.conftest import ENVIRONMENT, Scribe

ROOT = Path(__file__).resolve().parents[3]
KEY = {"Idempotency-Key": "a key of ours"}
DEPOSIT = {"amount": 500, "reference_id": "tx-1"}

Start = Callable[..., dict[str, Any]]
MakeApp = Callable[..., Flask]


class Killed(BaseException):
    """What no handler survives, as little as a kill."""


def audited(scribe: Scribe, action: str) -> int:
    return int(scribe.run("SELECT count(*) FROM trading.audit_log WHERE action = :action", action=action))


def let_leases_end(scribe: Scribe) -> None:
    scribe.run("UPDATE trading.idempotency_keys SET running_until = now()")


def replayed(answer: TestResponse) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


@contextmanager
def dying_at(monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool) -> Iterator[None]:
    """Die before or after a step of :mod:`journal.idempotency`."""
    real = getattr(idempotency, step)

    def fatal(*arguments: Any) -> None:  # noqa: ANN401 - whatever the step takes
        if after:
            real(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, step, fatal)
        yield


def test_the_same_request_again_gets_the_first_answer_to_the_byte_and_changes_nothing(
    client: FlaskClient, scribe: Scribe
) -> None:
    body = {"initial_equity": 1000, "account_id": "alice"}
    first = client.post("/agents/atlas/start", json=body, headers=KEY)
    client.post("/accounts/alice/deposits", json=DEPOSIT)
    again = client.post("/agents/atlas/start", json=body, headers=KEY)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.get_data() == first.get_data()
    assert again.content_type == first.content_type
    assert (replayed(first), replayed(again)) == (False, True)
    assert audited(scribe, "start") == 1


def test_a_pending_withdrawals_answer_comes_again_with_its_location(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    start("atlas", "alice")
    scribe.hold("alice", quantity="2", cost="900")
    scribe.mark("BTCUSDT", "450")
    body = {"amount": 500, "reference_id": "w-1", "liquidate": True}
    first, again = (client.post("/accounts/alice/withdrawals", json=body, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert (again.get_data(), again.headers["Location"]) == (first.get_data(), first.headers["Location"])


def test_a_key_with_another_body_or_query_is_refused(client: FlaskClient, start: Start, scribe: Scribe) -> None:
    start("atlas", "alice")
    client.post("/accounts/alice/deposits", json=DEPOSIT, headers=KEY)
    for url, body in (
        ("/accounts/alice/deposits", DEPOSIT | {"amount": 501}),
        ("/accounts/alice/deposits?x=1", DEPOSIT),
    ):
        other = client.post(url, json=body, headers=KEY)
        assert other.status_code == 422
        assert other.get_json()["errors"] == {
            "headers": {"Idempotency-Key": ["was used before with another body or query: use a new one"]}
        }
    assert audited(scribe, "deposit") == 1


@pytest.mark.parametrize("key", ["", "k" * 129, "clé", "a\tb"])
def test_a_key_is_1_to_128_printable_ascii_characters(client: FlaskClient, key: str) -> None:
    answer = client.post("/agents/atlas/start", json={"initial_equity": 1}, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.get_json()["message"]
    assert client.get("/agents/atlas/status").get_json()["status"] == "stopped"


def test_a_key_means_something_else_on_another_path_and_for_another_caller(make_app: MakeApp, scribe: Scribe) -> None:
    tokens = ["first-" + "a" * 32, "second-" + "b" * 32]
    client = make_app(API_TOKENS=",".join(tokens)).test_client()
    one, two = ({"Authorization": f"Bearer {token}", **KEY} for token in tokens)
    for path, status in (("atlas/start", 200), ("atlas/pause", 200), ("orion/start", 200)):
        answer = client.post(f"/agents/{path}", json={"initial_equity": 10}, headers=one)
        assert (answer.status_code, replayed(answer)) == (status, False)
    assert not replayed(client.post("/agents/atlas/pause", json={"initial_equity": 10}, headers=two))
    assert audited(scribe, "pause") == 2


def test_a_refusal_by_the_state_is_an_answer_too_and_stays_one(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    body = {"amount": 5, "reference_id": "w-1"}
    unknown = client.post("/accounts/alice/withdrawals", json=body, headers=KEY)
    assert unknown.status_code == 404
    start("atlas", "alice")
    again = client.post("/accounts/alice/withdrawals", json=body, headers=KEY)
    assert (again.status_code, replayed(again), again.get_data()) == (404, True, unknown.get_data())
    second = {"Idempotency-Key": "2"}
    too_much = client.post("/accounts/alice/withdrawals", json=body | {"amount": 1001}, headers=second)
    assert (too_much.status_code, too_much.get_json()["free"]) == (409, 1000)
    client.post("/accounts/alice/deposits", json=DEPOSIT)
    told_no = client.post("/accounts/alice/withdrawals", json=body | {"amount": 1001}, headers=second)
    assert (told_no.status_code, replayed(told_no), told_no.get_data()) == (409, True, too_much.get_data())
    assert audited(scribe, "withdrawal") == 0


def test_what_could_not_be_judged_leaves_the_key_free(
    client: FlaskClient, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    invalid = client.post("/agents/atlas/start", json={"initial_equity": -1}, headers=KEY)
    assert (invalid.status_code, scribe.count("trading.idempotency_keys")) == (422, 0)

    def unreachable(*_: object, **__: object) -> None:
        raise OperationalError("select", {}, Exception("gone"))

    with monkeypatch.context() as patch:
        patch.setattr("journal.opening.start", unreachable)
        failed = client.post("/agents/atlas/start", json={"initial_equity": 10}, headers=KEY)
    assert (failed.status_code, scribe.count("trading.idempotency_keys")) == (503, 0)
    assert client.post("/agents/atlas/start", json={"initial_equity": 10}, headers=KEY).status_code == 200


def test_what_is_worth_another_try_is_not_kept(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(*_: object, **__: object) -> None:
        raise StaleStateError("try again")

    with monkeypatch.context() as patch:
        patch.setattr("journal.opening.start", stale)
        refused = client.post("/agents/atlas/start", json={"initial_equity": 10}, headers=KEY)
    assert (refused.status_code, refused.headers["Retry-After"]) == (409, "1")
    assert client.post("/agents/atlas/start", json={"initial_equity": 10}, headers=KEY).status_code == 200


def test_while_the_first_is_running_the_second_is_told_to_wait(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dying_at(monkeypatch, "carry_out", after=False), pytest.raises(Killed):
        client.post("/agents/atlas/start", json={"initial_equity": 10}, headers=KEY)
    waiting = client.post("/agents/atlas/start", json={"initial_equity": 10}, headers=KEY)
    assert waiting.status_code == 409
    assert 1 <= int(waiting.headers["Retry-After"]) <= idempotency.LEASE_SECONDS
    assert "still running" in waiting.get_json()["message"]


@pytest.mark.parametrize("after", [False, True])
def test_killed_before_the_commit_it_was_not_carried_out_and_runs_anew_once_its_lease_is_over(
    client: FlaskClient, scribe: Scribe, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    body = {"initial_equity": 10}
    with dying_at(monkeypatch, "carry_out", after=after), pytest.raises(Killed):
        client.post("/agents/atlas/start", json=body, headers=KEY)
    let_leases_end(scribe)
    retried = client.post("/agents/atlas/start", json=body, headers=KEY)
    assert (retried.status_code, replayed(retried), retried.get_json()["opened"]) == (200, False, True)
    assert replayed(client.post("/agents/atlas/start", json=body, headers=KEY))
    assert audited(scribe, "start") == 1


def test_killed_before_its_answer_a_control_call_is_not_carried_out_again_and_says_where_to_look(
    client: FlaskClient, start: Start, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    with dying_at(monkeypatch, "keep_answer", after=False), pytest.raises(Killed):
        client.post("/agents/atlas/stop", headers=KEY)
    assert "still running" in client.post("/agents/atlas/stop", headers=KEY).get_json()["message"]
    let_leases_end(scribe)
    start()
    lost = client.post("/agents/atlas/stop", headers=KEY)
    assert lost.status_code == 409
    assert "Retry-After" not in lost.headers
    assert "was carried out at" in lost.get_json()["message"]
    assert lost.get_json()["message"].endswith("see /agents/atlas/status")
    assert client.get("/agents/atlas/status").get_json()["status"] == "running"
    assert audited(scribe, "stop") == 1


def test_killed_before_its_answer_a_deposit_gets_it_again_and_is_booked_once(
    client: FlaskClient, start: Start, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    start("atlas", "alice")
    with dying_at(monkeypatch, "keep_answer", after=False), pytest.raises(Killed):
        client.post("/accounts/alice/deposits", json=DEPOSIT, headers=KEY)
    let_leases_end(scribe)
    retried = client.post("/accounts/alice/deposits", json=DEPOSIT, headers=KEY)
    assert (retried.status_code, retried.get_json()["balance_after"]) == (200, 1500)
    assert replayed(client.post("/accounts/alice/deposits", json=DEPOSIT, headers=KEY))
    assert audited(scribe, "deposit") == 1


def test_a_signal_without_an_id_is_one_signal_however_often_its_answer_is_lost(
    client: FlaskClient,
    start: Start,
    scribe: Scribe,
    signal: Callable[..., dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start()
    url = "/agents/atlas/signals?wait=0"
    with dying_at(monkeypatch, "keep_answer", after=False), pytest.raises(Killed):
        client.post(url, json=signal(), headers=KEY)
    let_leases_end(scribe)
    first, again = (client.post(url, json=signal(), headers=KEY) for _ in range(2))
    assert (first.status_code, replayed(first)) == (202, False)
    assert (again.get_data(), again.headers["Location"]) == (first.get_data(), first.headers["Location"])
    assert (scribe.count("trading.signals"), scribe.count("trading.decisions")) == (1, 1)


def test_a_request_that_was_overtaken_while_it_slept_commits_nothing(
    client: FlaskClient, app: Flask, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = idempotency.carry_out
    overtaking: list[TestResponse] = []

    def sleepy(*arguments: Any) -> None:  # noqa: ANN401 - whatever the step takes
        monkeypatch.setattr(idempotency, "carry_out", real)
        let_leases_end(scribe)
        # In a thread of its own, as a server has it: within this one the two would share their context.
        with ThreadPoolExecutor(1) as another:
            overtaking.append(another.submit(app.test_client().post, "/agents/orion/stop", headers=KEY).result())
        real(*arguments)

    monkeypatch.setattr(idempotency, "carry_out", sleepy)
    late = client.post("/agents/orion/stop", headers=KEY)
    assert (late.status_code, overtaking[0].status_code) == (409, 200)
    assert client.post("/agents/orion/stop", headers=KEY).get_data() == overtaking[0].get_data()


@pytest.mark.parametrize(
    ("url", "body", "action"),
    [
        ("/agents/atlas/start", {"initial_equity": 10, "account_id": "bob"}, "start"),
        ("/agents/atlas/stop", {}, "stop"),
        ("/accounts/alice/deposits", DEPOSIT, "deposit"),
    ],
)
def test_sixteen_at_once_with_one_key_are_one(
    app: Flask, start: Start, scribe: Scribe, url: str, body: dict[str, Any], action: str
) -> None:
    start("atlas", "alice")
    before = audited(scribe, action)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: app.test_client().post(url, json=body, headers=KEY), range(16)))
    final = app.test_client().post(url, json=body, headers=KEY)
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] >= 1
    assert set(statuses) <= {200, 409}
    assert {answer.get_data() for answer in answers if answer.status_code == 200} == {final.get_data()}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 409)
    assert sum(not replayed(answer) for answer in answers if answer.status_code == 200) == 1
    assert audited(scribe, action) == before + 1


DYING = """
import json, os, sys
from api.app import create_app
from journal import idempotency
from runtime.bootstrap import control_services
from runtime.settings import load

step, environment = sys.argv[1], json.loads(sys.argv[2])
setattr(idempotency, step, lambda *_: os._exit(9))
client = create_app(control_services(load(environment))).test_client()
client.post("/accounts/alice/withdrawals", json={"amount": 300, "reference_id": "w-1"},
            headers={"Idempotency-Key": "a key of ours"})
"""


@pytest.mark.parametrize("step", ["carry_out", "keep_answer"])
def test_whenever_a_process_really_dies_a_withdrawal_is_paid_once(
    client: FlaskClient, start: Start, scribe: Scribe, database_url: str, redis_url: str, step: str
) -> None:
    start("atlas", "alice")
    environment = ENVIRONMENT | {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    died = subprocess.run([sys.executable, "-c", DYING, step, json.dumps(environment)], cwd=ROOT, check=False)
    assert died.returncode == 9
    body = {"amount": 300, "reference_id": "w-1"}
    assert client.post("/accounts/alice/withdrawals", json=body, headers=KEY).status_code == 409
    let_leases_end(scribe)
    paid = client.post("/accounts/alice/withdrawals", json=body, headers=KEY)
    assert (paid.status_code, paid.get_json()["balance_after"]) == (200, 700)
    assert audited(scribe, "withdrawal") == 1


def test_keys_are_forgotten_after_a_day(client: FlaskClient, start: Start, scribe: Scribe, book: Book) -> None:
    start()
    client.post("/agents/atlas/pause", headers=KEY)
    client.post("/agents/atlas/resume", headers=KEY)
    scribe.run("UPDATE trading.idempotency_keys SET claimed_at = now() - interval '24 hours' WHERE path LIKE '%pause'")
    assert not replayed(client.post("/agents/atlas/pause", headers=KEY))
    scribe.run("UPDATE trading.idempotency_keys SET claimed_at = now() - interval '24 hours' WHERE path LIKE '%pause'")
    with book.unit_of_work() as session:
        assert idempotency.forget_old(session) == 1
    assert scribe.count("trading.idempotency_keys") == 1


def test_without_the_header_the_table_of_keys_is_not_touched(client: FlaskClient, start: Start, book: Book) -> None:
    statements: list[str] = []
    event.listen(book.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    start()
    assert client.post("/agents/atlas/pause").status_code == 200
    assert statements
    assert not [statement for statement in statements if "idempotency" in statement]


def test_every_post_but_the_webhook_says_that_it_takes_a_key(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]
    taking = {
        path: "Idempotency-Key" in {parameter.get("name") for parameter in operations["post"].get("parameters", [])}
        for path, operations in paths.items()
        if "post" in operations
    }
    assert {path for path, takes in taking.items() if not takes} == {"/webhooks/ml-signals"}


def test_the_views_that_are_treated_specially_are_there(app: Flask) -> None:
    named = EXEMPT | MAY_REPEAT | DEPENDING_ON_A_STATE | SHOWING_A_TAG | set(LOOK_AT.values())
    assert named <= set(app.view_functions)
    assert set(LOOK_AT) <= set(app.blueprints)
