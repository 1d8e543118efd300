"""Risk profiles: how much of an account's equity an agent may put at risk, and when it must leave."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

SYMBOLS = (
    "BTCUSDT",
    "ETHUSDT",
    "BNBUSDT",
    "SOLUSDT",
    "XRPUSDT",
    "ADAUSDT",
    "DOGEUSDT",
    "AVAXUSDT",
    "LINKUSDT",
    "DOTUSDT",
)
"""The symbols every built-in agent may trade, all quoted in USDT."""


class BreakerAction(StrEnum):
    """What a tripped breaker does besides denying entries."""

    BLOCK = "block"
    """Positions stay and are left by their stops, targets and signals."""
    CLOSE = "close"
    """Positions are sold at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskProfile:
    """The limits of one agent. All fractions are of the account's equity unless said otherwise."""

    name: str
    """The agent's name, as in the routes."""
    style: str
    """How an investor would call it: conservative, moderate, aggressive."""
    min_confidence: Decimal
    """Least confidence of a signal that is acted on, to open or to close a position, 0 to 1."""
    risk_per_trade: Decimal
    """Fraction that may be lost if the stop is hit."""
    max_position: Decimal
    """Largest fraction in one symbol."""
    max_exposure: Decimal
    """Largest fraction in all symbols together."""
    max_open_positions: int
    """Most symbols held at once."""
    stop_loss: Decimal
    """Distance of the stop below the entry price, as a fraction of that price."""
    take_profit: Decimal
    """Distance of the target above the entry price, as a fraction of that price."""
    trailing_stop: Decimal | None
    """Allowed fall from the highest price since entry, as a fraction of it; None for no trailing stop."""
    daily_loss: Decimal
    """Fraction lost within one UTC day that ends the day's trading."""
    max_drawdown: Decimal
    """Fraction lost from the highest equity that ends trading."""
    max_slippage: Decimal
    """How far past the market's best price an order may fill, as a fraction of that price."""
    max_price_deviation: Decimal
    """Largest distance of a signal's price from the market, as a fraction of the market's price."""
    max_spread: Decimal
    """Largest distance between bid and ask at an entry, as a fraction of their middle."""
    cooldown: timedelta
    """Time after a losing trade of an account in which it enters nothing; zero for none."""
    max_holding: timedelta | None
    """Longest time that a position is held; None for no limit."""
    breaker_action: BreakerAction
    """What happens once the daily loss or the drawdown is reached, besides that nothing more is entered."""
    signal_max_age: timedelta
    """Oldest signal that is acted on."""
    tick: timedelta
    """Time between two ticks."""
    fee_reserve: Decimal = Decimal("0.002")
    """Part of an entry's cash kept back for commissions, as a fraction of its cost."""
    symbols: tuple[str, ...] = SYMBOLS
    """The symbols it may enter."""


def seconds(interval: timedelta) -> Decimal:
    """An interval in seconds, exactly."""
    return Decimal(interval // timedelta(microseconds=1)) / 1_000_000


ATLAS = RiskProfile(
    name="atlas",
    style="conservative",
    min_confidence=Decimal("0.75"),
    risk_per_trade=Decimal("0.005"),
    max_position=Decimal("0.10"),
    max_exposure=Decimal("0.30"),
    max_open_positions=3,
    stop_loss=Decimal("0.02"),
    take_profit=Decimal("0.04"),
    trailing_stop=None,
    daily_loss=Decimal("0.02"),
    max_drawdown=Decimal("0.05"),
    max_slippage=Decimal("0.001"),
    max_price_deviation=Decimal("0.02"),
    max_spread=Decimal("0.002"),
    cooldown=timedelta(hours=1),
    max_holding=timedelta(days=7),
    breaker_action=BreakerAction.CLOSE,
    signal_max_age=timedelta(seconds=120),
    tick=timedelta(seconds=60),
)

ORION = RiskProfile(
    name="orion",
    style="moderate",
    min_confidence=Decimal("0.65"),
    risk_per_trade=Decimal("0.01"),
    max_position=Decimal("0.20"),
    max_exposure=Decimal("0.60"),
    max_open_positions=5,
    stop_loss=Decimal("0.04"),
    take_profit=Decimal("0.08"),
    trailing_stop=Decimal("0.04"),
    daily_loss=Decimal("0.04"),
    max_drawdown=Decimal("0.10"),
    max_slippage=Decimal("0.002"),
    max_price_deviation=Decimal("0.03"),
    max_spread=Decimal("0.003"),
    cooldown=timedelta(minutes=30),
    max_holding=timedelta(days=3),
    breaker_action=BreakerAction.BLOCK,
    signal_max_age=timedelta(seconds=90),
    tick=timedelta(seconds=30),
)

NOVA = RiskProfile(
    name="nova",
    style="aggressive",
    min_confidence=Decimal("0.55"),
    risk_per_trade=Decimal("0.02"),
    max_position=Decimal("0.35"),
    max_exposure=Decimal("1.00"),
    max_open_positions=8,
    stop_loss=Decimal("0.08"),
    take_profit=Decimal("0.16"),
    trailing_stop=Decimal("0.06"),
    daily_loss=Decimal("0.08"),
    max_drawdown=Decimal("0.20"),
    max_slippage=Decimal("0.003"),
    max_price_deviation=Decimal("0.04"),
    max_spread=Decimal("0.005"),
    cooldown=timedelta(minutes=15),
    max_holding=timedelta(days=1),
    breaker_action=BreakerAction.BLOCK,
    signal_max_age=timedelta(seconds=60),
    tick=timedelta(seconds=15),
)

PROFILES: Mapping[str, RiskProfile] = MappingProxyType({p.name: p for p in (ATLAS, ORION, NOVA)})
"""Every profile by its agent's name."""
