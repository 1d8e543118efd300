"""Tokens of the book: what each scope opens, and how fast a change counts."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from agents.errors import ConflictError, InvalidInputError, NotFoundError
from api import auth, scopes
from api.errors import ApiError
from api.tokens import main
from journal import tokens
from journal.database import Book
from journal.tokens import Scope

ROOT = Path(__file__).resolve().parents[3]
SECRET = re.compile(r"ta_[A-Za-z0-9_-]{43}")
COUNTS_WITHIN_SECONDS = 2.0

Scribe = Any
Make = Callable[..., str]


@pytest.fixture
def make(book: Book) -> Make:
    """Make a token, and return its secret."""

    def call(name: str = "alice", scope: Scope = Scope.ADMIN, expires_in: timedelta | None = None) -> str:
        with book.unit_of_work() as session:
            return tokens.create(session, name, scope, expires_in=expires_in, actor="test")

    return call


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def until(call: Callable[[], TestResponse], status: int) -> TestResponse:
    """Repeat a call until it gets this status; none that is made later than a change may take to count gets another."""
    changed = made = time.monotonic()
    while (answer := call()).status_code != status:
        assert made - changed < COUNTS_WITHIN_SECONDS, answer.get_data(as_text=True)
        made = time.monotonic()
    return answer


def test_the_first_token_closes_an_open_api_and_only_tokens_open_it_again(client: FlaskClient, make: Make) -> None:
    assert client.get("/agents").status_code == 200

    secret = make()

    until(lambda: client.get("/agents"), 401)
    assert client.get("/agents", headers=bearer(secret)).status_code == 200
    assert client.get("/health").status_code == 200


def test_an_api_whose_last_token_was_revoked_stays_closed(client: FlaskClient, make: Make, book: Book) -> None:
    make()
    with book.unit_of_work() as session:
        tokens.revoke(session, "alice", actor="test")

    assert client.get("/agents").status_code == 401


def test_a_secret_is_long_random_and_kept_nowhere(make: Make, scribe: Scribe) -> None:
    secret = make()

    assert SECRET.fullmatch(secret)
    assert secret not in str(scribe.run("SELECT array_agg(t::text)::text FROM trading.api_tokens t"))
    assert secret not in str(scribe.run("SELECT array_agg(t::text)::text FROM trading.audit_log t"))


READS = ("/agents", "/agents/atlas/status", "/accounts", "/decisions", "/trading", "/metrics", "/reconciliation")
TRADES = ("/agents/atlas/pause", "/agents/atlas/stop", "/accounts/x/deposits", "/accounts/x/withdrawals")
ADMINS = ("/trading/halt", "/trading/activate", "/agents/atlas/breakers/reset", "/reconciliation")


@pytest.mark.parametrize(
    ("scope", "refused"),
    [(Scope.READ, (*TRADES, *ADMINS)), (Scope.TRADE, ADMINS), (Scope.ADMIN, ())],
)
def test_a_scope_includes_the_lower_ones_and_nothing_more(
    client: FlaskClient, make: Make, scope: Scope, refused: tuple[str, ...]
) -> None:
    headers = bearer(make(scope=scope))

    assert {path: client.get(path, headers=headers).status_code for path in READS} == dict.fromkeys(READS, 200)
    for path in (*TRADES, *ADMINS):
        answer = client.post(path, headers=headers)
        assert (answer.status_code == 403) == (path in refused), path


def test_a_scope_too_low_is_refused_with_the_one_that_is_needed(client: FlaskClient, make: Make) -> None:
    answer = client.post("/trading/halt", json={"reason": "x"}, headers=bearer(make(scope=Scope.TRADE)))

    assert answer.get_json()["message"] == "this takes a token with scope admin; yours has trade"
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="admin"'
    assert client.get("/trading", headers=bearer("ta_wrong")).headers["WWW-Authenticate"] == "Bearer"


def test_every_route_that_changes_something_declares_its_scope(app: Flask) -> None:
    changing = [rule for rule in app.url_map.iter_rules() if (rule.methods or set()) - scopes.SAFE_METHODS]

    assert len(changing) > 10
    assert [rule.rule for rule in changing if not scopes.declares(app.view_functions[rule.endpoint])] == []


def test_a_route_that_declares_nothing_takes_admin_to_change_and_read_to_look() -> None:
    def view() -> None: ...

    assert scopes.needed(view, "POST") is Scope.ADMIN
    assert scopes.needed(view, "GET") is Scope.READ


def test_only_probes_documentation_and_the_signed_webhook_take_no_token(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in auth.DOCUMENTATION]
    open_to_all = {rule.rule for rule in rules if scopes.needed(app.view_functions[rule.endpoint], "POST") is None}

    assert open_to_all == {"/health", "/ready", "/webhooks/ml-signals"}


def test_the_description_tells_each_routes_scope(client: FlaskClient) -> None:
    description = client.get("/openapi.json").get_json()

    def security(path: str, method: str) -> object:
        return description["paths"][path][method].get("security", description["security"])

    assert security("/trading/halt", "post") == [{"token": ["admin"]}, {}]
    assert security("/agents/{agent}/start", "post") == [{"token": ["trade"]}, {}]
    assert security("/accounts", "get") == [{"token": ["read"]}, {}]
    assert security("/health", "get") == []


def test_a_rotated_token_has_two_secrets_until_the_overlap_ends(
    client: FlaskClient, make: Make, book: Book, scribe: Scribe
) -> None:
    old = make()
    with book.unit_of_work() as session:
        new = tokens.rotate(session, "alice", overlap=timedelta(hours=1), actor="test")

    until(lambda: client.get("/agents", headers=bearer(new)), 200)
    assert client.get("/agents", headers=bearer(old)).status_code == 200

    scribe.run("UPDATE trading.api_tokens SET expires_at = now() WHERE expires_at IS NOT NULL")

    until(lambda: client.get("/agents", headers=bearer(old)), 401)
    assert client.get("/agents", headers=bearer(new)).status_code == 200


def test_a_rotation_without_overlap_ends_the_old_secret_and_a_revocation_all_of_them(
    client: FlaskClient, make: Make, book: Book
) -> None:
    old = make()
    with book.unit_of_work() as session:
        new = tokens.rotate(session, "alice", overlap=timedelta(0), actor="test")

    until(lambda: client.get("/agents", headers=bearer(old)), 401)
    until(lambda: client.get("/agents", headers=bearer(new)), 200)

    with book.unit_of_work() as session:
        assert tokens.revoke(session, "alice", actor="test") == 1

    until(lambda: client.get("/agents", headers=bearer(new)), 401)


def test_a_token_ends_at_its_time_although_it_was_read_before(client: FlaskClient, make: Make, scribe: Scribe) -> None:
    secret = make(expires_in=timedelta(days=1))
    until(lambda: client.get("/agents", headers=bearer(secret)), 200)

    scribe.run("UPDATE trading.api_tokens SET expires_at = now() + interval '1.5 seconds'")

    deadline = time.monotonic() + 4
    while client.get("/agents", headers=bearer(secret)).status_code == 200:
        assert time.monotonic() < deadline
    assert scribe.run("SELECT now() >= expires_at FROM trading.api_tokens") is True


def test_a_rotated_token_lasts_as_long_as_it_did_and_keeps_its_scope(make: Make, book: Book) -> None:
    make(scope=Scope.TRADE, expires_in=timedelta(days=90))
    for _ in range(2):
        with book.unit_of_work() as session:
            tokens.rotate(session, "alice", overlap=timedelta(hours=1), actor="test")

    with book.reading() as session:
        *_, newest = tokens.every(session)
    assert newest.scope is Scope.TRADE
    assert newest.expires_at is not None
    assert newest.expires_at - newest.created_at == timedelta(days=90)


def test_a_name_is_one_token_until_it_is_revoked(make: Make, book: Book) -> None:
    make()
    with pytest.raises(ConflictError, match="rotate or revoke"):
        make()
    with book.unit_of_work() as session:
        tokens.revoke(session, "alice", actor="test")
    make()
    with book.unit_of_work() as session, pytest.raises(NotFoundError):
        tokens.rotate(session, "bob", overlap=timedelta(0), actor="test")


@pytest.mark.parametrize("name", ["", " alice", "-alice", "a" * 65, "al/ice", "alice\n", "ålice"])
def test_a_name_is_plain(make: Make, name: str) -> None:
    with pytest.raises(InvalidInputError, match="name"):
        make(name)


def test_the_audit_log_names_the_token_and_what_became_of_it(client: FlaskClient, make: Make, book: Book) -> None:
    secret = make("alice-backend")
    client.post("/agents/atlas/start", json={"initial_equity": 1}, headers=bearer(secret))
    with book.unit_of_work() as session:
        tokens.revoke(session, "alice-backend", actor="command root")

    with book.reading() as session:
        made, started, revoked = session.execute(
            text("SELECT actor, action, before, after FROM trading.audit_log ORDER BY id")
        )
    assert (made.actor, made.action, made.before) == ("test", "token create", {})
    assert (started.actor, started.action) == ("token alice-backend", "start")
    assert (revoked.actor, revoked.action) == ("command root", "token revoke")
    (before,) = (value for name, value in revoked.before.items() if name.endswith("revoked_at"))
    (after,) = (value for name, value in revoked.after.items() if name.endswith("revoked_at"))
    assert before is None
    assert after is not None


def test_tokens_of_the_environment_work_beside_those_of_the_book_and_without_it(
    make_app: Callable[..., Flask], make: Make
) -> None:
    secret = make(scope=Scope.READ)
    client = make_app(API_TOKENS="bootstrap").test_client()
    assert client.get("/agents", headers=bearer(secret)).status_code == 200
    assert client.post("/agents/atlas/stop", headers=bearer("bootstrap")).status_code == 200


def test_without_the_book_nobody_is_let_in(make_app: Callable[..., Flask]) -> None:
    for variables in ({}, {"API_TOKENS": "bootstrap"}):
        client = make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", **variables).test_client()
        answer = client.get("/nothing", headers=bearer("ta_anything"))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_the_book_is_asked_for_tokens_once_a_second_and_not_by_every_request(book: Book) -> None:
    now = 0.0
    reader = auth.TokenReader(book, clock=lambda: now)
    first = reader.known()
    assert reader.known() is first
    now = auth.FRESH_SECONDS
    assert reader.known() is not first


class HangingBook(Book):
    """A book that does not answer before it is told to."""

    def __init__(self, book: Book) -> None:
        super().__init__(book.engine)
        self.asked, self.may_answer = Event(), Event()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        self.asked.set()
        assert self.may_answer.wait(20)
        with super().reading() as session:
            yield session


def test_a_book_that_hangs_holds_one_request_and_refuses_the_others(book: Book) -> None:
    hanging = HangingBook(book)
    reader = auth.TokenReader(hanging)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(reader.known)
        assert hanging.asked.wait(20)
        with pytest.raises(ApiError) as refused:
            reader.known()
        hanging.may_answer.set()

        assert refused.value.code == 503
        assert not first.result().any_ever


def test_an_open_api_obeys_no_page_under_another_name(client: FlaskClient) -> None:
    assert client.get("/agents", headers={"Host": "evil.example:8003"}).status_code == 403
    assert client.get("/agents", headers={"Host": "[::1]:8003"}).status_code == 200
    assert client.get("/agents", headers={"Origin": "http://[::1"}).status_code == 403


class TestCommand:
    @pytest.fixture
    def run(self, database_url: str) -> Callable[..., Result]:
        def call(*arguments: str, **variables: str) -> Result:
            return CliRunner().invoke(main, arguments, env={"DATABASE_URL": database_url} | variables)

        return call

    def test_it_makes_a_token_that_works_and_shows_it_alone_on_standard_output(
        self, run: Callable[..., Result], client: FlaskClient
    ) -> None:
        made = run("create", "backend", "--scope", "trade", "--expires-in-days", "90")
        assert (made.exit_code, made.stdout.count("\n")) == (0, 1), made.stderr
        assert SECRET.fullmatch(made.stdout.strip())
        assert client.get("/agents", headers=bearer(made.stdout.strip())).status_code == 200

        rotated = run("rotate", "backend", "--overlap-hours", "1")
        assert SECRET.fullmatch(rotated.stdout.strip())
        listed = run("list").stdout
        assert len(re.findall(r"^backend  trade  since \S+  in use until \S+$", listed, re.MULTILINE)) == 2
        assert made.stdout.strip() not in listed

        assert run("revoke", "backend").stdout.startswith("backend is revoked (2 secrets)")
        assert "revoked" in run("list").stdout

    @pytest.mark.parametrize(
        ("arguments", "variables", "words"),
        [
            (["revoke", "nobody"], {}, "no token nobody is in use"),
            (["list"], {"DATABASE_URL": ""}, "DATABASE_URL is not set"),
            (["list"], {"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/none"}, "refused"),
        ],
    )
    def test_it_says_in_one_line_what_is_wrong(
        self, run: Callable[..., Result], arguments: list[str], variables: dict[str, str], words: str
    ) -> None:
        done = run(*arguments, **variables)

        assert done.exit_code == 2
        assert words in done.stderr
        assert "Traceback" not in done.output
        assert "hidden" not in done.output

    def test_it_starts_as_the_documentation_says(self) -> None:
        command = [sys.executable, "-m", "api.tokens", "--help"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert "create" in done.stdout
