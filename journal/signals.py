"""Signals as they come in: each stored once, and one decision asked of each agent it is meant for."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from agents import model
from agents.errors import ConflictError
from journal.direct import Direct
from journal.models import Decision, Signal

TAKE_IN_NEW = """
SELECT * FROM trading.take_in_signal(
    %(id)s, %(source)s, %(symbol)s, %(action)s, %(confidence)s, %(price)s, CAST(%(signal_at)s AS timestamptz), %(agent)s, %(sender)s,
    CAST(%(said)s AS jsonb)) AS decision (id)
"""
"""Gives the decision's id, or nothing where nothing is written."""
REQUEST = text("""
INSERT INTO trading.decisions (signal_id, agent) VALUES (:signal, :agent) ON CONFLICT DO NOTHING RETURNING id
""")


def take_in_new(
    direct: Direct, *, source: str, signal: model.Signal, agent: str, sender: str | None = None
) -> int | None:
    """Keep a pushed signal, ask the agent's decision on it, and note who sent it, all in one statement.

    Args:
        direct: the way to the book.
        source: how it came: ``webhook`` or ``manual``.
        signal: what it says.
        agent: who decides.
        sender: who sent it by hand, for the audit log; None: nobody did.

    Returns:
        The id of the decision; None if the signal is known or the agent is not, and then nothing is written.
    """
    values = {**_row(signal, source), "agent": agent, "sender": sender, "said": json.dumps(said(signal))}
    row = direct.row(TAKE_IN_NEW, values)
    return None if row is None else int(row.id)


def take_in(session: Session, *, source: str, signal: model.Signal, agent: str) -> int:
    """Keep a pushed signal and ask the agent's decision on it; what is known already stays as it is.

    Args:
        session: the open unit of work.
        source: how it came: ``webhook`` or ``manual``.
        signal: what it says.
        agent: who decides; one that was started.

    Returns:
        The id of the decision, which is pending if it is new.

    Raises:
        ConflictError: the signal's id is known with other content.
    """
    created = take_in_new(Direct.of(session), source=source, signal=signal, agent=agent)
    if created is not None:
        return created
    differing = _difference(session.get_one(Signal, signal.id), signal)
    if differing:
        raise ConflictError(f"signal {signal.id} is known with another {differing}: use a new id")
    return _request_decision(session, signal.id, agent)


def said(signal: model.Signal) -> Mapping[str, str]:
    """A signal that was sent by hand, as the audit log has it."""
    return {
        "signal_id": signal.id,
        "symbol": signal.symbol,
        "action": signal.action.value,
        "confidence": model.plain(signal.confidence),
        "price": model.plain(signal.price),
    }


def _row(signal: model.Signal, source: str) -> dict[str, object]:
    return {
        "id": signal.id,
        "source": source,
        "symbol": signal.symbol,
        "action": signal.action.value,
        "confidence": signal.confidence,
        "price": signal.price,
        "signal_at": signal.at,
    }


def _request_decision(session: Session, signal_id: str, agent: str) -> int:
    created: int | None = session.scalar(REQUEST, {"signal": signal_id, "agent": agent})
    if created is not None:
        return created
    return session.scalars(select(Decision.id).filter_by(signal_id=signal_id, agent=agent)).one()


def _difference(known: Signal, signal: model.Signal) -> str | None:
    """The first field in which a signal contradicts the one that is known under its id."""
    fields = ("symbol", "action", "confidence", "price")
    return next((field for field in fields if getattr(known, field) != getattr(signal, field)), None)


def store_polled(session: Session, agent: str, signals: Sequence[model.Signal]) -> list[tuple[model.Signal, str]]:
    """Keep the signals of one poll and ask the agent's decision on each; what is known already stays as it is.

    Returns:
        The signals that cannot be kept because their id is known with other content, and the field that differs.
    """
    if not signals:
        return []
    rows = [_row(signal, "poll") for signal in sorted(signals, key=lambda signal: signal.id)]
    session.execute(insert(Signal).values(rows).on_conflict_do_nothing())
    ids = [row["id"] for row in rows]
    known = {row.id: row for row in session.scalars(select(Signal).where(Signal.id.in_(ids)))}
    differences = [(signal, _difference(known[signal.id], signal)) for signal in signals]
    kept = sorted(signal.id for signal, field in differences if field is None)
    if kept:
        decisions = [{"signal_id": signal_id, "agent": agent} for signal_id in kept]
        session.execute(insert(Decision).values(decisions).on_conflict_do_nothing())
    return [(signal, field) for signal, field in differences if field is not None]


def store_malformed(session: Session, *, signal_id: str, raw: str) -> None:
    """Keep a polled signal that makes no sense, as the text it came as, so that its decision can say so."""
    statement = insert(Signal).values(id=signal_id, source="poll", raw={"text": raw})
    session.execute(statement.on_conflict_do_nothing())


def pending_decisions(session: Session, agent: str) -> list[int]:
    """The agent's decisions that no worker has made yet, oldest first."""
    statement = select(Decision.id).filter_by(agent=agent, decided_at=None).order_by(Decision.id)
    return list(session.scalars(statement))


def forgotten_decisions(session: Session, older_than_seconds: int) -> list[int]:
    """Decisions still pending after ``older_than_seconds``, of all agents: their wake-up call was lost."""
    age = func.make_interval(0, 0, 0, 0, 0, 0, older_than_seconds)
    statement = select(Decision.id).where(Decision.decided_at.is_(None), Decision.created_at < func.now() - age)
    return list(session.scalars(statement.order_by(Decision.id)))
