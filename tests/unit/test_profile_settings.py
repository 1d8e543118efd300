"""The setting that brings further agents: every process reads the same file at start, or does not start."""

from pathlib import Path

import pytest

from agents.profiles import PROFILES
from runtime.settings import Settings, load
from runtime.variables import SettingsError

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "profiles.toml"


def settings(**variables: str) -> Settings:
    needed = {"DATABASE_URL": "postgresql://x/y", "REDIS_URL": "redis://x", "ML_ENGINE_URL": "http://x"}
    return load(needed | variables)


def test_without_a_file_there_are_the_built_in_agents() -> None:
    assert settings().profiles == settings(PROFILES_FILE=" ").profiles == PROFILES


def test_agents_of_the_file_follow_the_built_in_ones() -> None:
    assert list(settings(PROFILES_FILE=str(EXAMPLE)).profiles) == [*PROFILES, "vega"]


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"PROFILES_FILE: .*absent.toml cannot be read"):
        settings(PROFILES_FILE=str(tmp_path / "absent.toml"))


def test_a_mistake_in_the_file_is_refused_by_file_line_and_field(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(EXAMPLE.read_text().replace("stop_loss = 0.015", "stop_loss = 2"))

    with pytest.raises(SettingsError, match=r"PROFILES_FILE: .*profiles.toml: line 11, vega.stop_loss: must be from"):
        settings(PROFILES_FILE=str(path))
