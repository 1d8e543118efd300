"""Which limits an agent trades under: a change raises their version and is audited, and each decision names its own."""

from sqlalchemy.orm import Session

from agents.profile_fields import content
from agents.profiles import RiskProfile
from journal import audit_log
from journal.control import lock_agent
from journal.models import Agent

ACTION = "change profile"


def adopt(session: Session, profile: RiskProfile, *, actor: str) -> bool:
    """Have an agent trade under ``profile`` from now on; False if it does already, or was never started.

    What was decided before under other limits and is not sent yet has to be decided anew.
    """
    agent = lock_agent(session, profile.name)
    return agent is not None and adopt_locked(session, agent, profile, actor=actor)


def adopt_locked(session: Session, agent: Agent, profile: RiskProfile, *, actor: str) -> bool:
    """The same for an agent whose row is locked."""
    limits = content(profile)
    if agent.profile == limits:
        return False
    former = agent.profile or {}
    changed = [name for name, value in limits.items() if former.get(name) != value]
    before = {"profile_version": str(agent.profile_version), **{name: former.get(name) for name in changed}}
    agent.profile = dict(limits)
    agent.profile_version += 1
    agent.revision += 1
    agent.book_version += 1
    session.flush()
    after = {"profile_version": str(agent.profile_version), **{name: limits[name] for name in changed}}
    audit_log.record(session, actor=actor, action=ACTION, agent=agent.name, account_id=None, before=before, after=after)
    return True
