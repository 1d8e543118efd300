"""Which positions an exit sells: chosen, summed and claimed where they are, whatever their number."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from agents.model import ExitReason
from journal.breaker_models import STANDS
from journal.database import FOR_MANY_ROWS, MANY_ROWS
from journal.direct import Direct

CHOSEN = """
p.agent = %(agent)s AND p.symbol = %(symbol)s AND p.closed_at IS NULL AND p.exit_order_id IS NULL AND a.id = p.account_id
"""

NOT_STOPPED = "AND (a.status <> 'stopped' OR a.kind = 'dust' OR a.close_requested_at IS NOT NULL)"
"""Stopped accounts keep their positions unless an operator asks to close them."""

OF_ENTRIES = f"{NOT_STOPPED} AND (p.entry_order_id = ANY(%(entries)s) OR a.kind = 'dust')"
REQUESTED = "AND (a.close_requested_at IS NOT NULL OR a.kind = 'dust')"

_TRIPPED = f"FROM trading.breakers b WHERE {STANDS} AND b.action = 'close' AND b.kind = %(kind)s"
OF_BREAKER = f"""{NOT_STOPPED} AND (
    a.kind = 'dust' OR a.id IN (SELECT b.account_id {_TRIPPED} AND b.scope = 'account')
    OR EXISTS (SELECT {_TRIPPED} AND b.scope = 'agent' AND b.agent = %(agent)s))
"""

SUM = """
{for_many_rows}
WHERE EXISTS (
    SELECT FROM trading.positions WHERE agent = %(agent)s AND symbol = %(symbol)s AND closed_at IS NULL OFFSET {many});
SELECT coalesce(array_agg(a.number) FILTER (WHERE a.kind <> 'dust'), '{{}}') AS numbers,
       count(*) AS positions, coalesce(sum(p.quantity), 0) AS quantity
FROM trading.positions p, trading.accounts a WHERE {chosen}
"""
"""In one round trip, planned for as many positions as there are, see :func:`journal.database.expect_rows`."""

CONDITIONS = {"signalled": NOT_STOPPED, "of_entries": OF_ENTRIES, "requested": REQUESTED, "of_breaker": OF_BREAKER}
"""Of positions ``p`` and their accounts ``a``, by what is chosen; ``trading.claim_positions`` has them too."""
CLAIM = "trading.claim_positions(o.id, %(agent)s, %(symbol)s, %(chosen)s, CAST(%(entries)s AS bigint[]), %(kind)s)"

ACCOUNTS = "SELECT a.id FROM trading.positions p, trading.accounts a WHERE {chosen} AND a.kind <> 'dust'"


@dataclass(frozen=True, slots=True)
class Leaving:
    """Positions in one symbol that no exit order holds already, and the agent's dust in it."""

    agent: str
    symbol: str
    chosen: str
    """One of :data:`CONDITIONS`."""
    entries: Sequence[int] = ()
    kind: ExitReason | None = None

    def statement(self, frame: str) -> str:
        """One of this module's statements for these positions."""
        return _statement(frame, CONDITIONS[self.chosen])

    def parameters(self) -> Mapping[str, object]:
        """Those of the statements here."""
        return {
            "agent": self.agent,
            "symbol": self.symbol,
            "chosen": self.chosen,
            "entries": list(self.entries),
            "kind": self.kind and self.kind.value,
        }


@functools.cache
def _statement(frame: str, condition: str) -> str:
    return frame.format(chosen=CHOSEN + condition, for_many_rows=FOR_MANY_ROWS, many=MANY_ROWS - 1)


@dataclass(frozen=True, slots=True)
class ExitWants:
    """What an exit sells: how many positions, of which accounts by number (the dust account left out), how much."""

    leaving: Leaving
    numbers: Sequence[int]
    rows: int
    quantity: Decimal

    @property
    def setting_aside(self) -> str:
        """Claims the positions for an order ``o``, each whole as its account's share."""
        return CLAIM

    def parameters(self) -> Mapping[str, object]:
        """Those of :attr:`setting_aside`."""
        return self.leaving.parameters()


def signalled(agent: str, symbol: str) -> Leaving:
    """All of the agent's positions in ``symbol`` of accounts that are not stopped."""
    return Leaving(agent, symbol, "signalled")


def of_entries(agent: str, symbol: str, entries: Sequence[int]) -> Leaving:
    """The same, limited to what the given entry orders opened."""
    return Leaving(agent, symbol, "of_entries", entries)


def requested(agent: str, symbol: str) -> Leaving:
    """Those of accounts whose positions an operator asked to close."""
    return Leaving(agent, symbol, "requested")


def of_breaker(agent: str, symbol: str, kind: ExitReason) -> Leaving:
    """Those that a breaker of this kind closes."""
    return Leaving(agent, symbol, "of_breaker", kind=kind)


def wants(direct: Direct, leaving: Leaving) -> ExitWants:
    """How much leaves, and whose."""
    (row,) = direct.rows(leaving.statement(SUM), leaving.parameters())
    return ExitWants(leaving, sorted(row.numbers), row.positions, row.quantity)


def account_ids(direct: Direct, leaving: Leaving) -> set[str]:
    """Whose positions they are."""
    return {row.id for row in direct.rows(leaving.statement(ACCOUNTS), leaving.parameters())}
