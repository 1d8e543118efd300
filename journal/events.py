"""What happened, for others to be told: one row for each cause, in the transaction of the cause.

A cause that is written twice is one event. Whoever commits a unit of work that wrote one is told by
``session.info`` (see :data:`WRITTEN`) that there is something to deliver.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from agents.model import Status, TradingState
from agents.reconciliation import Discrepancy

WRITTEN = "events_written"
"""The key in ``session.info`` of a unit of work that wrote an event."""
NAMED = 100
"""So many accounts or discrepancies are named in one event; the rest are counted."""


class Kind(StrEnum):
    """Every kind of event."""

    TRADE_CLOSED = "trade.closed"
    AGENT_STATE_CHANGED = "agent.state_changed"
    TRADING_STATE_CHANGED = "trading.state_changed"
    BREAKER_TRIPPED = "breaker.tripped"
    WITHDRAWAL_COMPLETED = "withdrawal.completed"
    WITHDRAWAL_FAILED = "withdrawal.failed"
    RECONCILIATION_MISMATCH = "reconciliation.mismatch"


_INSERT = """
INSERT INTO trading.events (kind, cause, agent, account_id, payload)
{values}
ON CONFLICT (kind, cause) DO NOTHING
"""

_GIVEN = _INSERT.format(values="VALUES (:kind, :cause, :agent, :account_id, CAST(:payload AS jsonb))")

_TRADE = _INSERT.format(
    values="""
SELECT :kind, o.client_order_id, o.agent, NULL, jsonb_build_object(
    'symbol', o.symbol, 'client_order_id', o.client_order_id, 'reason', o.reason,
    'trades', count(*), 'accounts', count(*), 'quantity', trim_scale(sum(t.quantity)),
    'average_price', trim_scale(round(o.executed_cost / o.executed_quantity, 8)),
    'net_profit', trim_scale(sum(t.profit_loss)), 'trades_url', '/trades?client_order_id=' || o.client_order_id)
FROM trading.orders o JOIN trading.trades t ON t.exit_order_id = o.id AND t.account_id <> 'dust-' || o.agent
WHERE o.id = :order
GROUP BY o.id
"""
)

_WITHDRAWAL = _INSERT.format(
    values="""
SELECT 'withdrawal.' || w.status, w.account_id || ' ' || w.reference_id, a.agent, w.account_id, jsonb_build_object(
    'reference_id', w.reference_id, 'type', w.kind, 'amount', trim_scale(w.amount), 'free', trim_scale(w.free),
    'detail', w.detail, 'requested_at', w.requested_at, 'finished_at', w.finished_at,
    'status_url', '/accounts/' || w.account_id || '/withdrawals/' || w.reference_id)
FROM trading.withdrawals w JOIN trading.accounts a ON a.id = w.account_id
WHERE w.id = :withdrawal AND w.status <> 'pending'
"""
)

_BREAKERS = _INSERT.format(
    values="""
SELECT :kind, 'breaker ' || min(b.id), min(b.agent), CASE WHEN count(*) = 1 THEN min(b.account_id) END,
       jsonb_build_object('scope', b.scope, 'kind', b.kind, 'action', b.action, 'reason', min(b.reason),
                          'expires_at', min(b.expires_at), 'accounts', count(b.account_id),
                          'account_ids', to_jsonb((array_agg(b.account_id ORDER BY b.id)
                                                   FILTER (WHERE b.account_id IS NOT NULL))[1:CAST(:named AS int)]))
FROM trading.breakers b
WHERE b.tripped_at = now() AND (b.agent = :agent OR b.scope = 'service')
GROUP BY b.scope, b.kind, b.action
"""
)


def record_trades_closed(session: Session, order_id: int) -> None:
    """One event for all that an exit order closed, of however many accounts; none if it only sold dust."""
    _run(session, _TRADE, kind=Kind.TRADE_CLOSED, order=order_id)


def record_withdrawal(session: Session, withdrawal_id: int) -> None:
    """The end of a withdrawal or closing, if it has come to one."""
    _run(session, _WITHDRAWAL, withdrawal=withdrawal_id)


def record_breakers(session: Session, agent: str) -> None:
    """The breakers that this unit of work tripped at a tick of ``agent``: one event per scope and kind."""
    _run(session, _BREAKERS, kind=Kind.BREAKER_TRIPPED, agent=agent, named=NAMED)


def record_agent_state(  # noqa: PLR0913 - one argument per fact
    session: Session,
    *,
    agent: str,
    account_id: str | None,
    version: int,
    before: str | None,
    after: Status | str,
    action: str,
    actor: str,
) -> None:
    """A change of the state of an agent, or of one account of it; nothing if it stayed what it was.

    Args:
        session: the open unit of work.
        agent: whose state, or the account's agent.
        account_id: the account, or None for the agent itself.
        version: the agent's or account's, after the change.
        before: its status; None for an account that was opened.
        after: its status.
        action: the control call.
        actor: who made it.
    """
    if before == after:
        return
    facts = {"before": before, "after": str(after), "action": action, "actor": actor}
    cause = f"account {account_id} {version}" if account_id else f"agent {agent} {version}"
    _record(session, Kind.AGENT_STATE_CHANGED, cause, facts, agent=agent, account_id=account_id)


def record_trading_state(
    session: Session, *, version: int, before: TradingState, after: TradingState, reason: str, actor: str
) -> None:
    """A turn of the switch above all agents; nothing if it stayed where it was."""
    if before != after:
        facts = {"before": before.value, "after": after.value, "reason": reason, "actor": actor}
        _record(session, Kind.TRADING_STATE_CHANGED, f"switch {version}", facts)


def record_mismatch(session: Session, reconciliation_id: int, found: Sequence[Discrepancy]) -> None:
    """What a reconciliation newly found that stops trading; nothing if there is nothing."""
    if not found:
        return
    named = [{"code": one.code.value, "subject": one.subject, "detail": one.detail} for one in found[:NAMED]]
    facts = {"discrepancies": len(found), "first": named, "status_url": "/reconciliation"}
    _record(session, Kind.RECONCILIATION_MISMATCH, f"reconciliation {reconciliation_id}", facts)


def _record(
    session: Session,
    kind: Kind,
    cause: str,
    facts: Mapping[str, object],
    *,
    agent: str | None = None,
    account_id: str | None = None,
) -> None:
    payload = json.dumps(facts)
    _run(session, _GIVEN, kind=kind, cause=cause, agent=agent, account_id=account_id, payload=payload)


def _run(session: Session, statement: str, **values: str | int | None) -> None:
    result = session.execute(text(statement), values)
    if isinstance(result, CursorResult) and result.rowcount:
        session.info[WRITTEN] = True
