"""The trading tasks, thin: a tick, a pushed signal, the resolving of open orders. Safe to trigger twice."""

from celery import shared_task

from journal import ledger
from tasks.celery import services
from tasks.pushing import decide_pushed
from tasks.resolving import resolve_orders
from tasks.tick import run_due


@shared_task(name="agents.tick")
def tick(agent: str) -> str:
    """Run one tick of ``agent``, unless another worker is at it, and one of an agent that was passed over."""
    return "done" if run_due(services(), agent) else "busy elsewhere"


@shared_task(name="agents.signal")
def signal(decision_id: int, symbol: str | None = None) -> str:
    """Make one pending decision now, under the agent's lease; a decision made already is left alone."""
    return decide_pushed(services(), decision_id, symbol)


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
