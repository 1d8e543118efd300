"""Every route there is, and whatever is thrown at it: refused in the one shape, never a failure of ours, nothing written."""

import string
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from werkzeug.test import TestResponse

from api.app import create_app
from api.openapi import NOWHERE, document
from runtime.bootstrap import control_services
from runtime.settings import load

VALID = {
    "agent": "orion",
    "account_id": "other",
    "run_id": "1",
    "reference_id": "tx-1",
    "subscription_id": "6f1c2a4e-0f57-4d3a-9a51-3c8f2d9b7e10",
    "event_id": "0b9d7c1e-5a64-4f0b-8f0e-2f6f3c1d5a42",
}
"""A value for each parameter of a path, so that hostile input meets the view and not an unknown path."""
ALL_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "BREW")
FREE_QUERIES = frozenset({"actor", "action"})
"""These may be nearly any text; what nobody is called is found nowhere."""

DESCRIBED = document(create_app(control_services(load(NOWHERE))))
OPERATIONS = [
    (method.upper(), path, operation)
    for path, operations in sorted(DESCRIBED["paths"].items())
    for method, operation in sorted(operations.items())
    if method != "parameters"
]
WITH_BODY = [(method, path) for method, path, operation in OPERATIONS if "requestBody" in operation]
READING = [(method, path) for method, path, _ in OPERATIONS if method == "GET"]
PARAMETERS = [
    (method, path, name)
    for method, path, _ in OPERATIONS
    for _, name, _, _ in string.Formatter().parse(path)
    if name is not None
]
QUERIES = [
    (method, path, parameter["name"])
    for method, path, operation in OPERATIONS
    for parameter in operation.get("parameters", [])
    if parameter["in"] == "query"
]

HOSTILE_BODIES = {
    "truncated": b'{"reason": "x"',
    "deep lists": b"[" * 60_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep inside an object": b'{"reference_id": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "UTF-16": '{"reason": "x"}'.encode("utf-16"),
    "UTF-32": '{"reason": "x"}'.encode("utf-32"),
    "Latin-1": '{"reason": "é"}'.encode("latin-1"),
    "a byte order mark": b'\xef\xbb\xbf{"reason": "x"}',
    "overlong UTF-8": b'{"reason": "\xc0\xaf"}',
    "raw NUL": b'{"reason": "a\x00b"}',
    "only NULs": b"\x00" * 100,
    "a member twice": b'{"account_id": "other", "account_id": "house-orion"}',
    "a member twice, deep inside": b'{"a": [{"b": 1, "b": 2}]}',
    "two documents": b"{}{}",
    "a comment": b"{} // but",
    "single quotes": b"{'reason': 'x'}",
    "NaN alone": b"NaN",
    "a huge number alone": b"9" * 60_000,
    "a huge exponent alone": b"1e999999999",
    "a list": b"[{}]",
    "a text": b'"{}"',
    "too large": b'{"reason": "' + b"x" * 70_000 + b'"}',
    "a form": b"reason=x",
    "XML": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
}
HOSTILE_TYPES = [
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json-patch",
    "json",
    "application/",
    "/",
    ";",
    "application/json\x01",
    "é",
]
HOSTILE_NAMES = [
    "..",
    ".",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "orion%00",
    "%0d%0aSet-Cookie:a=b",
    "%ff%fe",
    "%C3%A9",
    "%F0%9F%92%A9",
    "%ED%A0%80",
    "%",
    "%zz",
    "%25",
    "orion%2f",
    "%2f",
    "/",
    "//",
    "orion/",
    "orion;",
    "ORION%20",
    "%27%3B%20DROP%20TABLE%20trading.agents%3B--",
    "$%7Bjndi:ldap:x%7D",
    "{{7*7}}",
    "a" * 65,
    "a" * 3_000,
    "9" * 400,
    "-1",
    "1e3",
    "\\..\\",
]


@pytest.fixture(scope="module")
def client(untouched_client: FlaskClient) -> FlaskClient:
    return untouched_client


@pytest.fixture(scope="module", autouse=True)
def nothing_written(client: FlaskClient) -> Iterator[None]:
    before = digests(client)
    yield
    assert digests(client) == before


def digests(client: FlaskClient) -> dict[str, str]:
    """One digest of each table's rows, whatever tables there are."""
    with client.application.extensions["control"].book.reading() as session:
        tables = session.scalars(
            text("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('trading', 'investment')")
        )
        return {
            table: session.scalar(text(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"))  # noqa: S608 - the book's own names
            for table in tables.all()
        }


def at(path: str, **changed: str) -> str:
    return path.format_map({**VALID, **changed})


def assert_refused(answer: TestResponse, *statuses: int) -> None:
    body = answer.get_json()
    assert 400 <= answer.status_code < 500, body
    assert answer.status_code in statuses or not statuses, body
    assert set(body) - {"errors"} == {"code", "status", "message"}
    assert body["code"] == answer.status_code


def test_the_valid_values_cover_every_parameter_of_a_path() -> None:
    assert {name for _, _, name in PARAMETERS} <= set(VALID)


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_a_body_that_is_no_json_object_is_refused_whatever_it_is(client: FlaskClient, method: str, path: str) -> None:
    for kind, body in HOSTILE_BODIES.items():
        answer = client.open(at(path), method=method, data=body, content_type="application/json")
        assert answer.status_code in {400, 401, 413, 422}, (kind, answer.text)
        assert_refused(answer)


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_a_body_that_is_not_sent_as_json_is_refused(client: FlaskClient, method: str, path: str) -> None:
    for content_type in HOSTILE_TYPES:
        answer = client.open(at(path), method=method, data=b"{}", content_type=content_type)
        assert_refused(answer, 401, 415)


@pytest.mark.parametrize(("method", "path", "name"), PARAMETERS)
def test_a_hostile_name_in_a_path_is_not_found(client: FlaskClient, method: str, path: str, name: str) -> None:
    for hostile in HOSTILE_NAMES:
        answer = client.open(at(path, **{name: hostile}), method=method)
        # Some lead to another path than the one that was meant.
        assert_refused(answer, 404, 405, *((422,) if method == "POST" else ()))


@pytest.mark.parametrize(("method", "path", "name"), QUERIES)
def test_a_hostile_parameter_is_refused_by_name(client: FlaskClient, method: str, path: str, name: str) -> None:
    for hostile in ["%00", "%ff", "%ED%A0%80", "%0d%0a", "'%3B--", "é" * 70, "a" * 3_000 + "!", "%", "%zz"]:
        answer = client.open(f"{at(path)}?{name}={quote(hostile, safe='%')}", method=method)
        if answer.status_code == 200 and name in FREE_QUERIES:
            assert answer.get_json()["items"] == []
            continue
        assert_refused(answer, 422)
        assert name in answer.get_json()["message"] or method == "POST"


@pytest.mark.parametrize("path", sorted(DESCRIBED["paths"]))
def test_a_method_that_a_path_does_not_have_is_refused_and_the_others_are_named(client: FlaskClient, path: str) -> None:
    there = {method.upper() for method in DESCRIBED["paths"][path]}
    for method in ALL_METHODS:
        if method not in there:
            answer = client.open(at(path), method=method, data=b"{}")
            assert_refused(answer, 405)
            assert there - {"PARAMETERS"} <= set(answer.headers["Allow"].split(", "))


NAMES = st.text(min_size=1, max_size=100).map(lambda name: quote(name, safe="", errors="surrogatepass"))
HEADERS = st.dictionaries(
    st.sampled_from(
        (
            "Authorization",
            "Idempotency-Key",
            "If-Match",
            "If-None-Match",
            "Accept",
            "Accept-Encoding",
            "Accept-Charset",
            "Content-Type",
            "Content-Encoding",
            "Cookie",
            "Origin",
            "Range",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-HTTP-Method-Override",
            "X-ML-Signature",
            "X-ML-Timestamp",
            "X-Request-Id",
        )
    ),
    # A line break or NUL in a header never gets past the server that reads it.
    st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=200),
    max_size=6,
)
ONCE = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ONCE
@given(hostile=NAMES)
@pytest.mark.parametrize(("method", "path", "name"), PARAMETERS)
def test_no_name_in_a_path_makes_the_process_stumble(
    client: FlaskClient, method: str, path: str, name: str, hostile: str
) -> None:
    answer = client.open(at(path, **{name: hostile}), method=method)
    assert answer.status_code < 500
    if answer.status_code >= 300:
        assert_refused(answer)


@ONCE
@given(headers=HEADERS)
@pytest.mark.parametrize(("method", "path"), READING)
def test_no_header_makes_the_process_stumble(
    client: FlaskClient, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = client.open(at(path), method=method, headers=headers)
    assert answer.status_code < 500 or path == "/ready"
    if answer.status_code >= 400 and path != "/ready":
        assert_refused(answer)


@ONCE
@given(headers=HEADERS, body=st.binary(max_size=200).filter(lambda body: not body.lstrip().startswith(b"{")))
@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_no_header_gets_a_body_in_that_is_no_object(
    client: FlaskClient, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    answer = client.open(at(path), method=method, headers=headers, data=body or b"[]")
    assert_refused(answer)
