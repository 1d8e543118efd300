"""Which positions an exit sells: chosen, summed and claimed where they are, whatever their number."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from agents.errors import StaleStateError
from agents.model import ExitReason
from journal.breaker_models import STANDS
from journal.database import FOR_MANY_ROWS, MANY_ROWS, expect_rows

CHOSEN = """
p.agent = :agent AND p.symbol = :symbol AND p.closed_at IS NULL AND p.exit_order_id IS NULL AND a.id = p.account_id
"""

NOT_STOPPED = "AND (a.status <> 'stopped' OR a.kind = 'dust' OR a.close_requested_at IS NOT NULL)"
"""Stopped accounts keep their positions unless an operator asks to close them."""

OF_ENTRIES = f"{NOT_STOPPED} AND (p.entry_order_id = ANY(:entries) OR a.kind = 'dust')"
REQUESTED = "AND (a.close_requested_at IS NOT NULL OR a.kind = 'dust')"

_TRIPPED = f"FROM trading.breakers b WHERE {STANDS} AND b.action = 'close' AND b.kind = :kind"
OF_BREAKER = f"""{NOT_STOPPED} AND (
    a.kind = 'dust' OR a.id IN (SELECT b.account_id {_TRIPPED} AND b.scope = 'account')
    OR EXISTS (SELECT {_TRIPPED} AND b.scope = 'agent' AND b.agent = :agent))
"""

SUM = """
{for_many_rows}
WHERE EXISTS (SELECT FROM trading.positions WHERE agent = :agent AND symbol = :symbol AND closed_at IS NULL OFFSET {many});
SELECT coalesce(array_agg(a.number) FILTER (WHERE a.kind <> 'dust'), '{{}}') AS numbers,
       count(*) AS positions, coalesce(sum(p.quantity), 0) AS quantity
FROM trading.positions p, trading.accounts a WHERE {chosen}
"""
"""In one round trip, planned for as many positions as there are, see :func:`journal.database.expect_rows`."""

CLAIM = """
WITH claimed AS (
    UPDATE trading.positions p SET exit_order_id = :order FROM trading.accounts a WHERE {chosen}
    RETURNING p.account_id, p.quantity
), shared AS (
    INSERT INTO trading.shares (order_id, account_id, quantity, reserved)
    SELECT :order, account_id, quantity, 0 FROM claimed ORDER BY account_id COLLATE "C"
    RETURNING quantity
)
SELECT count(*) AS positions, coalesce(sum(quantity), 0) AS quantity FROM shared
"""

ACCOUNTS = "SELECT a.id FROM trading.positions p, trading.accounts a WHERE {chosen} AND a.kind <> 'dust'"


@dataclass(frozen=True, slots=True)
class Leaving:
    """Positions in one symbol that no exit order holds already, and the agent's dust in it."""

    agent: str
    symbol: str
    condition: str
    """SQL on positions ``p`` and their accounts ``a``."""
    more: Mapping[str, object] = field(default_factory=dict)
    """Parameters of the condition."""

    def statement(self, frame: str) -> TextClause:
        """One of this module's statements for these positions."""
        return _statement(frame, self.condition)

    def parameters(self) -> dict[str, object]:
        """Those of the statements here."""
        return {"agent": self.agent, "symbol": self.symbol, **self.more}


@functools.cache
def _statement(frame: str, condition: str) -> TextClause:
    return text(frame.format(chosen=CHOSEN + condition, for_many_rows=FOR_MANY_ROWS, many=MANY_ROWS - 1))


@dataclass(frozen=True, slots=True)
class ExitWants:
    """What an exit sells: how many positions, of which accounts by number (the dust account left out), how much."""

    leaving: Leaving
    numbers: Sequence[int]
    positions: int
    quantity: Decimal

    def write(self, session: Session, order_id: int) -> None:
        """Claim the positions for the order, each whole as its account's share.

        Raises:
            StaleStateError: there are others by now, or another exit took one.
        """
        expect_rows(session, self.positions)
        statement, parameters = self.leaving.statement(CLAIM), {**self.leaving.parameters(), "order": order_id}
        row = session.execute(statement, parameters).one()
        if (row.positions, row.quantity) != (self.positions, self.quantity):
            raise StaleStateError("an account or position changed since it was read")


def signalled(agent: str, symbol: str) -> Leaving:
    """All of the agent's positions in ``symbol`` of accounts that are not stopped."""
    return Leaving(agent, symbol, NOT_STOPPED)


def of_entries(agent: str, symbol: str, entries: Sequence[int]) -> Leaving:
    """The same, limited to what the given entry orders opened."""
    return Leaving(agent, symbol, OF_ENTRIES, {"entries": list(entries)})


def requested(agent: str, symbol: str) -> Leaving:
    """Those of accounts whose positions an operator asked to close."""
    return Leaving(agent, symbol, REQUESTED)


def of_breaker(agent: str, symbol: str, kind: ExitReason) -> Leaving:
    """Those that a breaker of this kind closes."""
    return Leaving(agent, symbol, OF_BREAKER, {"kind": kind.value})


def wants(session: Session, leaving: Leaving) -> ExitWants:
    """How much leaves, and whose."""
    row = session.execute(leaving.statement(SUM), leaving.parameters()).one()
    return ExitWants(leaving, sorted(row.numbers), row.positions, row.quantity)


def account_ids(session: Session, leaving: Leaving) -> set[str]:
    """Whose positions they are."""
    return set(session.scalars(leaving.statement(ACCOUNTS), leaving.parameters()))
