"""How views reach what was wired for them, and the agents they may name."""

from typing import cast

from flask import current_app, g

from agents.errors import NotFoundError
from agents.profiles import RiskProfile
from runtime.bootstrap import ControlServices

EXTENSION = "control"


def services() -> ControlServices:
    """What the application was made with, or what the present request uses instead."""
    return cast("ControlServices", g.get(EXTENSION) or current_app.extensions[EXTENSION])


def use_services(changed: ControlServices) -> None:
    """Have the present request use ``changed`` from now on."""
    setattr(g, EXTENSION, changed)


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
