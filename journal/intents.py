"""An order's intent: committed before anything is sent, in one round trip, with the decision that it comes of.

It reserves what the order may take: cash of the buyers, positions of the sellers. It locks the agent's row first, so the
orders of one agent follow each other.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from agents.errors import StaleStateError
from agents.model import Block, Quote, Side, TradingState, Want
from agents.orders import OrderState
from journal import decisions
from journal.database import expect_rows
from journal.decisions import Decided
from journal.direct import Direct
from journal.holdings import AgentSnapshot
from journal.ledger import OpenOrder

ALLOWING = {Side.BUY: (TradingState.ACTIVE,), Side.SELL: (TradingState.ACTIVE, TradingState.REDUCING)}
"""The positions of the switch above all agents at which orders of a side go out."""


SHARE_COLUMNS = ("order_id", "account_id", "quantity", "reserved", "keeps_rest")

RESERVE_CASH = """
UPDATE trading.accounts a SET cash = a.cash - s.reserved, reserved = a.reserved + s.reserved, updated_at = now()
FROM trading.shares s
WHERE s.order_id = %(order)s AND a.id = s.account_id AND a.status = 'running' AND a.cash >= s.reserved
  AND NOT EXISTS (SELECT FROM trading.withdrawals w WHERE w.account_id = a.id AND w.status = 'pending')
"""

CLAIM_POSITIONS = """
UPDATE trading.positions p SET exit_order_id = %(order)s
FROM trading.shares s, trading.orders o
WHERE s.order_id = %(order)s AND o.id = %(order)s AND p.account_id = s.account_id AND p.symbol = o.symbol
  AND p.closed_at IS NULL AND p.exit_order_id IS NULL
  AND CASE WHEN s.keeps_rest THEN p.quantity > s.quantity ELSE p.quantity = s.quantity END
"""


class Shares(Protocol):
    """What the accounts ask of an order, for the book itself to work out anew when it is committed."""

    @property
    def rows(self) -> int:
        """Of how many accounts."""

    @property
    def quantity(self) -> Decimal:
        """Together."""

    @property
    def setting_aside(self) -> str:
        """SQL that gives ``shares`` and ``quantity``: writes every account's share of an order ``o`` and sets aside what it takes."""

    def parameters(self) -> Mapping[str, object]:
        """Those of :attr:`setting_aside`."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An order about to be committed: what, why, and the state of the agent it was decided under."""

    client_order_id: str
    seen: AgentSnapshot
    block: Block
    reason: str
    quote: Quote
    decided: Decided | None = None
    """The decision that it comes of, recorded with it."""
    shares: Shares | None = None
    """What each account asks of the order, where that is no list but the book's own to say; None: the block's wants."""


INTEND = """
trading.intend(
    %(client_order_id)s, %(agent)s, %(symbol)s, %(side)s, %(reason)s, {decision}, %(quantity)s, %(limit_price)s, %(bid)s,
    %(ask)s, %(agent_version)s, %(book_version)s, CAST(%(states)s AS text[]))
"""


@functools.cache
def _intending(*, is_decided: bool, setting_aside: str | None) -> str:
    """The statement that writes an intent in one round trip; each part is run only if the one before gives a row."""
    parts = [f"{decisions.RECORD} AS d (id)"] if is_decided else []
    parts.append(INTEND.replace("{decision}", "d.id" if is_decided else "NULL") + " AS o")
    columns = "o.id, o.created_at"
    if setting_aside is not None:
        parts.append(f"{setting_aside} AS s")
        columns += ", s.shares, s.quantity"
    return f"SELECT {columns} FROM {', '.join(parts)}"  # noqa: S608 - our own text


def record_intent(direct: Direct, intent: Intent) -> OpenOrder:
    """Commit to an order: its decision and its row, every account's share, and what they set aside for it.

    Raises:
        StaleStateError: the agent, its accounts or its positions changed since they were read, or the decision is
            made or the order in the book already; decide again.
    """
    shares, block = intent.shares, intent.block
    statement = _intending(
        is_decided=intent.decided is not None, setting_aside=None if shares is None else shares.setting_aside
    )
    if shares is not None:
        expect_rows(direct, shares.rows)
    row = direct.row(statement, _parameters(intent))
    if row is None:
        raise StaleStateError(_obstacle(direct, intent))
    if shares is None:
        _set_aside(direct, row.id, block.side, block.wants)
    elif (row.shares, row.quantity) != (shares.rows, shares.quantity):
        raise StaleStateError("an account or position changed since it was read")
    return OpenOrder(
        id=row.id,
        client_order_id=intent.client_order_id,
        agent=intent.seen.name,
        symbol=block.symbol,
        side=block.side,
        reason=intent.reason,
        quantity=block.quantity,
        limit_price=block.limit_price,
        state=OrderState.INTENDED,
        agent_version=intent.seen.version,
        created_at=row.created_at,
    )


def _set_aside(direct: Direct, order_id: int, side: Side, wants: Sequence[Want]) -> None:
    """Write listed wants as an order's shares, and set aside the cash or positions that they take.

    Raises:
        StaleStateError: an account has not the cash, or a position is not free or not as large as expected.
    """
    rows = ((order_id, want.account_id, want.quantity, want.reserved, want.keeps_rest) for want in wants)
    direct.copy("trading.shares", SHARE_COLUMNS, rows)
    expect_rows(direct, len(wants))
    if direct.run(RESERVE_CASH if side is Side.BUY else CLAIM_POSITIONS, {"order": order_id}) != len(wants):
        raise StaleStateError("an account or position changed since it was read")


def _parameters(intent: Intent) -> Mapping[str, object]:
    seen, block = intent.seen, intent.block
    return {
        **({} if intent.shares is None else intent.shares.parameters()),
        **({} if intent.decided is None else intent.decided.parameters()),
        "client_order_id": intent.client_order_id,
        "agent": seen.name,
        "symbol": block.symbol,
        "side": block.side.value,
        "reason": intent.reason,
        "quantity": block.quantity,
        "limit_price": block.limit_price,
        "bid": intent.quote.bid,
        "ask": intent.quote.ask,
        "agent_version": seen.version,
        "book_version": seen.book_version,
        "states": [state.value for state in ALLOWING[block.side]],
    }


def _obstacle(direct: Direct, intent: Intent) -> str:
    known = "SELECT id FROM trading.orders WHERE client_order_id = %(id)s"
    if direct.row(known, {"id": intent.client_order_id}) is not None:
        return f"order {intent.client_order_id} is in the book already"
    return "the agent changed, trading was halted, or the decision was made, since it was read"
