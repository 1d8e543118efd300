"""How views reach what was wired for them, and the agents they may name."""

from typing import cast

from flask import current_app

from agents.errors import NotFoundError
from agents.profiles import RiskProfile
from runtime.bootstrap import ControlServices

EXTENSION = "control"


def services() -> ControlServices:
    """What the application was made with."""
    return cast("ControlServices", current_app.extensions[EXTENSION])


def profile_of(agent: str) -> RiskProfile:
    """The agent's risk profile.

    Raises:
        NotFoundError: there is no such agent.
    """
    profiles = services().profiles
    profile = profiles.get(agent)
    if profile is None:
        raise NotFoundError(f"there is no agent {agent}; there are {', '.join(profiles)}")
    return profile
