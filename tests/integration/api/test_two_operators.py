"""ETag and If-Match: whoever changes what somebody else has changed meanwhile is told so."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.integration.api.conftest import Scribe

Start = Callable[..., dict[str, Any]]

DEPOSIT = {"amount": 10, "reference_id": "tx-1"}
WITHDRAWAL = {"amount": 10, "reference_id": "tx-2"}
CLOSING = {"reference_id": "tx-3"}
ATLAS, ALICE, SWITCH = "/agents/atlas/status", "/accounts/alice", "/trading"


def tag(client: FlaskClient, url: str) -> str:
    return client.get(url).headers["ETag"]


def given(expected: str) -> dict[str, str]:
    return {"If-Match": expected}


@pytest.fixture
def alice(start: Start, scribe: Scribe) -> None:
    """Atlas and its account alice, with a breaker of each and of the service."""
    start("atlas", "alice")
    for scope, subject, agent, account in (
        ("account", "alice", "atlas", "alice"),
        ("agent", "atlas", "atlas", None),
        ("service", "service", None, None),
    ):
        scribe.run(
            "INSERT INTO trading.breakers (scope, subject, agent, account_id, kind, action, allowed, reference, equity, "
            "reason) VALUES (:scope, :subject, :agent, :account, 'drawdown', 'block', 1, 1, 1, 'because')",
            scope=scope,
            subject=subject,
            agent=agent,
            account=account,
        )


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("url", "body", "seen"),
    [
        ("/agents/atlas/pause", {}, ATLAS),
        ("/agents/atlas/pause", {"account_id": "alice"}, f"{ATLAS}?account_id=alice"),
        ("/agents/atlas/pause", {"account_id": "alice"}, ATLAS),
        ("/agents/atlas/stop", {}, ATLAS),
        ("/agents/atlas/stop", {}, ALICE),
        ("/agents/atlas/start", {"initial_equity": 5}, ATLAS),
        ("/agents/atlas/start", {"initial_equity": 5, "account_id": "bob"}, ATLAS),
        ("/agents/atlas/breakers/reset", {}, ATLAS),
        ("/agents/atlas/breakers/reset", {}, ALICE),
        ("/agents/atlas/breakers/reset", {"account_id": "alice"}, ALICE),
        ("/accounts/alice/deposits", DEPOSIT, ALICE),
        ("/accounts/alice/withdrawals", WITHDRAWAL, ALICE),
        ("/accounts/alice/close", CLOSING, ALICE),
        ("/accounts/alice/close", CLOSING, ATLAS),
        ("/trading/halt", {"reason": "a drill"}, SWITCH),
        ("/trading/breakers/reset", {}, SWITCH),
    ],
)
def test_every_change_changes_the_tag_of_what_it_changes(
    client: FlaskClient, url: str, body: dict[str, object], seen: str
) -> None:
    before = tag(client, seen)
    assert tag(client, seen) == before
    assert client.post(url, json=body).status_code == 200
    assert tag(client, seen) != before


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("url", "body", "seen"),
    [
        ("/agents/atlas/start", {"initial_equity": 5}, ATLAS),
        ("/agents/atlas/pause", {"account_id": "alice"}, ALICE),
        ("/agents/atlas/pause", {}, ATLAS),
        ("/agents/atlas/stop", {}, ATLAS),
        ("/agents/atlas/breakers/reset", {}, ATLAS),
        ("/agents/atlas/breakers/reset", {"account_id": "alice"}, ALICE),
        ("/accounts/alice/deposits", DEPOSIT, ALICE),
        ("/accounts/alice/withdrawals", WITHDRAWAL, ALICE),
        ("/accounts/alice/close", CLOSING, ALICE),
        ("/trading/halt", {"reason": "a drill"}, SWITCH),
        ("/trading/reduce", {"reason": "a drill"}, SWITCH),
        ("/trading/activate", {"reason": "a drill"}, SWITCH),
        ("/trading/breakers/reset", {}, SWITCH),
    ],
)
def test_a_change_is_made_on_the_state_its_caller_saw_and_its_answer_has_the_next_tag(
    client: FlaskClient, scribe: Scribe, url: str, body: dict[str, object], seen: str
) -> None:
    before = scribe.count("trading.audit_log")
    refused = client.post(url, json=body, headers=given('"somebody else\'s"'))
    assert refused.status_code == 412
    assert refused.headers["ETag"] == tag(client, seen)
    assert set(refused.get_json()) == {"code", "status", "message"}
    assert scribe.count("trading.audit_log") == before
    done = client.post(url, json=body, headers=given(refused.headers["ETag"]))
    assert done.status_code == 200
    assert done.headers["ETag"] == tag(client, seen) != refused.headers["ETag"]


@pytest.mark.usefixtures("alice")
def test_the_worth_of_an_agent_and_a_new_deposit_leave_its_tag_alone(client: FlaskClient, scribe: Scribe) -> None:
    seen = tag(client, ATLAS)
    client.post("/accounts/alice/deposits", json=DEPOSIT)
    scribe.hold("alice", quantity="2", cost="200")
    scribe.mark("BTCUSDT", "450")
    assert tag(client, ATLAS) == seen


@pytest.mark.usefixtures("alice")
def test_a_tag_may_be_one_of_several_and_a_star_stands_for_any(client: FlaskClient) -> None:
    several = f'"x", {tag(client, ALICE)}, W/"y"'
    assert client.post("/accounts/alice/deposits", json=DEPOSIT, headers=given(several)).status_code == 200
    assert client.post("/accounts/alice/withdrawals", json=WITHDRAWAL, headers=given("*")).status_code == 200
    assert client.post("/agents/nova/start", json={"initial_equity": 5}, headers=given("*")).status_code == 200


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("expected", ['W/"{}"', "", ",", '"{}', '"x"', '"x{}"'])
def test_a_weak_tag_and_what_is_no_tag_match_nothing(client: FlaskClient, expected: str) -> None:
    weak = expected.format(tag(client, ALICE).strip('"'))
    assert client.post("/accounts/alice/close", json=CLOSING, headers=given(weak)).status_code == 412


def test_an_account_that_is_not_there_yet_matches_nothing(client: FlaskClient, scribe: Scribe) -> None:
    body = {"initial_equity": 5, "account_id": "bob"}
    refused = client.post("/agents/atlas/start", json=body, headers=given("*"))
    assert (refused.status_code, "ETag" in refused.headers) == (412, False)
    assert scribe.count("trading.accounts") == 0
    assert client.post("/accounts/bob/deposits", json=DEPOSIT, headers=given("*")).status_code == 404


@pytest.mark.usefixtures("alice")
def test_what_was_done_already_under_its_reference_is_told_again_whatever_the_tag(client: FlaskClient) -> None:
    seen = given(tag(client, ALICE))
    first = client.post("/accounts/alice/deposits", json=DEPOSIT, headers=seen)
    again = client.post("/accounts/alice/deposits", json=DEPOSIT, headers=seen)
    assert (again.status_code, again.get_data()) == (200, first.get_data())


@pytest.mark.usefixtures("alice")
def test_a_failed_condition_leaves_the_key_free_and_a_kept_answer_needs_no_condition(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "1"}
    assert client.post("/agents/atlas/pause", headers=key | given('"x"')).status_code == 412
    seen = given(tag(client, ATLAS))
    first, again = (client.post("/agents/atlas/pause", headers=key | seen) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert (again.headers["ETag"], again.get_data()) == (first.headers["ETag"], first.get_data())


def test_no_answer_is_ever_not_modified_for_its_tag_does_not_cover_the_market(client: FlaskClient) -> None:
    for url in (ATLAS, SWITCH):
        assert client.get(url, headers={"If-None-Match": tag(client, url)}).status_code == 200


@pytest.mark.parametrize(
    ("url", "bodies", "seen"),
    [
        ("/agents/orion/start", [{"initial_equity": 5}, {"initial_equity": 7}], "/agents/orion/status"),
        ("/agents/atlas/pause", [{}, {}], ATLAS),
        ("/agents/atlas/stop", [{"account_id": "alice"}, {"account_id": "alice"}], ALICE),
        ("/accounts/alice/deposits", [DEPOSIT, DEPOSIT | {"reference_id": "tx-9"}], ALICE),
        ("/trading/halt", [{"reason": "one"}, {"reason": "two"}], SWITCH),
    ],
)
@pytest.mark.usefixtures("alice")
def test_of_two_operators_at_once_one_wins_and_the_other_is_told(
    app: Flask, url: str, bodies: list[dict[str, object]], seen: str
) -> None:
    both_saw = given(tag(app.test_client(), seen))
    ready = Barrier(2)

    def operate(body: dict[str, object]) -> TestResponse:
        client = app.test_client()
        ready.wait()
        return client.post(url, json=body, headers=both_saw)

    with ThreadPoolExecutor(2) as operators:
        answers = sorted(operators.map(operate, bodies), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 412]
    assert answers[1].headers["ETag"] == answers[0].headers["ETag"] == tag(app.test_client(), seen)
