"""The limits that an agent is to trade under, made known to the book."""

import functools
from collections.abc import Mapping

from agents.errors import NotFoundError
from agents.profile_fields import content
from agents.profiles import RiskProfile
from journal import profiles
from journal.holdings import AgentSnapshot
from runtime.bootstrap import WorkerServices

WORKER = "worker"
"""Who changes a profile that differs from the book's, as the audit log names it."""


def adopt_profile(services: WorkerServices, seen: AgentSnapshot) -> bool:
    """Have the book know the limits that the agent is to trade under; whether it knew others.

    Raises:
        NotFoundError: no profile has its name any more.
    """
    profile = services.profiles.get(seen.name)
    if profile is None:
        raise NotFoundError(f"agent {seen.name} has no profile any more: put it back into PROFILES_FILE")
    if seen.profile == _content(profile):
        return False
    with services.book.unit_of_work() as session:
        return profiles.adopt(session, profile, actor=WORKER)


@functools.lru_cache(maxsize=1024)
def _content(profile: RiskProfile) -> Mapping[str, str | None]:
    return content(profile)
