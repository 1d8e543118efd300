"""What a tick reads before it decides: the agent, positions and exit levels, as agents' values.

What its accounts want of an order is worked out in the book itself: :mod:`journal.entries`, :mod:`journal.leaving`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from agents import model
from agents.errors import NotFoundError
from agents.model import Status, TradingState
from agents.risk import Code, Denial
from journal.breaker_models import STANDS


@dataclass(frozen=True, slots=True)
class AgentSnapshot:
    """One agent at one moment; ``version`` and ``book_version`` must be unchanged when an intent commits."""

    name: str
    status: Status
    version: int
    book_version: int
    profile_version: int
    profile: Mapping[str, str | None] | None
    """The limits that ``profile_version`` stands for, see :func:`agents.profile_fields.content`."""
    symbols: tuple[str, ...]
    has_unresolved_order: bool
    trading: TradingState
    breaker: Denial | None = None
    """What a tripped breaker of the agent or of the whole service says to an entry."""


SEEN = """
a.name, a.status, a.version, a.book_version, a.profile_version, a.profile, a.symbols,
EXISTS (SELECT FROM trading.orders o WHERE o.agent = a.name AND o.state IN ('intended', 'unknown')) AS unresolved,
(SELECT state FROM trading.service_state) AS trading, s.kind AS breaker, s.scope || ': ' || s.reason AS reason
"""
AGENT = f"""
trading.agents a
LEFT JOIN LATERAL (
    SELECT b.kind, b.scope, b.reason FROM trading.breakers b
    WHERE {STANDS} AND (b.scope = 'service' OR b.scope = 'agent' AND b.agent = a.name) ORDER BY b.id LIMIT 1
) s ON true
"""  # noqa: S608 - our own text
SNAPSHOT = text(f"SELECT {SEEN} FROM {AGENT} WHERE a.name = :agent")  # noqa: S608 - our own text

POSITIONS_OF_AGENT = """
SELECT p.id, p.account_id, a.number, p.symbol, p.quantity, p.cost, a.kind = 'dust'
FROM trading.positions p JOIN trading.accounts a ON a.id = p.account_id
WHERE p.agent = :agent AND p.closed_at IS NULL AND p.exit_order_id IS NULL
"""

SYMBOLS_TO_CLOSE = """
SELECT DISTINCT p.symbol FROM trading.accounts a JOIN trading.positions p ON p.account_id = a.id
WHERE a.agent = :agent AND a.close_requested_at IS NOT NULL AND p.closed_at IS NULL AND p.exit_order_id IS NULL
"""

STORE_MARKS = """
SELECT trading.keep_marks(CAST(:symbols AS text[]), CAST(:bids AS numeric[]), CAST(:asks AS numeric[]),
                          CAST(:ats AS timestamptz[]))
"""


def agent_snapshot(session: Session, agent: str) -> AgentSnapshot:
    """The agent as the book has it now.

    Raises:
        NotFoundError: it was never started.
    """
    return snapshot_in(row_of(session, SNAPSHOT, agent))


def row_of(session: Session, statement: TextClause, agent: str) -> Row[Any]:
    """The row of a statement that reads one agent.

    Raises:
        NotFoundError: it was never started.
    """
    row = session.execute(statement, {"agent": agent}).one_or_none()
    if row is None:
        raise NotFoundError(f"agent {agent} was never started")
    return row


def snapshot_in(row: Row[Any]) -> AgentSnapshot:
    """The snapshot in a row of :data:`SEEN`."""
    return AgentSnapshot(
        name=row.name,
        status=Status(row.status),
        version=row.version,
        book_version=row.book_version,
        profile_version=row.profile_version,
        profile=row.profile,
        symbols=tuple(row.symbols),
        has_unresolved_order=row.unresolved,
        trading=TradingState(row.trading) if row.trading else TradingState.HALTED,
        breaker=Denial(Code(row.breaker), row.reason) if row.breaker else None,
    )


def symbols_to_close(session: Session, agent: str) -> list[str]:
    """The symbols that accounts still hold whose positions an operator asked to close."""
    return list(session.scalars(text(SYMBOLS_TO_CLOSE), {"agent": agent}))


def positions_of_accounts(session: Session, agent: str, account_ids: Collection[str]) -> list[model.Position]:
    """All positions of the given accounts that no exit order holds already."""
    statement = POSITIONS_OF_AGENT + " AND a.id = ANY(:accounts)"
    return _positions(session, statement, {"agent": agent, "accounts": list(account_ids)})


def dust_positions(session: Session, agent: str) -> list[model.Position]:
    """The agent's dust in every symbol that no exit order holds already."""
    return _positions(session, POSITIONS_OF_AGENT + " AND a.kind = 'dust'", {"agent": agent})


def _positions(session: Session, statement: str, parameters: dict[str, object]) -> list[model.Position]:
    return [model.Position(*row) for row in session.execute(text(statement), parameters)]


def raise_highest(session: Session, brackets: Iterable[model.Bracket]) -> None:
    """Keep new highest prices."""
    for bracket in brackets:
        session.execute(
            text("UPDATE trading.brackets SET highest_price = greatest(highest_price, :price) WHERE order_id = :id"),
            {"price": bracket.highest_price, "id": bracket.order_id},
        )


def store_marks(session: Session, quotes: Iterable[model.Quote]) -> None:
    """Keep the market's last prices, by which equity is measured, and the last of each minute, by which it was."""
    marks = marks_of(quotes)
    if marks["symbols"]:
        session.execute(text(STORE_MARKS), marks)


def marks_of(quotes: Iterable[model.Quote]) -> dict[str, list[object]]:
    """The parameters of :data:`STORE_MARKS`: each symbol's newest quote."""
    newest = list({q.symbol: q for q in sorted(quotes, key=lambda quote: (quote.symbol, quote.at))}.values())
    return {f"{name}s": [getattr(quote, name) for quote in newest] for name in ("symbol", "bid", "ask", "at")}


def assigned_cash(session: Session) -> Decimal:
    """Free cash of all accounts of all agents together: what the exchange must hold at least."""
    return session.execute(text("SELECT coalesce(sum(cash), 0) FROM trading.accounts")).scalar_one()  # type: ignore[no-any-return]  # a text query has no types
