"""Decimals as the exchange writes, rounds and compares them."""

from decimal import ROUND_DOWN, ROUND_UP, Decimal

ZERO = Decimal(0)
UNIT = Decimal("0.00000001")
"""The smallest amount of any asset: eight places, as everywhere on Binance Spot."""


def wire(amount: Decimal) -> str:
    """Return the amount as a string with eight decimal places."""
    return f"{amount:.8f}"


def floor_to(amount: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of ``step`` that is not above ``amount``."""
    return (amount / step).to_integral_value(ROUND_DOWN) * step


def ceil_to(amount: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of ``step`` that is not below ``amount``."""
    return (amount / step).to_integral_value(ROUND_UP) * step


def is_multiple(amount: Decimal, step: Decimal) -> bool:
    """Tell whether ``amount`` is a whole number of steps."""
    return amount % step == 0


def decimal_places(amount: Decimal) -> int:
    """Return the number of digits after the decimal point, trailing zeros left out."""
    exponent = amount.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
