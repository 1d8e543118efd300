"""Rules of withdrawals: what is paid is a flow, once, and a closed account is left empty by its closing."""

from journal.audit.check import Check

PAID = """
SELECT 'withdrawal ' || coalesce(w.account_id, f.account_id) || ' ' || coalesce(w.reference_id, f.reference_id) AS subject,
       CASE WHEN w.status = 'completed' THEN w.amount ELSE 0 END AS expected, coalesce(f.amount, 0) AS actual
FROM trading.withdrawals w
FULL JOIN (SELECT * FROM trading.cash_flows WHERE flow_type = 'withdrawal') f
    ON f.account_id = w.account_id AND f.reference_id = w.reference_id
"""

CLOSED = """
SELECT 'account ' || a.id AS subject, CASE WHEN a.closed_at IS NULL THEN 0 ELSE 1 END AS expected,
       (SELECT count(*) FROM trading.withdrawals w
        WHERE w.account_id = a.id AND w.kind = 'closing' AND w.status = 'completed') AS actual
FROM trading.accounts a
UNION ALL
SELECT 'account ' || a.id || ' holds', 0, a.cash + a.reserved + abs(a.balance) + coalesce(p.quantity, 0)
FROM trading.accounts a LEFT JOIN (
    SELECT account_id, sum(quantity) AS quantity FROM trading.positions WHERE closed_at IS NULL GROUP BY account_id
) p ON p.account_id = a.id
WHERE a.closed_at IS NOT NULL
"""

CHECKS = (
    Check("withdrawal_payment_differs", "a completed withdrawal is paid once, any other not at all", PAID),
    Check("closed_account_not_empty", "a closed account has its closing and nothing else", CLOSED),
)
