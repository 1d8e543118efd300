"""Whether every rule of the book is kept, read from a live database without changing anything.

``python -m journal.audit`` prints a line for every rule and ends with 1 if one is broken.
"""

from collections.abc import Iterator
from itertools import chain

from sqlalchemy import text
from sqlalchemy.orm import Session

from journal.audit import accounts, decisions, events, holdings, orders, outward, performance, references, withdrawals
from journal.audit.check import Check, Finding, run

__all__ = ["Check", "Finding", "breaches", "findings"]


def findings(session: Session) -> Iterator[Finding]:
    """What every rule's check found, one after the other.

    Args:
        session: a view of the book that does not change meanwhile, such as :meth:`journal.database.Book.reading`.
    """
    session.execute(text("SET LOCAL statement_timeout = 0"))
    rules = (
        orders.CHECKS,
        accounts.CHECKS,
        withdrawals.CHECKS,
        holdings.CHECKS,
        decisions.CHECKS,
        events.CHECKS,
        references.CHECKS,
        outward.checks(session),
        performance.checks(session),
    )
    for check in chain.from_iterable(rules):
        yield run(session, check)


def breaches(session: Session) -> list[Finding]:
    """The rules that are broken; none of them in a sound book."""
    return [finding for finding in findings(session) if not finding.ok]
