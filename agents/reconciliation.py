"""Comparing the exchange's orders, fills and balances with the book's. Finds what differs; mends nothing.

Every difference is a :class:`Discrepancy` with a stable code, explained in docs/reconciliation.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from agents.model import ZERO, Market, Side, plain

ARCHIVED_AFTER = timedelta(days=85)
"""Binance archives orders that filled nothing after 90 days and lists them no more."""


class Code(StrEnum):
    """What differs; stable, shown in ``/reconciliation``."""

    VENUE_WIPED = "venue_wiped"
    """The exchange no longer knows an order that it accepted: it forgot everything."""
    ORDER_MISSING_AT_VENUE = "order_missing_at_venue"
    ORDER_UNKNOWN_TO_BOOK = "order_unknown_to_book"
    """Somebody else trades on our exchange account, or an order was placed twice."""
    ORDER_DIFFERS = "order_differs"
    FILL_MISSING_IN_BOOK = "fill_missing_in_book"
    FILL_UNKNOWN_AT_VENUE = "fill_unknown_at_venue"
    """The book has a fill, such as a doubled one, that never happened."""
    FILL_DIFFERS = "fill_differs"
    LEGS_DIFFER_FROM_FILLS = "legs_differ_from_fills"
    BALANCE_SHORT = "balance_short"
    """The exchange holds less of an asset than the accounts own."""
    BALANCE_DRIFT = "balance_drift"
    """The exchange holds less than it did and than fills and withdrawals explain."""
    BALANCE_SURPLUS = "balance_surplus"
    """The exchange holds more than it did and than fills explain: money came in."""
    ASSIGNED_DRIFT = "assigned_drift"
    """The accounts together own more or less than they did and than legs and flows explain."""
    ACCOUNT_BALANCE_DIFFERS = "account_balance_differs"
    """Cash, reserved cash and the cost of open positions do not sum to the account's balance."""
    ACCOUNT_CASH_DIFFERS = "account_cash_differs"
    """Cash and reserved cash are not what flows and legs left."""
    POSITION_DIFFERS = "position_differs"
    """A position is not what legs left."""


TOLERANCES: Mapping[Code, Decimal] = MappingProxyType(
    {
        # The exchange truncates a fill's cost to 8 decimals where price times quantity has more.
        Code.ORDER_DIFFERS: Decimal("0.00000001"),
        Code.FILL_DIFFERS: Decimal("0.00000001"),
        # Whoever sends money to the exchange does so before it is booked.
        Code.BALANCE_SURPLUS: Decimal("Infinity"),
    }
)
"""Differences up to these sizes are noted and halt nothing; every other one halts trading."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One difference.

    ``subject`` is unique within the code. Of orders and fills, ``expected`` is the exchange's amount and
    ``actual`` the book's; of balances, ``actual`` is what is there. ``size`` is in the unit of both.
    """

    code: Code
    subject: str
    expected: Decimal | None
    actual: Decimal | None
    size: Decimal
    detail: str

    @property
    def halts(self) -> bool:
        """Whether it is over its tolerance; what has none always is."""
        return self.code not in TOLERANCES or self.size > TOLERANCES[self.code]


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order that the exchange accepted, as either side has it; ``id`` is the exchange's."""

    symbol: str
    id: int
    client_order_id: str
    side: Side
    quantity: Decimal
    executed_quantity: Decimal
    executed_cost: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class FillRecord:
    """A fill as either side has it; ``order_id`` is the exchange's."""

    symbol: str
    trade_id: int
    order_id: int
    price: Decimal
    quantity: Decimal
    cost: Decimal
    commission: Decimal
    commission_asset: str


@dataclass(frozen=True, slots=True)
class History:
    """Orders and fills of one symbol, of one period, of one side."""

    orders: Sequence[OrderRecord] = ()
    fills: Sequence[FillRecord] = ()


def compare_histories(book: History, venue: History, *, now: datetime) -> list[Discrepancy]:
    """What differs between orders and fills of the same period; fills of an order that one side lacks are part of that."""
    booked, listed = ({order.id: order for order in side.orders} for side in (book, venue))
    found = [_unknown(order) for order in venue.orders if order.id not in booked]
    found += [
        _missing(order)
        for order in book.orders
        if order.id not in listed and (order.executed_quantity or order.at > now - ARCHIVED_AFTER)
    ]
    for order_id in sorted(booked.keys() & listed.keys()):
        found += _differing_order(booked[order_id], listed[order_id])
    one_sided = booked.keys() ^ listed.keys()
    return found + _compare_fills(book.fills, venue.fills, one_sided)


def _unknown(order: OrderRecord) -> Discrepancy:
    return Discrepancy(
        Code.ORDER_UNKNOWN_TO_BOOK,
        f"{order.symbol} order {order.id}",
        expected=order.executed_cost,
        actual=ZERO,
        size=order.executed_cost,
        detail=f"the exchange has {_described(order)}, the book has no such order",
    )


def _missing(order: OrderRecord) -> Discrepancy:
    return Discrepancy(
        Code.ORDER_MISSING_AT_VENUE,
        f"{order.symbol} order {order.id}",
        expected=ZERO,
        actual=order.executed_cost,
        size=order.executed_cost,
        detail=f"the book has {_described(order)}, the exchange has no such order",
    )


def _described(order: OrderRecord) -> str:
    amounts = f"{plain(order.executed_quantity)} of {plain(order.quantity)} executed for {plain(order.executed_cost)}"
    return f"{order.side} {order.client_order_id}, {amounts}"


def _differing_order(book: OrderRecord, venue: OrderRecord) -> list[Discrepancy]:
    subject = f"{book.symbol} order {book.id}"
    if (book.client_order_id, book.side) != (venue.client_order_id, venue.side):
        detail = f"the book has {_described(book)}, the exchange {_described(venue)}"
        size = max(book.executed_cost, venue.executed_cost, Decimal(1))
        return [Discrepancy(Code.ORDER_DIFFERS, subject, None, None, size, detail)]
    amounts = ("quantity", "executed_quantity", "executed_cost")
    return _differing(Code.ORDER_DIFFERS, subject, book, venue, amounts)


def _compare_fills(
    book: Iterable[FillRecord], venue: Iterable[FillRecord], one_sided_orders: Iterable[int]
) -> list[Discrepancy]:
    skipped = frozenset(one_sided_orders)
    booked, listed = ({fill.trade_id: fill for fill in side if fill.order_id not in skipped} for side in (book, venue))
    found = []
    for trade_id, fill in booked.items():
        if trade_id not in listed:
            detail = f"the book has {_described_fill(fill)}, which the exchange does not know"
            subject, amounts = f"{fill.symbol} fill {trade_id}", (ZERO, fill.cost, fill.cost)
            found.append(Discrepancy(Code.FILL_UNKNOWN_AT_VENUE, subject, *amounts, detail))
    for trade_id, fill in listed.items():
        subject = f"{fill.symbol} fill {trade_id}"
        if trade_id not in booked:
            detail = f"the exchange has {_described_fill(fill)}, which the book lacks"
            found.append(Discrepancy(Code.FILL_MISSING_IN_BOOK, subject, fill.cost, ZERO, fill.cost, detail))
        else:
            found += _differing_fill(subject, booked[trade_id], fill)
    return found


def _described_fill(fill: FillRecord) -> str:
    return f"{plain(fill.quantity)} at {plain(fill.price)} of order {fill.order_id}"


def _differing_fill(subject: str, book: FillRecord, venue: FillRecord) -> list[Discrepancy]:
    if (book.order_id, book.commission_asset) != (venue.order_id, venue.commission_asset):
        detail = (
            f"the book has it in order {book.order_id} with a commission in {book.commission_asset}, "
            f"the exchange in order {venue.order_id} with one in {venue.commission_asset}"
        )
        return [Discrepancy(Code.FILL_DIFFERS, subject, None, None, max(venue.cost, Decimal(1)), detail)]
    return _differing(Code.FILL_DIFFERS, subject, book, venue, ("price", "quantity", "cost", "commission"))


def _differing(code: Code, subject: str, book: object, venue: object, amounts: Sequence[str]) -> list[Discrepancy]:
    """The amount that differs most, if one does."""
    differences = [(abs(getattr(book, name) - getattr(venue, name)), name) for name in amounts]
    size, worst = max(differences, key=lambda pair: pair[0])
    if not size:
        return []
    booked, listed = getattr(book, worst), getattr(venue, worst)
    detail = f"its {worst} is {plain(booked)} in the book and {plain(listed)} at the exchange"
    return [Discrepancy(code, subject, expected=listed, actual=booked, size=size, detail=detail)]


def cash_asset(symbols: Iterable[str], markets: Mapping[str, Market]) -> str | None:
    """The one asset that all symbols are quoted in and all cash is in; None if that cannot be said."""
    quotes = {markets[symbol].quote for symbol in symbols if symbol in markets}
    return quotes.pop() if len(quotes) == 1 else None


def by_asset(cash: Decimal, by_symbol: Mapping[str, Decimal], cash_in: str) -> dict[str, Decimal]:
    """Amounts by symbol as amounts of the symbols' base assets, with the cash."""
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    amounts[cash_in] += cash
    for symbol, amount in by_symbol.items():
        amounts[symbol.removesuffix(cash_in)] += amount
    return dict(amounts)
