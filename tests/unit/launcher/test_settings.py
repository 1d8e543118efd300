"""The launcher takes the environment over `.env`, refuses what a sandbox must not do, and keeps its secret."""

import stat
from pathlib import Path

import pytest

from sandbox.launcher.settings import WAS_READY, LauncherError, read, webhook_secret


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9100\nFLOWER_PORT=9200\n")
    settings = read({"PORT": "9300"}, tmp_path)
    assert (settings.ports["api"], settings.ports["flower"]) == (9300, 9200)


def test_an_address_left_empty_counts_as_not_given(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=\nREDIS_URL=redis://elsewhere/0\n")
    settings = read({}, tmp_path)
    assert settings.given("DATABASE_URL") is None
    assert settings.given("REDIS_URL") == "redis://elsewhere/0"


def test_the_demo_is_the_default_until_a_start_has_been_complete(tmp_path: Path) -> None:
    (tmp_path / ".data").mkdir()
    assert read({}, tmp_path).demo
    assert not read({"DEMO": "0"}, tmp_path).demo
    (tmp_path / ".data" / WAS_READY).touch()
    assert not read({}, tmp_path).demo
    assert read({"DEMO": "1"}, tmp_path).demo


def test_the_demo_ticks_fast_unless_told_otherwise(tmp_path: Path) -> None:
    assert read({"DEMO": "1"}, tmp_path).environment["TICK_SECONDS"] == "5"
    assert read({"DEMO": "1", "TICK_SECONDS": "60"}, tmp_path).environment["TICK_SECONDS"] == "60"
    assert "TICK_SECONDS" not in read({"DEMO": "0"}, tmp_path).environment


@pytest.mark.parametrize("value", ["http", "-1", "65536", "80.5"])
def test_a_port_that_is_none_is_refused_by_name(tmp_path: Path, value: str) -> None:
    with pytest.raises(LauncherError, match="FLOWER_PORT"):
        read({"FLOWER_PORT": value}, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"), [("TICK_SECONDS", "soon"), ("DATABASE_URL", "mysql://"), ("API_TOKENS", ""), ("REDIS_URL", "x")]
)
def test_a_setting_that_the_service_would_refuse_is_refused_before_anything_starts(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(LauncherError, match=name):
        read({"HOST": "192.0.2.1", "API_TOKENS": "token", name: value}, tmp_path)


def test_real_money_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="BINANCE_TESTNET"):
        read({"BINANCE_TESTNET": "false"}, tmp_path)


def test_an_exchange_of_ones_own_needs_keys(tmp_path: Path) -> None:
    environment = {"BINANCE_BASE_URL": "https://testnet.binance.vision", "BINANCE_API_KEY": "key"}
    with pytest.raises(LauncherError, match="BINANCE_API_SECRET"):
        read(environment, tmp_path)


def test_the_webhook_secret_is_made_once_and_readable_for_its_owner_alone(tmp_path: Path) -> None:
    settings = read({"DATA_DIR": "."}, tmp_path)
    secret = webhook_secret(settings)
    assert len(secret) == 64
    assert webhook_secret(settings) == secret
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]


def test_a_given_webhook_secret_is_not_written_anywhere(tmp_path: Path) -> None:
    assert webhook_secret(read({"DATA_DIR": ".", "ML_WEBHOOK_SECRET": "given"}, tmp_path)) == "given"
    assert list(tmp_path.iterdir()) == []


def test_settings_do_not_show_secrets(tmp_path: Path) -> None:
    assert "hunter2" not in repr(read({"BINANCE_API_SECRET": "hunter2"}, tmp_path))
