"""What answers tell browsers, and what they keep to themselves."""

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

Start = Callable[..., dict[str, Any]]

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OTHER_SITE = "https://evil.example"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/agents"), ("GET", "/nothing"), ("PUT", "/agents"), ("POST", "/agents/atlas/start"), ("GET", "/health")],
)
def test_every_answer_errors_included_is_for_nobodys_frame_script_or_cache(
    client: FlaskClient, method: str, path: str
) -> None:
    headers = client.open(path, method=method).headers

    assert {name: headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store"


def test_a_failure_of_ours_has_them_too(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("journal.queries.agent_views", fail)

    answer = client.get("/agents")

    assert (answer.status_code, answer.headers["X-Frame-Options"]) == (500, "DENY")


def test_the_documentation_page_runs_its_own_scripts_and_no_others(client: FlaskClient) -> None:
    answer = client.get("/docs")
    page = answer.get_data(as_text=True)
    directives = {
        name: set(sources)
        for name, *sources in (part.split() for part in answer.headers["Content-Security-Policy"].split(";"))
    }

    inline = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(inline) == 1
    hashes = {f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in inline}
    assert directives["script-src"] == {"'self'"} | hashes
    assert directives["connect-src"] == {"'self'"}
    assert directives["default-src"] == {"'none'"}
    # Nothing else on the page would need a permission: no handlers, no style of its own, no address elsewhere.
    assert not re.search(r"\son\w+=|<style|https?://", page)


def test_files_of_the_documentation_may_be_kept_if_they_are_checked_again(client: FlaskClient) -> None:
    with client.get("/docs/assets/swagger-ui.css") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["ETag"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_picture_may_style_itself_and_do_nothing_else(client: FlaskClient, start: Start) -> None:
    start()

    policy = client.get("/agents/atlas/equity?format=svg").headers["Content-Security-Policy"]

    assert policy == "default-src 'none'; frame-ancestors 'none'; style-src 'unsafe-inline'"


def test_only_behind_tls_are_browsers_told_to_stay_with_it(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/health").headers
    behind = client.get("/health", base_url="https://localhost")
    assert behind.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("tokens", ["", "a-token"])
def test_no_page_of_another_site_is_let_in(make_app: Callable[..., Flask], tokens: str) -> None:
    client = make_app(API_TOKENS=tokens).test_client()
    asks = {"Origin": OTHER_SITE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "*"}

    refused = client.options("/agents/atlas/stop", headers=asks)
    called = client.post("/agents/atlas/stop", headers={"Origin": OTHER_SITE, "Authorization": "Bearer a-token"})

    assert refused.status_code == 403
    for answer in (refused, called):
        assert [name for name, _ in answer.headers if name.lower().startswith("access-control-")] == []


def test_a_body_over_64_kib_is_refused_unread(client: FlaskClient) -> None:
    answer = client.post("/agents/atlas/start", data=b"x" * (64 * 1024 + 1), content_type="application/json")

    assert (answer.status_code, answer.get_json()["code"]) == (413, 413)
