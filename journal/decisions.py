"""Decisions: what a pending one is about, and how its outcome is recorded, once."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents import model
from agents.decision import Verdict
from agents.model import Action, Quote
from agents.risk import Code
from journal.direct import Direct
from journal.holdings import AgentSnapshot, snapshot_in

RECONCILED_WITHIN = timedelta(minutes=2)
"""So long what was found unassigned counts: two rounds of the periodic reconciliation."""
LONGEST_TRANSACTION = timedelta(minutes=1)
"""Deposits committed later than they are dated are dated no earlier than this."""

BASIS = """
SELECT * FROM trading.pending_decision(
    %(decision)s, CAST(%(reconciled_within)s AS interval), CAST(%(longest_transaction)s AS interval))
"""
RECORD = """
trading.record_verdict(
    %(decision)s, %(code)s, %(detail)s, %(profile_version)s, %(symbol)s, %(bid)s, %(ask)s, CAST(%(seen_at)s AS timestamptz), CAST(%(counts)s AS jsonb),
    CAST(%(codes)s AS text[]), CAST(%(sizes)s AS int[]), CAST(%(accounts)s AS text[]))
"""
"""Gives the decision's id, or nothing if it is made already."""


@dataclass(frozen=True, slots=True)
class PendingDecision:
    """A decision to be made: by whom, and on what."""

    id: int
    agent: str
    signal: model.Signal


@dataclass(frozen=True, slots=True)
class Basis:
    """A decision to be made, and all that the book says of it at one moment."""

    decision: PendingDecision
    seen: AgentSnapshot
    marks: Mapping[str, Decimal]
    """The last known bid of every symbol."""
    at: datetime
    """The moment, by the book's clock."""
    unassigned: Mapping[str, Decimal]
    """What the exchange held beyond what accounts own when both were last reconciled, less all deposits since; by asset.

    Our own orders change both sides alike. Empty if that was longer ago than :data:`RECONCILED_WITHIN`.
    """


def load_basis(direct: Direct, decision_id: int) -> Basis | None:
    """The decision if it is still to be made, with all that it is made on; else None."""
    ages = {"reconciled_within": RECONCILED_WITHIN, "longest_transaction": LONGEST_TRANSACTION}
    row = direct.row(BASIS, {"decision": decision_id, **ages})
    if row is None:
        return None
    signal = model.Signal(row.signal, row.traded, Action(row.action), row.confidence, row.price, row.signal_at)
    seen = snapshot_in(row)
    return Basis(
        decision=PendingDecision(decision_id, seen.name, signal),
        seen=seen,
        marks=_amounts(row.marks),
        at=row.read_at,
        unassigned=_amounts(row.unassigned),
    )


def _amounts(texts: Mapping[str, str] | None) -> Mapping[str, Decimal]:
    return {name: Decimal(amount) for name, amount in (texts or {}).items()}


@dataclass(frozen=True, slots=True)
class Decided:
    """The outcome of a decision, to be recorded."""

    decision: PendingDecision
    verdict: Verdict
    quote: Quote | None
    """At which it was found; it becomes the symbol's mark."""
    profile_version: int

    def parameters(self) -> Mapping[str, object]:
        """Those of :data:`RECORD`."""
        verdict, quote = self.verdict, self.quote
        counts = {code.value: len(numbers) for code, numbers in verdict.accounts.items()}
        return {
            "decision": self.decision.id,
            "code": verdict.code.value,
            "detail": verdict.detail,
            "counts": json.dumps(counts) if counts else None,
            "profile_version": self.profile_version,
            "symbol": self.decision.signal.symbol,
            "bid": quote.bid if quote else None,
            "ask": quote.ask if quote else None,
            "seen_at": quote.at if quote else None,
            "codes": list(counts),
            "sizes": list(counts.values()),
            "accounts": [as_multirange(numbers) for numbers in verdict.accounts.values()],
        }


def record(direct: Direct, decided: Decided) -> None:
    """Write an outcome that comes to no order; none is written if another worker already has."""
    direct.rows(f"SELECT * FROM {RECORD}", decided.parameters())  # noqa: S608 - our own text


def record_malformed(session: Session, signal_id: str, agent: str, detail: str) -> None:
    """Record that a polled signal made no sense, unless that is recorded already."""
    session.execute(
        text("""
        INSERT INTO trading.decisions (signal_id, agent, code, detail, counts, decided_at)
        VALUES (:signal, :agent, :code, :detail, '{}', clock_timestamp()) ON CONFLICT DO NOTHING
        """),
        {"signal": signal_id, "agent": agent, "code": Code.MALFORMED_SIGNAL.value, "detail": detail},
    )


def as_multirange(numbers: Iterable[int]) -> str:
    """Account numbers as PostgreSQL writes a multirange: runs of neighbours take one range, ``{[1,4),[7,8)}``."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number:
            ranges[-1][1] = number + 1
        else:
            ranges.append([number, number + 1])
    return "{" + ",".join(f"[{low},{high})" for low, high in ranges) + "}"
