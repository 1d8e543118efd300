"""Differences within the book itself, by the statements of :mod:`journal.audit`."""

import json
from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.reconciliation import Code, Discrepancy
from journal.audit.accounts import BALANCE, CASH
from journal.audit.check import WRONG
from journal.audit.holdings import POSITIONS
from journal.audit.orders import LEGS_COST, LEGS_FEE_BASE, LEGS_FEE_OTHER, LEGS_FEE_QUOTE, LEGS_QUANTITY
from journal.reconciliation_queries import SeenOrders

MOST = 500
"""So many differences of one kind are listed, the largest first; there may be as many as accounts."""

LEGS = {
    "quantity": LEGS_QUANTITY,
    "cost": LEGS_COST,
    "base-asset fee": LEGS_FEE_BASE,
    "quote-asset fee": LEGS_FEE_QUOTE,
    "third-asset fee": LEGS_FEE_OTHER,
}


def differing_legs(session: Session, since: SeenOrders) -> Iterator[Discrepancy]:
    """Orders later than ``since`` whose legs do not sum to their fills."""
    for amount, statement in LEGS.items():
        yield from _differing(session, Code.LEGS_DIFFER_FROM_FILLS, statement, f" {amount}", since)


def differing_balances(session: Session) -> Iterator[Discrepancy]:
    """Accounts whose cash, reserved cash and positions do not sum to their balance. Reads no ledger."""
    yield from _differing(session, Code.ACCOUNT_BALANCE_DIFFERS, BALANCE)


def differing_sums(session: Session) -> Iterator[Discrepancy]:
    """Accounts and positions that are not what the ledger says. Reads all of it."""
    yield from _differing(session, Code.ACCOUNT_CASH_DIFFERS, CASH)
    yield from _differing(session, Code.POSITION_DIFFERS, POSITIONS)


def _differing(
    session: Session, code: Code, statement: str, suffix: str = "", since: SeenOrders | None = None
) -> Iterator[Discrepancy]:
    parameters = {"since": json.dumps(dict(since))} if since is not None else {}
    for row in session.execute(text(WRONG.format(statement=statement, most=MOST)), parameters):
        detail = f"{row.subject}{suffix} is {_shown(row.actual)} and should be {_shown(row.expected)}"
        yield Discrepancy(code, f"{row.subject}{suffix}", row.expected, row.actual, row.size, detail)


def _shown(amount: object) -> str:
    return "missing" if amount is None else f"{amount:f}"
