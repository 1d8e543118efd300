"""An agent's limits over HTTP, and agents that come from a file."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from agents.profile_fields import LIMITS
from tests.integration.api.conftest import Start

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "profiles.toml"


def test_a_profile_shows_every_limit_with_its_unit_and_its_version_once_started(
    client: FlaskClient, start: Start
) -> None:
    before = client.get("/agents/orion/profile").get_json()
    start("orion")
    profile = client.get("/agents/orion/profile").get_json()

    assert (before["version"], profile["version"]) == (None, 1)
    assert set(profile["limits"]) == set(LIMITS)
    assert profile["limits"]["risk_per_trade"] == {
        "value": Decimal("0.01"),
        "unit": "fraction of equity",
        "meaning": "may be lost if the stop is hit",
    }
    assert profile["limits"]["cooldown"]["value"] == 1800
    assert profile["limits"]["symbols"]["value"][0] == "BTCUSDT"


def test_accounts_of_an_agent_that_the_file_no_longer_has_are_still_shown(make_app: Callable[..., Flask]) -> None:
    with_file = make_app(PROFILES_FILE=str(EXAMPLE)).test_client()
    with_file.post("/agents/vega/start", json={"initial_equity": 1000, "account_id": "a"})
    without = make_app().test_client()

    assert without.get("/accounts/a").get_json()["style"] is None
    assert [account["account_id"] for account in without.get("/accounts").get_json()["items"]] == ["a"]
    assert without.get("/agents/vega/status").status_code == 404


def test_an_agent_that_is_not_there_has_no_profile(client: FlaskClient) -> None:
    assert client.get("/agents/vega/profile").status_code == 404


def test_an_agent_of_the_file_is_served_like_any_other(make_app: Callable[..., Flask]) -> None:
    client = make_app(PROFILES_FILE=str(EXAMPLE)).test_client()
    started = client.post("/agents/vega/start", json={"initial_equity": 1000, "account_id": "a"})

    assert started.status_code == 200, started.get_data(as_text=True)
    assert client.get("/agents/vega/status").get_json()["style"] == "cautious"
    assert client.get("/agents/vega/profile").get_json()["limits"]["trailing_stop"]["value"] == Decimal("0.02")
    assert [agent["agent"] for agent in client.get("/agents").get_json()["items"]][-1] == "vega"
    refused = client.post("/agents/vega/signals", json={"symbol": "SHIBUSDT", "action": "buy"})
    assert refused.status_code == 422
