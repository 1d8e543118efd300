from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.exchange.settings import SettingError, Settings, from_environment


def test_an_empty_environment_gives_the_defaults() -> None:
    assert from_environment({}) == Settings()


def test_every_kind_of_setting_is_read_from_its_variable() -> None:
    settings = from_environment(
        {
            "SANDBOX_DATA": "/somewhere",
            "SANDBOX_SEED": "9",
            "SANDBOX_BNB_COMMISSION": "true",
            "SANDBOX_TAKER_COMMISSION": "0.00075",
            "SANDBOX_LIQUIDITY": "*=0.5,DOTUSDT=0.01",
            "SANDBOX_BALANCES": "USDT=1000,BNB=5",
        }
    )
    assert settings.data == Path("/somewhere")
    assert settings.seed == 9
    assert settings.bnb_commission is True
    assert settings.taker_commission == Decimal("0.00075")
    assert settings.liquidity_of("DOTUSDT") == Decimal("0.01")
    assert settings.liquidity_of("BTCUSDT") == Decimal("0.5")
    assert settings.balances == {"USDT": Decimal(1000), "BNB": Decimal(5)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SANDBOX_SEED", "x"),
        ("SANDBOX_BNB_COMMISSION", "maybe"),
        ("SANDBOX_LIQUIDITY", "NOPE=1"),
        ("SANDBOX_BALANCES", "USDT=NaN"),
        ("SANDBOX_BALANCES", "USDT"),
        ("SANDBOX_WEIGHT_LIMIT", "1.5"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        from_environment({name: value})


def test_the_secret_does_not_show_in_a_printed_settings_object() -> None:
    assert "hush" not in repr(Settings(api_secret="hush"))
