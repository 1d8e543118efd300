"""Rules of positions: they are what the legs left, and nothing is lost or left unguarded."""

from journal.audit.check import Check

POSITIONS = """
SELECT account_id || ' ' || symbol AS subject, coalesce(moved.quantity, 0) AS expected, coalesce(held.quantity, 0) AS actual
FROM (
    SELECT account_id, symbol, sum(quantity) AS quantity FROM (
        SELECT l.account_id, o.symbol, CASE o.side WHEN 'buy' THEN l.quantity - l.fee_base ELSE -l.quantity - l.dust END AS quantity
        FROM trading.legs l JOIN trading.orders o ON o.id = l.order_id
        UNION ALL
        SELECT 'dust-' || o.agent, o.symbol, l.dust FROM trading.legs l JOIN trading.orders o ON o.id = l.order_id
        WHERE l.dust > 0
    ) legs GROUP BY account_id, symbol
) moved FULL JOIN (
    SELECT account_id, symbol, sum(quantity) AS quantity FROM trading.positions GROUP BY account_id, symbol
) held USING (account_id, symbol)
"""
"""What an exit could not sell leaves its account as dust, and the agent's dust account receives it."""

COSTS = """
SELECT account_id || ' ' || symbol AS subject, coalesce(moved.cost, 0) AS expected, coalesce(held.cost, 0) AS actual
FROM (
    SELECT account_id, symbol, sum(cost) AS cost FROM (
        SELECT l.account_id, o.symbol, l.cost + l.fee_quote + l.fee_other_value AS cost
        FROM trading.legs l JOIN trading.orders o ON o.id = l.order_id AND o.side = 'buy'
        UNION ALL
        SELECT account_id, symbol, -cost FROM trading.trades
    ) paid GROUP BY account_id, symbol
) moved FULL JOIN (
    SELECT account_id, symbol, sum(cost) AS cost FROM trading.positions GROUP BY account_id, symbol
) held USING (account_id, symbol)
"""

CONSERVED = """
SELECT coalesce(f.symbol, p.symbol) AS subject, coalesce(f.quantity, 0) AS expected, coalesce(p.quantity, 0) AS actual
FROM (
    SELECT o.symbol, sum(CASE o.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END) - coalesce(sum(f.commission) FILTER (
        WHERE o.side = 'buy' AND right(o.symbol, length(f.commission_asset)) <> f.commission_asset
          AND left(o.symbol, length(f.commission_asset)) = f.commission_asset), 0) AS quantity
    FROM trading.fills f JOIN trading.orders o ON o.id = f.order_id GROUP BY o.symbol
) f FULL JOIN (
    SELECT symbol, sum(quantity) AS quantity FROM trading.positions WHERE closed_at IS NULL GROUP BY symbol
) p ON p.symbol = f.symbol
"""

DUST = """
SELECT coalesce(d.agent, h.agent) || ' ' || coalesce(d.symbol, h.symbol) AS subject, coalesce(d.dust, 0) AS expected,
       coalesce(h.quantity, 0) AS actual
FROM (
    SELECT o.agent, o.symbol, sum(l.dust) - coalesce(sum(l.quantity + l.dust) FILTER (WHERE a.kind = 'dust'), 0) AS dust
    FROM trading.legs l
    JOIN trading.orders o ON o.id = l.order_id AND o.side = 'sell'
    JOIN trading.accounts a ON a.id = l.account_id
    GROUP BY o.agent, o.symbol
) d FULL JOIN (
    SELECT p.agent, p.symbol, sum(p.quantity) AS quantity
    FROM trading.positions p JOIN trading.accounts a ON a.id = p.account_id AND a.kind = 'dust'
    GROUP BY p.agent, p.symbol
) h ON h.agent = d.agent AND h.symbol = d.symbol
"""

NEGATIVE = """
SELECT 'position ' || id AS subject, 0 AS expected, least(quantity, cost, 0) AS actual FROM trading.positions
"""

CLOSED = """
SELECT 'position ' || id AS subject, 0 AS expected, quantity + cost AS actual FROM trading.positions WHERE closed_at IS NOT NULL
"""

CLAIMED = """
SELECT 'position ' || p.id AS subject, 1 AS expected,
       CAST(p.closed_at IS NULL AND o.state IN ('intended', 'unknown') AND o.side = 'sell' AND o.symbol = p.symbol AS int) AS actual
FROM trading.positions p JOIN trading.orders o ON o.id = p.exit_order_id
UNION ALL
SELECT 'order ' || s.order_id || ' ' || s.account_id, 1, count(p.id)
FROM trading.shares s
JOIN trading.orders o ON o.id = s.order_id AND o.side = 'sell' AND o.state IN ('intended', 'unknown')
LEFT JOIN trading.positions p ON p.exit_order_id = s.order_id AND p.account_id = s.account_id
GROUP BY s.order_id, s.account_id
"""

BRACKETS = """
SELECT 'bracket ' || b.order_id AS subject, CAST(b.closed_at IS NULL AS int) AS expected,
       CAST(count(p.id) > 0 AS int) AS actual
FROM trading.brackets b LEFT JOIN trading.positions p ON p.entry_order_id = b.order_id AND p.closed_at IS NULL
GROUP BY b.order_id
UNION ALL
SELECT 'position ' || p.id, 1, count(b.order_id)
FROM trading.positions p LEFT JOIN trading.brackets b ON b.order_id = p.entry_order_id AND b.symbol = p.symbol
WHERE p.closed_at IS NULL AND p.entry_order_id IS NOT NULL
GROUP BY p.id
"""

SERVED = """
SELECT 'position ' || p.id AS subject, 1 AS expected, CAST(p.agent = a.agent AS int) AS actual
FROM trading.positions p JOIN trading.accounts a ON a.id = p.account_id WHERE p.closed_at IS NULL
"""

CHECKS = (
    Check(
        "position_differs",
        "a position is what its account's legs brought, less what they sold and left as dust",
        POSITIONS,
    ),
    Check("position_cost_differs", "a position's cost is what was paid, less what trades took", COSTS),
    Check("asset_not_conserved", "all positions in a symbol are what the exchange's fills left", CONSERVED),
    Check("dust_differs", "dust accounts hold what exits left and no later sale took", DUST),
    Check("position_negative", "no position is below zero", NEGATIVE),
    Check("closed_position_holds", "closed positions are empty", CLOSED),
    Check("claim_differs", "an exit holds its positions while its outcome is open, and no longer", CLAIMED),
    Check("bracket_differs", "exit levels stand as long as what they guard", BRACKETS),
    Check("position_of_other_agent", "an open position belongs to its account's agent", SERVED),
)
