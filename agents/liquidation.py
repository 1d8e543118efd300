"""Which positions an account sells, and how much of each, to raise an amount of cash.

The account keeps as much of its exposure as it can: it sells parts, of the largest position first,
so that few orders are needed and what stays is spread more evenly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from agents.allocation import UNIT
from agents.model import ZERO, Market, Position

REST_IN_SMALLEST_ORDERS = 2
"""A position that stays is worth at least so many of the exchange's smallest orders, or it is sold whole: what
falls below one can hardly be sold any more."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a symbol can be sold for at worst: the limit ``price`` of the order, and the market's rules."""

    market: Market
    price: Decimal


def raise_cash(
    amount: Decimal, positions: Sequence[Position], offers: Mapping[str, Offer], fee: Decimal
) -> dict[int, Decimal]:
    """How much to sell of which of an account's positions, by their ids, to have ``amount`` after fees.

    Whatever the fills within the limit prices, the amount is reached; unless it is more than all the
    positions bring, then all of them are sold whole.

    Args:
        amount: cash needed, in quote.
        positions: what the account holds.
        offers: by symbol; a position in a symbol without one stays.
        fee: largest commission, as a fraction of the cost.
    """
    on_offer = [position for position in positions if position.symbol in offers]
    quantities: dict[int, Decimal] = {}
    for position in sorted(on_offer, key=lambda held: (-held.quantity * offers[held.symbol].price, held.symbol)):
        if amount <= 0:
            break
        offer = offers[position.symbol]
        quantity = _quantity(amount, position, offer, fee)
        quantities[position.id] = quantity
        amount -= _proceeds(quantity, offer, fee)
    return quantities


def _quantity(amount: Decimal, position: Position, offer: Offer, fee: Decimal) -> Decimal:
    market, price = offer.market, offer.price
    enough = max((amount + UNIT) / (price * (1 - fee)), market.min_notional / price, market.min_quantity)
    # A block is floored to the lot step; one step more makes up for the part that an account loses by that.
    steps = (enough / market.lot_step).to_integral_value(ROUND_CEILING) + 1
    quantity = steps * market.lot_step
    smallest = max(market.min_notional / price, market.min_quantity)
    if position.quantity - quantity < REST_IN_SMALLEST_ORDERS * smallest:
        return position.quantity
    return quantity


def _proceeds(quantity: Decimal, offer: Offer, fee: Decimal) -> Decimal:
    """What a sale brings at worst, the lot step that a block may lose left out."""
    return max(ZERO, (quantity - offer.market.lot_step) * offer.price * (1 - fee) - UNIT)
