"""What the launcher is told: the environment over `.env`, and what it makes up where nothing is said."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from runtime import settings as service
from runtime.variables import SettingsError

# What a port is for, the variable that changes it, and where it is without one.
PORTS = {
    "api": ("PORT", 8003),
    "ml-engine": ("ML_ENGINE_PORT", 8004),
    "exchange": ("EXCHANGE_PORT", 9001),
    "flower": ("FLOWER_PORT", 5555),
}
# Any address will do to have the others judged.
_STAND_INS = {"DATABASE_URL": "postgresql://", "REDIS_URL": "redis://", "ML_ENGINE_URL": "http://ml-engine"}
DEMO_TICK_SECONDS = "5"
# Marks a data folder that has seen a complete start, the demo's included: the demo is for the first one.
WAS_READY = "was-ready"
_SECRET_FILE = "ml_webhook_secret"  # noqa: S105 - the name of the file
# Demos and tests call as fast as they can; whoever sets a limit gets it.
_AMPLE = dict.fromkeys(("RATE_LIMIT_READ", "RATE_LIMIT_CONTROL", "RATE_LIMIT_WEBHOOK"), "1000000/minute")
_TRUE = {"1", "true", "yes", "on"}


class LauncherError(Exception):
    """Why nothing was started; the message names the variable, port or process in the way."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One run of the launcher.

    Attributes:
        data_dir: Everything that is kept between runs.
        demo: Whether to start the agents and show what they do.
        ports: By the names of `PORTS`; 0 takes any free one.
        environment: The environment for children, before addresses and secrets are added.
    """

    data_dir: Path
    demo: bool
    ports: Mapping[str, int]
    environment: Mapping[str, str] = field(repr=False)

    @property
    def host(self) -> str:
        """The address that the API listens on."""
        return self.environment.get("HOST", "127.0.0.1")

    @property
    def token(self) -> str | None:
        """The first of the API's tokens, where it asks for one."""
        tokens = self.environment.get("API_TOKENS", "").replace(",", " ").split()
        return tokens[0] if tokens else None

    def given(self, variable: str) -> str | None:
        """Return an address that was given, and whose stand-in is therefore not started."""
        return self.environment.get(variable) or None


def read(environment: Mapping[str, str], root: Path) -> Settings:
    """Read the settings.

    Args:
        environment: The process's own variables; they win over `.env`.
        root: The folder of the project, where `.env` and the data folder are.

    Raises:
        LauncherError: A variable does not parse, or asks for what a sandbox never does.
    """
    merged = {name: value for name, value in dotenv_values(root / ".env").items() if value is not None}
    merged = {**_AMPLE, **merged, **environment}
    if merged.get("BINANCE_TESTNET", "true").lower() not in _TRUE:
        raise LauncherError("BINANCE_TESTNET must be true: `make run` never trades real money")
    if merged.get("BINANCE_BASE_URL"):
        for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET"):
            if not merged.get(name):
                raise LauncherError(f"{name} is not set, but BINANCE_BASE_URL names an exchange that will ask for it")
    _check_service(merged)
    data_dir = root / merged.get("DATA_DIR", ".data")
    demo = merged.get("DEMO", "0" if (data_dir / WAS_READY).exists() else "1").lower() in _TRUE
    if demo and not merged.get("TICK_SECONDS"):
        merged["TICK_SECONDS"] = DEMO_TICK_SECONDS
    ports = {purpose: _port(merged, variable, default) for purpose, (variable, default) in PORTS.items()}
    return Settings(data_dir=data_dir, demo=demo, ports=ports, environment=merged)


def webhook_secret(settings: Settings) -> str:
    """Return the secret that webhooks are signed with: as given, or made once per data folder and kept there."""
    given = settings.given("ML_WEBHOOK_SECRET")
    if given is not None:
        return given
    path = settings.data_dir / _SECRET_FILE
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()


def _check_service(environment: Mapping[str, str]) -> None:
    """Let the service judge its own settings now, and not in each child after everything has started."""
    addresses = {name: environment.get(name) or stand_in for name, stand_in in _STAND_INS.items()}
    try:
        service.load({**environment, **addresses, "PORT": "1"})
    except SettingsError as error:
        raise LauncherError(str(error)) from None


def _port(environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable) or str(default)
    if not text.isdecimal() or int(text) > 65_535:
        raise LauncherError(f"{variable} must be a port number, not {text!r}")
    return int(text)
