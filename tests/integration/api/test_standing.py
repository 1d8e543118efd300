"""What positions, metrics and equity say, from what workers wrote."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

Start = Callable[..., dict[str, Any]]
Scribe = Any


@pytest.fixture
def two_holders(start: Start, scribe: Scribe) -> None:
    """Accounts a and b hold BTC from one entry each, b twice as much; the market stands at 120."""
    for account_id in ("a", "b"):
        start(account_id=account_id, equity=1000)
    for account_id, quantity, cost, stop in (("a", "1", "100", "90"), ("b", "2", "230", "105")):
        order_id = scribe.order()
        scribe.bracket(order_id, stop=stop, target="130")
        scribe.hold(account_id, quantity=quantity, cost=cost, order_id=order_id)
    scribe.mark("BTCUSDT", "120")


@pytest.mark.usefixtures("two_holders")
def test_an_agents_positions_are_its_accounts_positions_by_symbol(client: FlaskClient) -> None:
    body = client.get("/agents/atlas/positions").get_json()
    assert body["total_positions"] == 1
    (position,) = body["positions"]
    opened_at = position.pop("opened_at")
    assert opened_at.endswith("+00:00")
    assert position == {
        "symbol": "BTCUSDT",
        "side": "long",
        "quantity": 3,
        "entry_price": 110,
        "current_price": 120,
        "pnl": 30,
        "pnl_pct": Decimal("9.09090909"),
        "stop": 100,
        "target": 130,
        "accounts": 2,
    }


@pytest.mark.usefixtures("two_holders")
def test_with_an_account_only_its_own_position_is_shown(client: FlaskClient) -> None:
    (position,) = client.get("/agents/atlas/positions?account_id=b").get_json()["positions"]
    assert (position["quantity"], position["entry_price"], position["stop"], position["accounts"]) == (2, 115, 105, 1)


@pytest.mark.usefixtures("two_holders")
def test_equity_is_cash_and_positions_at_the_bid(client: FlaskClient, scribe: Scribe) -> None:
    scribe.run("UPDATE trading.accounts SET cash = cash - 50, reserved = 50 WHERE id = 'a'")
    status = client.get("/agents/atlas/status").get_json()
    assert (status["equity"], status["cash"], status["reserved"], status["exposure"]) == (2030, 1620, 50, 360)
    assert client.get("/agents/atlas/status?account_id=a").get_json()["equity"] == 1020
    assert client.get("/accounts/b").get_json()["equity"] == 1010


@pytest.mark.usefixtures("two_holders")
def test_without_a_market_price_positions_count_at_cost_and_show_no_profit(client: FlaskClient, scribe: Scribe) -> None:
    scribe.run("DELETE FROM trading.marks")
    assert client.get("/agents/atlas/status").get_json()["equity"] == 2000
    (position,) = client.get("/agents/atlas/positions").get_json()["positions"]
    assert (position["current_price"], position["pnl"], position["pnl_pct"]) == (None, None, None)


def test_a_trailing_stop_is_shown_where_it_has_risen_to(client: FlaskClient, start: Start, scribe: Scribe) -> None:
    start(account_id="a")
    order_id = scribe.order()
    scribe.bracket(order_id, stop="96", target="108", trailing="0.04", highest="110")
    scribe.hold("a", quantity="1", cost="100", order_id=order_id)
    (position,) = client.get("/agents/atlas/positions").get_json()["positions"]
    assert position["stop"] == Decimal("105.6")


@pytest.mark.usefixtures("two_holders")
def test_dust_never_counts(client: FlaskClient, scribe: Scribe) -> None:
    before = client.get("/agents/atlas/status").get_json()
    scribe.run("INSERT INTO trading.accounts (id, agent, kind, cash) VALUES ('dust-atlas', 'atlas', 'dust', 5)")
    scribe.hold("dust-atlas", quantity="0.5", cost="0")
    after = client.get("/agents/atlas/status").get_json()
    assert [after[name] for name in ("equity", "accounts", "open_positions")] == [
        before[name] for name in ("equity", "accounts", "open_positions")
    ]
    assert client.get("/agents/atlas/positions").get_json()["positions"][0]["quantity"] == 3
    assert [item["account_id"] for item in client.get("/accounts").get_json()["items"]] == ["b", "a"]


@pytest.mark.usefixtures("two_holders")
def test_metrics_are_sums_over_accounts_and_ratios_of_the_sums(client: FlaskClient, scribe: Scribe) -> None:
    scribe.run(
        "UPDATE trading.accounts SET total_profit = 30, total_loss = 10, total_trades = 3, winning_trades = 2 "
        "WHERE id = 'a'"
    )
    scribe.run("UPDATE trading.accounts SET total_loss = 5, total_trades = 1 WHERE id = 'b'")
    scribe.run("UPDATE trading.agents SET peak_equity = 2537.5")
    metrics = client.get("/agents/atlas/metrics").get_json()
    expected = {
        "total_profit": 30,
        "total_loss": 15,
        "net_profit": 15,
        "win_rate": Decimal("0.5"),
        "total_trades": 4,
        "winning_trades": 2,
        "current_drawdown": Decimal("0.2"),
        "unrealized_profit": 30,
        "equity": 2030,
    }
    assert {name: metrics[name] for name in expected} == expected
    assert client.get("/agents/atlas/metrics?account_id=a").get_json()["win_rate"] == Decimal("0.66666667")


@pytest.mark.usefixtures("two_holders")
def test_a_new_highest_equity_is_no_drawdown(client: FlaskClient) -> None:
    assert client.get("/agents/atlas/metrics").get_json()["current_drawdown"] == 0


def test_opening_an_account_raises_the_peak_so_that_money_paid_in_hides_no_drawdown(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    start(account_id="a", equity=1000)
    scribe.run("UPDATE trading.accounts SET cash = 900, balance = 900")
    assert client.get("/agents/atlas/metrics").get_json()["current_drawdown"] == Decimal("0.1")
    start(account_id="b", equity=1000)
    assert client.get("/agents/atlas/metrics").get_json()["current_drawdown"] == Decimal("0.05")


def test_an_agent_tells_its_last_and_next_tick_and_what_went_wrong(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    start()
    scribe.run("UPDATE trading.agents SET last_tick_at = '2026-01-01T00:00:00Z', last_error = 'no signals'")
    status = client.get("/agents/atlas/status").get_json()
    assert status["last_tick_at"] == "2026-01-01T00:00:00+00:00"
    assert status["next_tick_at"] == "2026-01-01T00:01:00+00:00"
    assert status["last_error"] == "no signals"
    client.post("/agents/atlas/stop")
    assert client.get("/agents/atlas/status").get_json()["next_tick_at"] is None


def test_positions_stay_when_an_agent_stops_and_are_asked_to_close_only_if_the_call_says_so(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    start(account_id="a")
    start(account_id="empty")
    scribe.hold("a", quantity="1", cost="100")
    client.post("/agents/atlas/stop")
    assert client.get("/accounts/a").get_json()["close_requested_at"] is None
    client.post("/agents/atlas/stop", json={"close_positions": True})
    assert client.get("/accounts/a").get_json()["close_requested_at"] is not None
    assert client.get("/accounts/empty").get_json()["close_requested_at"] is None
    start(account_id="a")
    assert client.get("/accounts/a").get_json()["close_requested_at"] is None
