"""Reads that are given again while nothing is committed: never older than the request that asks."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Semaphore
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import event, text

from api.kept import Answers
from journal.database import Book
from journal.stamps import Stamps
from tests.integration.api.conftest import Scribe

Start = Callable[..., dict[str, Any]]

READS = ("/agents", "/agents/atlas/status", "/agents/atlas/positions", "/agents/atlas/metrics")


@pytest.fixture
def statements(book: Book) -> Iterator[list[str]]:
    """Every statement that goes through the pool."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        seen.append(statement)

    event.listen(book.engine, "before_cursor_execute", note)
    yield seen
    event.remove(book.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("url", READS)
def test_a_read_is_worked_out_once_while_the_book_stays_as_it_is(
    client: FlaskClient, start: Start, statements: list[str], url: str
) -> None:
    start("atlas", "a")
    first = client.get(url)
    done = len(statements)
    again = [client.get(url) for _ in range(5)]

    # Ten seconds may pass in between, after which metrics are worked out anew in any case.
    assert len(statements) <= done * 2
    assert {answer.get_data() for answer in again} == {first.get_data()}
    assert all(sorted(answer.headers) == sorted(first.headers) for answer in again)


@pytest.mark.parametrize("change", ["start", "position", "mark", "switch"])
def test_whatever_is_committed_shows_in_the_next_answer_of_every_process(
    make_app: Callable[..., Flask], start: Start, scribe: Scribe, change: str
) -> None:
    clients = [make_app().test_client() for _ in range(2)]
    start("atlas", "a")
    scribe.hold("a", quantity="2", cost="100")
    scribe.mark("BTCUSDT", "50")

    for number in range(5):
        before = [[client.get(url).get_data() for url in READS] for client in clients]
        assert before[0][1] == before[1][1]
        match change:
            case "start":
                start("atlas", f"b{number}")
            case "position":
                scribe.hold("a", symbol=f"C{number}USDT", quantity="1", cost="10")
                scribe.mark(f"C{number}USDT", "12")
            case "mark":
                scribe.mark("BTCUSDT", str(60 + number))
            case _:
                clients[number % 2].post(f"/trading/{('halt', 'activate')[number % 2]}", json={"reason": "a drill"})
        for client, seen in zip(clients, before, strict=True):
            assert client.get("/agents/atlas/status").get_data() != seen[1]


def test_what_was_rolled_back_never_shows_and_other_queries_are_other_answers(
    client: FlaskClient, start: Start, book: Book
) -> None:
    start("atlas", "a", equity=10)
    start("atlas", "b", equity=20)
    with suppress(RuntimeError), book.unit_of_work() as session:
        session.execute(text("UPDATE trading.accounts SET cash = 0, balance = 0"))
        assert client.get("/agents/atlas/status").get_json()["cash"] == 30
        raise RuntimeError

    seen = [
        client.get(f"/agents/atlas/status{query}").get_json()["cash"]
        for query in ("", "?account_id=a", "?account_id=b")
    ]
    assert seen == [30, 10, 20]
    assert client.get("/agents/atlas/status?account_id=c").status_code == 404


def test_a_connection_that_was_cut_is_replaced(client: FlaskClient, start: Start, scribe: Scribe) -> None:
    start("atlas", "a")
    client.get("/agents/atlas/status")
    scribe.run(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE query LIKE '%pg_current_snapshot%' AND pid <> pg_backend_pid()"
    )

    assert client.get("/agents/atlas/status").get_json()["accounts"] == 1


class Still(Stamps):
    """A book in which nothing happens."""

    def __init__(self) -> None:
        pass

    def now(self) -> str | None:
        return "1:1:"


class Gone(Still):
    """A book that is out of reach."""

    def __init__(self) -> None:
        self.asked = Semaphore(0)

    def now(self) -> str | None:
        self.asked.release()
        return None


def test_an_answer_holds_no_longer_than_its_view_says() -> None:
    now = [0.0]
    answers = Answers(Still(), clock=lambda: now[0])
    worked_out: list[float] = []

    def work_out() -> tuple[Response, float]:
        worked_out.append(now[0])
        return Response("seen"), 10

    for moment in (0.0, 9.9, 10.0, 15.0):
        now[0] = moment
        answers.give("key", work_out)

    assert worked_out == [0.0, 10.0]


def test_a_breaker_that_expires_leaves_the_standing_without_any_commit(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    start("atlas", "a")
    scribe.run(
        "INSERT INTO trading.breakers (scope, subject, agent, kind, action, allowed, reference, equity, reason, expires_at) "
        "VALUES ('agent', 'atlas', 'atlas', 'daily_loss', 'block', 1, 1, 1, 'because', "
        "clock_timestamp() + interval '2 seconds')"
    )
    assert len(client.get("/agents/atlas/status").get_json()["breakers"]) == 1

    deadline = time.monotonic() + 20
    while client.get("/agents/atlas/status").get_json()["breakers"]:
        assert time.monotonic() < deadline
    assert client.get("/agents").get_json()["items"][0]["breakers"] == []


def test_without_a_stamp_nothing_is_given_again() -> None:
    answers = Answers(Gone())
    results = iter(["first", "second"])

    given = [answers.give("key", lambda: (Response(next(results)), 10)).get_data() for _ in range(2)]

    assert given == [b"first", b"second"]


def test_requests_that_wait_for_one_answer_share_it_only_if_it_was_begun_after_they_came(app: Flask) -> None:
    gone = Gone()
    answers = Answers(gone)
    begun, finish = Event(), Event()
    worked_out: list[int] = []

    def work_out() -> tuple[Response, float]:
        worked_out.append(len(worked_out))
        if len(worked_out) == 1:
            begun.set()
            assert finish.wait(10)
        return Response(str(len(worked_out))), 10

    with ThreadPoolExecutor(8) as pool, app.app_context():
        first = pool.submit(answers.give, "key", work_out)
        assert begun.wait(10)
        late = [pool.submit(answers.give, "key", work_out) for _ in range(7)]
        # The first asked twice, each of the others once before it waits.
        assert all(gone.asked.acquire(timeout=10) for _ in range(2 + len(late)))
        finish.set()

    assert first.result().get_data() == b"1"
    # The one that was under way may have missed what the late ones must see: one of them worked it out for all.
    assert {future.result().get_data() for future in late} == {b"2"}
