"""The trading tasks, thin: a tick, a pushed signal, the resolving of open orders. Safe to trigger twice."""

import time

from celery import shared_task

from journal import ledger
from tasks.celery import services
from tasks.deciding import decide, load_basis
from tasks.pricing import asked_ahead
from tasks.resolving import resolve_orders
from tasks.tick import run_due

LEASE_WAIT_SECONDS = 20
BASIS_NANOSECONDS = 100_000_000
"""What was read before the lease was taken is read again if that took longer, for another worker had the agent then."""


@shared_task(name="agents.tick")
def tick(agent: str) -> str:
    """Run one tick of ``agent``, unless another worker is at it, and one of an agent that was passed over."""
    return "done" if run_due(services(), agent) else "busy elsewhere"


@shared_task(name="agents.signal")
def signal(decision_id: int, symbol: str | None = None) -> str:
    """Make one pending decision now, under the agent's lease; a decision made already is left alone.

    Args:
        decision_id: the decision.
        symbol: the signal's, from the first to announce it: its prices are asked for meanwhile. What is announced again
            may be decided by now, and is not worth a request.
    """
    wired = services()
    begun = time.monotonic_ns()
    with asked_ahead(wired, symbol) as asked:
        basis = load_basis(wired, decision_id)
        if basis is None:
            return "nothing pending"
        agent = basis.seen.name
        with wired.state.lease(agent, LEASE_WAIT_SECONDS) as lease:
            if lease is None:
                return "busy elsewhere, the sweeper asks again"
            if time.monotonic_ns() - begun < BASIS_NANOSECONDS and not basis.seen.has_unresolved_order:
                decide(wired, decision_id, basis, asked)
                return "done"
            if asked is not None:
                asked.wait()
            resolve_orders(wired, agent, lease)
            decide(wired, decision_id)
    return "done"


@shared_task(name="orders.resolve")
def resolve() -> str:
    """Look up every order whose outcome is unknown, of every agent that no worker is busy with."""
    wired = services()
    with wired.book.reading() as session:
        agents = ledger.agents_with_unresolved_orders(session)
    still_open = 0
    for agent in agents:
        with wired.state.lease(agent, wait_seconds=0) as lease:
            if lease is not None:
                still_open += resolve_orders(wired, agent, lease)
    return f"{len(agents)} agents, {still_open} orders still open"
