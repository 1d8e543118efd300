"""The statements of :mod:`journal.record_queries`.

``SCANNED_…`` walks one index in the order of the list: that of the one ``by_…`` filter that is not NULL. The list
itself applies all filters to a bounded number of those rows.
"""

SCANNED_DECISIONS = """
    SELECT *
    FROM trading.decisions
    WHERE (CAST(:by_decision_id AS bigint) IS NULL OR id = CAST(:by_decision_id AS bigint))
        AND (:by_signal_id IS NULL OR signal_id = :by_signal_id)
        AND (:by_agent IS NULL OR agent = :by_agent)
        AND (:by_code IS NULL OR code = :by_code)
        AND (CAST(:before AS bigint) IS NULL OR id < CAST(:before AS bigint))
    ORDER BY id DESC
"""

DECISIONS = f"""
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
    FROM ({SCANNED_DECISIONS} LIMIT :scanned) d
    JOIN trading.signals s ON s.id = d.signal_id
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
ORDER BY v.id DESC
LIMIT :limit
"""  # noqa: S608 - our own text

SCANNED_ORDERS = """
    SELECT *
    FROM trading.orders
    WHERE (:by_client_order_id IS NULL OR client_order_id = :by_client_order_id)
        AND (CAST(:by_decision_id AS bigint) IS NULL OR decision_id = CAST(:by_decision_id AS bigint))
        AND (:by_agent IS NULL OR agent = :by_agent)
        AND (:by_symbol IS NULL OR symbol = :by_symbol)
        AND (:by_state IS NULL OR state = :by_state)
        AND (CAST(:before AS bigint) IS NULL OR id < CAST(:before AS bigint))
    ORDER BY id DESC
"""

ORDERS = f"""
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
FROM ({SCANNED_ORDERS} LIMIT :scanned) o
WHERE (:agent IS NULL OR o.agent = :agent)
    AND (:symbol IS NULL OR o.symbol = :symbol)
    AND (:state IS NULL OR o.state = :state)
ORDER BY o.id DESC
LIMIT :limit
"""  # noqa: S608 - our own text

SCANNED_TRADES = """
    SELECT *
    FROM trading.trades
    WHERE (:by_account_id IS NULL OR account_id = :by_account_id)
        AND (:by_agent IS NULL OR agent = :by_agent)
        AND (
            CAST(:before AS uuid) IS NULL
            OR (closed_at, id) < (
                (SELECT b.closed_at FROM trading.trades b WHERE b.id = CAST(:before AS uuid)), CAST(:before AS uuid)
            )
        )
    ORDER BY closed_at DESC, id DESC
"""

TRADES = f"""
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
FROM ({SCANNED_TRADES} LIMIT :scanned) t
LEFT JOIN trading.orders entered ON entered.id = t.entry_order_id
JOIN trading.orders exited ON exited.id = t.exit_order_id
WHERE t.account_id <> 'dust-' || t.agent
    AND (:agent IS NULL OR t.agent = :agent)
    AND (:symbol IS NULL OR t.symbol = :symbol)
ORDER BY t.closed_at DESC, t.id DESC
LIMIT :limit
"""  # noqa: S608 - our own text
