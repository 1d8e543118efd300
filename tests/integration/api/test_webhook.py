"""The ML engine's webhook, signed as in the platform's guide."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SECRET = b"a shared secret"
Start = Callable[..., dict[str, Any]]
Signal = Callable[..., dict[str, object]]
Scribe = Any


def sign(body: bytes) -> str:
    return hmac.new(SECRET, body, hashlib.sha256).hexdigest()


def push(client: FlaskClient, message: object, **headers: str) -> TestResponse:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return client.post(
        "/webhooks/ml-signals",
        data=body,
        content_type="application/json",
        headers={"X-ML-Signature": sign(body)} | {name.replace("_", "-"): value for name, value in headers.items()},
    )


def test_a_signed_signal_is_received_and_waits_for_a_worker(
    client: FlaskClient, start: Start, signal: Signal, scribe: Scribe
) -> None:
    start("orion")
    answer = push(client, {"agent_name": "orion", "signal": signal()})
    assert (answer.status_code, answer.get_json()["status"]) == (200, "received")
    (decision,) = client.get("/decisions?agent=orion").get_json()["items"]
    assert (decision["signal_id"], decision["source"]) == (answer.get_json()["signal_id"], "webhook")
    assert scribe.count("trading.signals") == 1


def test_without_an_agent_name_it_is_for_atlas(client: FlaskClient, start: Start, signal: Signal) -> None:
    start("atlas")
    assert push(client, {"signal": signal()}).status_code == 200
    assert len(client.get("/decisions?agent=atlas").get_json()["items"]) == 1


def test_the_same_body_twice_is_one_signal(client: FlaskClient, start: Start, signal: Signal, scribe: Scribe) -> None:
    start()
    first, second = (push(client, {"signal": signal()}).get_json()["signal_id"] for _ in range(2))
    assert first == second
    assert scribe.count("trading.decisions") == 1


@pytest.mark.parametrize("signature", ["", "00", sign(b"another body"), "é", sign(b"x").upper()])
def test_a_wrong_signature_is_refused_and_nothing_written(
    client: FlaskClient, start: Start, signal: Signal, scribe: Scribe, signature: str
) -> None:
    start()
    answer = push(client, {"signal": signal()}, X_ML_Signature=signature)
    assert (answer.status_code, answer.get_json()["message"]) == (401, "Invalid signature")
    assert scribe.count("trading.signals") == 0


def test_a_missing_signature_is_refused_before_the_body_is_read(client: FlaskClient) -> None:
    answer = client.post("/webhooks/ml-signals", data=b"no json at all")
    assert (answer.status_code, answer.get_json()["message"]) == (401, "Invalid signature")


def test_without_a_secret_the_webhook_is_closed(make_app: Callable[..., Flask], signal: Signal) -> None:
    client = make_app(ML_WEBHOOK_SECRET="").test_client()
    assert push(client, {"signal": signal()}).status_code == 503


def test_a_signed_timestamp_is_checked_and_five_minutes_old_at_most(
    client: FlaskClient, start: Start, signal: Signal
) -> None:
    start()
    body = json.dumps({"signal": signal()}).encode()
    for age, status in ((0, 200), (290, 200), (310, 401), (-310, 401)):
        timestamp = str(int(time.time()) - age)
        headers = {"X-ML-Timestamp": timestamp, "X-ML-Signature": sign(timestamp.encode() + b"." + body)}
        assert client.post("/webhooks/ml-signals", data=body, headers=headers).status_code == status, age


@pytest.mark.parametrize("timestamp", ["now", "-1", "1.5", "9" * 40, "٣"])
def test_a_signed_timestamp_that_is_no_number_is_refused(
    client: FlaskClient, start: Start, signal: Signal, timestamp: str
) -> None:
    start()
    body = json.dumps({"signal": signal()}).encode()
    headers = {"X-ML-Timestamp": timestamp, "X-ML-Signature": sign(timestamp.encode() + b"." + body)}
    assert client.post("/webhooks/ml-signals", data=body, headers=headers).status_code == 401


def test_a_timestamp_that_is_not_signed_is_refused(client: FlaskClient, start: Start, signal: Signal) -> None:
    start()
    assert push(client, {"signal": signal()}, X_ML_Timestamp=str(int(time.time()))).status_code == 401


@pytest.mark.parametrize(
    ("message", "status", "field"),
    [
        (b"not json", 400, None),
        (b"\xff", 400, None),
        (b"", 400, None),
        ([], 422, "body"),
        (None, 422, "body"),
        ({}, 422, "signal"),
        ({"signal": []}, 422, "signal"),
        ({"signal": {}}, 422, "symbol"),
        ({"agent_name": 5, "signal": {}}, 422, "agent_name"),
        ({"agent_name": None, "signal": {}}, 422, "agent_name"),
        ({"agent_name": "zeus", "signal": {}}, 404, None),
        ({"agent_name": "orion", "signal": {"symbol": "BTCUSDT"}}, 422, "action"),
    ],
)
def test_a_signed_body_that_makes_no_sense_is_refused_by_name(
    client: FlaskClient, start: Start, scribe: Scribe, message: object, status: int, field: str | None
) -> None:
    start()
    answer = push(client, message)
    assert answer.status_code == status
    if field:
        assert list(answer.get_json()["errors"]["json"]) == [field]
    assert scribe.count("trading.signals") == 0


def test_an_agent_never_started_is_a_conflict(client: FlaskClient, signal: Signal) -> None:
    assert push(client, {"agent_name": "nova", "signal": signal()}).status_code == 409


def test_the_same_body_with_another_timestamp_is_still_one_signal(
    client: FlaskClient, start: Start, signal: Signal, scribe: Scribe
) -> None:
    start()
    body = json.dumps({"signal": signal()}).encode()
    for age in (0, 7):
        timestamp = str(int(time.time()) - age)
        headers = {"X-ML-Timestamp": timestamp, "X-ML-Signature": sign(timestamp.encode() + b"." + body)}
        assert client.post("/webhooks/ml-signals", data=body, headers=headers).status_code == 200
    assert push(client, body).status_code == 200
    assert (scribe.count("trading.signals"), scribe.count("trading.decisions")) == (1, 1)


def test_during_a_rotation_both_secrets_sign_and_after_it_only_the_new_one(
    make_app: Callable[..., Flask], signal: Signal
) -> None:
    body = json.dumps({"signal": signal()}).encode()
    new = hmac.new(b"the next secret", body, hashlib.sha256).hexdigest()
    rotating = make_app(ML_WEBHOOK_SECRET="the next secret", ML_WEBHOOK_SECRET_PREVIOUS=SECRET.decode()).test_client()
    assert rotating.post("/agents/atlas/start", json={"initial_equity": 1000}).status_code == 200
    rotated = make_app(ML_WEBHOOK_SECRET="the next secret").test_client()
    closed = make_app(ML_WEBHOOK_SECRET="", ML_WEBHOOK_SECRET_PREVIOUS=SECRET.decode()).test_client()

    assert [push(rotating, body, X_ML_Signature=one).status_code for one in (new, sign(body), sign(b""))] == [
        200,
        200,
        401,
    ]
    assert [push(rotated, body, X_ML_Signature=one).status_code for one in (new, sign(body))] == [200, 401]
    assert push(closed, body).status_code == 503
