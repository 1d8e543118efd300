"""Starting, pausing, resuming and stopping over HTTP, in the book and in Redis."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redbeat import RedBeatSchedulerEntry

from agents.model import Status, TradingState

Start = Callable[..., dict[str, Any]]


def test_the_guides_client_starts_an_agent_and_finds_it_running(client: FlaskClient) -> None:
    started = client.post("/agents/atlas/start", json={"agent_name": "atlas", "initial_equity": 1000.0})
    assert started.status_code == 200
    body = started.get_json()
    expected = {"agent": "atlas", "account_id": "house-atlas", "status": "running", "equity": 1000, "opened": True}
    assert {name: body[name] for name in expected} == expected
    assert "warning" not in body
    status = client.get("/agents/atlas/status").get_json()
    assert (status["status"], status["equity"], status["accounts"], status["breakers"]) == ("running", 1000, 1, [])
    assert client.get("/health").get_json() == {"status": "up", "agents_running": 1}


def test_an_agent_never_started_is_stopped_and_worth_nothing(client: FlaskClient) -> None:
    status = client.get("/agents/nova/status").get_json()
    assert (status["status"], status["equity"], status["accounts"]) == ("stopped", 0, 0)
    metrics = client.get("/agents/nova/metrics").get_json()
    five = ("total_profit", "total_loss", "win_rate", "total_trades", "current_drawdown")
    assert [metrics[name] for name in five] == [0, 0, 0, 0, 0]
    assert client.get("/agents/nova/positions").get_json() == {"total_positions": 0, "positions": []}


def test_a_start_reaches_the_workers_through_redis(client: FlaskClient, app: Flask, start: Start) -> None:
    start("orion")
    services = app.extensions["control"]
    state = services.state.agent("orion")
    assert (state.status, state.version, state.trading) == (Status.RUNNING, 1, TradingState.ACTIVE)
    entry = RedBeatSchedulerEntry.from_key("redbeat:tick:orion", app=services.queue.app)
    assert (entry.task, entry.args, entry.schedule.run_every.total_seconds()) == ("agents.tick", ["orion"], 30)
    client.post("/agents/orion/pause")
    assert services.state.agent("orion").status is Status.PAUSED
    assert RedBeatSchedulerEntry.from_key("redbeat:tick:orion", app=services.queue.app)
    client.post("/agents/orion/stop")
    assert services.state.agent("orion").status is Status.STOPPED
    with pytest.raises(KeyError):
        RedBeatSchedulerEntry.from_key("redbeat:tick:orion", app=services.queue.app)


def test_tick_seconds_of_the_settings_overrides_every_profile(make_app: Callable[..., Flask]) -> None:
    client = make_app(TICK_SECONDS="2.5").test_client()
    assert client.post("/agents/atlas/start", json={"initial_equity": 1}).get_json()["tick_seconds"] == 2.5


def test_pausing_and_stopping_twice_changes_nothing_the_second_time(client: FlaskClient, start: Start) -> None:
    start()
    for command, status in (("pause", "paused"), ("pause", "paused"), ("stop", "stopped"), ("stop", "stopped")):
        answer = client.post(f"/agents/atlas/{command}")
        assert (answer.status_code, answer.get_json()["status"]) == (200, status)


@pytest.mark.parametrize(
    ("way_there", "command", "named"),
    [
        ([], "pause", "stopped"),
        ([], "resume", "stopped"),
        (["start"], "resume", "running"),
        (["start", "stop"], "pause", "stopped"),
        (["start", "stop"], "resume", "stopped"),
        (["start"], "start", "running"),
        (["start", "pause"], "start", "paused"),
    ],
)
def test_an_illegal_command_is_a_conflict_that_names_the_state(
    client: FlaskClient, way_there: list[str], command: str, named: str
) -> None:
    for step in way_there:
        assert client.post(f"/agents/atlas/{step}", json={"initial_equity": 5}).status_code == 200
    version = client.get("/agents/atlas/status").get_json()["version"]
    answer = client.post(f"/agents/atlas/{command}", json={"initial_equity": 5})
    assert answer.status_code == 409
    assert named in answer.get_json()["message"]
    assert client.get("/agents/atlas/status").get_json()["version"] == version


def test_starting_a_running_account_says_what_to_do_instead(client: FlaskClient, start: Start) -> None:
    start()
    message = client.post("/agents/atlas/start", json={"initial_equity": 7}).get_json()["message"]
    assert "account_id" in message
    assert "deposit" in message


def test_many_accounts_run_under_one_agent_each_with_a_state_of_its_own(client: FlaskClient, start: Start) -> None:
    for number in range(3):
        start(account_id=f"investor-{number}", equity=100 * (number + 1))
    assert client.get("/agents/atlas/status").get_json()["equity"] == 600
    paused = client.post("/agents/atlas/pause", json={"account_id": "investor-1"}).get_json()
    assert (paused["account_id"], paused["status"], paused["agent_status"]) == ("investor-1", "paused", "running")
    stopped = client.post("/agents/atlas/stop?account_id=investor-2").get_json()
    assert (stopped["account_id"], stopped["status"], stopped["equity"]) == ("investor-2", "stopped", 300)
    status = client.get("/agents/atlas/status").get_json()
    assert (status["status"], status["accounts"], status["accounts_running"]) == ("running", 3, 1)
    assert client.get("/agents/atlas/status?account_id=investor-0").get_json()["equity"] == 100


def test_every_control_call_but_the_start_of_one_more_account_raises_the_agents_version(
    client: FlaskClient, start: Start
) -> None:
    started = [start(account_id="a")["version"], start(account_id="b")["version"]]
    paths = ("pause", "resume", "pause?account_id=a", "stop?account_id=a", "stop", "stop")
    later = [client.post(f"/agents/atlas/{path}").get_json()["version"] for path in paths]
    assert (started, later) == ([1, 1], list(range(2, 8)))


def test_a_running_agents_orders_on_their_way_are_not_withdrawn_because_an_account_starts(
    client: FlaskClient, start: Start
) -> None:
    start(account_id="a")
    client.post("/agents/atlas/stop?account_id=a")
    before = client.get("/agents/atlas/status").get_json()["version"]
    assert (start(account_id="a")["version"], start(account_id="new")["version"]) == (before, before)
    client.post("/agents/atlas/stop")
    stopped = client.get("/agents/atlas/status").get_json()["version"]
    assert start(account_id="a")["version"] == stopped + 1


def test_a_stopped_account_runs_again_with_its_own_money(client: FlaskClient, start: Start) -> None:
    start(account_id="a", equity=250)
    client.post("/agents/atlas/stop?account_id=a")
    again = start(account_id="a", equity=999)
    assert (again["opened"], again["equity"], again["status"]) == (False, 250, "running")


def test_starting_one_account_after_a_stop_starts_no_other(client: FlaskClient, start: Start) -> None:
    start(account_id="a")
    start(account_id="b")
    client.post("/agents/atlas/stop")
    start(account_id="a")
    assert client.get("/accounts/a").get_json()["status"] == "running"
    assert client.get("/accounts/b").get_json()["status"] == "stopped"


def test_resuming_an_agent_leaves_an_account_paused_that_was_paused_by_itself(
    client: FlaskClient, start: Start
) -> None:
    start(account_id="a")
    client.post("/agents/atlas/pause?account_id=a")
    client.post("/agents/atlas/pause")
    client.post("/agents/atlas/resume")
    assert client.get("/accounts/a").get_json()["status"] == "paused"


def test_an_account_of_one_agent_is_unknown_to_another(client: FlaskClient, start: Start) -> None:
    start("atlas", "a")
    start("orion", "o")
    for method, path in (
        ("get", "status"),
        ("get", "metrics"),
        ("get", "positions"),
        ("post", "pause"),
        ("post", "stop"),
    ):
        answer = getattr(client, method)(f"/agents/orion/{path}?account_id=a")
        assert answer.status_code == 404, path


def test_a_busy_account_cannot_move_to_another_agent_and_a_stopped_empty_one_can(
    client: FlaskClient, start: Start
) -> None:
    start("atlas", "a", equity=100)
    assert client.post("/agents/nova/start", json={"initial_equity": 1, "account_id": "a"}).status_code == 409
    client.post("/agents/atlas/stop?account_id=a")
    moved = start("nova", "a", equity=1)
    assert (moved["agent"], moved["equity"], moved["opened"]) == ("nova", 100, False)
    assert client.get("/agents/atlas/status").get_json()["accounts"] == 0


def test_symbols_of_a_start_are_kept_and_cannot_change_while_it_runs(client: FlaskClient, start: Start) -> None:
    assert start(account_id="a", symbols=["ETHUSDT", "BTCUSDT"])["symbols"] == ["ETHUSDT", "BTCUSDT"]
    other = client.post("/agents/atlas/start", json={"initial_equity": 1, "account_id": "b", "symbols": ["BTCUSDT"]})
    assert other.status_code == 409
    client.post("/agents/atlas/stop")
    assert start(account_id="a", symbols=["BTCUSDT"])["symbols"] == ["BTCUSDT"]


def test_money_keeps_every_decimal_on_its_way_in_and_out(client: FlaskClient) -> None:
    raw = b'{"initial_equity": 123456789012.12345678}'
    answer = client.post("/agents/atlas/start", data=raw, content_type="application/json")
    assert b'"equity":123456789012.12345678,' in answer.data


def test_a_start_is_seen_by_the_platform_as_a_deposit(client: FlaskClient, start: Start) -> None:
    start(account_id="a", equity=250.5)
    (row,) = client.get("/accounts/a/transactions").get_json()["items"]
    expected = {
        "transaction_type": "deposit",
        "amount": 250.5,
        "balance_before": 0,
        "balance_after": 250.5,
        "reference_type": "agent_start",
        "reference_id": "start:a",
    }
    assert {name: row[name] for name in expected} == expected
