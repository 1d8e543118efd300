"""Further agents from a TOML file: what is read, and that every mistake is refused by line and field."""

from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from agents.errors import ProfileError
from agents.profile_fields import LIMITS, described
from agents.profile_file import KEYS, parse_profiles
from agents.profiles import ATLAS, PROFILES, SYMBOLS, BreakerAction, RiskProfile

EXAMPLE = (Path(__file__).resolve().parents[3] / "examples" / "profiles.toml").read_text()


def changed(old: str, new: str) -> str:
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new)


def line_of(text: str, beginning: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.startswith(beginning))


def test_a_profile_is_read_to_the_last_limit() -> None:
    vega = parse_profiles(EXAMPLE)["vega"]

    assert vega == RiskProfile(
        name="vega",
        style="cautious",
        min_confidence=Decimal("0.8"),
        risk_per_trade=Decimal("0.004"),
        max_position=Decimal("0.08"),
        max_exposure=Decimal("0.24"),
        max_open_positions=3,
        stop_loss=Decimal("0.015"),
        take_profit=Decimal("0.03"),
        trailing_stop=Decimal("0.02"),
        daily_loss=Decimal("0.015"),
        max_drawdown=Decimal("0.04"),
        max_slippage=Decimal("0.001"),
        max_price_deviation=Decimal("0.02"),
        max_spread=Decimal("0.002"),
        cooldown=timedelta(hours=1),
        max_holding=timedelta(days=3),
        breaker_action=BreakerAction.CLOSE,
        signal_max_age=timedelta(seconds=90),
        tick=timedelta(seconds=30),
        symbols=("BTCUSDT", "ETHUSDT"),
    )


def test_what_may_be_left_out_means_no_limit_or_the_default() -> None:
    optional = ("trailing_stop", "max_holding", "symbols")
    text = "\n".join(line for line in EXAMPLE.splitlines() if not line.startswith(optional))
    vega = parse_profiles(text)["vega"]

    assert (vega.trailing_stop, vega.max_holding, vega.symbols) == (None, None, SYMBOLS)
    assert vega.fee_reserve == ATLAS.fee_reserve


def test_several_agents_keep_the_order_of_the_file_and_an_empty_file_has_none() -> None:
    assert list(parse_profiles(EXAMPLE + EXAMPLE.replace("[vega]", "[altair]"))) == ["vega", "altair"]
    assert parse_profiles("# nothing\n") == {}


@pytest.mark.parametrize(
    ("old", "new", "field", "why"),
    [
        ("max_spread = 0.002", "max_spred = 0.002", "max_spred", "is not known"),
        ("max_spread = 0.002", 'max_spread = "0.002"', "max_spread", "must be a number"),
        ("max_spread = 0.002", "max_spread = true", "max_spread", "must be a number"),
        ("max_spread = 0.002", "max_spread = nan", "max_spread", "must be from 0.0001 to 0.5"),
        ("max_spread = 0.002", "max_spread = inf", "max_spread", "must be from 0.0001 to 0.5"),
        ("stop_loss = 0.015", "stop_loss = 0", "stop_loss", "must be from 0.0001 to 0.9 (fraction of the entry price)"),
        ("min_confidence = 0.8", "min_confidence = 1.01", "min_confidence", "must be from 0 to 1 (0 to 1)"),
        ("max_open_positions = 3", "max_open_positions = 3.5", "max_open_positions", "must be a whole number"),
        ("max_open_positions = 3", "max_open_positions = 0", "max_open_positions", "must be from 1 to 100 (symbols)"),
        ("tick_seconds = 30", "tick_seconds = 0.1", "tick_seconds", "must be from 0.5 to 86400 (seconds)"),
        ("max_position = 0.08", "max_position = 0.25", "max_position", "must not be above max_exposure, 0.24"),
        ("daily_loss = 0.015", "daily_loss = 0.05", "daily_loss", "must not be above max_drawdown, 0.04"),
        ('breaker_action = "close"', 'breaker_action = "sell"', "breaker_action", "must be one of block, close"),
        ('style = "cautious"', "style = 1", "style", "must be text of 1 to 100 characters"),
        ('["BTCUSDT", "ETHUSDT"]', "[]", "symbols", "must be a list of 1 to 100 symbols"),
        ('["BTCUSDT", "ETHUSDT"]', '["btcusdt"]', "symbols", "each symbol must be 2 to 20 capital letters or digits"),
        ('["BTCUSDT", "ETHUSDT"]', '["BTCUSDT", "BTCUSDT"]', "symbols", "names a symbol twice"),
    ],
)
def test_a_wrong_limit_is_refused_by_line_and_field(old: str, new: str, field: str, why: str) -> None:
    text = changed(old, new)

    with pytest.raises(ProfileError) as refused:
        parse_profiles(text)
    assert str(refused.value).startswith(f"line {line_of(text, field)}, vega.{field}: {why}")


@pytest.mark.parametrize("key", [key for key, field in KEYS.items() if LIMITS[field].needed])
def test_a_missing_limit_is_refused_at_the_line_of_its_agent(key: str) -> None:
    text = "\n".join(line for line in EXAMPLE.splitlines() if not line.startswith(key))

    with pytest.raises(ProfileError, match=rf"^line {line_of(text, '[vega]')}, vega.{key}: is missing$"):
        parse_profiles(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[vega\n", "no TOML: .*line 1"),
        ("\nmin_confidence = 1\n", "^line 2, min_confidence: stands in no table"),
        ("[Vega]\n", "^line 1, Vega: an agent's name is"),
        ("\n\n[atlas]\n", "^line 3, atlas: is built in"),
        ("[vega]\n[vega.limits]\nx = 1\n", "^line 2, vega.limits: is not known"),
    ],
)
def test_a_file_of_another_shape_is_refused(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        parse_profiles(text)


def test_every_field_of_a_profile_has_a_unit_a_meaning_and_its_value() -> None:
    assert set(LIMITS) == {field.name for field in fields(RiskProfile)} - {"name"}
    for profile in PROFILES.values():
        limits = described(profile)
        assert all(limit["unit"] and limit["meaning"] for limit in limits.values())
        assert limits["max_position"]["value"] == profile.max_position
    assert described(ATLAS)["cooldown"] == {
        "value": 3600,
        "unit": "seconds",
        "meaning": "time without entries after an account's losing trade",
    }
    assert described(ATLAS)["breaker_action"]["value"] == "close"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_the_built_in_profiles_are_within_the_bounds_of_a_file(profile: RiskProfile) -> None:
    for name, limit in LIMITS.items():
        value = described(profile)[name]["value"]
        if isinstance(value, Decimal | int):
            assert limit.least <= value <= limit.most, name
