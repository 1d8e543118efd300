"""Pending withdrawals and closings: paid as far as cash goes; for the rest, what is needed is sold and paid."""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from adapters.state import Lease
from agents.allocation import limit_price
from agents.decision import Verdict, decide_exits
from agents.errors import TradingError
from agents.liquidation import Offer, raise_cash
from agents.model import ExitReason, Position, Quote, Side, TradingState
from journal import holdings, withdrawal_queries, withdrawals
from journal.holdings import AgentSnapshot
from runtime.bootstrap import WorkerServices
from tasks.exiting import send_exit

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the agent's accounts sell to raise the cash they are short of: ``parts`` of positions by their ids."""

    seen: AgentSnapshot
    positions: Sequence[Position]
    parts: Mapping[int, Decimal]
    offers: Mapping[str, Offer]

    @property
    def symbols(self) -> list[str]:
        """What is sold, in the order in which it is."""
        return sorted({position.symbol for position in self.positions if position.id in self.parts})

    def sellers(self, symbol: str) -> set[str]:
        """The accounts that sell some of the symbol."""
        return {p.account_id for p in self.positions if p.symbol == symbol and p.id in self.parts}

    def verdict(self, symbol: str) -> Verdict:
        """One block of what all accounts sell of the symbol, and of the agent's dust."""
        leaving = [p for p in self.positions if p.symbol == symbol and (p.id in self.parts or p.is_dust)]
        offer = self.offers[symbol]
        return decide_exits(leaving, offer.market, offer.price, self.parts)


def serve_withdrawals(services: WorkerServices, agent: str, quotes: Mapping[str, Quote], lease: Lease) -> Sequence[str]:
    """Pay what can be paid, sell what the rest needs, one block per symbol, and pay again.

    Args:
        services: the worker's.
        agent: whose accounts.
        quotes: current quotes; a symbol without one is not sold.
        lease: on the agent.

    Returns:
        What needs a person: withdrawals that failed or cannot be booked.

    Raises:
        ExchangeError: the exchange's rules are not known.
    """
    problems = _settle(services, agent, lease)
    if _sell(services, agent, quotes, lease, problems):
        problems += _settle(services, agent, lease)
    return problems


def _settle(services: WorkerServices, agent: str, lease: Lease) -> list[str]:
    with services.book.reading() as session:
        waiting = withdrawal_queries.accounts_waiting(session, agent)
    problems = []
    for account_id in waiting:
        lease.renew()
        try:
            with services.book.unit_of_work() as session:
                failures = withdrawals.settle(session, account_id)
        except TradingError as error:
            logger.exception("withdrawals of %s cannot be booked", account_id)
            problems.append(f"withdrawals of {account_id}: {error}")
            continue
        problems += [f"withdrawal {f.reference_id} of {f.account_id} failed: {f.detail}" for f in failures]
    return problems


def _sell(services: WorkerServices, agent: str, quotes: Mapping[str, Quote], lease: Lease, problems: list[str]) -> bool:
    """Sell symbol by symbol, each judged anew after what the one before brought; whether anything was tried."""
    tried: set[str] = set()
    while (plan := _plan(services, agent, {s: q for s, q in quotes.items() if s not in tried})) is not None:
        lease.renew()
        symbol = plan.symbols[0]
        tried.add(symbol)
        verdict = plan.verdict(symbol)
        obstacle = send_exit(services, plan.seen, quotes[symbol], ExitReason.WITHDRAWAL, verdict)
        if obstacle is not None:
            _note(services, plan.sellers(symbol), f"{symbol} cannot be sold now: {obstacle}")
        if verdict.block is None:
            problems.append(f"withdrawals wait for a sale of {symbol}: {verdict.detail}")
    return bool(tried)


def _plan(services: WorkerServices, agent: str, quotes: Mapping[str, Quote]) -> _Plan | None:
    with services.book.reading() as session:
        short = withdrawal_queries.shortfalls(session, agent)
        if not short:
            return None
        seen = holdings.agent_snapshot(session, agent)
        held = holdings.positions_of_accounts(session, agent, short.keys())
        dust = holdings.dust_positions(session, agent)
    if seen.trading is TradingState.HALTED or seen.has_unresolved_order:
        halted = seen.trading is TradingState.HALTED
        _note(services, short.keys(), "trading is halted" if halted else "the outcome of an earlier order is awaited")
        return None
    offers = _offers(services, agent, quotes)
    by_account: dict[str, list[Position]] = defaultdict(list)
    for position in held:
        by_account[position.account_id].append(position)
    fee = services.profiles[agent].fee_reserve
    parts = {
        position_id: quantity
        for account_id, positions in by_account.items()
        for position_id, quantity in raise_cash(short[account_id], positions, offers, fee).items()
    }
    return _Plan(seen, [*held, *dust], parts, offers) if parts else None


def _offers(services: WorkerServices, agent: str, quotes: Mapping[str, Quote]) -> dict[str, Offer]:
    markets, slippage = services.exchange.markets(), services.profiles[agent].max_slippage
    return {
        symbol: Offer(markets[symbol], limit_price(Side.SELL, quote, slippage, markets[symbol]))
        for symbol, quote in quotes.items()
        if symbol in markets
    }


def _note(services: WorkerServices, account_ids: Collection[str], detail: str) -> None:
    with services.book.unit_of_work() as session:
        withdrawals.note_waiting(session, account_ids, detail)
