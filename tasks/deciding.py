"""One signal, one agent: from a pending decision to a recorded one, with a block order or the reason why not."""

import logging
from datetime import UTC, datetime
from decimal import Decimal

from agents import model
from agents.allocation import limit_price
from agents.decision import Verdict, denied, judge_depth, judge_entries, judge_exits
from agents.errors import ExchangeBusyError, ExchangeError, StaleStateError
from agents.model import Action, Block, ExitReason, Market, Quote, Side, plain
from agents.orders import client_order_id
from agents.profiles import RiskProfile
from agents.risk import Code, Denial, Situation, judge_signal
from journal import decisions, entries, holdings
from journal import leaving as leaving_positions
from journal.decisions import Basis, Decided
from journal.entries import Entry
from journal.intents import Intent, Shares
from runtime.bootstrap import WorkerServices
from tasks.execution import commit_and_place
from tasks.pricing import Asked, Prices, prices_of
from tasks.profiling import adopt_profile

ATTEMPTS = 5
"""How often a decision is made anew because the agent changed meanwhile; then the sweeper asks again."""
NOT_RECONCILED = Decimal(-1)
"""Less than nothing: of an asset that was not reconciled lately, nothing is known to be there."""

logger = logging.getLogger(__name__)


def load_basis(services: WorkerServices, decision_id: int) -> Basis | None:
    """What a pending decision is made on, None if it is made already; the agent's limits are adopted if they changed."""
    with services.book.direct_glance() as direct:
        basis = decisions.load_basis(direct, decision_id)
    if basis is not None and adopt_profile(services, basis.seen):
        return load_basis(services, decision_id)
    return basis


def decide(services: WorkerServices, decision_id: int, basis: Basis | None = None, asked: Asked | None = None) -> None:
    """Make a pending decision, once; one that is made already is left alone.

    Args:
        services: the worker's.
        decision_id: the decision.
        basis: what was read of it a moment ago, if it was.
        asked: the prices that were asked for a moment ago, if they were.
    """
    for _ in range(ATTEMPTS):
        basis = basis or load_basis(services, decision_id)
        if basis is None:
            return
        try:
            _decide_once(services, basis, asked)
        except StaleStateError as error:
            logger.info("decision %s is made anew: %s", decision_id, error)
            basis = asked = None
        else:
            return


def _decide_once(services: WorkerServices, basis: Basis, asked: Asked | None) -> None:
    profile, symbol = services.profiles[basis.seen.name], basis.decision.signal.symbol
    prices = (asked and asked.prices_of(symbol)) or prices_of(services, symbol)
    denial = judge_signal(_situation(basis, profile, prices))
    if denial is not None or prices.market is None or prices.quote is None:
        denial = denial or Denial(Code.MARKET_DATA_MISSING, "no market data")
        _record(services, basis, Verdict(denial.code, denial.detail, {}), prices.quote)
        return
    verdict, shares = _verdict(services, basis, profile, prices.market, prices.quote)
    if verdict.block is None:
        _record(services, basis, verdict, prices.quote)
        return
    _order(services, basis, verdict, shares, prices.quote)


def _situation(basis: Basis, profile: RiskProfile, prices: Prices) -> Situation:
    seen = basis.seen
    return Situation(
        signal=basis.decision.signal,
        profile=profile,
        symbols=seen.symbols,
        status=seen.status,
        trading=seen.trading,
        quote=prices.quote,
        market=prices.market,
        has_unresolved_order=seen.has_unresolved_order,
        now=datetime.now(UTC),
        breaker=seen.breaker,
        is_exchange_busy=prices.is_exchange_busy,
    )


def _verdict(
    services: WorkerServices, basis: Basis, profile: RiskProfile, market: Market, quote: Quote
) -> tuple[Verdict, Shares]:
    """What the agent does about the signal, and what each of its accounts asks of the order."""
    agent, symbol = basis.seen.name, quote.symbol
    if basis.decision.signal.action is Action.SELL:
        with services.book.direct_glance() as direct:
            leaving = leaving_positions.wants(direct, leaving_positions.signalled(agent, symbol))
        price = limit_price(Side.SELL, quote, profile.max_slippage, market)
        return judge_exits(leaving.numbers, leaving.quantity, market, price), leaving
    price = limit_price(Side.BUY, quote, profile.max_slippage, market)
    entry = Entry(agent, symbol, profile, price, {**basis.marks, symbol: quote.bid}, basis.at)
    with services.book.direct_glance() as direct:
        entering = entries.wants(direct, entry)
    verdict = judge_entries(entering.numbers, entering.quantity, profile, market, price)
    if verdict.block is None:
        return verdict, entering
    denial = _judge_block(services, verdict.block, basis, profile, market, quote)
    return (verdict if denial is None else denied(verdict, denial)), entering


def _judge_block(
    services: WorkerServices, block: Block, basis: Basis, profile: RiskProfile, market: Market, quote: Quote
) -> Denial | None:
    """What the exchange's book and our own balance there say against a buy; what cannot be had denies."""
    try:
        return _judge_offers(services, block, profile, market, quote) or _judge_funds(services, basis, market)
    except ExchangeBusyError as error:
        return Denial(Code.EXCHANGE_WEIGHT_EXHAUSTED, f"the exchange's request limit is used up for now: {error}")
    except ExchangeError as error:
        return Denial(Code.MARKET_DATA_MISSING, f"the exchange's offers or balance are not known: {error}")


def _judge_offers(
    services: WorkerServices, block: Block, profile: RiskProfile, market: Market, quote: Quote
) -> Denial | None:
    """Whether enough is offered up to the limit price; the book is asked for only if its best offer alone is too little."""
    if judge_depth(block, quote.ask_quantity, profile, market) is None:
        return None
    return judge_depth(block, services.exchange.offered(block.symbol, block.limit_price), profile, market)


def _judge_funds(services: WorkerServices, basis: Basis, market: Market) -> Denial | None:
    """Deny an entry when the exchange holds less quote than the accounts own: their money would not be real.

    Where the last reconciliation proves that it holds enough, it is not asked again.
    """
    if basis.unassigned.get(market.quote, NOT_RECONCILED) >= 0:
        return None
    with services.book.glancing() as session:
        assigned = holdings.assigned_cash(session)
    at_venue = services.exchange.balances().get(market.quote, model.ZERO)
    if at_venue >= assigned:
        return None
    detail = f"the exchange holds {plain(at_venue)} {market.quote}, the accounts own {plain(assigned)}"
    services.alerts.send("The exchange holds less than the accounts own", detail)
    return Denial(Code.VENUE_UNDERFUNDED, detail)


def _record(services: WorkerServices, basis: Basis, verdict: Verdict, quote: Quote | None) -> None:
    with services.book.direct_work() as direct:
        decisions.record(direct, Decided(basis.decision, verdict, quote, basis.seen.profile_version))


def _order(services: WorkerServices, basis: Basis, verdict: Verdict, shares: Shares, quote: Quote) -> None:
    """Commit the decision together with its order, then send it."""
    if verdict.block is None:
        return
    seen, signal = basis.seen, basis.decision.signal
    intent = Intent(
        client_order_id=client_order_id(seen.name, verdict.block.symbol, verdict.block.side, signal.id),
        seen=seen,
        block=verdict.block,
        reason="signal" if verdict.block.side is Side.BUY else ExitReason.OPPOSITE_SIGNAL.value,
        quote=quote,
        decided=Decided(basis.decision, verdict, quote, seen.profile_version),
        shares=shares,
    )
    commit_and_place(services, intent)
