"""A pushed signal: decided at once, under its agent's lease."""

import time

from runtime.bootstrap import WorkerServices
from tasks.deciding import decide, load_basis
from tasks.pricing import asked_ahead
from tasks.resolving import resolve_orders

LEASE_WAIT_SECONDS = 20
BASIS_NANOSECONDS = 100_000_000
"""What was read before the lease was taken is read again if that took longer, for another worker had the agent then."""


def decide_pushed(services: WorkerServices, decision_id: int, symbol: str | None) -> str:
    """Make one pending decision now; a decision made already is left alone.

    Args:
        services: the worker's.
        decision_id: the decision.
        symbol: the signal's, from the first to announce it: its prices are asked for while the book is read. What is
            announced again may be decided by now, and is not worth a request.

    Returns:
        What came of it, for the log.
    """
    begun = time.monotonic_ns()
    with asked_ahead(services, (symbol,) if symbol else (), then_order=True) as asked:
        basis = load_basis(services, decision_id)
        if basis is None:
            return "nothing pending"
        agent = basis.seen.name
        with services.state.lease(agent, LEASE_WAIT_SECONDS) as lease:
            if lease is None:
                return "busy elsewhere, the sweeper asks again"
            if time.monotonic_ns() - begun < BASIS_NANOSECONDS and not basis.seen.has_unresolved_order:
                decide(services, decision_id, basis, asked)
                return "done"
            resolve_orders(services, agent, lease)
            decide(services, decision_id)
    return "done"
