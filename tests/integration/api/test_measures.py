"""Metrics and equity as callers get them."""

from collections.abc import Callable
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient

Start = Callable[..., dict[str, Any]]
Scribe = Any

ALWAYS_NUMBERS = ("total_profit", "total_loss", "win_rate", "total_trades", "current_drawdown")
NULL_AT_FIRST = (
    *("average_win", "average_loss", "profit_factor", "payoff_ratio", "expectancy", "best_trade", "worst_trade"),
    *("average_holding_seconds", "cagr", "volatility", "sharpe", "sortino", "calmar", "drawdown_since"),
    *("max_drawdown_from", "max_drawdown_to", "max_drawdown_recovered"),
)


@pytest.mark.parametrize("path", ["/agents/atlas/metrics", "/agents/atlas/metrics?account_id=a"])
def test_metrics_have_every_field_and_what_is_not_defined_is_null(client: FlaskClient, start: Start, path: str) -> None:
    start(account_id="a")

    body = client.get(path).get_json()

    assert {name for name, value in body.items() if value is None} == set(NULL_AT_FIRST)
    for name in ALWAYS_NUMBERS:
        assert body[name] == 0
    described = client.get("/openapi.json").get_json()["components"]["schemas"]["Metrics"]["properties"]
    assert set(described) - {"account_id"} == set(body) - {"account_id"}


def test_an_agent_that_was_never_started_has_metrics_too(client: FlaskClient) -> None:
    body = client.get("/agents/orion/metrics").get_json()

    for name in ALWAYS_NUMBERS:
        assert body[name] == 0


@pytest.fixture
def two_days(start: Start, scribe: Scribe) -> None:
    start(account_id="a", equity=1000)
    scribe.run("UPDATE trading.accounts SET opened_at = now() - interval '3 days'")
    for table, columns, values in (
        ("account_days", "account_id, realised, trades, winning_trades,", "'a', 0, 0, 0,"),
        ("agent_days", "accounts,", "1,"),
    ):
        scribe.run(
            f"INSERT INTO trading.{table} ({columns} agent, day, opening, net_flows, capital, profit_loss, closing) VALUES "  # noqa: S608 - our own
            f"({values} 'atlas', current_date - 2, 0, 1000, 1000, 50, 1050), "
            f"({values} 'atlas', current_date - 1, 1050, 0, 1050, -50, 1000)"
        )
    scribe.run(
        "INSERT INTO trading.synced_days (day, is_final, accounts, trades, net_flows, realised_profit) "
        "SELECT current_date - n, true, 1, 0, 0, 0 FROM generate_series(1, 2) n"
    )


@pytest.mark.usefixtures("two_days")
@pytest.mark.parametrize("path", ["/agents/atlas/equity?", "/agents/atlas/equity?account_id=a&", "/accounts/a/equity?"])
def test_equity_has_daily_closes_and_the_present(client: FlaskClient, path: str) -> None:
    body = client.get(path).get_json()

    assert [(close["equity"], close["net_flows"], close["profit_loss"]) for close in body["closes"]] == [
        (1050, 1000, 50),
        (1000, 0, -50),
    ]
    assert [close["drawdown"] > 0 for close in body["closes"]] == [False, True]
    assert date.fromisoformat(body["closes"][0]["date"]) < date.fromisoformat(body["closes"][1]["date"])
    assert body["points"][-1]["equity"] == body["equity"] == 1000
    assert len(client.get(f"{path}days=1").get_json()["closes"]) == 1


@pytest.mark.usefixtures("two_days")
@pytest.mark.parametrize("path", ["/agents/atlas/equity", "/accounts/a/equity"])
def test_equity_is_a_picture_too(client: FlaskClient, path: str) -> None:
    answer = client.get(f"{path}?format=svg")

    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    picture = ET.fromstring(answer.get_data(as_text=True))  # noqa: S314 - our own
    assert picture.find("{http://www.w3.org/2000/svg}polyline") is not None
    assert "script" not in answer.get_data(as_text=True)
    assert "Equity of a" in answer.get_data(as_text=True)


def test_the_equity_of_nobody_is_not_found(client: FlaskClient, start: Start) -> None:
    start(account_id="a")

    for path in ("/accounts/nobody/equity", "/agents/nobody/equity", "/agents/atlas/equity?account_id=nobody"):
        assert client.get(path).status_code == 404
