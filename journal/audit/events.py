"""Rules of events: every cause since the first event has its own, once.

What happened before there were events has none; the first one says since when there are.
"""

from journal.audit.check import Check

SINCE = "(SELECT min(created_at) FROM trading.events)"

TRADES = f"""
SELECT 'order ' || t.exit_order_id AS subject, 1 AS expected,
       (SELECT count(*) FROM trading.events e WHERE e.kind = 'trade.closed' AND e.cause = o.client_order_id) AS actual
FROM (
    SELECT DISTINCT exit_order_id FROM trading.trades
    WHERE closed_at > {SINCE} AND account_id <> 'dust-' || agent
) t
JOIN trading.orders o ON o.id = t.exit_order_id
"""  # noqa: S608 - a constant of this module

WITHDRAWALS = f"""
SELECT 'withdrawal ' || w.account_id || ' ' || w.reference_id AS subject, 1 AS expected,
       (SELECT count(*) FROM trading.events e
        WHERE e.kind = 'withdrawal.' || w.status AND e.cause = w.account_id || ' ' || w.reference_id) AS actual
FROM trading.withdrawals w WHERE w.finished_at > {SINCE}
"""  # noqa: S608 - a constant of this module

CAUSES = """
SELECT 'event ' || e.id AS subject, 1 AS expected, count(o.id) AS actual
FROM trading.events e
LEFT JOIN trading.orders o ON o.client_order_id = e.cause AND o.side = 'sell' AND o.executed_quantity > 0
WHERE e.kind = 'trade.closed' GROUP BY e.id
"""

POSITIONS = """
SELECT 'event feed' AS subject, coalesce(max(position), 0) AS expected, count(position) AS actual FROM trading.events
"""

CHECKS = (
    Check("trade_event_missing", "every exit order that closed a position is one event", TRADES),
    Check("withdrawal_event_missing", "every withdrawal that ended is one event", WITHDRAWALS),
    Check("trade_event_without_cause", "a closed trade that was told of was an exit order's", CAUSES),
    Check("event_position_missing", "the feed of events has no gap", POSITIONS),
)
