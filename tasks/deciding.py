"""One signal, one agent: from a pending decision to a recorded one, with a block order or the reason why not."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

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
from journal.decisions import PendingDecision
from journal.holdings import AgentSnapshot
from journal.ledger import Intent, Shares
from runtime.bootstrap import WorkerServices
from tasks.execution import commit_and_place
from tasks.profiling import current_agent

ATTEMPTS = 5
"""How often a decision is made anew because the agent changed meanwhile; then the sweeper asks again."""

logger = logging.getLogger(__name__)


def decide(services: WorkerServices, decision_id: int) -> None:
    """Make a pending decision, once; one that is made already is left alone."""
    for _ in range(ATTEMPTS):
        try:
            _decide_once(services, decision_id)
        except StaleStateError as error:
            logger.info("decision %s is made anew: %s", decision_id, error)
        else:
            return


def _decide_once(services: WorkerServices, decision_id: int) -> None:
    with services.book.reading() as session:
        decision = decisions.load_pending(session, decision_id)
        if decision is None:
            return
    seen = current_agent(services, decision.agent)
    profile = services.profiles[decision.agent]
    data = _market_data(services, decision.signal.symbol)
    denial = judge_signal(_situation(decision, seen, profile, data))
    if denial is not None or data.market is None or data.quote is None:
        denial = denial or Denial(Code.MARKET_DATA_MISSING, "no market data")
        _record(services, decision, seen, Verdict(denial.code, denial.detail, {}), data.quote)
        return
    verdict, shares = _verdict(services, decision.signal, seen, profile, data.market, data.quote)
    if verdict.block is None:
        _record(services, decision, seen, verdict, data.quote)
        return
    _order(services, decision, seen, verdict, shares, data.quote)


@dataclass(frozen=True, slots=True)
class _MarketData:
    """A symbol's rules and quote, None for what could not be had."""

    market: Market | None = None
    quote: Quote | None = None
    is_exchange_busy: bool = False


def _market_data(services: WorkerServices, symbol: str) -> _MarketData:
    """What the exchange says of the symbol now."""
    market = None
    try:
        market = services.exchange.markets().get(symbol)
        quote = services.exchange.quotes([symbol]).get(symbol)
    except ExchangeError as error:
        logger.warning("no market data for %s: %s", symbol, error)
        return _MarketData(market, is_exchange_busy=isinstance(error, ExchangeBusyError))
    return _MarketData(market, quote)


def _situation(decision: PendingDecision, seen: AgentSnapshot, profile: RiskProfile, data: _MarketData) -> Situation:
    return Situation(
        signal=decision.signal,
        profile=profile,
        symbols=seen.symbols,
        status=seen.status,
        trading=seen.trading,
        quote=data.quote,
        market=data.market,
        has_unresolved_order=seen.has_unresolved_order,
        now=datetime.now(UTC),
        breaker=seen.breaker,
        is_exchange_busy=data.is_exchange_busy,
    )


def _verdict(
    services: WorkerServices,
    signal: model.Signal,
    seen: AgentSnapshot,
    profile: RiskProfile,
    market: Market,
    quote: Quote,
) -> tuple[Verdict, Shares]:
    """What the agent does about the signal, and what each of its accounts asks of the order."""
    if signal.action is Action.SELL:
        with services.book.reading() as session:
            leaving = leaving_positions.wants(session, leaving_positions.signalled(seen.name, signal.symbol))
        price = limit_price(Side.SELL, quote, profile.max_slippage, market)
        return judge_exits(leaving.numbers, leaving.quantity, market, price), leaving
    price = limit_price(Side.BUY, quote, profile.max_slippage, market)
    with services.book.reading() as session:
        entering = entries.wants(session, entries.prepare(session, seen.name, quote, profile, price))
        assigned = holdings.assigned_cash(session)
    verdict = judge_entries(entering.numbers, entering.wanted, profile, market, price)
    if verdict.block is None:
        return verdict, entering
    denial = _judge_block(services, verdict.block, profile, market, assigned)
    return (verdict if denial is None else denied(verdict, denial)), entering


def _judge_block(
    services: WorkerServices, block: Block, profile: RiskProfile, market: Market, assigned: Decimal
) -> Denial | None:
    """What the exchange's book and our own balance there say against a buy; what cannot be had denies."""
    try:
        offered = services.exchange.offered(block.symbol, block.limit_price)
        at_venue = services.exchange.balances().get(market.quote, model.ZERO)
    except ExchangeBusyError as error:
        return Denial(Code.EXCHANGE_WEIGHT_EXHAUSTED, f"the exchange's request limit is used up for now: {error}")
    except ExchangeError as error:
        return Denial(Code.MARKET_DATA_MISSING, f"the exchange's offers or balance are not known: {error}")
    return judge_depth(block, offered, profile, market) or _judge_funds(services, at_venue, market, assigned)


def _judge_funds(services: WorkerServices, at_venue: Decimal, market: Market, assigned: Decimal) -> Denial | None:
    """Deny an entry when the exchange holds less quote than the accounts own: their money would not be real."""
    if at_venue >= assigned:
        return None
    detail = f"the exchange holds {plain(at_venue)} {market.quote}, the accounts own {plain(assigned)}"
    services.alerts.send("The exchange holds less than the accounts own", detail)
    return Denial(Code.VENUE_UNDERFUNDED, detail)


def _record(
    services: WorkerServices, decision: PendingDecision, seen: AgentSnapshot, verdict: Verdict, quote: Quote | None
) -> None:
    with services.book.unit_of_work() as session:
        _write(session, decision, seen, verdict, quote)


def _write(
    session: Session, decision: PendingDecision, seen: AgentSnapshot, verdict: Verdict, quote: Quote | None
) -> bool:
    """The verdict, and the quote that it was found at as the symbol's mark; False if another worker was first."""
    holdings.store_marks(session, [] if quote is None else [quote])
    return decisions.record_verdict(session, decision, verdict, quote=quote, profile_version=seen.profile_version)


def _order(
    services: WorkerServices,
    decision: PendingDecision,
    seen: AgentSnapshot,
    verdict: Verdict,
    shares: Shares,
    quote: Quote,
) -> None:
    """Commit the decision together with its order, then send it."""
    if verdict.block is None:
        return
    intent = Intent(
        client_order_id=client_order_id(seen.name, verdict.block.symbol, verdict.block.side, decision.signal.id),
        seen=seen,
        block=verdict.block,
        reason="signal" if verdict.block.side is Side.BUY else ExitReason.OPPOSITE_SIGNAL.value,
        quote=quote,
        decision_id=decision.id,
        shares=shares,
    )

    def record(session: Session) -> bool:
        return _write(session, decision, seen, verdict, quote)

    commit_and_place(services, intent, record)
