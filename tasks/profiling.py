"""The agent as the book has it, and the limits it is to trade under."""

from agents.errors import NotFoundError
from agents.profile_fields import content
from journal import holdings, profiles
from journal.holdings import AgentSnapshot
from runtime.bootstrap import WorkerServices

WORKER = "worker"
"""Who changes a profile that differs from the book's, as the audit log names it."""


def current_agent(services: WorkerServices, agent: str) -> AgentSnapshot:
    """The agent now; if its limits are no longer those in the book, they are adopted first.

    Raises:
        NotFoundError: it was never started, or no profile has its name any more.
    """
    profile = services.profiles.get(agent)
    if profile is None:
        raise NotFoundError(f"agent {agent} has no profile any more: put it back into PROFILES_FILE")
    with services.book.reading() as session:
        seen = holdings.agent_snapshot(session, agent)
    if seen.profile == content(profile):
        return seen
    with services.book.unit_of_work() as session:
        profiles.adopt(session, profile, actor=WORKER)
        return holdings.agent_snapshot(session, agent)
