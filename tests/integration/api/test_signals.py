"""Signals posted by hand: stored once, decided by a worker, answered when the outcome is known."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

Start = Callable[..., dict[str, Any]]
Signal = Callable[..., dict[str, object]]
Scribe = Any


@contextmanager
def worker(app: Flask, monkeypatch: pytest.MonkeyPatch, decide: Callable[[int], None]) -> Iterator[None]:
    """Decide in another thread whatever is announced."""
    threads: list[threading.Thread] = []

    def announce(decision_id: int, _symbol: str) -> bool:
        threads.append(threading.Thread(target=decide, args=[decision_id]))
        threads[-1].start()
        return True

    monkeypatch.setattr(app.extensions["control"].queue, "announce_decision", announce)
    yield
    for thread in threads:
        thread.join()


def test_the_answer_waits_for_the_decision_and_its_order(
    client: FlaskClient, app: Flask, start: Start, signal: Signal, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    placed, answered = threading.Event(), threading.Event()

    def decide(decision_id: int) -> None:
        order_id = scribe.order(decision_id=decision_id, state="intended")
        scribe.decide(decision_id, "ordered", ordered="{[1,2)}")
        placed.set()
        # The API must not answer while the order is open.
        assert not answered.wait(0.2)
        scribe.run("UPDATE trading.orders SET state = 'filled', resolved_at = now() WHERE id = :id", id=order_id)

    with worker(app, monkeypatch, decide):
        answer = client.post("/agents/atlas/signals", json=signal())
        answered.set()
    assert placed.is_set()
    assert answer.status_code == 200
    body = answer.get_json()
    assert (body["decision"]["code"], body["decision"]["signal_id"]) == ("ordered", body["signal_id"])
    (order,) = body["orders"]
    assert (order["state"], order["average_price"]) == ("filled", 100)
    assert body["decision"]["order_ids"] == [order["client_order_id"]]


def test_a_signal_nobody_decides_in_time_is_accepted_with_a_place_to_look(
    client: FlaskClient, start: Start, signal: Signal
) -> None:
    start()
    answer = client.post("/agents/atlas/signals?wait=0", json=signal(id="mine"))
    assert answer.status_code == 202
    assert answer.get_json()["signal_id"] == "mine"
    (decision,) = client.get(answer.headers["Location"]).get_json()["items"]
    assert (decision["signal_id"], decision["code"], decision["source"]) == ("mine", None, "manual")


def test_the_same_id_twice_is_one_signal_with_one_outcome(
    client: FlaskClient, start: Start, signal: Signal, scribe: Scribe
) -> None:
    start()
    client.post("/agents/atlas/signals?wait=0", json=signal(id="once"))
    scribe.decide(scribe.run("SELECT id FROM trading.decisions"), "low_confidence")
    again = client.post("/agents/atlas/signals?wait=0", json=signal(id="once"))
    assert (again.status_code, again.get_json()["decision"]["code"]) == (200, "low_confidence")
    assert (scribe.count("trading.signals"), scribe.count("trading.decisions")) == (1, 1)
    other = client.post("/agents/atlas/signals?wait=0", json=signal(id="once", price=1))
    assert (other.status_code, "price" in other.get_json()["message"]) == (409, True)


def test_two_signals_without_an_id_are_two(client: FlaskClient, start: Start, signal: Signal, scribe: Scribe) -> None:
    start()
    for _ in range(2):
        client.post("/agents/atlas/signals?wait=0", json=signal())
    assert scribe.count("trading.decisions") == 2


def test_an_agent_never_started_takes_no_signal(client: FlaskClient, signal: Signal, scribe: Scribe) -> None:
    answer = client.post("/agents/atlas/signals", json=signal())
    assert (answer.status_code, "start it first" in answer.get_json()["message"]) == (409, True)
    assert scribe.count("trading.signals") == 0


def test_a_stopped_agents_signal_is_stored_for_the_worker_to_decline(
    client: FlaskClient, start: Start, signal: Signal, scribe: Scribe
) -> None:
    start()
    client.post("/agents/atlas/stop")
    assert client.post("/agents/atlas/signals?wait=0", json=signal()).status_code == 202
    assert scribe.count("trading.decisions") == 1


def test_waiting_callers_leave_threads_for_everyone_else(
    app: Flask, start: Start, signal: Signal, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of five at once, one is answered without waiting; the others get their outcome."""
    start()
    waiting = threading.Semaphore(0)

    def announce(_decision_id: int, _symbol: str) -> bool:
        waiting.release()
        return True

    monkeypatch.setattr(app.extensions["control"].queue, "announce_decision", announce)
    codes: list[int] = []

    def post() -> None:
        codes.append(app.test_client().post("/agents/atlas/signals?wait=20", json=signal()).status_code)

    threads = [threading.Thread(target=post) for _ in range(5)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert waiting.acquire(timeout=20)
    while not codes:
        threads[0].join(0.01)
    scribe.run("UPDATE trading.decisions SET code = 'hold', decided_at = now()")
    for thread in threads:
        thread.join(20)
    assert sorted(codes) == [200, 200, 200, 200, 202]
