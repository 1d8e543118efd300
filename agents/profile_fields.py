"""What each limit of a risk profile means, in which unit it is given and between which bounds it must lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from agents.model import plain
from agents.profiles import RiskProfile, seconds


class Kind(StrEnum):
    """How a limit is written in a profiles file and kept in a profile."""

    FRACTION = "fraction"
    """A number."""
    COUNT = "count"
    """A whole number."""
    DURATION = "duration"
    """A number of seconds; the file's key ends in ``_seconds``."""
    ACTION = "action"
    SYMBOLS = "symbols"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Limit:
    """One field of a profile; ``least`` and ``most`` are allowed themselves.

    ``needed`` says whether a profiles file must have it.
    """

    kind: Kind
    unit: str
    meaning: str
    least: Decimal = Decimal(0)
    most: Decimal = Decimal(1)
    needed: bool = True


TINY = Decimal("0.0001")
DAY = Decimal(86400)
LONGEST_TEXT = 100
MOST_SYMBOLS = 100
OF_EQUITY = "fraction of equity"
OF_ENTRY = "fraction of the entry price"
SECONDS = "seconds"

LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "style": Limit(Kind.TEXT, "text", "how an investor would call it"),
        "min_confidence": Limit(Kind.FRACTION, "0 to 1", "least confidence of a signal that is acted on"),
        "risk_per_trade": Limit(Kind.FRACTION, OF_EQUITY, "may be lost if the stop is hit", TINY),
        "max_position": Limit(Kind.FRACTION, OF_EQUITY, "largest position in one symbol", TINY),
        "max_exposure": Limit(Kind.FRACTION, OF_EQUITY, "largest sum of all positions", TINY),
        "max_open_positions": Limit(Kind.COUNT, "symbols", "most symbols held at once", Decimal(1), Decimal(100)),
        "stop_loss": Limit(Kind.FRACTION, OF_ENTRY, "distance of the stop below it", TINY, Decimal("0.9")),
        "take_profit": Limit(Kind.FRACTION, OF_ENTRY, "distance of the target above it", TINY, Decimal(10)),
        "trailing_stop": Limit(
            Kind.FRACTION,
            "fraction of the highest price since entry",
            "allowed fall from it; null for no trailing stop",
            TINY,
            Decimal("0.9"),
            needed=False,
        ),
        "daily_loss": Limit(
            Kind.FRACTION, "fraction of equity at 00:00 UTC", "loss that trips the daily breaker", TINY
        ),
        "max_drawdown": Limit(Kind.FRACTION, "fraction of the highest equity", "loss that trips the breaker", TINY),
        "max_slippage": Limit(
            Kind.FRACTION, "fraction of the best price", "how far past it an order may fill", TINY, Decimal("0.1")
        ),
        "max_price_deviation": Limit(
            Kind.FRACTION, "fraction of the market's middle", "largest distance of a signal's price from it", TINY
        ),
        "max_spread": Limit(
            Kind.FRACTION, "fraction of the market's middle", "largest spread at an entry", TINY, Decimal("0.5")
        ),
        "cooldown": Limit(
            Kind.DURATION, SECONDS, "time without entries after an account's losing trade", Decimal(0), 30 * DAY
        ),
        "max_holding": Limit(
            Kind.DURATION,
            SECONDS,
            "longest time a position is held; null for no limit",
            Decimal(60),
            3650 * DAY,
            needed=False,
        ),
        "breaker_action": Limit(Kind.ACTION, "block or close", "what a tripped breaker does besides denying entries"),
        "signal_max_age": Limit(Kind.DURATION, SECONDS, "oldest signal that is acted on", Decimal(1), DAY),
        "tick": Limit(Kind.DURATION, SECONDS, "time between two ticks", Decimal("0.5"), DAY),
        "fee_reserve": Limit(
            Kind.FRACTION,
            "fraction of an entry's cost",
            "cash kept back for commissions",
            Decimal(0),
            Decimal("0.1"),
            needed=False,
        ),
        "symbols": Limit(Kind.SYMBOLS, "symbols", "what it may enter", needed=False),
    }
)
"""By field of :class:`agents.profiles.RiskProfile`, the name left out."""


def described(profile: RiskProfile) -> dict[str, dict[str, object]]:
    """Every limit of a profile by its name: ``value``, ``unit`` and ``meaning``; durations are in seconds."""
    return {
        name: {"value": _plainly(getattr(profile, name)), "unit": limit.unit, "meaning": limit.meaning}
        for name, limit in LIMITS.items()
    }


def content(profile: RiskProfile) -> dict[str, str | None]:
    """Every limit as text by its name; equal contents are the same profile."""
    return {name: _as_text(getattr(profile, name)) for name in LIMITS}


def _as_text(value: object) -> str | None:
    match value:
        case None:
            return None
        case Decimal():
            return plain(value)
        case timedelta():
            return plain(seconds(value))
        case tuple():
            return " ".join(value)
        case _:
            return str(value)


def _plainly(value: object) -> object:
    match value:
        case timedelta():
            return seconds(value)
        case tuple():
            return list(value)
        case StrEnum():
            return value.value
        case _:
            return value
