"""The ten traded pairs: filters, starting prices and temperament.

Steps of BTCUSDT, ETHUSDT, SOLUSDT and BNBUSDT follow captures of the live exchange; the others are of the usual
order of magnitude for their price.
"""

from dataclasses import dataclass
from decimal import Decimal

QUOTE_ASSET = "USDT"


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """What is fixed about one pair.

    Attributes:
        base: Asset bought and sold; the quote asset is always USDT.
        start_price: Price in USDT at the exchange's first start.
        tick: Smallest price step.
        step: Smallest quantity step, and smallest quantity.
        max_quantity: Largest quantity of any order.
        max_market_quantity: Largest quantity of a market order.
        volatility: Standard deviation of the log price over one second.
        level_notional: Typical value in USDT of the best level of the book.
    """

    base: str
    start_price: Decimal
    tick: Decimal
    step: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    volatility: float
    level_notional: Decimal

    @property
    def name(self) -> str:
        """The pair's name, such as ``BTCUSDT``."""
        return self.base + QUOTE_ASSET

    @property
    def max_price(self) -> Decimal:
        """Upper bound of PRICE_FILTER."""
        return self.tick * 100_000_000


_TABLE = (
    # base, start, tick, step, max quantity, max market quantity, volatility, USDT on the best level
    ("BTC", "45000", "0.01", "0.00001", "9000", "104", 1.6e-4, 150_000),
    ("ETH", "2500", "0.01", "0.0001", "9000", "3300", 2.1e-4, 100_000),
    ("BNB", "310", "0.01", "0.001", "90000", "9000", 2.0e-4, 50_000),
    ("SOL", "100", "0.01", "0.001", "90000", "30000", 2.8e-4, 50_000),
    ("XRP", "0.55", "0.0001", "0.1", "9222449", "2000000", 2.6e-4, 40_000),
    ("ADA", "0.5", "0.0001", "0.1", "9222449", "2000000", 2.8e-4, 30_000),
    ("DOGE", "0.085", "0.00001", "1", "90000000", "20000000", 3.0e-4, 30_000),
    ("AVAX", "36", "0.01", "0.01", "90000", "40000", 3.0e-4, 25_000),
    ("LINK", "15", "0.01", "0.01", "90000", "60000", 2.8e-4, 25_000),
    ("DOT", "7.5", "0.001", "0.01", "90000", "80000", 2.8e-4, 25_000),
)

SYMBOLS: dict[str, SymbolSpec] = {
    spec.name: spec
    for spec in (
        SymbolSpec(
            base,
            Decimal(start),
            Decimal(tick),
            Decimal(step),
            Decimal(max_quantity),
            Decimal(max_market),
            volatility,
            Decimal(notional),
        )
        for base, start, tick, step, max_quantity, max_market, volatility, notional in _TABLE
    )
}
"""Every pair by name, in listing order."""

ASSETS = (QUOTE_ASSET, *(spec.base for spec in SYMBOLS.values()))
"""Every asset an account can hold."""
