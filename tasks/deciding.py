"""One signal, one agent: from a pending decision to a recorded one, with a block order or the reason why not."""

import logging
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from agents import model
from agents.allocation import limit_price
from agents.decision import Verdict, decide_entries, decide_exits
from agents.errors import ExchangeError, StaleStateError
from agents.model import Action, ExitReason, Market, Quote, Side, plain
from agents.orders import client_order_id
from agents.profiles import RiskProfile
from agents.risk import Code, Denial, Situation, judge_signal
from journal import decisions, holdings
from journal.decisions import PendingDecision
from journal.holdings import AgentSnapshot
from journal.ledger import Intent
from runtime.bootstrap import WorkerServices
from tasks.execution import commit_and_place

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
        seen = holdings.agent_snapshot(session, decision.agent)
    profile = services.profiles[decision.agent]
    market, quote = _market_data(services, decision.signal.symbol)
    denial = judge_signal(_situation(decision, seen, profile, market, quote))
    if denial is not None or market is None or quote is None:
        denial = denial or Denial(Code.MARKET_DATA_MISSING, "no market data")
        _record(services, decision, seen, Verdict(denial.code, denial.detail, {}), quote)
        return
    verdict = _verdict(services, decision.signal, seen, profile, market, quote)
    if verdict.block is None:
        _record(services, decision, seen, verdict, quote)
        return
    _order(services, decision, seen, verdict, quote)


def _market_data(services: WorkerServices, symbol: str) -> tuple[Market | None, Quote | None]:
    """The symbol's rules and quote, None for what cannot be had; the quote is kept as the symbol's mark."""
    try:
        market = services.exchange.markets().get(symbol)
        quote = services.exchange.quotes([symbol]).get(symbol)
    except ExchangeError as error:
        logger.warning("no market data for %s: %s", symbol, error)
        return None, None
    if quote is not None:
        with services.book.unit_of_work() as session:
            holdings.store_marks(session, [quote])
    return market, quote


def _situation(
    decision: PendingDecision, seen: AgentSnapshot, profile: RiskProfile, market: Market | None, quote: Quote | None
) -> Situation:
    return Situation(
        signal=decision.signal,
        profile=profile,
        symbols=seen.symbols,
        status=seen.status,
        trading=seen.trading,
        quote=quote,
        market=market,
        has_unresolved_order=seen.has_unresolved_order,
        now=datetime.now(UTC),
    )


def _verdict(
    services: WorkerServices,
    signal: model.Signal,
    seen: AgentSnapshot,
    profile: RiskProfile,
    market: Market,
    quote: Quote,
) -> Verdict:
    if signal.action is Action.SELL:
        with services.book.reading() as session:
            positions = holdings.positions_to_sell(session, seen.name, signal.symbol)
        return decide_exits(positions, market, limit_price(Side.SELL, quote, profile.max_slippage, market))
    with services.book.reading() as session:
        accounts = holdings.entry_accounts(session, seen.name, signal.symbol)
    verdict = decide_entries(accounts, profile, market, limit_price(Side.BUY, quote, profile.max_slippage, market))
    return verdict if verdict.block is None else _with_money_at_venue(services, verdict, market)


def _with_money_at_venue(services: WorkerServices, verdict: Verdict, market: Market) -> Verdict:
    """Deny an entry when the exchange holds less quote than the accounts own: their money would not be real."""
    try:
        at_venue = services.exchange.balances().get(market.quote, model.ZERO)
    except ExchangeError as error:
        return _denied(verdict, Code.MARKET_DATA_MISSING, f"the exchange's balance is not known: {error}")
    with services.book.reading() as session:
        assigned = holdings.assigned_cash(session)
    if at_venue >= assigned:
        return verdict
    detail = f"the exchange holds {plain(at_venue)} {market.quote}, the accounts own {plain(assigned)}"
    services.alerts.send("The exchange holds less than the accounts own", detail)
    return _denied(verdict, Code.VENUE_UNDERFUNDED, detail)


def _denied(verdict: Verdict, code: Code, detail: str) -> Verdict:
    accounts = {(code if known is Code.ORDERED else known): numbers for known, numbers in verdict.accounts.items()}
    return Verdict(code, detail, accounts)


def _record(
    services: WorkerServices, decision: PendingDecision, seen: AgentSnapshot, verdict: Verdict, quote: Quote | None
) -> None:
    with services.book.unit_of_work() as session:
        decisions.record_verdict(session, decision, verdict, quote=quote, profile_version=seen.profile_version)


def _order(
    services: WorkerServices,
    decision: PendingDecision,
    seen: AgentSnapshot,
    verdict: Verdict,
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
    )

    def record(session: Session) -> bool:
        return decisions.record_verdict(session, decision, verdict, quote=quote, profile_version=seen.profile_version)

    commit_and_place(services, intent, record)
