"""Starts that come at once are carried out together, and yet each gets what it would have got alone."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Event
from typing import Any

from flask import Flask
from sqlalchemy import event, text

from agents.errors import ConflictError, InvalidInputError
from api.starting import Wish, _carry_out
from api.together import Together
from journal import audit, tokens
from journal.database import Book
from journal.opening import StartRequest
from journal.tokens import Scope

Start = Callable[..., dict[str, Any]]
Call = tuple[int, dict[str, Any]]


def at_once(app: Flask, bodies: Sequence[dict[str, object]], **headers: str) -> list[Call]:
    barrier = Barrier(len(bodies))

    def call(body: dict[str, object]) -> Call:
        barrier.wait()
        answer = app.test_client().post("/agents/atlas/start", json=body, headers=headers)
        return answer.status_code, answer.get_json()

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(call, bodies))


class HeldUp:
    """Carries wishes out only once it may, and gives ten times what was asked."""

    def __init__(self) -> None:
        self.done: list[Sequence[int]] = []
        self.begun, self.finish = Event(), Event()

    def __call__(self, asked: Sequence[int]) -> Sequence[int]:
        self.done.append(asked)
        self.begun.set()
        assert self.finish.wait(10)
        return [10 * number for number in asked]


def body(account_id: str, equity: object = 100, **more: object) -> dict[str, object]:
    return {"account_id": account_id, "initial_equity": equity, **more}


def test_each_gets_its_own_account_in_its_own_answer_and_together_they_take_fewer_commits(
    app: Flask, book: Book, start: Start
) -> None:
    start("atlas", "first")
    commits: list[object] = []
    event.listen(book.engine, "commit", commits.append)

    answers = at_once(app, [body(f"a{number}", 100 + number) for number in range(32)])

    for number, (status, answer) in enumerate(answers):
        assert (status, answer["account_id"], answer["cash"]) == (200, f"a{number}", 100 + number)
        assert answer["opened"] is True
    assert len(commits) < 32
    with book.reading() as session:
        assert not audit.breaches(session)
        assert session.scalar(text("SELECT count(*) FROM trading.audit_log WHERE action = 'start'")) == 33


def test_one_that_cannot_be_started_spoils_no_other(app: Flask, start: Start) -> None:
    start("atlas", "running")

    answers = at_once(app, [body("a"), body("running"), body("b"), body("twice"), body("twice"), body("dust-x")])

    statuses = [status for status, _ in answers]
    assert statuses[:3] == [200, 409, 200]
    assert sorted(statuses[3:5]) == [200, 409]
    assert statuses[5] == 422
    assert "account running is running" in answers[1][1]["message"]
    assert list(answers[5][1]["errors"]["json"]) == ["account_id"]


def test_those_beside_one_that_cannot_be_started_still_go_together(app: Flask, book: Book, start: Start) -> None:
    start("atlas", "running")
    commits: list[object] = []
    event.listen(book.engine, "commit", commits.append)
    with app.app_context():
        services = app.extensions["control"]
        profile = services.profiles["atlas"]

        def wish(account_id: str) -> Wish:
            return Wish(StartRequest(profile, Decimal(60), Decimal(100), account_id), "open")

        outcomes = _carry_out([wish(name) for name in ("a", "running", "b", "dust-x", "c", "a")])

    found = [outcome if isinstance(outcome, Exception) else outcome["account_id"] for outcome in outcomes]
    assert [found[n] for n in (0, 2, 4)] == ["a", "b", "c"]
    assert [type(found[n]) for n in (1, 3, 5)] == [ConflictError, InvalidInputError, ConflictError]
    assert len(commits) == 1


def test_the_audit_log_names_each_caller(app: Flask, book: Book) -> None:
    with book.unit_of_work() as session:
        secrets = [
            tokens.create(session, name, Scope.TRADE, expires_in=timedelta(days=1), actor="test") for name in "xy"
        ]

    def call(number: int) -> int:
        headers = {"Authorization": f"Bearer {secrets[number % 2]}"}
        return app.test_client().post("/agents/atlas/start", json=body(f"{number}"), headers=headers).status_code

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(call, range(12))) == {200}

    with book.reading() as session:
        found = session.execute(text("SELECT account_id, actor FROM trading.audit_log WHERE action = 'start'"))
        assert {row.account_id: row.actor for row in found} == {str(n): f"token {'xy'[n % 2]}" for n in range(12)}


def test_those_that_come_while_others_are_carried_out_are_the_next_all_at_once() -> None:
    held = HeldUp()
    together: Together[int, int] = Together(held)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(together.do, "kind", 0)
        assert held.begun.wait(10)
        others = [pool.submit(together.do, "kind", number) for number in range(1, 6)]
        while together.waiting("kind") < len(others):
            assert not first.done()
        held.finish.set()

    assert [future.result() for future in (first, *others)] == [0, 10, 20, 30, 40, 50]
    assert [sorted(asked) for asked in held.done] == [[0], [1, 2, 3, 4, 5]]


def test_those_who_asked_together_are_waited_for_and_who_is_alone_waits_for_nobody() -> None:
    held = HeldUp()
    together: Together[int, int] = Together(held, patience_seconds=10)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(together.do, "kind", 0)
        assert held.begun.wait(10)
        second = pool.submit(together.do, "kind", 1)
        while together.waiting("kind") < 1:
            assert not first.done()
        held.finish.set()
        # The second has the turn, and waits for the first to ask again.
        assert first.result(10) == 0
        assert not second.done()
        assert pool.submit(together.do, "kind", 2).result(10) == 20
        assert second.result(10) == 10

    assert [sorted(asked) for asked in held.done] == [[0], [1, 2]]


def test_who_does_not_come_again_is_not_waited_for_for_long() -> None:
    held = HeldUp()
    together: Together[int, int] = Together(held)
    with ThreadPoolExecutor(2) as pool:
        pool.submit(together.do, "kind", 0)
        assert held.begun.wait(10)
        late = pool.submit(together.do, "kind", 1)
        while together.waiting("kind") < 1:
            pass
        held.finish.set()
        assert late.result(10) == 10


def test_an_error_of_all_is_everyones_and_the_next_are_carried_out_all_the_same() -> None:
    def carry_out(asked: Sequence[int]) -> Sequence[int]:
        if asked == [0]:
            raise OSError("gone")
        return asked

    together: Together[int, int] = Together(carry_out)
    with ThreadPoolExecutor(1) as pool:
        failed = pool.submit(together.do, "kind", 0).exception()
        assert isinstance(failed, OSError)
        assert pool.submit(together.do, "kind", 1).result() == 1
