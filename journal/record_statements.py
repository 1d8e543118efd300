"""The statements of :mod:`journal.record_queries`: all filters, applied to the first rows of a ``{walk}``."""

DECISIONS = """
SELECT *
FROM (
    SELECT
        d.id,
        d.agent,
        d.signal_id,
        s.source,
        s.symbol,
        s.action,
        s.confidence,
        s.price,
        s.signal_at,
        s.received_at,
        d.code,
        d.detail,
        d.counts,
        CASE WHEN CAST(:number AS bigint) IS NOT NULL THEN coalesce(
            (
                SELECT o.code
                FROM trading.decision_outcomes o
                WHERE o.decision_id = d.id AND o.accounts @> CAST(:number AS bigint)
            ),
            d.code
        ) END AS account_code,
        d.profile_version,
        d.bid,
        d.ask,
        d.created_at,
        d.decided_at,
        ARRAY(SELECT o.client_order_id FROM trading.orders o WHERE o.decision_id = d.id ORDER BY o.id) AS order_ids
    FROM ({walk} LIMIT :scanned) d
    -- Behind OFFSET 0, each row's own signal is looked up, instead of all signals of a symbol.
    CROSS JOIN LATERAL (SELECT * FROM trading.signals i WHERE i.id = d.signal_id OFFSET 0) s
    WHERE (:agent IS NULL OR d.agent = :agent)
        AND (:signal_id IS NULL OR d.signal_id = :signal_id)
        AND (:symbol IS NULL OR s.symbol = :symbol)
        AND (
            :account_id IS NULL
            OR EXISTS (
                SELECT 1
                FROM trading.assignments x
                WHERE x.account_id = :account_id
                    AND x.agent = d.agent
                    AND coalesce(d.decided_at, now()) >= x.started_at
                    AND (x.ended_at IS NULL OR coalesce(d.decided_at, now()) < x.ended_at)
            )
        )
) v
WHERE :code IS NULL OR coalesce(v.account_code, v.code) = :code
ORDER BY {order}
LIMIT :limit
"""

ORDERS = """
SELECT
    o.id,
    o.client_order_id,
    o.exchange_order_id,
    o.agent,
    o.symbol,
    o.side,
    o.reason,
    o.decision_id,
    o.quantity,
    o.limit_price,
    o.bid,
    o.ask,
    o.state,
    o.executed_quantity,
    o.executed_cost,
    o.executed_cost / nullif(o.executed_quantity, 0) AS average_price,
    (SELECT count(*) FROM trading.shares s WHERE s.order_id = o.id AND s.account_id <> 'dust-' || o.agent) AS accounts,
    o.error_code,
    o.error_message,
    o.created_at,
    o.resolved_at
FROM ({walk} LIMIT :scanned) o
WHERE (:agent IS NULL OR o.agent = :agent)
    AND (:symbol IS NULL OR o.symbol = :symbol)
    AND (:state IS NULL OR o.state = :state)
ORDER BY {order}
LIMIT :limit
"""

TRADES = """
SELECT
    t.id,
    t.account_id,
    t.agent,
    t.symbol,
    t.quantity,
    t.entry_price,
    t.exit_price,
    t.cost,
    t.proceeds,
    t.profit_loss,
    t.reason,
    entered.client_order_id AS entry_order_id,
    exited.client_order_id AS exit_order_id,
    t.opened_at,
    t.closed_at
FROM ({walk} LIMIT :scanned) t
LEFT JOIN trading.orders entered ON entered.id = t.entry_order_id
JOIN trading.orders exited ON exited.id = t.exit_order_id
WHERE t.account_id <> 'dust-' || t.agent
    AND (:account_id IS NULL OR t.account_id = :account_id)
    AND (:agent IS NULL OR t.agent = :agent)
    AND (:symbol IS NULL OR t.symbol = :symbol)
ORDER BY {order}
LIMIT :limit
"""
