"""The past, from the ledger: what accounts held at a moment, and what it was worth then.

What is open now and was open then, with what was sold since put back. So the cost is that of what
is held and of what happened since, not of all that ever happened.
"""

HELD_AT = """
SELECT p.account_id, p.symbol, p.quantity, p.cost
FROM trading.positions p
WHERE p.closed_at IS NULL AND p.opened_at < {moment} {chosen_positions}
UNION ALL
SELECT t.account_id, t.symbol, l.quantity + l.dust, t.cost
FROM trading.trades t JOIN trading.legs l ON l.order_id = t.exit_order_id AND l.account_id = t.account_id
WHERE t.closed_at >= {moment} AND t.opened_at < {moment} {chosen_trades}
"""
"""Quantities and costs, to be summed by account and symbol; ``moment`` is SQL, ``chosen`` a further condition."""

BID_AT = """
SELECT h.bid FROM trading.mark_history h WHERE h.symbol = {symbol} AND h.at < {moment} ORDER BY h.at DESC LIMIT 1
"""
"""The last bid before a moment; no row where none is known, and then positions count at cost."""

SIGNED = "CASE flow_type WHEN 'deposit' THEN amount ELSE -amount END"
