"""Money in and out of an account: one cash flow, the account's new balance and what the platform reads of it.

A flow is no performance: the equities that losses are measured from are scaled with it, see
:mod:`journal.starting_points`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agents.errors import BookError, ConflictError, NotFoundError, StaleStateError
from agents.model import plain
from journal import audit_log, outward, queries, starting_points
from journal.control import lock_account, lock_agent
from journal.flow_models import Withdrawal
from journal.models import Account, Agent, CashFlow
from journal.preconditions import Precondition, whatever_it_was

DEPOSIT, WITHDRAWAL, CLOSING = "deposit", "withdrawal", "closing"
DESCRIPTIONS = {DEPOSIT: "Deposit", WITHDRAWAL: "Withdrawal", CLOSING: "Closing of the account"}


@dataclass(frozen=True, slots=True)
class FlowRequest:
    """Who is to get or to pay how much, under which reference of the caller's."""

    account_id: str
    amount: Decimal
    reference_id: str


def deposit(
    session: Session, request: FlowRequest, *, actor: str, precondition: Precondition = whatever_it_was
) -> CashFlow:
    """Add money to an account, whatever its state; the same request again changes nothing and gives the same flow.

    Args:
        session: the open unit of work.
        request: whose money, how much, under which reference.
        actor: who asks, for the audit log.
        precondition: of the account; not asked of a request that was carried out already.

    Raises:
        ConflictError: the reference means something else already, or the account is closed or being closed.
        NotFoundError: there is no such account.
    """
    agent, account = lock_served(session, request.account_id)
    known = session.scalars(select(CashFlow).filter_by(account_id=account.id, reference_id=request.reference_id))
    if (flow := known.one_or_none()) is not None:
        check_same_request(request, flow.flow_type, flow.amount, kind=DEPOSIT)
        return flow
    if session.scalar(select(Withdrawal.id).filter_by(account_id=account.id, reference_id=request.reference_id)):
        raise ConflictError(f"reference_id {request.reference_id} is known as a withdrawal: use another one")
    precondition(account.version)
    check_open(session, account)
    before = audit_log.snapshot(None, account)
    flow = book_flow(session, agent, account, DEPOSIT, request)
    record_request(session, account, DEPOSIT, request.reference_id, request.amount, before, actor=actor)
    return flow


def lock_served(session: Session, account_id: str) -> tuple[Agent, Account]:
    """The rows of an account and of its agent, held until the unit of work ends; the agent's first.

    Raises:
        NotFoundError: there is no such account.
        StaleStateError: the account moved to another agent at this moment.
    """
    name = session.scalar(select(Account.agent).where(Account.id == account_id, Account.kind != "dust"))
    if name is None:
        raise NotFoundError(f"there is no account {account_id}")
    agent, account = lock_agent(session, name), lock_account(session, account_id)
    if agent is None or account is None or account.agent != name:
        raise StaleStateError(f"account {account_id} was assigned anew at this moment: try again")
    return agent, account


def version_of(session: Session, account_id: str) -> int:
    """The number of the last change of an account whose row this unit of work has locked."""
    return session.get_one(Account, account_id).version


def check_same_request(request: FlowRequest, known_kind: str, known_amount: Decimal | None, *, kind: str) -> None:
    """Refuse a reference that stands for something else.

    Raises:
        ConflictError: it is known with another kind or amount.
    """
    if known_kind != kind:
        raise ConflictError(f"reference_id {request.reference_id} is known as a {known_kind}: use another one")
    if known_amount != request.amount:
        known = "" if known_amount is None else f" of {plain(known_amount)}"
        raise ConflictError(f"reference_id {request.reference_id} is known as a {kind}{known}: use another one")


def check_open(session: Session, account: Account) -> None:
    """Refuse an account that is closed or being closed.

    Raises:
        ConflictError: it is.
    """
    if account.closed_at is not None:
        raise ConflictError(f"account {account.id} is closed: open another one")
    if is_closing(session, account.id):
        raise ConflictError(f"account {account.id} is being closed: open another one")


def is_closing(session: Session, account_id: str) -> bool:
    """Whether the account waits to be closed."""
    pending = select(Withdrawal.id).filter_by(account_id=account_id, kind=CLOSING, status="pending")
    return session.scalar(pending) is not None


def book_flow(session: Session, agent: Agent, account: Account, kind: str, request: FlowRequest) -> CashFlow:
    """Move the money and tell the platform. Both rows are locked, and a withdrawal's cash is there.

    Args:
        session: the open unit of work.
        agent: the account's.
        account: whose money.
        kind: deposit, withdrawal or closing.
        request: how much, under which reference.
    """
    amount = request.amount if kind == DEPOSIT else -request.amount
    session.flush()
    starting_points.move_account(account, equity_of(session, account.id), amount)
    starting_points.move_service(session, agent, amount)
    before = account.balance
    account.cash += amount
    account.balance += amount
    account.version += 1
    account.updated_at = datetime.now(UTC)
    flow = CashFlow(
        account_id=account.id,
        flow_type=DEPOSIT if kind == DEPOSIT else WITHDRAWAL,
        amount=request.amount,
        reference_id=request.reference_id,
        balance_after=account.balance,
    )
    session.add(flow)
    session.flush()
    outward.record_flow(
        session,
        account_id=account.id,
        transaction_type=flow.flow_type,
        amount=flow.amount,
        balance_before=before,
        balance_after=account.balance,
        description=DESCRIPTIONS[kind],
        reference_type=kind,
        reference_id=flow.reference_id,
    )
    return flow


def equity_of(session: Session, account_id: str) -> Decimal:
    """Cash, reserved cash and open positions at the market's bid."""
    view = queries.account_view(session, account_id)
    if view is None:
        raise BookError(f"account {account_id} vanished")
    return _decimal(view["equity"])


def record_request(
    session: Session,
    account: Account,
    action: str,
    reference_id: str,
    amount: Decimal | None,
    before: audit_log.State,
    *,
    actor: str,
) -> None:
    """Note in the audit log what was asked and done."""
    after = {**audit_log.snapshot(None, account), "reference_id": reference_id}
    audit_log.record(
        session,
        actor=actor,
        action=action,
        agent=account.agent,
        account_id=account.id,
        before=before,
        after=after if amount is None else {**after, "amount": plain(amount)},
    )


def _decimal(value: Any) -> Decimal:  # noqa: ANN401 - a column of a text query has no type
    return Decimal(value)
