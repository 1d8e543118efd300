"""What the book itself works out in SQL, read for the pure functions of :mod:`agents` that say the same."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents import model
from agents.model import BreakerKind, Quote, Status
from agents.profiles import RiskProfile
from journal.direct import Direct
from journal.entries import Entry
from journal.intents import Shares
from journal.leaving import Leaving

SEEN = text("""
SELECT * FROM trading.entry_accounts(
    :agent, :symbol, CAST(:marks AS jsonb), CAST(:at AS timestamptz), CAST(:cooldown AS interval)) ORDER BY number
""")
MARKS = text("SELECT symbol, bid FROM trading.marks")
POSITIONS = """
SELECT p.id, p.account_id, a.number, p.symbol, p.quantity, p.cost, a.kind = 'dust'
FROM trading.positions p, trading.accounts a WHERE {chosen}
"""


def entry_at(session: Session, agent: str, quote: Quote, profile: RiskProfile, price: Decimal) -> Entry:
    """An entry at ``price`` at most, with the marks of now and the quote as the newest of them."""
    marks = {row.symbol: row.bid for row in session.execute(MARKS)}
    at = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return Entry(agent, quote.symbol, profile, price, {**marks, quote.symbol: quote.bid}, at)


def accounts_of(session: Session, entry: Entry) -> list[model.Account]:
    """Every account of the agent as the entry sees it, in the order of their numbers."""
    return [
        model.Account(
            id=row.id,
            number=row.number,
            status=Status(row.status),
            cash=row.cash,
            equity=row.equity,
            exposure=row.exposure,
            open_positions=row.positions,
            holds_symbol=row.holds,
            withdrawal_pending=row.withdrawal_pending,
            since_loss=timedelta(0) if row.lost else None,
            breaker=BreakerKind(row.breaker) if row.breaker else None,
        )
        for row in session.execute(SEEN, entry.parameters())
    ]


def positions_of(session: Session, leaving: Leaving) -> list[model.Position]:
    """The positions that an exit sells."""
    rows = Direct.of(session).rows(leaving.statement(POSITIONS), leaving.parameters())
    return [model.Position(*row) for row in rows]


def set_aside(session: Session, shares: Shares, order_id: int) -> tuple[int, Decimal]:
    """Write what the accounts ask of an order; how many they are, and how much it is."""
    statement = f"SELECT s.shares, s.quantity FROM (SELECT CAST(%(order)s AS bigint) AS id) o, {shares.setting_aside} s"  # noqa: S608 - our own text
    (row,) = Direct.of(session).rows(statement, {**shares.parameters(), "order": order_id})
    return row.shares, row.quantity


def shares_of(session: Session, order_id: int) -> list[model.Want]:
    """What each account asked of an order, sorted by account id as Python sorts text."""
    rows = session.execute(
        text("SELECT account_id, quantity, reserved, keeps_rest FROM trading.shares WHERE order_id = :order"),
        {"order": order_id},
    )
    return sorted((model.Want(r[0], 0, *r[1:]) for r in rows), key=lambda want: want.account_id)


def legs_of(session: Session, order_id: int) -> list[model.Leg]:
    """The legs of an order, sorted likewise."""
    rows = session.execute(
        text(
            "SELECT account_id, quantity, cost, fee_base, fee_quote, fee_other, fee_other_value, dust "
            "FROM trading.legs WHERE order_id = :order"
        ),
        {"order": order_id},
    )
    return sorted((model.Leg(*row) for row in rows), key=lambda leg: leg.account_id)
