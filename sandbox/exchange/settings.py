"""Settings of the sandbox exchange, from environment variables named ``SANDBOX_`` plus the field in capitals."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path

from sandbox.exchange.symbols import ASSETS, SYMBOLS

DEMO_API_KEY = "sandboxDemoKey00000000000000000000000000000000000000000000000001"
DEMO_API_SECRET = "sandboxDemoSecret0000000000000000000000000000000000000000000001"  # noqa: S105 - opens nothing but this play exchange
PREFIX = "SANDBOX_"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one exchange behaves.

    Attributes:
        data: Folder of the exchange's database.
        api_key: The only account's API key.
        api_secret: Its HMAC secret.
        seed: Seed of prices, book and faults.
        volatility: Factor on every symbol's volatility.
        liquidity: Factor on the book's quantities by symbol; ``*`` is everything else. ``*=1,DOTUSDT=0.01``.
        replay_file: CSV of candles (symbol,open_time,open,high,low,close,volume; open_time in milliseconds) to replay
            instead of seeded prices.
        balances: Free balances at the first start and after a wipe. ``USDT=1000000000,BNB=5``.
        maker_commission: Rate on resting fills.
        taker_commission: Rate on immediate fills.
        bnb_commission: Pay commission in BNB (25 % off) as long as there is enough.
        min_notional: NOTIONAL's lower bound in USDT.
        max_notional: NOTIONAL's upper bound in USDT.
        percent_price_up: PERCENT_PRICE_BY_SIDE's upper factor on the average price, both sides.
        percent_price_down: Its lower factor.
        max_open_orders: MAX_NUM_ORDERS, per symbol.
        weight_limit: Request weight per minute and address.
        raw_request_limit: Requests per five minutes and address.
        order_limit_10s: Unfilled orders per ten seconds.
        order_limit_1d: Unfilled orders per UTC day.
        abuse_limit: Requests refused with 429 in one minute before the address is banned.
        ban_seconds: Length of the ban.
    """

    data: Path = Path(".data/exchange")
    api_key: str = DEMO_API_KEY
    api_secret: str = field(default=DEMO_API_SECRET, repr=False)
    seed: int = 7
    volatility: float = 1.0
    liquidity: Mapping[str, Decimal] = field(default_factory=lambda: {"*": Decimal(1)})
    replay_file: Path | None = None
    balances: Mapping[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(1_000_000_000)})
    maker_commission: Decimal = Decimal("0.001")
    taker_commission: Decimal = Decimal("0.001")
    bnb_commission: bool = False
    min_notional: Decimal = Decimal(5)
    max_notional: Decimal = Decimal(9_000_000)
    percent_price_up: Decimal = Decimal(2)
    percent_price_down: Decimal = Decimal("0.5")
    max_open_orders: int = 200
    weight_limit: int = 6000
    raw_request_limit: int = 300_000
    order_limit_10s: int = 50
    order_limit_1d: int = 160_000
    abuse_limit: int = 50
    ban_seconds: int = 120

    def liquidity_of(self, symbol: str) -> Decimal:
        """Return the factor on the quantities of this symbol's book."""
        return self.liquidity.get(symbol, self.liquidity.get("*", Decimal(1)))


class SettingError(ValueError):
    """A setting that cannot be read; the message names its variable."""


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings, leaving out what is not set.

    Raises:
        SettingError: A value does not parse.
    """
    values = {}
    for name in (f.name for f in fields(Settings)):
        text = environment.get(PREFIX + name.upper(), "")
        if text:
            values[name] = _parse(name, text)
    return Settings(**values)  # type: ignore[arg-type]  # _parse returns each field's own type


def _parse(name: str, text: str) -> object:
    """Turn a variable's text into the type of the setting."""
    default = getattr(Settings(), name)
    try:
        if name == "liquidity":
            return _amounts(text, (*SYMBOLS, "*"))
        if name == "balances":
            return _amounts(text, ASSETS)
        if name in {"data", "replay_file"}:
            return Path(text)
        if isinstance(default, bool):
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        return type(default)(text)
    except (ValueError, KeyError, InvalidOperation) as error:
        raise SettingError(f"{PREFIX}{name.upper()}={text!r} cannot be read") from error


def _amounts(text: str, known: tuple[str, ...]) -> dict[str, Decimal]:
    """Parse ``NAME=AMOUNT,NAME=AMOUNT``."""
    pairs = dict(part.split("=", 1) for part in text.split(","))
    amounts = {name.strip(): Decimal(amount) for name, amount in pairs.items()}
    if not set(amounts) <= set(known) or any(not amount.is_finite() or amount < 0 for amount in amounts.values()):
        raise ValueError(text)
    return amounts
