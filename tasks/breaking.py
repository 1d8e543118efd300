"""Losses against limits, once per tick: what trips is kept in the book and told."""

import logging

from journal import breakers
from runtime.bootstrap import WorkerServices

logger = logging.getLogger(__name__)


def judge_losses(services: WorkerServices, agent: str) -> bool:
    """Judge the agent's accounts, the agent and the service by the last known prices; whether anything tripped."""
    with services.book.unit_of_work() as session:
        tripped = breakers.judge(session, services.profiles[agent], services.settings.service_limits)
    for breaker in tripped:
        logger.warning("%s: breaker %s of the %s: %s", agent, breaker.kind, breaker.scope, breaker.reason)
        services.alerts.send(f"Breaker {breaker.kind} ({breaker.scope}) at a tick of {agent}", breaker.reason)
    return bool(tripped)
