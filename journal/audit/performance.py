"""Rules of the days: each begins where the one before it ended, adds up, and is what the platform reads."""

from sqlalchemy.orm import Session

from journal import outward
from journal.audit.check import Check

CHAIN = """
SELECT 'account ' || d.account_id || ' ' || d.day AS subject, coalesce(b.closing, 0) AS expected, d.opening AS actual
FROM trading.account_days d LEFT JOIN trading.account_days b ON b.account_id = d.account_id AND b.day = d.day - 1
UNION ALL
SELECT 'agent ' || d.agent || ' ' || d.day, coalesce(b.closing, 0), d.opening
FROM trading.agent_days d LEFT JOIN trading.agent_days b ON b.agent = d.agent AND b.day = d.day - 1
"""

AGENTS = """
SELECT 'agent ' || d.agent || ' ' || d.day AS subject, d.closing AS expected, coalesce(sum(a.closing), 0) AS actual
FROM trading.agent_days d LEFT JOIN trading.account_days a ON a.agent = d.agent AND a.day = d.day
GROUP BY d.agent, d.day
"""

ADDS_UP = f"""
SELECT 'account ' || d.account_id || ' ' || d.day AS subject, s.profit_loss + d.net_flows AS expected,
       s.closing_balance - s.opening_balance AS actual
FROM trading.account_days d
LEFT JOIN {outward.SNAPSHOTS} s ON s.account_id = {{account_id}} AND s.snapshot_date = d.day AND s.period_type = 'daily'
"""  # noqa: S608 - a constant


def checks(session: Session) -> tuple[Check, ...]:
    """The rules, the platform's table read by the type that it gives to account ids."""
    account_id = f"CAST(d.account_id AS {outward.column_types(session, outward.SNAPSHOTS)['account_id']})"
    return (
        Check("day_chain_broken", "a day opens with what the day before it closed with", CHAIN),
        Check("day_sum_differs", "an agent's day is the sum of its accounts' days", AGENTS),
        Check(
            "snapshot_differs",
            "closing - opening = profit and loss + flows in every daily snapshot",
            ADDS_UP.format(account_id=account_id),
        ),
    )
