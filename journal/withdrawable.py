"""How much can be withdrawn from an account."""

from decimal import ROUND_FLOOR, Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agents.allocation import UNIT
from agents.errors import NotEnoughCashError
from agents.model import ZERO, plain
from journal.flow_models import Withdrawal
from journal.flows import FlowRequest, equity_of
from journal.models import Account

PENDING = "pending"


def owed_by(session: Session, account: Account) -> Decimal:
    """What its pending withdrawals will take."""
    amounts = select(func.sum(Withdrawal.amount)).filter_by(account_id=account.id, status=PENDING)
    return session.scalar(amounts) or ZERO


def payable(amount: Decimal) -> Decimal:
    """The part of an amount that can be asked for: amounts have at most eight decimals."""
    return max(ZERO, amount.quantize(UNIT, ROUND_FLOOR))


def check_can_be_raised(
    session: Session, request: FlowRequest, free: Decimal, owed: Decimal, *, liquidate: bool
) -> None:
    """Refuse what exceeds the free cash and cannot, or may not, be had by selling.

    Args:
        session: the open unit of work.
        request: whose money, and how much.
        free: the cash that can be withdrawn now.
        owed: what pending withdrawals will take.
        liquidate: whether positions may be sold for it.

    Raises:
        NotEnoughCashError: it exceeds what the account is worth, or what is free.
    """
    worth = payable(equity_of(session, request.account_id) - owed)
    subject = f"account {request.account_id}"
    if request.amount > worth:
        raise NotEnoughCashError(
            f"{subject} is worth {plain(worth)}, {plain(free)} of it free: withdraw no more than that", free
        )
    if not liquidate:
        raise NotEnoughCashError(
            f"{subject} has {plain(free)} free: withdraw no more, or pass liquidate: true to sell what is needed first",
            free,
        )
