"""Many wants into one block, and one block's fills back into legs that sum to them exactly.

Amounts are divided as whole numbers of the smallest unit (1e-8, or finer where a fill is finer) by
the largest-remainder method (Hamilton's): everyone gets the floor of the exact share, and the units
left over go to the largest remainders, ties by account id. So the legs sum to the fill to the unit,
and nobody gets more than asked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from heapq import nlargest

from agents.errors import BookError
from agents.model import ZERO, Block, Fill, Leg, Market, Quote, Side, Want, plain
from agents.risk import Code, Denial

UNIT = Decimal("0.00000001")
UNIT_EXPONENT = -8


def divide(total: int, weights: Sequence[int]) -> list[int]:
    """Divide ``total`` whole units in proportion to ``weights``, exactly.

    Units left over go to the largest remainders, earlier ones first among equals. If ``total`` is at
    most the sum of the weights, no part exceeds its weight.

    Raises:
        BookError: something is to be divided but all weights are zero, or a number is negative.
    """
    whole = sum(weights)
    if total < 0 or any(weight < 0 for weight in weights) or (total and not whole):
        raise BookError(f"{total} units cannot be divided by weights that sum to {whole}")
    if not total:
        return [0] * len(weights)
    parts, remainders = [], []
    for weight in weights:
        part, remainder = divmod(total * weight, whole)
        parts.append(part)
        remainders.append(remainder)
    left = total - sum(parts)
    for index in nlargest(left, range(len(weights)), key=lambda i: (remainders[i], -i)):
        parts[index] += 1
    return parts


def limit_price(side: Side, quote: Quote, slippage: Decimal, market: Market) -> Decimal:
    """The worst acceptable price: the market's best one, worsened by ``slippage``, rounded to the safe side."""
    if side is Side.BUY:
        return _floor(quote.ask * (1 + slippage), market.price_tick)
    return _ceiling(quote.bid * (1 - slippage), market.price_tick)


def size_block(side: Side, market: Market, price: Decimal, wanted: Decimal) -> Block | Denial:
    """One order for all that is wanted together, floored to the lot step and capped at the exchange's largest order.

    Returns:
        The block, without the wants that it is made of; or why the exchange would not take it.
    """
    largest = min(market.max_quantity, market.max_notional / price)
    quantity = _floor(min(wanted, largest), market.lot_step)
    if quantity < market.min_quantity or quantity <= 0:
        return Denial(
            Code.BELOW_LOT_SIZE, f"{plain(wanted)} {market.base} is less than the smallest order, {market.min_quantity}"
        )
    if quantity * price < market.min_notional:
        return Denial(
            Code.BELOW_MIN_NOTIONAL,
            f"{plain(quantity * price)} {market.quote} is less than the smallest order, {market.min_notional}",
        )
    return Block(market.symbol, side, quantity, price)


def divide_fills(
    side: Side, wants: Sequence[Want], fills: Sequence[Fill], market: Market, price_of: Callable[[str], Decimal]
) -> list[Leg]:
    """Every account's leg of an order's fills, in the order of ``wants``; accounts that got nothing have none.

    Args:
        side: side of the order.
        wants: what each account asked for, sorted by account id.
        fills: all fills of the order; their quantities sum to no more than was wanted.
        market: names the base and quote assets.
        price_of: worth of one unit of a third asset in quote, for commissions paid in it.

    Returns:
        Legs without dust; their quantities, costs and fees sum to those of the fills exactly.
    """
    total = total_of(side, fills, market, price_of)
    wanted = sum((want.quantity for want in wants), ZERO)
    if total.quantity > wanted:
        raise BookError(f"{total.quantity} was filled but only {wanted} was wanted")
    quantities = _divide_decimal(total.quantity, [want.quantity for want in wants])
    columns = [_divide_decimal(amount, quantities) for amount in total.amounts()]
    rows = zip(wants, quantities, *columns, strict=True)
    return [Leg(want.account_id, quantity, *amounts) for want, quantity, *amounts in rows if quantity]


def divide_exit_fills(
    wants: Sequence[Want], fills: Sequence[Fill], market: Market, price_of: Callable[[str], Decimal]
) -> list[Leg]:
    """:func:`divide_fills` for a sale of positions, with the dust that it leaves.

    Once less than a lot step is left of the block, it cannot be sold: the leg of each whole position
    then carries its account's remainder as ``dust``, so that the position closes with nothing left.
    Who keeps a rest anyway keeps this too.
    """
    legs = divide_fills(Side.SELL, wants, fills, market, price_of)
    sold = sum((leg.quantity for leg in legs), ZERO)
    wanted = sum((want.quantity for want in wants), ZERO)
    if not sold or wanted - sold >= market.lot_step:
        return legs
    by_account = {leg.account_id: leg for leg in legs}
    return [
        leg if want.keeps_rest else replace(leg, dust=want.quantity - leg.quantity)
        for want in wants
        if (leg := by_account.get(want.account_id, Leg(want.account_id, ZERO, ZERO))).quantity or not want.keeps_rest
    ]


@dataclass(frozen=True, slots=True)
class Total:
    """What an order's fills come to, to be divided among its accounts; the columns are those of a :class:`Leg`."""

    quantity: Decimal
    cost: Decimal
    fee_base: Decimal = ZERO
    fee_quote: Decimal = ZERO
    fee_other: Decimal = ZERO
    fee_other_value: Decimal = ZERO

    def amounts(self) -> tuple[Decimal, ...]:
        """All but the quantity, in the order of a leg's columns."""
        return self.cost, self.fee_base, self.fee_quote, self.fee_other, self.fee_other_value


def total_of(side: Side, fills: Sequence[Fill], market: Market, price_of: Callable[[str], Decimal]) -> Total:
    """The sums of an order's fills, commissions by what they were paid in; arguments as of :func:`divide_fills`."""
    fees = _fees_by_kind(side, fills, market)
    other_value = sum((amount * price_of(asset) for asset, amount in fees.others), ZERO).quantize(UNIT, ROUND_CEILING)
    return Total(
        quantity=sum((fill.quantity for fill in fills), ZERO),
        cost=sum((fill.cost for fill in fills), ZERO),
        fee_base=fees.base,
        fee_quote=fees.quote,
        fee_other=sum((amount for _, amount in fees.others), ZERO),
        fee_other_value=other_value,
    )


@dataclass(slots=True)
class _Fees:
    """Commissions of an order by what they were paid in."""

    base: Decimal = ZERO
    quote: Decimal = ZERO
    others: list[tuple[str, Decimal]] = field(default_factory=list)


def _fees_by_kind(side: Side, fills: Sequence[Fill], market: Market) -> _Fees:
    """A sale's commission in the base asset comes out of somebody else's holding, so it is valued like a third asset."""
    fees = _Fees()
    for fill in fills:
        if fill.commission_asset == market.quote:
            fees.quote += fill.commission
        elif fill.commission_asset == market.base and side is Side.BUY:
            fees.base += fill.commission
        elif fill.commission:
            fees.others.append((fill.commission_asset, fill.commission))
    return fees


def _divide_decimal(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """:func:`divide` on decimals, in units as fine as the finest number given, at least 1e-8."""
    exponent = min(UNIT_EXPONENT, _exponent(total), min((_exponent(weight) for weight in weights), default=0))
    scaled = [int(weight.scaleb(-exponent)) for weight in weights]
    return [Decimal(part).scaleb(exponent) for part in divide(int(total.scaleb(-exponent)), scaled)]


def _exponent(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise BookError(f"{number} is not a finite amount")
    return exponent


def _floor(number: Decimal, step: Decimal) -> Decimal:
    return (number / step).to_integral_value(ROUND_FLOOR) * step


def _ceiling(number: Decimal, step: Decimal) -> Decimal:
    return (number / step).to_integral_value(ROUND_CEILING) * step
