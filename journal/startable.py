"""Which accounts an agent may be started for; the reasons against it are told by the position of each."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from agents.control import Command, status_after
from agents.errors import ConflictError, InvalidEntriesError, RefusedEntriesError
from agents.model import Status
from journal.models import Agent
from journal.serving import Known, Opening

HOUSE, DUST = "house-", "dust-"
"""How the ids of an agent's own accounts begin; the agent's name follows."""


def check_ids(agent: str, openings: Sequence[Opening]) -> None:
    """Refuse ids that the agent cannot have, and those that are there twice.

    Raises:
        InvalidEntriesError: there are some.
    """
    found: dict[int, str] = {}
    seen: set[str] = set()
    for position, one in enumerate(openings):
        name = one.account_id
        if name.startswith(DUST) or (name.startswith(HOUSE) and name != HOUSE + agent):
            found[position] = f"ids beginning with {HOUSE} and {DUST} are the agents' own"
        elif name in seen:
            found[position] = f"{name} is there twice"
        seen.add(name)
    if found:
        raise InvalidEntriesError("accounts", found)


def check_accounts(agent: Agent, openings: Sequence[Opening], known: Known) -> None:
    """Refuse accounts that exist and can neither be started nor taken over.

    Raises:
        RefusedEntriesError: there are some.
    """
    found = {}
    for position, one in enumerate(openings):
        if one.account_id in known and (reason := _refusal(agent, known[one.account_id])):
            found[position] = reason
    if found:
        raise RefusedEntriesError("accounts", found)


def _refusal(agent: Agent, account: Row[Any]) -> str | None:
    """Why an account that exists cannot be started, and what to do instead; None if it can."""
    if account.is_closed or account.is_closing:
        return f"account {account.id} is {'closed' if account.is_closed else 'being closed'}: open another one"
    if account.agent != agent.name and (account.status != Status.STOPPED or account.holds):
        return (
            f"account {account.id} is assigned to agent {account.agent} and is {account.status}"
            f"{' with open positions' if account.holds else ''}: stop it there with close_positions first"
        )
    try:
        status_after(Status(account.status), Command.START, subject=f"account {account.id}")
    except ConflictError as error:
        return str(error)
    return None
