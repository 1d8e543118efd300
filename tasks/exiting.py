"""Exits come first in every tick: what an operator asked to close, stops, targets, time limits, tripped breakers."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.allocation import limit_price
from agents.decision import Verdict, judge_exits
from agents.errors import StaleStateError
from agents.exits import exit_reason, follow
from agents.model import Bracket, ExitReason, Quote, Side, TradingState
from agents.orders import client_order_id
from agents.risk import Code
from journal import breaker_queries, holdings, leaving, withdrawals
from journal.direct import Direct
from journal.holdings import AgentSnapshot
from journal.intents import Intent, Shares
from journal.leaving import Leaving
from runtime.bootstrap import WorkerServices
from tasks.execution import commit_and_place

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reached:
    """What the present quotes say of exit levels: which are reached, and which follow a new highest price."""

    due: Mapping[tuple[str, ExitReason], Sequence[int]]
    """The entry orders whose level is reached, by symbol and reason."""
    risen: Sequence[Bracket]

    def __bool__(self) -> bool:
        return bool(self.due or self.risen)


def reached(brackets: Iterable[Bracket], quotes: Mapping[str, Quote]) -> Reached:
    """Judge exit levels; a symbol without a quote is left for the next tick."""
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
    return Reached(due, risen)


def run_exits(
    services: WorkerServices, agent: str, quotes: Mapping[str, Quote], levels: Reached, *, closings: bool, tripped: bool
) -> None:
    """Sell what must be sold now, one block per symbol and reason.

    Args:
        services: the worker's.
        agent: whose positions.
        quotes: current quotes; a symbol without one is left for the next tick.
        levels: stops, targets and time limits that are reached.
        closings: whether an operator asked for positions to be closed.
        tripped: whether a breaker stands that may close positions.
    """
    if closings:
        with services.book.reading() as session:
            closing = holdings.symbols_to_close(session, agent)
        for symbol in closing:
            _sell(services, leaving.requested(agent, symbol), ExitReason.OPERATOR, quotes)
    if levels.risen:
        with services.book.unit_of_work() as session:
            holdings.raise_highest(session, levels.risen)
    for (symbol, reason), entries in levels.due.items():
        _sell(services, leaving.of_entries(agent, symbol, entries), reason, quotes)
    if tripped:
        with services.book.reading() as session:
            lost = breaker_queries.symbols_to_leave(session, agent)
        for symbol, reason in lost:
            _sell(services, leaving.of_breaker(agent, symbol, reason), reason, quotes)


def _sell(services: WorkerServices, chosen: Leaving, reason: ExitReason, quotes: Mapping[str, Quote]) -> None:
    agent, symbol = chosen.agent, chosen.symbol
    quote, market = quotes.get(symbol), services.exchange.markets().get(symbol)
    if quote is None or market is None:
        logger.warning("%s cannot leave %s (%s): no quote", agent, symbol, reason)
        return
    with services.book.reading() as session:
        seen = holdings.agent_snapshot(session, agent)
        wants = leaving.wants(Direct.of(session), chosen)
    if seen.trading is TradingState.HALTED or seen.has_unresolved_order:
        return
    price = limit_price(Side.SELL, quote, services.profiles[agent].max_slippage, market)
    verdict = judge_exits(wants.numbers, wants.quantity, market, price)
    if verdict.code is Code.NO_POSITION:
        return
    obstacle = send_exit(services, seen, quote, reason, verdict, wants)
    if obstacle is not None and reason is ExitReason.OPERATOR:
        _note_on_closings(services, chosen, f"{symbol} cannot be sold now: {obstacle}")


def _note_on_closings(services: WorkerServices, chosen: Leaving, detail: str) -> None:
    """Say on the requests of those accounts that are being closed what they wait for."""
    with services.book.unit_of_work() as session:
        withdrawals.note_waiting(session, leaving.account_ids(Direct.of(session), chosen), detail)


def send_exit(
    services: WorkerServices,
    seen: AgentSnapshot,
    quote: Quote,
    reason: ExitReason,
    verdict: Verdict,
    shares: Shares | None = None,
) -> str | None:
    """Commit and send one symbol's exit; gives why nothing was sent, or None. ``shares`` as of an intent."""
    agent, symbol = seen.name, quote.symbol
    if verdict.block is None:
        logger.warning("%s cannot leave %s (%s): %s", agent, symbol, reason, verdict.detail)
        return verdict.detail
    cause = f"{reason}@{seen.book_version}"
    client_id = client_order_id(agent, symbol, Side.SELL, cause)
    intent = Intent(client_id, seen, verdict.block, reason.value, quote, shares=shares)
    try:
        commit_and_place(services, intent)
    except StaleStateError as error:
        logger.info("exit of %s from %s waits for the next tick: %s", agent, symbol, error)
        return str(error)
    return None
