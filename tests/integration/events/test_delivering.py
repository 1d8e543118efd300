"""Events reach those who subscribed, at least once, whatever either side does meanwhile."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agents.model import TradingState
from journal import deliveries, performance, subscriptions, switch
from tasks.delivering import deliver_events, pause_after
from tests.e2e.service import wait_for
from tests.integration.events.conftest import Desk, Receiver, answer, worker

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = "adapters.webhook_client.TIMEOUT_SECONDS"


def test_an_event_is_sent_once_signed_and_with_its_id(desk: Desk, receiver: Receiver) -> None:
    _, secret = desk.subscribe(receiver.url())
    desk.happen()

    assert [desk.deliver() for _ in range(3)] == ["1 attempts", "0 attempts", "0 attempts"]

    (got,) = receiver.got
    assert got.is_signed_with(secret)
    assert not got.is_signed_with("another")
    assert abs(time.time() - int(got.headers["X-Trading-Agents-Timestamp"])) < 60
    (event,) = desk.rows("SELECT * FROM trading.events")
    assert got.headers["X-Trading-Agents-Event-Id"] == got.event["id"] == str(event["id"])
    assert set(got.event) == {"id", "kind", "position", "created_at", "agent", "account_id", "data"}
    assert got.event["data"] == {"before": "ACTIVE", "after": "HALTED", "reason": "a test", "actor": "test"}
    assert desk.statuses() == ["delivered"]


def test_only_what_was_asked_for_is_sent(desk: Desk, receiver: Receiver) -> None:
    desk.subscribe(receiver.url("/trades"), ["trade.closed"])
    desk.subscribe(receiver.url("/switch"), ["trading.state_changed"])
    desk.happen()
    desk.deliver()
    assert [got.path for got in receiver.got] == ["/switch"]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410, 429, 500, 503])
def test_whatever_is_no_success_is_tried_again_until_it_is_one(desk: Desk, receiver: Receiver, status: int) -> None:
    desk.subscribe(receiver.url())
    desk.happen()
    receiver.behave = answer(status, Location=receiver.url("/elsewhere"))
    desk.deliver()
    desk.deliver()
    assert [got.path for got in receiver.got] == ["/events"], "not at once, and no redirect is followed"
    (waiting,) = desk.rows("SELECT * FROM trading.deliveries")
    assert (waiting["status"], waiting["attempts"]) == ("pending", 1)
    assert waiting["last_status"] == status

    receiver.behave = answer(204)
    desk.pass_time()
    desk.deliver()

    first, second = receiver.got
    assert first.event == second.event
    assert desk.statuses() == ["delivered"]
    (row,) = desk.rows("SELECT failures, failing_since, blocked_until FROM trading.subscriptions")
    assert row == {"failures": 0, "failing_since": None, "blocked_until": None}


def test_a_subscriber_that_refuses_hangs_and_fails_gets_everything_when_it_recovers(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = desk.subscribe(receiver.url())
    desk.happen(3)
    url = receiver.url()
    desk.execute("UPDATE trading.subscriptions SET url = 'http://127.0.0.1:1/events'")
    desk.deliver()
    desk.execute("UPDATE trading.subscriptions SET url = :url", url=url)
    receiver.behave = receiver.hang
    desk.pass_time()
    with monkeypatch.context() as impatient:
        impatient.setattr(PATIENCE, 1)
        desk.deliver()
    receiver.behave = answer(500)
    desk.pass_time()
    desk.deliver()
    errors = {row["last_error"] for row in desk.rows("SELECT last_error FROM trading.deliveries")}
    assert errors == {"no answer (NewConnectionError)", "no answer within 1 s", "HTTP status 500"}

    receiver.behave = answer(200)
    receiver.got.clear()
    desk.pass_time()
    desk.deliver()

    assert len({got.event["id"] for got in receiver.got}) == len(receiver.got) == 3
    assert all(got.is_signed_with(secret) for got in receiver.got)
    assert desk.statuses() == ["delivered"] * 3


def test_one_that_hangs_holds_up_nobody_else(desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PATIENCE, 4)

    def behave(request: BaseHTTPRequestHandler) -> None:
        (receiver.hang if request.path == "/dead" else answer(200))(request)

    receiver.behave = behave
    for _ in range(2):
        desk.subscribe(receiver.url("/dead"))
        desk.subscribe(receiver.url("/alive"))
    desk.happen(20)

    desk.deliver()

    reached = Counter(got.path for got in receiver.got)
    assert reached == {"/alive": 40, "/dead": 2}


def test_a_subscriber_that_failed_is_left_alone_for_longer_and_longer() -> None:
    pauses = [[pause_after(failures) for _ in range(200)] for failures in range(40)]
    for failures, drawn in enumerate(pauses):
        least = min(10 * 2**failures, 3600)
        assert all(least <= pause <= least * 6 // 5 for pause in drawn)
    assert len(set(pauses[-1])) > 50, "subscribers that failed together are not tried together"


@pytest.mark.parametrize(("wish", "seconds"), [("900", 900), ("999999999999", 86400), ("soon", 10), ("-5", 10)])
def test_a_wish_to_be_left_alone_is_heeded_within_reason(
    desk: Desk, receiver: Receiver, wish: str, seconds: int
) -> None:
    desk.subscribe(receiver.url())
    desk.happen()
    receiver.behave = answer(503, Retry_After=wish)
    desk.deliver()
    (row,) = desk.rows(
        "SELECT extract(epoch FROM next_attempt_at - now()) AS event, extract(epoch FROM blocked_until - now()) AS all "
        "FROM trading.deliveries JOIN trading.subscriptions ON id = subscription_id"
    )
    assert all(seconds - 5 <= float(value) <= seconds + 3 for value in row.values())


def test_after_three_days_it_is_given_up_on_and_somebody_is_told(desk: Desk, receiver: Receiver) -> None:
    subscription_id, _ = desk.subscribe(receiver.url())
    receiver.behave = answer(500)
    desk.happen(3)
    desk.deliver()
    desk.pass_time(71)
    desk.deliver()
    assert desk.statuses() == ["pending"] * 3
    desk.pass_time(2)
    desk.deliver()

    assert desk.statuses() == ["failed"] * 3
    ((title, body),) = desk.alerts.sent
    assert str(subscription_id) in title
    assert body.startswith("3 given up after 72 hours")
    assert receiver.url() not in title + body


def test_what_our_own_workers_left_lying_for_days_is_still_delivered(desk: Desk, receiver: Receiver) -> None:
    desk.subscribe(receiver.url())
    desk.happen()
    with desk.services.book.unit_of_work() as session:
        deliveries.publish(session)
    desk.pass_time(100)
    receiver.behave = answer(500)
    desk.deliver()
    assert desk.statuses() == ["pending"]
    receiver.behave = answer(200)
    desk.pass_time()
    desk.deliver()
    assert desk.statuses() == ["delivered"]


def test_what_was_given_up_on_can_be_sent_again_at_once(desk: Desk, receiver: Receiver) -> None:
    subscription_id, _ = desk.subscribe(receiver.url())
    desk.happen()
    receiver.behave = answer(500)
    desk.deliver()
    desk.execute("UPDATE trading.deliveries SET status = 'failed'")
    receiver.behave = answer(200)
    (row,) = desk.rows("SELECT event_id FROM trading.deliveries")

    for _ in range(2):
        with desk.services.book.unit_of_work() as session:
            subscriptions.replay(session, subscription_id, row["event_id"], actor="test")
        desk.deliver()

    assert {got.event["id"] for got in receiver.got} == {str(row["event_id"])}
    assert len(receiver.got) == 3
    assert desk.statuses() == ["delivered"]


def test_for_a_day_after_a_rotation_both_secrets_sign(desk: Desk, receiver: Receiver) -> None:
    subscription_id, old = desk.subscribe(receiver.url())
    with desk.services.book.unit_of_work() as session:
        _, new = subscriptions.rotate(session, subscription_id, secret=None, actor="test")
    desk.happen()
    desk.deliver()
    desk.pass_time(25)
    desk.happen()
    desk.deliver()

    during, after = receiver.got
    assert (during.is_signed_with(old), during.is_signed_with(new)) == (True, True)
    assert (after.is_signed_with(old), after.is_signed_with(new)) == (False, True)


def test_a_name_that_leads_to_a_forbidden_address_is_not_sent_to(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.webhook_addresses.METADATA", (ip_network("127.0.0.0/8"),))
    desk.subscribe(receiver.url().replace("127.0.0.1", "localhost"))
    desk.happen()
    desk.deliver()
    assert receiver.got == []
    (row,) = desk.rows("SELECT last_error FROM trading.deliveries")
    assert row["last_error"] == "url: leads to a link-local, metadata, multicast or reserved address"


def test_two_workers_at_once_lose_nothing_and_send_nothing_twice(
    desk: Desk, receiver: Receiver, redis_url: str
) -> None:
    for number in range(6):
        desk.subscribe(receiver.url(f"/{number}"))
    desk.happen(15)
    url = desk.services.settings.database_url
    others = [worker(url.replace("+psycopg2", ""), redis_url)[0] for _ in range(2)]
    # The lease in Redis is a courtesy: without it, the claims in the book are what keeps workers apart.
    stop = threading.Event()

    def keep_no_lease() -> None:
        while not stop.is_set():
            desk.services.state.client.delete("lease:events:deliver")

    thief = threading.Thread(target=keep_no_lease)
    thief.start()
    working = [threading.Thread(target=deliver_events, args=(services,)) for services in others]
    for thread in working:
        thread.start()
    for thread in working:
        thread.join()
    stop.set()
    thief.join()
    while desk.deliver() != "0 attempts":
        pass
    for services in others:
        services.book.engine.dispose()
        services.queue.app.close()
        services.state.client.close()

    sent = Counter((got.path, got.event["id"]) for got in receiver.got)
    assert len(sent) == 90
    assert set(sent.values()) == {1}
    assert set(desk.statuses()) == {"delivered"}


WORKER = """
import sys
from tasks.delivering import deliver_events
from tests.integration.events.conftest import worker
deliver_events(worker(sys.argv[1], sys.argv[2])[0])
"""


def test_what_a_worker_killed_between_sending_and_noting_it_sent_is_sent_again_with_the_same_id(
    desk: Desk, receiver: Receiver, redis_url: str
) -> None:
    desk.subscribe(receiver.url())
    desk.happen()
    url = desk.services.settings.database_url.replace("+psycopg2", "")
    started: list[subprocess.Popen[bytes]] = []

    def kill(request: BaseHTTPRequestHandler) -> None:
        ready.wait(10)
        answer(200)(request)
        os.kill(started[0].pid, signal.SIGKILL)

    ready = threading.Event()
    receiver.behave = kill
    started.append(subprocess.Popen([sys.executable, "-c", WORKER, url, redis_url], cwd=ROOT))
    ready.set()
    assert started[0].wait(60) == -signal.SIGKILL
    assert desk.statuses() == ["pending"]

    receiver.behave = answer(200)
    desk.services.state.client.delete("lease:events:deliver")
    assert desk.deliver() == "0 attempts", "the dead worker's claim still holds"
    desk.pass_time()
    assert desk.deliver() == "1 attempts"

    first, second = receiver.got
    assert first.event == second.event
    assert desk.statuses() == ["delivered"]


def test_the_nightly_sync_holds_up_no_event(desk: Desk) -> None:
    desk.happen()
    with desk.services.book.unit_of_work() as night:
        performance.sync_day(night, night.scalar(text("SELECT current_date")), is_last=True)
        with desk.services.book.unit_of_work() as session:
            session.execute(text("SET LOCAL lock_timeout = '1s'"))
            assert deliveries.publish(session) == 1


def test_events_get_their_positions_in_the_order_of_commits_and_keep_them(desk: Desk) -> None:
    desk.happen(2)
    with desk.services.book.unit_of_work() as session:
        assert deliveries.publish(session) == 2
    desk.happen()
    with desk.services.book.unit_of_work() as session:
        assert deliveries.publish(session) == 1
        assert deliveries.publish(session) == 0
    assert [row["position"] for row in desk.rows("SELECT position FROM trading.events ORDER BY created_at")] == [
        1,
        2,
        3,
    ]
    for statement in (
        "UPDATE trading.events SET position = 9",
        "UPDATE trading.events SET payload = '{}'",
        "DELETE FROM trading.events",
        "TRUNCATE trading.events CASCADE",
    ):
        with pytest.raises(DBAPIError, match="refused"):
            desk.execute(statement)


def test_what_is_rolled_back_is_no_event(desk: Desk) -> None:
    def change_our_mind() -> None:
        with desk.services.book.unit_of_work() as session:
            switch.turn(session, TradingState.HALTED, reason="a test", actor="test")
            raise RuntimeError("changed our mind")

    with pytest.raises(RuntimeError, match="changed our mind"):
        change_our_mind()
    assert desk.rows("SELECT * FROM trading.events") == []


def test_a_commit_with_an_event_wakes_a_worker_and_one_without_does_not(desk: Desk) -> None:
    client = desk.services.state.client
    with desk.services.book.unit_of_work() as session:
        switch.turn(session, TradingState.ACTIVE, reason="as it is already", actor="test")
    assert client.llen("events") == 0
    desk.happen()
    assert client.llen("events") == 1


def test_a_replay_and_an_attempt_that_ends_meanwhile_wait_for_each_other_and_both_count(desk: Desk) -> None:
    subscription, _ = desk.subscribe("http://127.0.0.1:1/events")
    desk.happen()
    with desk.services.book.unit_of_work() as session:
        deliveries.publish(session)
    (event,) = desk.rows("SELECT id FROM trading.events")

    def fail() -> None:
        with desk.services.book.unit_of_work() as session:
            deliveries.record_failed(
                session,
                subscription,
                event["id"],
                status=None,
                error="no answer",
                retry_seconds=10,
                block_seconds=10,
            )

    with ThreadPoolExecutor(1) as attempt, desk.services.book.unit_of_work() as session:
        session.execute(text("SELECT FROM trading.subscriptions FOR UPDATE"))
        failed = attempt.submit(fail)
        wait_for(lambda: session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")), "the attempt waits")
        subscriptions.replay(session, subscription, event["id"], actor="test")
        session.commit()
        failed.result(10)

    (delivery,) = desk.rows("SELECT status, attempts FROM trading.deliveries")
    assert delivery == {"status": "pending", "attempts": 1}
