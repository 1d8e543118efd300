"""The trading rules of the symbols that can be replayed: Binance spot's filters, as far as an order meets them.

Steps of BTCUSDT, ETHUSDT, BNBUSDT and SOLUSDT are those of the live exchange; the others are of the usual order of
magnitude for their price. They change over the years: a replay judges the past by one set of rules.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from agents.model import Market

_QUOTE = "USDT"
_TABLE = (
    # base, price tick, lot step, largest quantity
    ("BTC", "0.01", "0.00001", "9000"),
    ("ETH", "0.01", "0.0001", "9000"),
    ("BNB", "0.01", "0.001", "90000"),
    ("SOL", "0.01", "0.001", "90000"),
    ("XRP", "0.0001", "0.1", "9222449"),
    ("ADA", "0.0001", "0.1", "9222449"),
    ("DOGE", "0.00001", "1", "90000000"),
    ("AVAX", "0.01", "0.01", "90000"),
    ("LINK", "0.01", "0.01", "90000"),
    ("DOT", "0.001", "0.01", "90000"),
)

MARKETS: Mapping[str, Market] = MappingProxyType(
    {
        base + _QUOTE: Market(
            symbol=base + _QUOTE,
            base=base,
            quote=_QUOTE,
            price_tick=Decimal(tick),
            lot_step=Decimal(step),
            min_quantity=Decimal(step),
            max_quantity=Decimal(largest),
            min_notional=Decimal(5),
            max_notional=Decimal(9_000_000),
        )
        for base, tick, step, largest in _TABLE
    }
)
"""By symbol."""
