"""One block order from intent to booked outcome: commit, place once, commit."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from agents.allocation import total_of
from agents.errors import ExchangeError
from agents.exits import open_bracket
from agents.model import Fill, Market, Side, Status, TradingState
from agents.orders import SEND_WITHIN, Accepted, OrderState, Placement, Refused, Unknown, state_after
from journal import intents, ledger
from journal.intents import Intent
from journal.ledger import OpenOrder, Outcome
from runtime.bootstrap import WorkerServices

logger = logging.getLogger(__name__)


def commit_and_place(services: WorkerServices, intent: Intent) -> None:
    """Commit an intent, send its order once, book what became of it.

    Args:
        services: the worker's.
        intent: the order and what it was decided under.

    Raises:
        StaleStateError: something changed since the intent was made; nothing is committed, decide again.
    """
    begun = datetime.now(UTC)
    with services.book.direct_work() as direct:
        order = intents.record_intent(direct, intent)
        services.reach("intent_written")
    services.reach("intent_committed")
    _place_and_book(services, order, send_before=begun + SEND_WITHIN)


def _place_and_book(services: WorkerServices, order: OpenOrder, *, send_before: datetime) -> None:
    """Send a committed order once and book what became of it; unknown outcomes stay open for :mod:`tasks.resolving`."""
    withdrawal = _reason_to_withdraw(services, order)
    if withdrawal is not None:
        book(services, order, Outcome(OrderState.WITHDRAWN, error_message=withdrawal))
        return
    placement = services.exchange.place(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        limit_price=order.limit_price,
        expires_at=send_before,
    )
    services.reach("order_answered")
    settle(services, order, placement)


def _reason_to_withdraw(services: WorkerServices, order: OpenOrder) -> str | None:
    """The last look before an order goes out: the agent's state must be the one it was decided under."""
    state = services.state.agent(order.agent)
    if state.version != order.agent_version:
        return f"the agent's state changed from version {order.agent_version} to {state.version}"
    if state.trading is TradingState.HALTED:
        return "trading is halted"
    if order.side is Side.BUY and (state.trading is TradingState.REDUCING or state.status is not Status.RUNNING):
        return f"the agent is {state.status}, trading is {state.trading}"
    return None


def settle(services: WorkerServices, order: OpenOrder, placement: Placement) -> None:
    """Book the exchange's answer; an unknown one, or one that cannot be valued yet, keeps everything reserved."""
    match placement:
        case Unknown(reason):
            keep_unknown(services, order, reason)
        case Refused(code, message):
            book(services, order, Outcome(OrderState.REJECTED, error_code=code, error_message=message))
        case Accepted(exchange_order_id, fills):
            try:
                outcome = _accepted(services, order, exchange_order_id, fills)
            except ExchangeError as error:
                keep_unknown(services, order, f"filled, but not to be valued yet: {error}")
                return
            book(services, order, outcome)


def keep_unknown(services: WorkerServices, order: OpenOrder, reason: str) -> None:
    """Note that the outcome is not known yet, and tell someone the first time."""
    with services.book.unit_of_work() as session:
        ledger.mark_unknown(session, order.id, reason)
    if order.state is OrderState.INTENDED:
        services.alerts.send(
            f"Order outcome unknown: {order.agent} {order.symbol}", f"{order.client_order_id}: {reason}"
        )


def book(services: WorkerServices, order: OpenOrder, outcome: Outcome) -> None:
    """Commit an outcome; nothing happens if it is committed already."""
    with services.book.unit_of_work() as session:
        booked = ledger.record_outcome(session, order, outcome)
        services.reach("outcome_written")
    services.reach("outcome_committed")
    if booked:
        logger.info("%s %s %s %s: %s", order.agent, order.side, order.symbol, order.client_order_id, outcome.state)


def _accepted(services: WorkerServices, order: OpenOrder, exchange_order_id: str, fills: tuple[Fill, ...]) -> Outcome:
    state = state_after(order.quantity, fills)
    if state is OrderState.EXPIRED:
        return Outcome(state, exchange_order_id)
    market = services.exchange.markets().get(order.symbol)
    if market is None:
        raise ExchangeError(f"the exchange's rules for {order.symbol} are not known")
    total = total_of(order.side, fills, market, _third_asset_prices(services, market))
    if order.side is Side.SELL:
        return Outcome(state, exchange_order_id, fills, total, market.lot_step)
    average_price = total.cost / total.quantity
    bracket = open_bracket(order.id, order.symbol, average_price, services.profiles[order.agent], order.created_at)
    return Outcome(state, exchange_order_id, fills, total, bracket=bracket)


def _third_asset_prices(services: WorkerServices, market: Market) -> Callable[[str], Decimal]:
    """Values commissions paid in neither of the symbol's assets, such as BNB, at the middle of the market."""

    def price_of(asset: str) -> Decimal:
        symbol = asset + market.quote
        quote = services.exchange.quotes([symbol]).get(symbol)
        if quote is None:
            raise ExchangeError(f"no quote for {symbol}, in which a commission was paid")
        return (quote.bid + quote.ask) / 2

    return price_of
