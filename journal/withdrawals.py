"""Withdrawals and closings: paid at once if the cash is there, else a pending row that the agent's ticks serve.

Whatever is asked is a row in ``trading.withdrawals``, once per account and reference. Pending ones of an
account are served in the order in which they came. Agent and account are locked, in this order, before
anything is judged.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from agents.control import Command, status_after
from agents.errors import ConflictError, NotEnoughCashError
from agents.model import ZERO, Status, plain
from journal import audit_log, events
from journal.control import holds_something, record_states
from journal.flow_models import Withdrawal
from journal.flows import (
    CLOSING,
    WITHDRAWAL,
    FlowRequest,
    book_flow,
    check_open,
    check_same_request,
    lock_served,
    record_request,
)
from journal.models import Account, Agent, Assignment, CashFlow
from journal.preconditions import Precondition, whatever_it_was
from journal.withdrawable import PENDING, check_can_be_raised, owed_by, payable

COMPLETED, FAILED = "completed", "failed"
WORKER = "worker"
"""Who pays what was pending, as the audit log names it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A withdrawal that could not be paid although all was sold."""

    account_id: str
    reference_id: str
    detail: str


def withdraw(
    session: Session,
    request: FlowRequest,
    *,
    liquidate: bool,
    actor: str,
    precondition: Precondition = whatever_it_was,
) -> Withdrawal:
    """Pay out of an account, or have it pay as soon as enough is sold; the same request again changes nothing.

    Args:
        session: the open unit of work.
        request: whose money, how much, under which reference.
        liquidate: whether positions may be sold for it.
        actor: who asks, for the audit log.
        precondition: of the account; not asked of a request that is known already.

    Returns:
        The withdrawal as it stands: completed or pending.

    Raises:
        ConflictError: the reference means something else already, or the account is closed or being closed.
        NotEnoughCashError: too little is free, or the account is not worth as much, or this withdrawal failed.
        NotFoundError: there is no such account.
    """
    agent, account = lock_served(session, request.account_id)
    known = _known(session, request.account_id, request.reference_id)
    if known is not None:
        check_same_request(request, known.kind, known.amount, kind=WITHDRAWAL)
        return _not_failed(known)
    precondition(account.version)
    check_open(session, account)
    before = audit_log.snapshot(None, account)
    owed = owed_by(session, account)
    free = payable(account.cash - owed)
    asked = Withdrawal(
        account_id=account.id,
        reference_id=request.reference_id,
        kind=WITHDRAWAL,
        amount=request.amount,
        status=PENDING,
    )
    if request.amount <= free:
        _pay(session, agent, account, asked, request)
    else:
        check_can_be_raised(session, request, free, owed, liquidate=liquidate)
        account.version += 1
    session.add(asked)
    session.flush()
    record_request(session, account, WITHDRAWAL, request.reference_id, request.amount, before, actor=actor)
    events.record_withdrawal(session, asked.id)
    return asked


def close(
    session: Session, account_id: str, reference_id: str, *, actor: str, precondition: Precondition = whatever_it_was
) -> Withdrawal:
    """Stop an account, have all it holds sold and all its money paid out; the same request again changes nothing.

    Args:
        session: the open unit of work.
        account_id: whose money.
        reference_id: the caller's name for it.
        actor: who asks, for the audit log.
        precondition: of the account; not asked of a request that is known already.

    Returns:
        The closing as it stands: completed, or pending while something is held.

    Raises:
        ConflictError: the reference means something else already, or the account is closed or being closed
            under another one.
        NotFoundError: there is no such account.
    """
    agent, account = lock_served(session, account_id)
    known = _known(session, account_id, reference_id)
    if known is not None:
        if known.kind != CLOSING:
            raise ConflictError(f"reference_id {reference_id} is known as a {known.kind}: use another one")
        return known
    precondition(account.version)
    check_open(session, account)
    before = audit_log.snapshot(agent, account)
    asked = Withdrawal(account_id=account.id, reference_id=reference_id, kind=CLOSING, status=PENDING)
    session.add(asked)
    account.status = status_after(Status(account.status), Command.STOP, subject=f"account {account.id}")
    account.version += 1
    account.close_requested_at = account.updated_at = datetime.now(UTC)
    agent.version += 1
    agent.revision += 1
    agent.updated_at = datetime.now(UTC)
    session.flush()
    settle(session, account_id)
    session.flush()
    record_request(session, account, "close", reference_id, asked.amount, before, actor=actor)
    record_states(session, agent, account, before, action="close", actor=actor)
    return asked


def settle(session: Session, account_id: str) -> list[Failure]:
    """Serve the account's pending withdrawals as far as its cash goes, in their order.

    One that is short of cash waits while there is something to sell, and fails when there is nothing.
    """
    agent, account = lock_served(session, account_id)
    pending = session.scalars(
        select(Withdrawal).filter_by(account_id=account_id, status=PENDING).order_by(Withdrawal.id)
    ).all()
    sellable = session.scalar(select(Account.id).where(Account.id == account_id, holds_something())) is not None
    failures = []
    for asked in pending:
        before = audit_log.snapshot(None, account)
        if asked.kind == CLOSING and not sellable:
            _close_now(session, agent, account, asked)
        elif asked.amount is not None and account.cash >= asked.amount:
            _pay(session, agent, account, asked, FlowRequest(account_id, asked.amount, asked.reference_id))
        elif sellable:
            break
        else:
            failures.append(_fail(account, asked))
        session.flush()
        record_request(
            session, account, f"{asked.kind} {asked.status}", asked.reference_id, asked.amount, before, actor=WORKER
        )
        events.record_withdrawal(session, asked.id)
    return failures


def note_waiting(session: Session, account_ids: Collection[str], detail: str) -> None:
    """Say on the accounts' pending withdrawals what they wait for."""
    session.execute(
        update(Withdrawal)
        .where(Withdrawal.account_id.in_(account_ids), Withdrawal.status == PENDING)
        .where(Withdrawal.detail.is_distinct_from(detail))
        .values(detail=detail)
    )


def _known(session: Session, account_id: str, reference_id: str) -> Withdrawal | None:
    """What the reference stands for already.

    Raises:
        ConflictError: for a deposit.
    """
    known = session.scalars(select(Withdrawal).filter_by(account_id=account_id, reference_id=reference_id))
    if (withdrawal := known.one_or_none()) is not None:
        return withdrawal
    if session.scalar(select(CashFlow.id).filter_by(account_id=account_id, reference_id=reference_id)) is not None:
        raise ConflictError(f"reference_id {reference_id} is known as a deposit: use another one")
    return None


def _not_failed(known: Withdrawal) -> Withdrawal:
    if known.free is not None:
        raise NotEnoughCashError(f"{known.detail}: withdraw less, under another reference_id", known.free)
    return known


def _pay(session: Session, agent: Agent, account: Account, asked: Withdrawal, request: FlowRequest) -> None:
    book_flow(session, agent, account, asked.kind, request)
    _finish(asked, COMPLETED)


def _close_now(session: Session, agent: Agent, account: Account, asked: Withdrawal) -> None:
    """Pay out all there is; nothing is held and nothing reserved."""
    asked.amount = account.cash
    if account.cash:
        _pay(session, agent, account, asked, FlowRequest(account.id, account.cash, asked.reference_id))
    _finish(asked, COMPLETED)
    account.peak_equity = account.day_equity = ZERO
    account.close_requested_at = None
    account.closed_at = datetime.now(UTC)
    account.version += 1
    session.execute(
        update(Assignment)
        .where(Assignment.account_id == account.id, Assignment.ended_at.is_(None))
        .values(ended_at=func.now())
    )


def _fail(account: Account, asked: Withdrawal) -> Failure:
    asked.free = payable(account.cash)
    account.version += 1
    _finish(asked, FAILED)
    asked.detail = f"everything is sold and only {plain(asked.free)} is there"
    return Failure(account.id, asked.reference_id, asked.detail)


def _finish(asked: Withdrawal, status: str) -> None:
    asked.status = status
    asked.detail = None
    asked.finished_at = datetime.now(UTC)
