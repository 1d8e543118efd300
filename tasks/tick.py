"""One tick of one agent, top to bottom: resolve, price, judge losses, exit, pay withdrawals, pull signals, decide."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from adapters.state import Lease
from agents.errors import ExchangeError, InvalidInputError, SignalSourceError
from agents.model import Quote, Signal, Status
from agents.signals import content_id, parse_signal
from journal import control, decisions, equity, signals
from journal.agenda import Agenda, look
from journal.holdings import AgentSnapshot
from runtime.bootstrap import WorkerServices
from runtime.publishing import publish
from tasks.breaking import TickPrices
from tasks.deciding import decide
from tasks.exiting import Reached, reached, run_exits
from tasks.pricing import Asked, asked_ahead
from tasks.profiling import adopt_profile
from tasks.resolving import resolve_orders
from tasks.withdrawing import serve_withdrawals

RAW_LIMIT = 2000

logger = logging.getLogger(__name__)


def run_due(services: WorkerServices, agent: str) -> bool:
    """Run the tick that is due, and one of an agent that was passed over; False if another worker is busy with ``agent``.

    A tick that waits in the queue for longer than its interval expires. Where workers cannot keep up, that would be the
    same agent's every time, for beat sends them in the same order: its stops would never be looked at.
    """
    todo = _run(services, agent)
    if todo is None or todo.others_wait:
        with services.book.glancing() as session:
            late = control.passed_over(session)
        any(run_tick(services, other) for other in late if other != agent)
    return todo is not None


def run_tick(services: WorkerServices, agent: str) -> bool:
    """Run one tick; False if another worker is busy with this agent, which is no harm."""
    return _run(services, agent) is not None


def _run(services: WorkerServices, agent: str) -> Agenda | None:
    """Run one tick; what there was to do, or None if another worker is busy with this agent."""
    with services.state.lease(agent, wait_seconds=0) as lease:
        return None if lease is None else _tick(services, agent, lease)


def _tick(services: WorkerServices, agent: str, lease: Lease) -> Agenda:
    problems: list[str] = []
    seen, todo, quotes = _see(services, agent, lease, problems)
    prices = TickPrices(services, seen, todo, quotes)
    levels = reached(() if seen.status is Status.STOPPED else todo.brackets, quotes)
    if prices.may_trip or levels or todo.closings or todo.breakers or todo.withdrawals:
        _serve(services, seen, todo, prices, levels, lease, problems)
    lease.renew()
    advised = seen.status is not Status.STOPPED and _pull_signals(services, seen, problems)
    if advised or todo.decisions:
        prices.keep()
        _decide_pending(services, agent, lease)
    if todo.closings or seen.status is Status.STOPPED:
        _rest(services, seen, closings=todo.closings)
    prices.end_tick("; ".join(problems) or None)
    _tell(services, agent, problems)
    return todo


def _see(
    services: WorkerServices, agent: str, lease: Lease, problems: list[str]
) -> tuple[AgentSnapshot, Agenda, Mapping[str, Quote]]:
    """The agent, what awaits it, and quotes of everything it trades or holds, asked for while the book is read."""
    with asked_ahead(services, services.priced.get(agent, ())) as asked:
        seen, todo = _look(services, agent)
        if not seen.has_unresolved_order:
            return seen, todo, _quotes(services, seen, todo, asked, problems)
    resolve_orders(services, agent, lease)
    seen, todo = _look(services, agent)
    return seen, todo, _quotes(services, seen, todo, None, problems)


def _look(services: WorkerServices, agent: str) -> tuple[AgentSnapshot, Agenda]:
    """The agent and what awaits it; if its limits are no longer those in the book, they are adopted first."""
    with services.book.glancing() as session:
        found = look(session, agent)
    return _look(services, agent) if adopt_profile(services, found[0]) else found


def _quotes(
    services: WorkerServices, seen: AgentSnapshot, todo: Agenda, asked: Asked | None, problems: list[str]
) -> Mapping[str, Quote]:
    """Quotes of everything the agent trades or holds; empty if they cannot be had."""
    symbols = {*seen.symbols, *todo.held}
    services.priced[seen.name] = sorted(symbols)
    quotes = None if asked is None else asked.quotes_of(symbols)
    if quotes is not None:
        return quotes
    try:
        return services.exchange.quotes(sorted(symbols))
    except ExchangeError as error:
        problems.append(f"exchange: {error}")
        return {}


def _serve(
    services: WorkerServices,
    seen: AgentSnapshot,
    todo: Agenda,
    prices: TickPrices,
    levels: Reached,
    lease: Lease,
    problems: list[str],
) -> None:
    """Losses, exits, withdrawals."""
    tripped = (prices.keep() or todo.breakers) and seen.status is not Status.STOPPED
    try:
        run_exits(services, seen.name, prices.quotes, levels, closings=todo.closings, tripped=tripped)
    except ExchangeError as error:
        problems.append(f"exits: {error}")
    if todo.withdrawals:
        _serve_withdrawals(services, seen.name, prices.quotes, lease, problems)


def _serve_withdrawals(
    services: WorkerServices, agent: str, quotes: Mapping[str, Quote], lease: Lease, problems: list[str]
) -> None:
    try:
        problems += serve_withdrawals(services, agent, quotes, lease)
    except ExchangeError as error:
        problems.append(f"withdrawals: {error}")


def _pull_signals(services: WorkerServices, seen: AgentSnapshot, problems: list[str]) -> bool:
    """Ask the engine for the agent's symbols and store what it says; a malformed signal spoils no other.

    Returns:
        Whether it said anything.
    """
    try:
        batch = services.ml_engine.batch(seen.symbols)
    except SignalSourceError as error:
        problems.append(f"ml_engine: {error}")
        return False
    if all(raw is None for raw in batch.values()):
        return False
    now = datetime.now(UTC)
    good: list[Signal] = []
    for symbol, raw in batch.items():
        if raw is None:
            continue
        try:
            good.append(parse_signal(raw, received_at=now, expected_symbol=symbol))
        except InvalidInputError as error:
            _record_malformed(services, seen.name, symbol, raw, str(error))
    with services.book.unit_of_work() as session:
        contradicting = signals.store_polled(session, seen.name, good)
    for signal, field in contradicting:
        problem = f"id: {signal.id} is known with another {field}"
        _record_malformed(services, seen.name, signal.symbol, batch[signal.symbol] or {}, problem)
    services.reach("signals_stored")
    return True


def _record_malformed(
    services: WorkerServices, agent: str, symbol: str, raw: Mapping[str, object], problem: str
) -> None:
    # PostgreSQL's text and JSON hold no NUL character, not even an escaped one.
    content = json.dumps(raw, default=str, sort_keys=True).replace("\\u0000", "")[:RAW_LIMIT]
    signal_id = content_id("malformed", symbol, content)
    with services.book.unit_of_work() as session:
        signals.store_malformed(session, signal_id=signal_id, raw=content)
        decisions.record_malformed(session, signal_id, agent, problem)


def _decide_pending(services: WorkerServices, agent: str, lease: Lease) -> None:
    with services.book.reading() as session:
        pending = signals.pending_decisions(session, agent)
    for decision_id in pending:
        lease.renew()
        decide(services, decision_id)


def _rest(services: WorkerServices, seen: AgentSnapshot, *, closings: bool) -> None:
    """Take a stopped agent off the schedule once everything is sold that is to be."""
    agent = seen.name
    with services.book.unit_of_work() as session:
        if seen.status is Status.STOPPED:
            equity.measure(session, agent)
        closed = closings and control.close_done(session, agent)
        may_rest = closed or seen.status is Status.STOPPED
        publication = control.publication(session, agent) if may_rest else None
    if publication is not None and not publication.needs_ticks:
        publish(publication, state=services.state, queue=services.queue)


def _tell(services: WorkerServices, agent: str, problems: list[str]) -> None:
    if problems:
        logger.warning("tick of %s: %s", agent, "; ".join(problems))
        services.alerts.send(f"Tick of {agent} met a problem", "; ".join(problems))
