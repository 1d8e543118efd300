"""Matching a taker against the levels of a book. Pure functions over decimals."""

from collections.abc import Sequence
from decimal import Decimal

from sandbox.exchange.amounts import ZERO, floor_to
from sandbox.exchange.book import Level
from sandbox.exchange.orders import OrderRequest
from sandbox.exchange.symbols import SYMBOLS


def crosses(side: str, limit: Decimal, price: Decimal) -> bool:
    """Tell whether an order of this side and limit may trade at ``price``."""
    return price <= limit if side == "BUY" else price >= limit


def tradable(side: str, limit: Decimal | None, levels: Sequence[Level]) -> list[Level]:
    """Return the levels an order may trade against; without a limit, all of them."""
    return [level for level in levels if limit is None or crosses(side, limit, level.price)]


def take(levels: Sequence[Level], quantity: Decimal) -> list[Level]:
    """Walk the levels for up to ``quantity`` and return the executions, one per level touched."""
    executions = []
    for level in levels:
        if quantity <= 0:
            break
        filled = min(quantity, level.quantity)
        executions.append(Level(level.price, filled))
        quantity -= filled
    return executions


def take_quote(levels: Sequence[Level], quote_quantity: Decimal, step: Decimal) -> list[Level]:
    """Walk the levels for up to ``quote_quantity`` of the quote asset, in whole quantity steps."""
    executions = []
    for level in levels:
        affordable = floor_to(quote_quantity / level.price, step)
        filled = min(affordable, level.quantity)
        if filled <= 0:
            break
        executions.append(Level(level.price, filled))
        quote_quantity -= filled * level.price
    return executions


def quantity_of(levels: Sequence[Level]) -> Decimal:
    """Return the summed quantity."""
    return sum((level.quantity for level in levels), ZERO)


def value_of(levels: Sequence[Level]) -> Decimal:
    """Return the summed price times quantity."""
    return sum((level.price * level.quantity for level in levels), ZERO)


def match_order(request: OrderRequest, levels: Sequence[Level], fill_fraction: Decimal) -> list[Level]:
    """Return the immediate executions of an order against the levels it may trade with."""
    step = SYMBOLS[request.symbol].step
    if request.quote_quantity:
        return take_quote(levels, request.quote_quantity * fill_fraction, step)
    executions = take(levels, floor_to(request.quantity * fill_fraction, step))
    if request.time_in_force == "FOK" and quantity_of(executions) < request.quantity:
        return []
    return executions


def needed_for(request: OrderRequest, executions: Sequence[Level]) -> Decimal:
    """Return what must be free for the whole order to be accepted, filled or not."""
    if request.side == "SELL":
        return request.quantity or quantity_of(executions)
    if request.limit is not None:
        return request.quantity * request.limit
    if request.quote_quantity:
        return request.quote_quantity
    missing = request.quantity - quantity_of(executions)
    return value_of(executions) + (missing * executions[-1].price if executions else ZERO)


def lock_for(request: OrderRequest, executions: Sequence[Level]) -> Decimal:
    """Return what is set aside: the whole of a limit order, of a market order only what it trades."""
    if request.limit is None:
        return value_of(executions) if request.side == "BUY" else quantity_of(executions)
    return needed_for(request, executions)
