"""After a control call is in the book: telling Redis, and answering with the agent's or account's standing."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from agents.errors import NotFoundError
from api.services import profile_of, services
from journal import breaker_queries, control, queries
from journal.switch import Switch
from runtime.publishing import publish

logger = logging.getLogger(__name__)


def announce(agent: str) -> Mapping[str, str]:
    """Publish an agent's state as the book has it now.

    Returns:
        Nothing, or a ``warning`` if Redis is out of reach; workers repair it from the book.
    """
    at_hand = services()
    with at_hand.book.reading() as session:
        publication = control.publication(session, agent)
    if publication is None:
        return {}
    return _published(lambda: publish(publication, state=at_hand.state, queue=at_hand.queue))


def announce_switch(position: Switch) -> Mapping[str, str]:
    """Publish how the switch stands; returns what :func:`announce` returns."""
    return _published(lambda: services().state.put_trading_state(position.state, position.version))


def _published(publication: Callable[[], None]) -> Mapping[str, str]:
    try:
        publication()
    except RedisError as error:
        logger.warning("committed but not published, rehydrating will: %s", error)
        return {"warning": "committed, but Redis is out of reach: workers act on it once it is back"}
    return {}


def standing(agent: str, account_id: str | None) -> dict[str, Any]:
    """State, money and results of an agent as a whole, or of one account of it.

    Raises:
        NotFoundError: there is no such agent, or it has no such account.
    """
    profile_of(agent)
    with services().book.reading() as session:
        view = view_of(session, agent, account_id)
        return described(session, [view])[0]


def view_of(session: Session, agent: str, account_id: str | None) -> queries.View:
    """What the book knows of an agent as a whole, or of one account of it.

    Raises:
        NotFoundError: there is no such agent, or it has no such account.
    """
    profile_of(agent)
    return queries.agent_views(session, [agent])[0] if account_id is None else account_of(session, agent, account_id)


def account_of(session: Session, agent: str, account_id: str) -> queries.View:
    """One account of an agent.

    Raises:
        NotFoundError: the agent has no such account.
    """
    view = queries.account_view(session, account_id, agent=agent)
    if view is None:
        raise NotFoundError(f"agent {agent} has no account {account_id}")
    return view


def described(session: Session, views: Sequence[queries.View]) -> list[dict[str, Any]]:
    """Add what stands against entries, the agent's style, and its symbols before the first start."""
    return [_with_profile(view) for view in breaker_queries.with_breakers(session, views)]


def _with_profile(view: queries.View) -> dict[str, Any]:
    """An agent that is in no profile any more has no style."""
    profile = services().profiles.get(view["agent"])
    if profile is None:
        return {**view, "style": None}
    return {**view, "style": profile.style, "symbols": view["symbols"] or list(profile.symbols)}
