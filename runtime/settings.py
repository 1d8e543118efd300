"""The only reader of the environment: every setting, checked once, at start."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from agents.breakers import LossLimits
from agents.errors import ProfileError
from agents.profile_file import parse_profiles
from agents.profiles import PROFILES, RiskProfile
from runtime.failpoints import POINTS
from runtime.variables import (
    SettingsError,
    flag,
    fraction,
    is_loopback,
    one_of,
    port,
    rate,
    required,
    seconds,
    url,
    words,
)

TESTNET_URL = "https://testnet.binance.vision"
LIVE_URL = "https://api.binance.com"
LIVE_CONFIRMATION = "I accept the risk of trading real money"


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """How to reach the exchange; only workers hold this."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    testnet: bool
    base_url: str
    """Scheme and host of the testnet's REST API, without the ``/api/v3`` path."""

    @property
    def public_url(self) -> str:
        """Scheme and host of the REST API that is traded on."""
        return self.base_url if self.testnet else LIVE_URL


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How many requests one caller may make, like ``600/minute``."""

    read: str
    control: str
    webhook: str
    """Of one address, before any signature is computed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process may know of its environment, secrets hidden from ``repr``."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    ml_engine_url: str
    ml_webhook_secret: str = field(repr=False)
    """Empty: webhooks answer 503."""
    ml_webhook_secret_previous: str = field(repr=False)
    """The one before it, accepted too while senders change over; empty: none."""
    api_tokens: tuple[str, ...] = field(repr=False)
    """Empty: the API is open, allowed on loopback only."""
    host: str
    port: int
    log_level: str
    rate_limits: RateLimits
    tick_seconds: Decimal | None
    """Overrides every agent's tick interval."""
    alert_urls: tuple[str, ...] = field(repr=False)
    """Apprise addresses that are told when something needs a person."""
    service_limits: LossLimits
    """Losses of all agents together that end all entries."""
    profiles: Mapping[str, RiskProfile]
    """Every agent's by its name: the built-in ones, and those of the profiles file."""
    kill_at: Mapping[str, float] = field(default_factory=dict)
    """Set by the chaos suite alone: probability of dying at each fail point, see :mod:`runtime.failpoints`."""

    @property
    def ml_webhook_secrets(self) -> tuple[str, ...]:
        """Any of them may sign a webhook; none if webhooks are closed."""
        given = (self.ml_webhook_secret, self.ml_webhook_secret_previous)
        return tuple(secret for secret in given if secret) if self.ml_webhook_secret else ()


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings that every process needs.

    Args:
        environment: variables by name; the process's own when omitted.

    Raises:
        SettingsError: a variable is missing, malformed, or contradicts another.
    """
    env = os.environ if environment is None else environment
    settings = Settings(
        database_url=database_url(env),
        redis_url=redis_url(env),
        ml_engine_url=url(env, "ML_ENGINE_URL", ("http", "https")).rstrip("/"),
        ml_webhook_secret=env.get("ML_WEBHOOK_SECRET", ""),
        ml_webhook_secret_previous=env.get("ML_WEBHOOK_SECRET_PREVIOUS", ""),
        api_tokens=words(env.get("API_TOKENS", "")),
        host=env.get("HOST", "127.0.0.1"),
        port=port(env.get("PORT", "8003")),
        log_level=log_level(env),
        rate_limits=RateLimits(
            read=rate(env, "RATE_LIMIT_READ", default="12000/minute"),
            control=rate(env, "RATE_LIMIT_CONTROL", default="6000/minute"),
            webhook=rate(env, "RATE_LIMIT_WEBHOOK", default="6000/minute"),
        ),
        tick_seconds=seconds(env, "TICK_SECONDS"),
        alert_urls=words(env.get("ALERT_URLS", "")),
        service_limits=_service_limits(env),
        profiles=_profiles(env),
        kill_at=_kill_at(env),
    )
    _check_api_is_guarded(settings)
    return settings


def load_exchange(environment: Mapping[str, str] | None = None) -> ExchangeSettings:
    """Read the exchange's address and keys; called by workers, never by the API.

    Raises:
        SettingsError: a key is missing, or real money is asked for without the second setting.
    """
    env = os.environ if environment is None else environment
    testnet = flag(env, "BINANCE_TESTNET", default=True)
    if not testnet and env.get("BINANCE_LIVE_TRADING") != LIVE_CONFIRMATION:
        message = f'BINANCE_TESTNET=false trades real money: set BINANCE_LIVE_TRADING="{LIVE_CONFIRMATION}" too'
        raise SettingsError(message)
    if not testnet and "BINANCE_BASE_URL" in env:
        raise SettingsError("BINANCE_BASE_URL overrides the testnet's address: leave it out when BINANCE_TESTNET=false")
    base_url = url(env, "BINANCE_BASE_URL", ("http", "https")) if env.get("BINANCE_BASE_URL") else TESTNET_URL
    return ExchangeSettings(
        api_key=required(env, "BINANCE_API_KEY"),
        api_secret=required(env, "BINANCE_API_SECRET"),
        testnet=testnet,
        base_url=base_url.rstrip("/"),
    )


def database_url(env: Mapping[str, str]) -> str:
    """DATABASE_URL with any PostgreSQL driver suffix (the platform writes ``+asyncpg``) replaced by ours.

    Raises:
        SettingsError: it is missing or names no PostgreSQL database.
    """
    value = required(env, "DATABASE_URL")
    if not re.match(r"postgres(ql)?(\+\w+)?://", value):
        raise SettingsError("DATABASE_URL must begin with postgresql://")
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg2://", value)


def redis_url(env: Mapping[str, str]) -> str:
    """REDIS_URL, checked.

    Raises:
        SettingsError: it is missing or names no Redis server.
    """
    return url(env, "REDIS_URL", ("redis", "rediss", "unix"))


def log_level(env: Mapping[str, str]) -> str:
    """LOG_LEVEL: what is logged at least.

    Raises:
        SettingsError: it names no level.
    """
    return one_of(env, "LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")


def _service_limits(env: Mapping[str, str]) -> LossLimits:
    return LossLimits(
        daily_loss=fraction(env, "SERVICE_DAILY_LOSS", default="0.10"),
        max_drawdown=fraction(env, "SERVICE_MAX_DRAWDOWN", default="0.25"),
    )


def _profiles(env: Mapping[str, str]) -> Mapping[str, RiskProfile]:
    path = env.get("PROFILES_FILE", "").strip()
    if not path:
        return PROFILES
    try:
        further = parse_profiles(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"PROFILES_FILE: {path} cannot be read: {error}") from None
    except ProfileError as error:
        raise SettingsError(f"PROFILES_FILE: {path}: {error}") from None
    return MappingProxyType({**PROFILES, **further})


def _kill_at(env: Mapping[str, str]) -> Mapping[str, float]:
    chances = {}
    for word in words(env.get("CHAOS_KILL_AT", "")):
        point, _, chance = word.partition("=")
        if point not in POINTS or not re.fullmatch(r"[01]|0?\.\d+", chance):
            raise SettingsError(f"CHAOS_KILL_AT must be like {POINTS[0]}=0.1, with any of {', '.join(POINTS)}")
        chances[point] = float(chance)
    return chances


def _check_api_is_guarded(settings: Settings) -> None:
    if settings.api_tokens or is_loopback(settings.host):
        return
    raise SettingsError(
        f"API_TOKENS must be set when HOST is {settings.host}: without tokens only 127.0.0.1 is allowed"
    )
