"""Every field of every route: what it refuses, in the one shape, naming the field, with nothing written."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

NUL = "a\x00b"
LONG = "a" * 65
NO_ID: list[object] = [5, True, None, [], {}, "", " a", "a b", "a\n", "é", "a/b", "a'b", NUL, LONG, "\ud800"]
NO_AMOUNT = [
    "NaN",
    "Infinity",
    "-Infinity",
    "-1",
    "0",
    "-0.0",
    "1e13",
    "1000000000000.00000001",
    "0.000000001",
    "1e-400",
    "1e400",
    "1e99999999999999999999",
    "9" * 500,
    '"1000"',
    "true",
    "null",
    "[]",
    "{}",
]


@pytest.fixture(scope="module")
def client(untouched_client: FlaskClient) -> FlaskClient:
    return untouched_client


@pytest.fixture(autouse=True)
def nothing_written(client: FlaskClient) -> Iterator[None]:
    before = _rows(client)
    yield
    assert _rows(client) == before


def _rows(client: FlaskClient) -> list[int]:
    tables = ("agents", "accounts", "assignments", "cash_flows", "signals", "decisions", "audit_log")
    with client.application.extensions["control"].book.reading() as session:
        counts = [session.scalar(text(f"SELECT count(*) FROM trading.{table}")) for table in tables]  # noqa: S608
        return [*counts, session.scalar(text("SELECT sum(version) FROM trading.agents"))]


def post(client: FlaskClient, path: str, body: str) -> Any:  # noqa: ANN401 - a test response
    return client.post(path, data=body, content_type="application/json")


def assert_refused(answer: Any, status: int, location: str, field: str) -> None:  # noqa: ANN401 - a test response
    body = answer.get_json()
    assert answer.status_code == status, body
    assert set(body) == {"code", "status", "message", "errors"}
    assert body["code"] == status
    assert list(body["errors"]) == [location]
    assert list(body["errors"][location]) == [field]
    assert field in body["message"]


@pytest.mark.parametrize("literal", NO_AMOUNT)
def test_initial_equity_must_be_a_number_above_0_and_of_ordinary_size(client: FlaskClient, literal: str) -> None:
    answer = post(client, "/agents/atlas/start", f'{{"initial_equity": {literal}}}')
    assert_refused(answer, 422, "json", "initial_equity")


def test_initial_equity_is_required(client: FlaskClient) -> None:
    assert_refused(client.post("/agents/atlas/start", json={}), 422, "json", "initial_equity")
    assert_refused(client.post("/agents/atlas/start"), 422, "json", "initial_equity")


@pytest.mark.parametrize("value", NO_ID)
@pytest.mark.parametrize(
    "path", ["/agents/atlas/start", "/agents/orion/pause", "/agents/orion/resume", "/agents/orion/stop"]
)
def test_account_id_in_a_body_must_be_an_id(client: FlaskClient, path: str, value: object) -> None:
    body = json.dumps({"initial_equity": 1, "account_id": value})
    assert_refused(post(client, path, body), 422, "json", "account_id")


@pytest.mark.parametrize("value", ["dust-atlas", "dust-", "dust-x", "house-orion", "house-", "house-atlas2"])
def test_the_agents_own_accounts_cannot_be_named_by_others(client: FlaskClient, value: str) -> None:
    body = {"initial_equity": 1, "account_id": value}
    assert_refused(client.post("/agents/atlas/start", json=body), 422, "json", "account_id")


@pytest.mark.parametrize("value", [5, True, None, [], "orion", "ATLAS", "", "atlas ", NUL])
def test_agent_name_must_be_the_one_in_the_path(client: FlaskClient, value: object) -> None:
    body = json.dumps({"initial_equity": 1, "agent_name": value})
    assert_refused(post(client, "/agents/atlas/start", body), 422, "json", "agent_name")


@pytest.mark.parametrize(
    "value",
    ["BTCUSDT", 5, None, [], {}, [5], [None], ["btcusdt"], [""], ["B"], ["BTCUSDT", "NOPEUSDT"], [NUL], ["A"] * 101],
)
def test_symbols_must_be_a_list_of_the_profiles_own(client: FlaskClient, value: object) -> None:
    body = json.dumps({"initial_equity": 1, "symbols": value})
    assert_refused(post(client, "/agents/atlas/start", body), 422, "json", "symbols")


@pytest.mark.parametrize("value", ["true", 1, 0, None, "", [], {}])
def test_close_positions_must_be_true_or_false(client: FlaskClient, value: object) -> None:
    body = json.dumps({"close_positions": value})
    assert_refused(post(client, "/agents/orion/stop", body), 422, "json", "close_positions")


def test_an_account_named_twice_must_be_the_same(client: FlaskClient) -> None:
    answer = client.post("/agents/orion/pause?account_id=other", json={"account_id": "house-orion"})
    assert_refused(answer, 422, "json", "account_id")


@pytest.mark.parametrize(
    ("field", "literal"),
    [
        *(("symbol", literal) for literal in ('"btcusdt"', '"NOPEUSDT"', '""', "5", "null", "[]", '"BTC\\u0000"')),
        *(("action", literal) for literal in ('"short"', '"BUY"', '""', "5", "null", "[]", "true")),
        *(("confidence", literal) for literal in ("-0.1", "1.1", "NaN", "Infinity", '"0.8"', "null", "true", "{}")),
        *(
            ("price", literal)
            for literal in ("0", "-5", "NaN", "-Infinity", "1e13", "1e9999999999", '"5"', "null", "true")
        ),
        *(
            ("timestamp", literal)
            for literal in ('"yesterday"', '""', "true", "[]", "1e30", "NaN", '"2999-01-01T00:00:00Z"')
        ),
        *(("id", literal) for literal in ('""', "5", "true", "[]", '"a b"', f'"{LONG}"', '"a\\u0000"', '"\\ud800"')),
    ],
)
def test_a_signals_fields_are_judged_one_by_one(client: FlaskClient, field: str, literal: str) -> None:
    good = {"symbol": '"BTCUSDT"', "action": '"buy"', "confidence": "0.85", "price": "45000.0"}
    body = ", ".join(f'"{name}": {value}' for name, value in (good | {field: literal}).items())
    assert_refused(post(client, "/agents/orion/signals?wait=0", f"{{{body}}}"), 422, "json", field)


@pytest.mark.parametrize("field", ["symbol", "action", "confidence", "price"])
def test_a_signal_lacks_no_field(client: FlaskClient, field: str) -> None:
    body: dict[str, object] = {"symbol": "BTCUSDT", "action": "buy", "confidence": 0.85, "price": 45000.0}
    del body[field]
    assert_refused(client.post("/agents/orion/signals?wait=0", json=body), 422, "json", field)


@pytest.mark.parametrize("value", ["-1", "25.1", "NaN", "Infinity", "x", "", "1e9999999999"])
def test_wait_is_a_number_of_seconds_up_to_25(client: FlaskClient, value: str) -> None:
    body = {"symbol": "BTCUSDT", "action": "buy", "confidence": 0.85, "price": 45000.0}
    assert_refused(client.post(f"/agents/orion/signals?wait={value}", json=body), 422, "query", "wait")


LISTS = {
    "/accounts": {"agent", "status", "cursor", "limit"},
    "/decisions": {"agent", "symbol", "account_id", "code", "signal_id", "cursor", "limit"},
    "/orders": {"agent", "symbol", "state", "client_order_id", "cursor", "limit"},
    "/trades": {"agent", "symbol", "account_id", "cursor", "limit"},
    "/accounts/other/trades": {"symbol", "cursor", "limit"},
    "/accounts/other/transactions": {"cursor", "limit"},
    "/accounts/other/performance": {"period_type", "cursor", "limit"},
    "/agents/orion/status": {"account_id"},
    "/agents/orion/metrics": {"account_id"},
    "/agents/orion/equity": {"account_id", "days", "format"},
    "/accounts/other/equity": {"days", "format"},
    "/agents/orion/positions": {"account_id"},
}
NO_PARAMETER = {
    "limit": ["0", "501", "-1", "1.5", "x", "9" * 50],
    "days": ["0", "3661", "-1", "1.5"],
    "format": ["png", "SVG"],
    "cursor": ["-", "x y", "2026-13-01", "é"],
}


@pytest.mark.parametrize(
    ("path", "field"), [(path, field) for path, fields in LISTS.items() for field in sorted(fields)]
)
def test_parameters_of_lists_are_checked(client: FlaskClient, path: str, field: str) -> None:
    for value in ["", "a b", "a\x00b", "'; DROP TABLE", "é" * 70, *NO_PARAMETER.get(field, [])]:
        assert_refused(client.get(path, query_string={field: value}), 422, "query", field)


def test_cursors_that_no_page_gave_are_no_crash(client: FlaskClient) -> None:
    for path, cursor in (
        ("/accounts", "9223372036854775807"),
        ("/trades", str(uuid.uuid4())),
        ("/accounts/other/transactions", "99999"),
        ("/accounts/other/performance", "0001-01-01"),
    ):
        assert client.get(path, query_string={"cursor": cursor}).status_code == 200
    for cursor in ("9223372036854775808", "-1", str(uuid.uuid4())):
        answer = client.get("/accounts/other/transactions", query_string={"cursor": cursor})
        assert answer.status_code in {200, 422}


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"\xef\xbb\xbf{}", "application/json", 400),
        (b"{}x", "application/json", 400),
        (b"initial_equity=5", "application/x-www-form-urlencoded", 415),
        (b'{"initial_equity": 5}', "text/plain", 415),
        (b'{"initial_equity": 5}', "", 415),
        (b" " * 65_537, "application/json", 413),
        (b"[]", "application/json", 422),
        (b"5", "application/json", 422),
        (b"null", "application/json", 422),
        (b'"text"', "application/json", 422),
    ],
)
@pytest.mark.parametrize("path", ["start", "pause", "resume", "stop", "signals"])
def test_a_body_that_is_no_json_object_is_refused(
    client: FlaskClient, path: str, body: bytes, content_type: str, status: int
) -> None:
    answer = client.post(f"/agents/atlas/{path}", data=body, content_type=content_type)
    assert (answer.status_code, answer.get_json()["code"]) == (status, status)
    assert answer.get_json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/agents/", 404),
        ("GET", "/agents/ATLAS/status", 404),
        ("GET", "/agents/a%00b/status", 404),
        ("GET", f"/agents/{LONG}/status", 404),
        ("GET", "/agents/..%2f/status", 404),
        ("GET", "/accounts/a%20b", 404),
        ("GET", f"/accounts/{LONG}", 404),
        ("GET", "/accounts/%27", 404),
        ("GET", "/agents/atlas/start", 405),
        ("PUT", "/agents/atlas/start", 405),
        ("DELETE", "/accounts/other", 405),
        ("POST", "/health", 405),
        ("POST", "/agents/zeus/start", 422),
        ("POST", "/agents/zeus/pause", 404),
        ("POST", "/agents/zeus/stop", 404),
    ],
)
def test_every_refusal_has_the_one_shape(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method)
    body = answer.get_json()
    assert (answer.status_code, body["code"]) == (status, status)
    assert set(body) - {"errors"} == {"code", "status", "message"}
    if status == 405:
        assert answer.headers["Allow"]


def test_unknown_fields_are_ignored(client: FlaskClient) -> None:
    answer = client.get("/accounts?surprise=1")
    assert answer.status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
START_FIELDS = ("initial_equity", "account_id", "agent_name", "symbols", "close_positions", "wait")
SIGNAL_FIELDS = ("symbol", "action", "confidence", "price", "timestamp", "id")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(st.sampled_from(START_FIELDS + SIGNAL_FIELDS), JSON))
@pytest.mark.parametrize("path", ["/agents/zeus/start", "/agents/atlas/signals?wait=0", "/agents/zeus/stop"])
def test_no_body_whatever_makes_the_process_stumble(client: FlaskClient, path: str, body: dict[str, object]) -> None:
    answer = client.post(path, data=json.dumps(body), content_type="application/json")
    assert answer.status_code in {404, 409, 422}
