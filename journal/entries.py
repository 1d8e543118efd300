"""What every account of an agent wants of an entry, worked out where the accounts are: in the book, in one statement.

The rules are those of :mod:`agents.account_risk` and :func:`agents.decision.want_entry`, said once more in SQL; a
property test holds both to the same outcome, account by account. What is decided with, prices and time, is read once
and given to both statements, so that the accounts that are counted first are those that buy afterwards.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from agents.profiles import RiskProfile
from agents.risk import Code
from journal.direct import Direct

GIVEN = """
%(agent)s, %(symbol)s, CAST(%(marks)s AS jsonb), CAST(%(at)s AS timestamptz), CAST(%(cooldown)s AS interval), %(max_open_positions)s,
%(max_exposure)s, %(max_position)s, %(risk_per_trade)s, %(stop_loss)s, %(with_reserve)s
"""
"""What both functions are given, see revision 0023."""
OUTCOMES = f"SELECT * FROM trading.entry_outcomes({GIVEN})"  # noqa: S608 - our own text
SET_ASIDE = f"trading.set_entry_aside(o.id, {GIVEN})"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of an agent into a symbol, and all that its accounts are judged by."""

    agent: str
    symbol: str
    profile: RiskProfile
    price: Decimal
    """The block's limit price."""
    marks: Mapping[str, Decimal]
    """The last known bid of every symbol."""
    at: datetime

    def parameters(self) -> Mapping[str, object]:
        """Those of the statements here."""
        limits = self.profile
        return {
            "agent": self.agent,
            "symbol": self.symbol,
            "marks": json.dumps({symbol: str(bid) for symbol, bid in self.marks.items()}),
            "at": self.at,
            "cooldown": limits.cooldown,
            "max_open_positions": limits.max_open_positions,
            "max_exposure": limits.max_exposure,
            "max_position": limits.max_position,
            "risk_per_trade": limits.risk_per_trade,
            "stop_loss": limits.stop_loss,
            "with_reserve": self.price * (1 + limits.fee_reserve),
        }


@dataclass(frozen=True, slots=True)
class EntryWants:
    """What the accounts want of an entry: the numbers of the accounts by outcome, and the sum of what is wanted."""

    entry: Entry
    numbers: Mapping[Code, Sequence[int]]
    quantity: Decimal

    @property
    def rows(self) -> int:
        """How many accounts buy."""
        return len(self.numbers.get(Code.ORDERED, ()))

    @property
    def setting_aside(self) -> str:
        """Sets aside what every account wants by now, as its share of an order ``o``."""
        return SET_ASIDE

    def parameters(self) -> Mapping[str, object]:
        """Those of :attr:`setting_aside`."""
        return self.entry.parameters()


def wants(direct: Direct, entry: Entry) -> EntryWants:
    """What every account of the agent wants, whatever its status, or why it does not."""
    found = {Code(row.code): row for row in direct.rows(OUTCOMES, entry.parameters())}
    numbers = {code: sorted(row.numbers) for code, row in found.items()}
    return EntryWants(entry, numbers, found[Code.ORDERED].wanted if Code.ORDERED in found else Decimal(0))
