"""Starting accounts for requests that come at once: by one transaction, each with an answer or an error of its own.

Every start holds its agent's row until it is committed, so that one by one they would wait for one another's commits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.errors import TradingError
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
    new = {started.account_id: started.opened}
    return _answers(request.profile.name, new, agent_started=started.agent_started)[0]


def _carry_out(wishes: Sequence[Wish]) -> Sequence[Answer | Exception]:
    if len(wishes) > 1:
        try:
            return _all(wishes)
        except TradingError:
            # One that cannot be ends all of it; whose it was shows when each is tried.
            pass
    return [_one(wish) for wish in wishes]


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
    new = {one.account_id: one.account_id not in existed for one in openings}
    return _answers(many.profile.name, new, agent_started=started.agent_started)


def _answers(agent: str, opened: Mapping[str, bool], *, agent_started: bool) -> list[Answer]:
    """How the accounts stand, in the order of ``opened``, with whether each is new."""
    with services().book.reading() as session:
        views = described(session, queries.views_of_accounts(session, list(opened)))
    # Workers know an agent that was running already.
    told = announce(agent) if agent_started else {}
    found = {view["account_id"]: view for view in views}
    return [{**found[name], "opened": is_new, **told} for name, is_new in opened.items()]


_STARTS: Together[Wish, Answer] = Together(_carry_out)
