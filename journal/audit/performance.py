"""Rules of the days: each begins where the one before it ended, adds up, and is what the platform reads."""

from sqlalchemy.orm import Session

from journal import outward
from journal.audit.check import Check
from journal.trade_stats import leg_fees

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

STATS = f"""
SELECT 'account ' || a.id || ' ' || c.name AS subject, c.expected, c.actual
FROM trading.accounts a
LEFT JOIN trading.account_stats s ON s.account_id = a.id
LEFT JOIN (
    SELECT l.account_id, sum(round({leg_fees("o.executed_cost", "o.executed_quantity")}, 18)) AS fees, sum(l.cost) FILTER (WHERE o.side = 'buy') AS bought,
           sum(l.cost) FILTER (WHERE o.side = 'sell') AS sold
    FROM trading.legs l JOIN trading.orders o ON o.id = l.order_id GROUP BY l.account_id
) l ON l.account_id = a.id
LEFT JOIN (
    SELECT account_id, count(*) FILTER (WHERE profit_loss < 0) AS lost, max(profit_loss) AS best,
           min(profit_loss) AS worst, sum(extract(epoch FROM closed_at - opened_at)) AS held
    FROM trading.trades GROUP BY account_id
) t ON t.account_id = a.id
CROSS JOIN LATERAL (VALUES
    ('fees', coalesce(l.fees, 0), coalesce(s.fees, 0)), ('bought', coalesce(l.bought, 0), coalesce(s.bought, 0)),
    ('sold', coalesce(l.sold, 0), coalesce(s.sold, 0)), ('lost', coalesce(t.lost, 0), coalesce(s.losing_trades, 0)),
    ('best', t.best, s.best_trade), ('worst', t.worst, s.worst_trade),
    ('held', coalesce(t.held, 0), coalesce(s.held_seconds, 0))
) c (name, expected, actual)
WHERE a.kind <> 'dust'
"""  # noqa: S608 - a constant


def checks(session: Session) -> tuple[Check, ...]:
    """The rules, the platform's table read by the type that it gives to account ids."""
    account_id = f"CAST(d.account_id AS {outward.column_types(session, outward.SNAPSHOTS)['account_id']})"
    return (
        Check("account_stats_differ", "fees, value traded, best and worst are those of its legs and trades", STATS),
        Check("day_chain_broken", "a day opens with what the day before it closed with", CHAIN),
        Check("day_sum_differs", "an agent's day is the sum of its accounts' days", AGENTS),
        Check(
            "snapshot_differs",
            "closing - opening = profit and loss + flows in every daily snapshot",
            ADDS_UP.format(account_id=account_id),
        ),
    )
