"""Reading withdrawals: what an agent's tick has still to raise and pay, and an account's list of them."""

from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from journal.flow_models import Withdrawal
from journal.models import Account
from journal.queries import View, rows

_LIST = """
SELECT w.id, w.account_id, w.reference_id, w.kind, w.amount, w.status, w.free, w.detail, f.balance_after,
       w.requested_at, w.finished_at
FROM trading.withdrawals w
LEFT JOIN trading.cash_flows f ON f.account_id = w.account_id AND f.reference_id = w.reference_id
WHERE w.account_id = :account_id
    AND (:reference_id IS NULL OR w.reference_id = :reference_id)
    AND (CAST(:before AS bigint) IS NULL OR w.id < CAST(:before AS bigint))
ORDER BY w.id DESC
LIMIT :limit
"""


def withdrawals(session: Session, account_id: str, *, before: int | None = None, limit: int) -> list[View]:
    """An account's withdrawals and its closing, the newest first; ``before`` is the ``id`` that ended the page before."""
    chosen = {"account_id": account_id, "reference_id": None, "before": before, "limit": limit}
    return rows(session, _LIST, chosen)


def withdrawal(session: Session, account_id: str, reference_id: str) -> View | None:
    """One withdrawal or closing, or None."""
    chosen = {"account_id": account_id, "reference_id": reference_id, "before": None, "limit": 1}
    return next(iter(rows(session, _LIST, chosen)), None)


def accounts_waiting(session: Session, agent: str) -> list[str]:
    """The agent's accounts with a pending withdrawal or closing, in the order in which they came."""
    statement = select(Withdrawal.account_id).join(Account, Account.id == Withdrawal.account_id)
    waiting = statement.where(Account.agent == agent, Withdrawal.status == "pending")
    return list(session.scalars(waiting.group_by(Withdrawal.account_id).order_by(func.min(Withdrawal.id))))


def shortfalls(session: Session, agent: str) -> dict[str, Decimal]:
    """The cash that pending withdrawals are short of, by account; accounts that sell everything anyway are absent."""
    short = func.sum(Withdrawal.amount) - Account.cash
    statement = (
        select(Account.id, short)
        .join(Withdrawal, Withdrawal.account_id == Account.id)
        .where(Account.agent == agent, Withdrawal.status == "pending", Account.close_requested_at.is_(None))
        .group_by(Account.id)
        .having(short > 0)
    )
    return {account_id: Decimal(amount) for account_id, amount in session.execute(statement) if amount}
