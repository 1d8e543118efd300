"""One comparison of the book with the exchange, made while nothing moves in either."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from adapters.exchange import Exchange
from agents.balances import Explained, Holdings, drifts, shortages, taken_out
from agents.errors import ExchangeError
from agents.model import ZERO
from agents.reconciliation import Code, Discrepancy, History, by_asset, cash_asset, compare_histories
from journal import reconciliation_checks as checks
from journal import reconciliation_queries as queries
from journal.reconciliation import Comparison
from journal.reconciliation_queries import Baseline, Cursor, Moment
from runtime.bootstrap import WorkerServices

ATTEMPTS = 5
PAUSE = timedelta(milliseconds=300)
"""Between two attempts to find a moment at which nothing moves, and before a finding is believed."""

ALWAYS = frozenset({Code.VENUE_WIPED, Code.BALANCE_SHORT, Code.ACCOUNT_BALANCE_DIFFERS})
SUMS = frozenset({Code.ACCOUNT_CASH_DIFFERS, Code.POSITION_DIFFERS})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a comparison begins: what the last one knew, and what there is to compare."""

    symbols: Sequence[str]
    book_began: datetime
    cursors: Mapping[str, Cursor]
    firsts: Mapping[str, tuple[int | None, int | None]]
    baseline: Baseline | None
    is_full: bool

    @property
    def since(self) -> queries.SeenOrders:
        """The last order by agent that needs no look any more."""
        return {} if self.is_full or self.baseline is None else self.baseline.seen

    def never_traded(self, symbol: str) -> bool:
        """Whether neither side is known to have an order of the symbol."""
        return symbol not in self.cursors and self.firsts[symbol] == (None, None)


@dataclass(frozen=True, slots=True)
class Venue:
    """What the exchange says, and how far each symbol is compared with it."""

    cash_in: str
    balances: Mapping[str, Decimal]
    histories: Mapping[str, History]
    cursors: Mapping[str, Cursor]


def compare(services: WorkerServices, *, is_full: bool) -> Comparison | None:
    """Compare the book with the exchange; None if orders were always under way.

    What differs is believed only if it does so twice in a row: an exchange's lists may lag behind its answers.

    Raises:
        ExchangeError: no usable answer.
    """
    first = _compare_in_quiet(services, is_full=is_full)
    if first is None or not first.found:
        return first
    _pause()
    second = _compare_in_quiet(services, is_full=is_full)
    if second is None:
        return None
    confirmed = {(one.code, one.subject) for one in first.found}
    return replace(second, found=[one for one in second.found if (one.code, one.subject) in confirmed])


def _compare_in_quiet(services: WorkerServices, *, is_full: bool) -> Comparison | None:
    for attempt in range(ATTEMPTS):
        if attempt:
            _pause()
        with services.book.reading() as session:
            before = queries.moment(session)
            place = _place(session, is_full=is_full)
        if before.is_open:
            continue
        venue = _ask(services.exchange, place)
        with services.book.reading() as session:
            if queries.moment(session) == before:
                return _judge(session, before, place, venue)
    return None


def _pause() -> None:
    time.sleep(PAUSE.total_seconds())


def _place(session: Session, *, is_full: bool) -> Place:
    symbols, cursors = queries.symbols(session), queries.cursors(session)
    return Place(
        symbols=symbols,
        book_began=queries.beginning(session) or datetime.now(UTC),
        cursors=cursors,
        firsts={symbol: queries.first_ids(session, symbol) for symbol in symbols if symbol not in cursors},
        baseline=queries.baseline(session),
        is_full=is_full,
    )


def _ask(exchange: Exchange, place: Place) -> Venue:
    markets = exchange.markets()
    cash_in = cash_asset(place.symbols, markets)
    if cash_in is None:
        raise ExchangeError(f"the exchange does not say in which one asset {', '.join(place.symbols)} are quoted")
    histories, cursors = {}, {}
    for symbol in place.symbols:
        if symbol not in markets and place.never_traded(symbol):
            continue
        histories[symbol], cursors[symbol] = _ask_symbol(exchange, place, symbol)
    return Venue(cash_in, exchange.balances(), histories, cursors)


def _ask_symbol(exchange: Exchange, place: Place, symbol: str) -> tuple[History, Cursor]:
    """Orders from the last known on, and their trades; trades are not asked for where there are no orders."""
    known = place.cursors.get(symbol) or _first_cursor(exchange, place, symbol)
    if place.is_full:
        known = replace(known, last_order_id=known.first_order_id - 1, last_trade_id=known.first_trade_id - 1)
    orders = exchange.orders_since(symbol, known.last_order_id + 1)
    if not orders:
        return History(), known
    fills = exchange.trades_since(symbol, known.last_trade_id + 1)
    ours = [fill for fill in fills if fill.order_id >= known.first_order_id]
    last_trade_id = max((fill.trade_id for fill in fills), default=known.last_trade_id)
    return History(orders, ours), replace(known, last_order_id=orders[-1].id, last_trade_id=last_trade_id)


def _first_cursor(exchange: Exchange, place: Place, symbol: str) -> Cursor:
    """Begin with the first order that is ours or younger than the book: what was before does not concern it."""
    own_order, own_trade = place.firsts[symbol]
    newest = exchange.orders_since(symbol, None)
    concerning = [order.id for order in newest if order.at >= place.book_began]
    if own_order is not None:
        concerning.append(own_order)
    first_order = min(concerning, default=newest[-1].id + 1 if newest else 1)
    trades = exchange.trades_since(symbol, None) if newest else []
    beginning = [fill.trade_id for fill in trades if fill.order_id >= first_order]
    if own_trade is not None:
        beginning.append(own_trade)
    first_trade = min(beginning, default=trades[-1].trade_id + 1 if trades else 0)
    return Cursor(first_order, first_order - 1, first_trade, first_trade - 1)


def _judge(session: Session, now: Moment, place: Place, venue: Venue) -> Comparison:
    """Compare everything, in one view of the book."""
    asked_at = datetime.now(UTC)
    booked = {symbol: queries.history(session, symbol, place.since) for symbol in venue.histories}
    found: list[Discrepancy] = []
    for symbol, history in booked.items():
        found += compare_histories(history, venue.histories[symbol], now=asked_at)
    found += checks.differing_legs(session, place.since)
    found += checks.differing_balances(session)
    flows, withdrawn = queries.flows(session)
    holdings = Holdings(venue.balances, by_asset(*queries.assigned(session), venue.cash_in))
    found += shortages(holdings)
    if place.baseline is not None:
        explained = _explained(session, place.baseline, venue.cash_in, flows, withdrawn)
        holdings = replace(holdings, taken_out=taken_out(place.baseline.holdings, holdings, explained))
        found += drifts(place.baseline.holdings, holdings, explained)
    looked_for = frozenset(Code) if place.is_full else ALWAYS
    if place.is_full or any(one.code is Code.ASSIGNED_DRIFT for one in found):
        found += checks.differing_sums(session)
        looked_for |= SUMS
    return Comparison(
        found=found,
        looked_for=looked_for,
        seen=now.seen,
        flows=flows,
        holdings=holdings,
        cursors=venue.cursors,
        orders=sum(len(history.orders) for history in booked.values()),
        fills=sum(len(history.fills) for history in booked.values()),
    )


def _explained(session: Session, baseline: Baseline, cash_in: str, flows: Decimal, withdrawn: Decimal) -> Explained:
    moved = queries.movements(session, baseline.seen)
    at_venue = by_asset(-moved.spent, moved.filled, cash_in)
    for asset, commission in moved.commissions.items():
        at_venue[asset] = at_venue.get(asset, ZERO) - commission
    owned = by_asset(moved.cash + flows - baseline.flows, moved.assigned, cash_in)
    return Explained(at_venue, owned, {cash_in: withdrawn})
