"""The equities that losses are measured from move with money that comes in or goes out, so that no loss changes."""

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.breakers import after_flow
from journal.models import Account, Agent

SCALE_SERVICE = text("""
SELECT FROM trading.service_state FOR UPDATE;
UPDATE trading.service_state
SET peak_equity = CASE WHEN e.equity > 0 THEN greatest(peak_equity, e.equity) * (e.equity + :amount) / e.equity
                       ELSE greatest(0, e.equity + :amount) END,
    day_equity = CASE WHEN e.equity > 0 THEN day_equity * (e.equity + :amount) / e.equity
                      ELSE greatest(0, e.equity + :amount) END
FROM (SELECT coalesce(sum(equity), 0) AS equity FROM trading.agents) e
""")
"""Two statements sent as one: the second sees what others committed while the first waited for the lock."""


def move_account(account: Account, equity: Decimal, amount: Decimal) -> None:
    """Scale an account's, which was worth ``equity`` before ``amount`` came in (or, negative, went out)."""
    account.peak_equity = after_flow(max(account.peak_equity, equity), equity, amount)
    account.day_equity = after_flow(account.day_equity, equity, amount)


def begin_account(account: Account) -> None:
    """The first money of an account is its first starting point."""
    account.peak_equity = account.day_equity = account.cash
    account.equity_day = datetime.now(UTC).date()


def move_agent(agent: Agent, amount: Decimal) -> None:
    """Scale an agent's by what it was worth when it was last judged; for money that stays within the service."""
    agent.peak_equity = after_flow(max(agent.peak_equity, agent.equity), agent.equity, amount)
    agent.day_equity = after_flow(agent.day_equity, agent.equity, amount)
    agent.equity = max(Decimal(0), agent.equity + amount)
    agent.leeway_version = None


def move_service(session: Session, agent: Agent, amount: Decimal) -> None:
    """Scale the whole service's and then the agent's; its row is locked by the caller, the service's here."""
    session.flush()
    session.execute(SCALE_SERVICE, {"amount": amount})
    move_agent(agent, amount)
