"""Decisions: what a pending one is about, and how its outcome is recorded, once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from agents import model
from agents.decision import Verdict
from agents.model import Action, Quote
from agents.risk import Code
from journal.models import Account, Decision

PENDING = text("""
SELECT d.agent, s.id, s.symbol, s.action, s.confidence, s.price, s.signal_at
FROM trading.decisions d JOIN trading.signals s ON s.id = d.signal_id
WHERE d.id = :decision AND d.decided_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class PendingDecision:
    """A decision to be made: by whom, and on what."""

    id: int
    agent: str
    signal: model.Signal


def load_pending(session: Session, decision_id: int) -> PendingDecision | None:
    """The decision if it is still to be made, else None."""
    row = session.execute(PENDING, {"decision": decision_id}).one_or_none()
    if row is None:
        return None
    signal = model.Signal(row.id, row.symbol, Action(row.action), row.confidence, row.price, row.signal_at)
    return PendingDecision(decision_id, row.agent, signal)


def agent_of(session: Session, decision_id: int) -> str | None:
    """The agent that has to decide, or None if nothing is pending."""
    return session.scalar(select(Decision.agent).where(Decision.id == decision_id, Decision.decided_at.is_(None)))


def record_verdict(
    session: Session, decision: PendingDecision, verdict: Verdict, *, quote: Quote | None, profile_version: int
) -> bool:
    """Write the outcome; False if another worker already has, and then nothing is written."""
    counts = {code.value: len(numbers) for code, numbers in verdict.accounts.items()}
    statement = (
        update(Decision)
        .where(Decision.id == decision.id, Decision.decided_at.is_(None))
        .values(
            code=verdict.code.value,
            detail=verdict.detail,
            counts=counts or {verdict.code.value: _accounts_of(session, decision.agent)},
            profile_version=profile_version,
            bid=quote.bid if quote else None,
            ask=quote.ask if quote else None,
            decided_at=func.clock_timestamp(),
        )
        .returning(Decision.id)
    )
    if session.scalar(statement) is None:
        return False
    for code, numbers in verdict.accounts.items():
        _record_outcome(session, decision.id, code, numbers)
    return True


def record_malformed(session: Session, signal_id: str, agent: str, detail: str) -> None:
    """Record that a polled signal made no sense, unless that is recorded already."""
    session.execute(
        text("""
        INSERT INTO trading.decisions (signal_id, agent, code, detail, counts, decided_at)
        VALUES (:signal, :agent, :code, :detail, '{}', clock_timestamp()) ON CONFLICT DO NOTHING
        """),
        {"signal": signal_id, "agent": agent, "code": Code.MALFORMED_SIGNAL.value, "detail": detail},
    )


def _accounts_of(session: Session, agent: str) -> int:
    statement = (
        select(func.count())
        .select_from(Account)
        .where(Account.agent == agent, Account.kind != "dust", Account.closed_at.is_(None))
    )
    return session.scalars(statement).one()


def _record_outcome(session: Session, decision_id: int, code: Code, numbers: Sequence[int]) -> None:
    statement = text("""
        INSERT INTO trading.decision_outcomes (decision_id, code, accounts_count, accounts)
        VALUES (:decision, :code, :count, CAST(:accounts AS int8multirange))
    """)
    values = {"decision": decision_id, "code": code.value, "count": len(numbers), "accounts": as_multirange(numbers)}
    session.execute(statement, values)


def as_multirange(numbers: Iterable[int]) -> str:
    """Account numbers as PostgreSQL writes a multirange: runs of neighbours take one range, ``{[1,4),[7,8)}``."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number:
            ranges[-1][1] = number + 1
        else:
            ranges.append([number, number + 1])
    return "{" + ",".join(f"[{low},{high})" for low, high in ranges) + "}"
