"""What performance is measured from: past prices, and what every day was worth to each account and each agent.

References of the days and sums of accounts are checked by triggers, see docs/decisions/references.md.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from journal.models import Agent
from journal.tables import Amount, Base, Now

ADDS_UP = "closing - opening = profit_loss + net_flows"


class MarkHistory(Base):
    """The last bid of a symbol in each minute; ``at`` is when the minute began."""

    __tablename__ = "mark_history"

    symbol: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    bid: Mapped[Decimal]


class EquityPoint(Base):
    """What an agent was worth at its last tick of each minute; ``drawdown`` is from its highest equity, flows taken out."""

    __tablename__ = "equity_points"

    agent: Mapped[str] = mapped_column(ForeignKey(Agent.name), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    equity: Mapped[Decimal]
    drawdown: Mapped[Decimal]


class AccountDay(Base):
    """One UTC day of one account, marked to market at its close; ``agent`` served it then.

    ``opening`` is the closing of the day before. ``capital`` is what the day's profit was earned with:
    the opening and all that came in. ``realised`` is the account's balance at the close, positions at cost.
    """

    __tablename__ = "account_days"
    __table_args__ = (CheckConstraint(ADDS_UP, name="adds_up"),)

    day: Mapped[date] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    agent: Mapped[str]
    opening: Mapped[Decimal]
    net_flows: Mapped[Decimal]
    capital: Mapped[Decimal]
    profit_loss: Mapped[Decimal]
    closing: Mapped[Decimal]
    realised: Mapped[Decimal]
    trades: Mapped[int]
    winning_trades: Mapped[int]


class AgentDay(Base):
    """One UTC day of one agent: the sums over the accounts that it served at the close.

    An account that came from or went to another agent is a flow of what it was worth.
    """

    __tablename__ = "agent_days"
    __table_args__ = (CheckConstraint(ADDS_UP, name="adds_up"),)

    agent: Mapped[str] = mapped_column(ForeignKey(Agent.name), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    accounts: Mapped[int]
    opening: Mapped[Decimal]
    net_flows: Mapped[Decimal]
    capital: Mapped[Decimal]
    profit_loss: Mapped[Decimal]
    closing: Mapped[Decimal]


class SyncedDay(Base):
    """A day whose rows are written, and what they were made from: if the ledger says otherwise now, it was corrected.

    ``is_final`` is false for a day that was synced before it ended.
    """

    __tablename__ = "synced_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    is_final: Mapped[bool]
    accounts: Mapped[int]
    trades: Mapped[int]
    net_flows: Mapped[Decimal]
    realised_profit: Mapped[Decimal]
    synced_at: Mapped[Now]


class Streaks:
    """Wins and losses in a row, and for how long something was held; columns of the two tables below.

    ``current_streak`` is positive for wins, negative for losses. ``exposed_since`` is set while a position is
    open; ``exposed_seconds`` are those of the times before.
    """

    current_streak: Mapped[int] = mapped_column(server_default=text("0"))
    longest_winning_streak: Mapped[int] = mapped_column(server_default=text("0"))
    longest_losing_streak: Mapped[int] = mapped_column(server_default=text("0"))
    exposed_since: Mapped[datetime | None]
    exposed_seconds: Mapped[Amount]


class AccountStats(Streaks, Base):
    """Running sums over all legs and trades of an account, kept in the transaction that books them.

    ``fees`` are worth what was paid, whatever the asset; ``bought`` and ``sold`` are the value traded.
    """

    __tablename__ = "account_stats"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    fees: Mapped[Amount]
    bought: Mapped[Amount]
    sold: Mapped[Amount]
    losing_trades: Mapped[int] = mapped_column(server_default=text("0"))
    best_trade: Mapped[Decimal | None]
    worst_trade: Mapped[Decimal | None]
    held_seconds: Mapped[Amount]


class AgentStats(Streaks, Base):
    """The same of an agent as a whole, where it is no sum over accounts: one sale for all accounts is one result."""

    __tablename__ = "agent_stats"

    agent: Mapped[str] = mapped_column(ForeignKey(Agent.name), primary_key=True)
