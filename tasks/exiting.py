"""Exits come first in every tick: what an operator asked to close, stops, targets, time limits, tripped breakers."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from sqlalchemy.orm import Session

from agents.allocation import limit_price
from agents.decision import Verdict, decide_exits
from agents.errors import StaleStateError
from agents.exits import exit_reason, follow
from agents.model import ExitReason, Position, Quote, Side, TradingState
from agents.orders import client_order_id
from agents.risk import Code
from journal import breaker_queries, holdings, withdrawals
from journal.holdings import AgentSnapshot
from journal.ledger import Intent
from runtime.bootstrap import WorkerServices
from tasks.execution import commit_and_place

logger = logging.getLogger(__name__)


def run_exits(services: WorkerServices, agent: str, quotes: Mapping[str, Quote], *, levels: bool) -> None:
    """Sell what must be sold now, one block per symbol and reason.

    Args:
        services: the worker's.
        agent: whose positions.
        quotes: current quotes; a symbol without one is left for the next tick.
        levels: whether stops, targets, time limits and breakers are judged; an operator's request to close is always honoured.
    """
    with services.book.reading() as session:
        closing = holdings.symbols_to_close(session, agent)
    for symbol in closing:
        requested = partial(holdings.positions_to_close, agent=agent, symbol=symbol)
        _sell(services, agent, symbol, ExitReason.OPERATOR, quotes, requested)
    if not levels:
        return
    for (symbol, reason), entries in _due(services, agent, quotes).items():
        entered = partial(holdings.positions_of_entries, agent=agent, symbol=symbol, entries=entries)
        _sell(services, agent, symbol, reason, quotes, entered)
    with services.book.reading() as session:
        tripped = breaker_queries.symbols_to_leave(session, agent)
    for symbol, reason in tripped:
        lost = partial(breaker_queries.positions_to_leave, agent=agent, symbol=symbol, kind=reason)
        _sell(services, agent, symbol, reason, quotes, lost)


def _due(
    services: WorkerServices, agent: str, quotes: Mapping[str, Quote]
) -> Mapping[tuple[str, ExitReason], list[int]]:
    """The entry orders whose exit level is reached, by symbol and reason; highest prices are kept on the way."""
    with services.book.reading() as session:
        brackets = holdings.open_brackets(session, agent)
    due: dict[tuple[str, ExitReason], list[int]] = defaultdict(list)
    risen = []
    for bracket in brackets:
        quote = quotes.get(bracket.symbol)
        if quote is None:
            continue
        followed = follow(bracket, quote)
        if followed != bracket:
            risen.append(followed)
        reason = exit_reason(followed, quote)
        if reason is not None:
            due[bracket.symbol, reason].append(bracket.order_id)
    if risen:
        with services.book.unit_of_work() as session:
            holdings.raise_highest(session, risen)
    return due


def _sell(
    services: WorkerServices,
    agent: str,
    symbol: str,
    reason: ExitReason,
    quotes: Mapping[str, Quote],
    read: Callable[[Session], Sequence[Position]],
) -> None:
    quote, market = quotes.get(symbol), services.exchange.markets().get(symbol)
    if quote is None or market is None:
        logger.warning("%s cannot leave %s (%s): no quote", agent, symbol, reason)
        return
    with services.book.reading() as session:
        seen = holdings.agent_snapshot(session, agent)
        positions = read(session)
    if seen.trading is TradingState.HALTED or seen.has_unresolved_order:
        return
    price = limit_price(Side.SELL, quote, services.profiles[agent].max_slippage, market)
    verdict = decide_exits(positions, market, price)
    if verdict.code is Code.NO_POSITION:
        return
    obstacle = send_exit(services, seen, quote, reason, verdict)
    if obstacle is not None and reason is ExitReason.OPERATOR:
        _note_on_closings(services, positions, f"{symbol} cannot be sold now: {obstacle}")


def _note_on_closings(services: WorkerServices, positions: Sequence[Position], detail: str) -> None:
    """Say on the requests of those accounts that are being closed what they wait for."""
    with services.book.unit_of_work() as session:
        withdrawals.note_waiting(session, {position.account_id for position in positions}, detail)


def send_exit(
    services: WorkerServices, seen: AgentSnapshot, quote: Quote, reason: ExitReason, verdict: Verdict
) -> str | None:
    """Commit and send one symbol's exit; gives why nothing was sent, or None."""
    agent, symbol = seen.name, quote.symbol
    if verdict.block is None:
        logger.warning("%s cannot leave %s (%s): %s", agent, symbol, reason, verdict.detail)
        return verdict.detail
    cause = f"{reason}@{seen.book_version}"
    intent = Intent(client_order_id(agent, symbol, Side.SELL, cause), seen, verdict.block, reason.value, quote)
    try:
        commit_and_place(services, intent)
    except StaleStateError as error:
        logger.info("exit of %s from %s waits for the next tick: %s", agent, symbol, error)
        return str(error)
    return None
