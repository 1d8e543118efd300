"""Rules of money: what accounts have, where it came from, and that none is made or lost."""

from journal.audit.check import Check

BALANCE = """
SELECT 'account ' || a.id AS subject, a.balance AS expected, a.cash + a.reserved + coalesce(p.cost, 0) AS actual
FROM trading.accounts a LEFT JOIN (
    SELECT account_id, sum(cost) AS cost FROM trading.positions WHERE closed_at IS NULL GROUP BY account_id
) p ON p.account_id = a.id
"""

FLOWS = "sum(CASE flow_type WHEN 'deposit' THEN amount ELSE -amount END)"

REALISED = f"""
SELECT 'account ' || a.id AS subject, coalesce(f.flows, 0) + coalesce(t.profit, 0) AS expected, a.balance AS actual
FROM trading.accounts a
LEFT JOIN (SELECT account_id, {FLOWS} AS flows FROM trading.cash_flows GROUP BY account_id) f ON f.account_id = a.id
LEFT JOIN (SELECT account_id, sum(profit_loss) AS profit FROM trading.trades GROUP BY account_id) t ON t.account_id = a.id
"""  # noqa: S608 - constants of this module

LEG_CASH = """
CASE o.side WHEN 'buy' THEN -l.cost ELSE l.cost END - l.fee_quote - l.fee_other_value
"""
"""What a leg adds to its account's cash."""

CASH = f"""
SELECT 'account ' || a.id AS subject, coalesce(f.flows, 0) + coalesce(l.cash, 0) AS expected, a.cash + a.reserved AS actual
FROM trading.accounts a
LEFT JOIN (SELECT account_id, {FLOWS} AS flows FROM trading.cash_flows GROUP BY account_id) f ON f.account_id = a.id
LEFT JOIN (
    SELECT l.account_id, sum({LEG_CASH}) AS cash
    FROM trading.legs l JOIN trading.orders o ON o.id = l.order_id GROUP BY l.account_id
) l ON l.account_id = a.id
"""  # noqa: S608 - constants of this module

RESERVED = """
SELECT 'account ' || a.id AS subject, coalesce(s.reserved, 0) AS expected, a.reserved AS actual
FROM trading.accounts a LEFT JOIN (
    SELECT s.account_id, sum(s.reserved) AS reserved FROM trading.shares s JOIN trading.orders o ON o.id = s.order_id
    WHERE o.state IN ('intended', 'unknown') AND o.side = 'buy' GROUP BY s.account_id
) s ON s.account_id = a.id
"""

NEGATIVE = """
SELECT 'account ' || id AS subject, 0 AS expected, least(cash, reserved, balance, 0) AS actual FROM trading.accounts
"""

COUNTERS = """
SELECT 'account ' || a.id || ' ' || c.name AS subject, c.expected, c.actual
FROM trading.accounts a
LEFT JOIN (
    SELECT account_id, count(*) AS trades, count(*) FILTER (WHERE profit_loss > 0) AS wins,
           sum(greatest(profit_loss, 0)) AS profit, sum(greatest(-profit_loss, 0)) AS loss
    FROM trading.trades GROUP BY account_id
) t ON t.account_id = a.id
CROSS JOIN LATERAL (VALUES
    ('total_profit', coalesce(t.profit, 0), a.total_profit), ('total_loss', coalesce(t.loss, 0), a.total_loss),
    ('total_trades', coalesce(t.trades, 0), a.total_trades), ('winning_trades', coalesce(t.wins, 0), a.winning_trades)
) c (name, expected, actual)
"""

PROCEEDS = """
SELECT 'trade ' || t.id AS subject, l.cost - l.fee_quote - l.fee_other_value AS expected, t.proceeds AS actual
FROM trading.trades t LEFT JOIN trading.legs l ON l.order_id = t.exit_order_id AND l.account_id = t.account_id
"""

TRADE_PER_LEG = """
SELECT 'order ' || l.order_id || ' ' || l.account_id AS subject, 1 AS expected, count(t.id) AS actual
FROM trading.legs l
JOIN trading.orders o ON o.id = l.order_id AND o.side = 'sell'
LEFT JOIN trading.trades t ON t.exit_order_id = l.order_id AND t.account_id = l.account_id
GROUP BY l.order_id, l.account_id
"""

TOTAL = f"""
SELECT 'all accounts' AS subject, (SELECT coalesce({FLOWS}, 0) FROM trading.cash_flows) + (
    SELECT coalesce(sum(CASE o.side WHEN 'buy' THEN -f.cost ELSE f.cost END), 0)
         - coalesce(sum(f.commission) FILTER (WHERE right(o.symbol, length(f.commission_asset)) = f.commission_asset), 0)
    FROM trading.fills f JOIN trading.orders o ON o.id = f.order_id
) - (SELECT coalesce(sum(fee_other_value), 0) FROM trading.legs) AS expected,
    (SELECT coalesce(sum(cash + reserved), 0) FROM trading.accounts) AS actual
"""  # noqa: S608 - constants of this module

ASSIGNMENTS = """
SELECT 'account ' || a.id AS subject, CAST(a.status <> 'stopped' OR a.balance <> 0 OR count(s.id) > 0 AS int) AS expected,
       count(s.id) - count(*) FILTER (WHERE s.agent <> a.agent) AS actual
FROM trading.accounts a LEFT JOIN trading.assignments s ON s.account_id = a.id AND s.ended_at IS NULL
WHERE a.kind <> 'dust'
GROUP BY a.id
"""
"""A closed account has no assignment, every other one that of its agent."""

CHECKS = (
    Check("account_balance_differs", "cash + reserved + cost of open positions = balance", BALANCE),
    Check("account_profit_differs", "balance = deposits - withdrawals + realised profit", REALISED),
    Check("account_cash_differs", "cash + reserved is what flows and legs left", CASH),
    Check("account_reserved_differs", "reserved is what unresolved orders set aside", RESERVED),
    Check("account_negative", "no account is below zero", NEGATIVE),
    Check("account_counters_differ", "profit, loss, trades and wins are those of its trades", COUNTERS),
    Check("trade_proceeds_differ", "a trade's proceeds are its leg's", PROCEEDS),
    Check("trade_missing", "every leg of a sale is one trade", TRADE_PER_LEG),
    Check("cash_not_conserved", "all cash is what flows and the exchange's fills left", TOTAL),
    Check("assignment_differs", "an account is assigned to the agent that serves it, once", ASSIGNMENTS),
)
