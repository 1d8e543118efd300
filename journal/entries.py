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

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.errors import StaleStateError
from agents.profiles import RiskProfile
from agents.risk import Code
from journal.breaker_models import STANDS
from journal.database import expect_rows

SEEN = f"""
SELECT a.id, a.number, a.status, a.cash, a.cash + a.reserved + coalesce(p.value, 0) AS equity,
       a.reserved + coalesce(p.value, 0) AS exposure, coalesce(p.positions, 0) AS positions, coalesce(p.holds, false) AS holds,
       a.id IN (SELECT w.account_id FROM trading.withdrawals w WHERE w.status = 'pending') AS withdrawal_pending,
       a.id IN (SELECT t.account_id FROM trading.trades t
                WHERE t.closed_at > CAST(:at AS timestamptz) - CAST(:cooldown AS interval) AND t.profit_loss < 0
                  AND CAST(:cooldown AS interval) > interval '0') AS lost,
       s.breaker
FROM trading.accounts a
LEFT JOIN (
    SELECT b.account_id, min(b.kind) AS breaker FROM trading.breakers b
    WHERE {STANDS.replace("now()", "CAST(:at AS timestamptz)")} AND b.scope = 'account' GROUP BY b.account_id
) s ON s.account_id = a.id
LEFT JOIN (
    SELECT p.account_id, sum(p.quantity * coalesce(m.bid, p.entry_price)) AS value, count(*) AS positions,
           bool_or(p.symbol = :symbol) AS holds
    FROM trading.positions p
    LEFT JOIN (SELECT key AS symbol, CAST(value AS numeric) AS bid FROM jsonb_each_text(CAST(:marks AS jsonb))) m
        ON m.symbol = p.symbol
    WHERE p.agent = :agent AND p.closed_at IS NULL
    GROUP BY p.account_id
) p ON p.account_id = a.id
WHERE a.agent = :agent AND a.kind <> 'dust' AND a.closed_at IS NULL
"""  # noqa: S608 - our own text
"""Every account of the agent as an entry sees it, see :class:`agents.model.Account`."""

JUDGED = f"""
SELECT id, number, budget, risk, position, room,
       CASE WHEN status = 'paused' THEN 'account_paused'
            WHEN status <> 'running' THEN 'account_not_running'
            WHEN withdrawal_pending THEN 'withdrawal_pending'
            WHEN holds THEN 'position_already_open'
            WHEN positions >= :max_open_positions THEN 'too_many_positions'
            WHEN exposure <> 0 AND exposure >= equity * :max_exposure THEN 'exposure_limit'
            WHEN cash <= 0 THEN 'insufficient_cash'
            WHEN lost THEN 'cooldown'
            ELSE breaker END AS denial,
       div((budget - 0.00000002) * 100000000, :with_reserve) * 0.00000001 AS quantity
FROM (
    SELECT *, least(risk, position, room, cash) AS budget
    FROM (
        SELECT *, equity * :risk_per_trade / :stop_loss AS risk, equity * :max_position AS position,
               equity * :max_exposure - exposure AS room
        FROM ({SEEN}) seen
        OFFSET 0
    ) limits
    OFFSET 0
) budgets
OFFSET 0
"""  # noqa: S608 - our own text
"""The checks in the order of :data:`agents.account_risk.ACCOUNT_CHECKS`; ``div`` cuts off where Python floors.

``OFFSET 0`` keeps a value from being worked out anew wherever it is used.
"""

OUTCOMES = text(f"""
SELECT code, array_agg(number ORDER BY number) AS numbers, sum(quantity) AS wanted
FROM (
    SELECT number, quantity,
           coalesce(denial, CASE WHEN quantity > 0 THEN 'ordered' WHEN budget = risk THEN 'risk_limit'
                                 WHEN budget = position THEN 'position_limit' WHEN budget = room THEN 'exposure_limit'
                                 ELSE 'insufficient_cash' END) AS code
    FROM ({JUDGED}) judged
) outcomes
GROUP BY code ORDER BY min(number)
""")  # noqa: S608 - our own text

SET_ASIDE = text(f"""
WITH wants AS (
    SELECT number, quantity, ceil(quantity * :with_reserve * 100000000) * 0.00000001 + 0.00000001 AS reserved
    FROM ({JUDGED}) judged WHERE denial IS NULL AND quantity > 0
), paying AS (
    UPDATE trading.accounts a SET cash = a.cash - w.reserved, reserved = a.reserved + w.reserved, updated_at = now()
    FROM wants w WHERE a.number = w.number
    RETURNING a.id, w.quantity, w.reserved
), shared AS (
    INSERT INTO trading.shares (order_id, account_id, quantity, reserved)
    SELECT :order, id, quantity, reserved FROM paying ORDER BY id COLLATE "C"
    RETURNING quantity
)
SELECT count(*) AS accounts, coalesce(sum(quantity), 0) AS wanted FROM shared
""")  # noqa: S608 - our own text


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
    wanted: Decimal

    def write(self, session: Session, order_id: int) -> None:
        """Set aside what every account wants, as its share of the order.

        Raises:
            StaleStateError: the accounts want something else by now.
        """
        expected = len(self.numbers[Code.ORDERED])
        expect_rows(session, expected)
        row = session.execute(SET_ASIDE, {**self.entry.parameters(), "order": order_id}).one()
        if (row.accounts, row.wanted) != (expected, self.wanted):
            raise StaleStateError("an account or position changed since it was read")


def wants(session: Session, entry: Entry) -> EntryWants:
    """What every account of the agent wants, whatever its status, or why it does not."""
    found = {Code(row.code): row for row in session.execute(OUTCOMES, entry.parameters())}
    numbers = {code: row.numbers for code, row in found.items()}
    return EntryWants(entry, numbers, found[Code.ORDERED].wanted if Code.ORDERED in found else Decimal(0))
