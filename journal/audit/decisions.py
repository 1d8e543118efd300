"""Rules of decisions: every signal ends as one, and it says truly what was done."""

from journal.audit.check import Check

PENDING_MINUTES = 5
"""A decision that waits longer than this is a breach."""

PENDING = f"""
SELECT 'decision ' || id AS subject, 0 AS expected,
       CAST(created_at < now() - interval '{PENDING_MINUTES} minutes' AS int) AS actual
FROM trading.decisions WHERE decided_at IS NULL
"""  # noqa: S608 - a constant of this module

COUNTS = """
SELECT 'decision ' || coalesce(d.id, o.decision_id) || ' ' || coalesce(c.key, o.code) AS subject, CAST(c.value AS bigint) AS expected,
       o.accounts_count AS actual
FROM trading.decisions d
CROSS JOIN LATERAL (SELECT count(*) AS codes FROM jsonb_object_keys(d.counts)) n
JOIN LATERAL jsonb_each_text(d.counts) c ON true
FULL JOIN trading.decision_outcomes o ON o.decision_id = d.id AND o.code = c.key
WHERE o.decision_id IS NOT NULL OR n.codes > 1
"""
"""Only where accounts differ are there outcomes beside the counts."""

RANGES = """
SELECT 'decision ' || decision_id || ' ' || code AS subject, accounts_count AS expected,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(accounts) AS r) AS actual
FROM trading.decision_outcomes
"""

ORDERED = """
SELECT 'decision ' || d.id AS subject, CAST(d.code IS NOT DISTINCT FROM 'ordered' AS int) AS expected, count(o.id) AS actual
FROM trading.decisions d LEFT JOIN trading.orders o ON o.decision_id = d.id
WHERE d.code = 'ordered' OR o.id IS NOT NULL
GROUP BY d.id
"""

CHECKS = (
    Check("decision_pending", f"no decision waits {PENDING_MINUTES} minutes", PENDING),
    Check("decision_counts_differ", "a decision's outcomes by account sum to its counts", COUNTS),
    Check("decision_ranges_differ", "an outcome names as many accounts as it counts", RANGES),
    Check("decision_order_differs", "a decision to order has one order, any other none", ORDERED),
)
