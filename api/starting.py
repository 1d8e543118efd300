"""Starting accounts for requests that come at once: by one transaction, each with an answer or an error of its own.

Every start holds its agent's row until it is committed, so that one by one they would wait for one another's commits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from agents.errors import InvalidEntriesError, RefusedEntriesError, TradingError
from api.control import announce, described
from api.services import services
from api.together import Together
from journal import opening, queries
from journal.opening import StartManyRequest, StartRequest
from journal.preconditions import Precondition, whatever_it_was
from journal.serving import Opening

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """One request to start an account, and who makes it."""

    request: StartRequest
    actor: str


def start_together(request: StartRequest, actor: str) -> Answer:
    """Start an account that the request names, together with others of the same agent; its standing, and whether it is new.

    Args:
        request: names an account, and no symbols, in which requests could differ.
        actor: who asks.

    Raises:
        TradingError: what :func:`journal.opening.start` raises.
    """
    kind = (services().book, request.profile.name, actor)
    return _STARTS.do(kind, Wish(request, actor))


def start_alone(request: StartRequest, actor: str, precondition: Precondition = whatever_it_was) -> Answer:
    """The same in a transaction of its own, which the present request's precondition and key hold for.

    Raises:
        TradingError: what :func:`journal.opening.start` raises.
    """
    with services().book.unit_of_work() as session:
        started = opening.start(session, request, actor=actor, precondition=precondition)
        (answer,) = _standing(session, {started.account_id: started.opened})
    return {**answer, **_told(request.profile.name, agent_started=started.agent_started)}


def _carry_out(wishes: Sequence[Wish]) -> Sequence[Answer | Exception]:
    if len(wishes) <= 1:
        return [_one(wish) for wish in wishes]
    try:
        return _all(wishes)
    except (InvalidEntriesError, RefusedEntriesError) as error:
        named = frozenset(error.reasons)
    except TradingError:
        # Whose it was shows when each is tried.
        named = frozenset(range(len(wishes)))
    # Those that cannot be end all of it. The others go on without them, and each of them hears its own reason.
    others = iter(_carry_out([wish for n, wish in enumerate(wishes) if n not in named]))
    return [_one(wish) if n in named else next(others) for n, wish in enumerate(wishes)]


def _one(wish: Wish) -> Answer | Exception:
    try:
        return start_alone(wish.request, wish.actor)
    except TradingError as error:
        return error


def _all(wishes: Sequence[Wish]) -> Sequence[Answer]:
    first = wishes[0]
    openings = [Opening(str(wish.request.account_id), wish.request.initial_equity) for wish in wishes]
    many = StartManyRequest(first.request.profile, first.request.tick_seconds, openings, first.request.symbols)
    with services().book.unit_of_work() as session:
        started = opening.start_many(session, many, actor=first.actor)
        existed = set(started.restarted)
        answers = _standing(session, {one.account_id: one.account_id not in existed for one in openings})
    told = _told(many.profile.name, agent_started=started.agent_started)
    return [{**answer, **told} for answer in answers]


def _standing(session: Session, opened: Mapping[str, bool]) -> list[Answer]:
    """How the accounts stand, in the order of ``opened``, with whether each is new."""
    views = described(session, queries.views_of_accounts(session, list(opened)))
    found = {view["account_id"]: view for view in views}
    return [{**found[name], "opened": is_new} for name, is_new in opened.items()]


def _told(agent: str, *, agent_started: bool) -> Answer:
    """Workers know an agent that was running already."""
    return announce(agent) if agent_started else {}


_STARTS: Together[Wish, Answer] = Together(_carry_out)
