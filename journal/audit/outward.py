"""Rules of the rows that the platform reads: one for each cause, in a chain of balances without a gap.

The platform may own the table with column types of its own, so ids are compared as text. Rows of
accounts that are not in the book are its own affair.
"""

from sqlalchemy.orm import Session

from journal import outward
from journal.audit.check import Check

SIGNED = "CASE WHEN x.transaction_type IN ('deposit', 'profit') THEN x.amount ELSE -x.amount END"

ROWS = f"""
SELECT a.id AS account, x.* FROM {outward.TRANSACTIONS} x JOIN trading.accounts a ON a.id = CAST(x.account_id AS text)
"""  # noqa: S608 - a constant

ARITHMETIC = f"""
SELECT 'transaction ' || x.id AS subject, x.balance_before + {SIGNED} AS expected, x.balance_after AS actual FROM ({ROWS}) x
"""  # noqa: S608 - constants of this module

CHAIN = """
SELECT 'transaction ' || x.id AS subject, x.ended AS expected, x.balance_before AS actual FROM (
    SELECT x.*, lag(balance_after, 1, CAST(0 AS numeric)) OVER account_rows AS ended, {same_moment} AS same_moment
    FROM ({rows}) x WINDOW account_rows AS (PARTITION BY account ORDER BY {order})
) x WHERE NOT same_moment
"""

BALANCES = f"""
SELECT 'account ' || a.id AS subject, a.balance AS expected, coalesce(x.total, 0) AS actual
FROM trading.accounts a LEFT JOIN (SELECT account, sum({SIGNED}) AS total FROM ({ROWS}) x GROUP BY account) x ON x.account = a.id
WHERE a.kind <> 'dust'
"""  # noqa: S608 - constants of this module

PER_TRADE = f"""
SELECT 'trade ' || t.id AS subject, 1 AS expected, count(x.account) AS actual
FROM trading.trades t
JOIN trading.accounts a ON a.id = t.account_id AND a.kind <> 'dust'
LEFT JOIN ({ROWS}) x ON CAST(x.reference_id AS text) = CAST(t.id AS text) AND x.account = t.account_id
    AND x.amount = abs(t.profit_loss) AND x.transaction_type = CASE WHEN t.profit_loss > 0 THEN 'profit' ELSE 'loss' END
GROUP BY t.id
"""  # noqa: S608 - constants of this module

PER_ACCOUNT = f"""
SELECT 'account ' || a.id || ' ' || c.name AS subject, c.expected, c.actual
FROM trading.accounts a
LEFT JOIN (SELECT account_id, count(*) AS trades FROM trading.trades GROUP BY account_id) t ON t.account_id = a.id
LEFT JOIN (SELECT account_id, count(*) AS flows FROM trading.cash_flows GROUP BY account_id) f ON f.account_id = a.id
LEFT JOIN (
    SELECT account, count(*) FILTER (WHERE transaction_type IN ('profit', 'loss')) AS trades,
           count(*) FILTER (WHERE transaction_type IN ('deposit', 'withdrawal')) AS flows
    FROM ({ROWS}) x GROUP BY account
) x ON x.account = a.id
CROSS JOIN LATERAL (VALUES ('trades', coalesce(t.trades, 0), coalesce(x.trades, 0)),
                           ('flows', coalesce(f.flows, 0), coalesce(x.flows, 0))) c (name, expected, actual)
WHERE a.kind <> 'dust'
"""  # noqa: S608 - constants of this module


def checks(session: Session) -> tuple[Check, ...]:
    """The rules, as far as the column types of the platform's table let them be checked."""
    types = outward.column_types(session, outward.TRANSACTIONS)
    counted = types["id"] in outward.INTEGER_TYPES
    chain = CHAIN.format(
        rows=ROWS,
        order="id" if counted else "created_at, id",
        # Without a counted id nobody can tell which of two rows of one moment came first.
        same_moment="false" if counted else "lag(created_at) OVER account_rows IS NOT DISTINCT FROM created_at",
    )
    rules = [
        Check("transaction_arithmetic", "a transaction's balances differ by its amount", ARITHMETIC),
        Check("transaction_chain_broken", "a transaction begins at the balance where the one before it ended", chain),
        Check("transaction_sum_differs", "an account's transactions sum to its balance", BALANCES),
        Check("transaction_count_differs", "every trade and every flow has one transaction", PER_ACCOUNT),
    ]
    if outward.fits("00000000-0000-0000-0000-000000000000", types["reference_id"]):
        rules.append(Check("trade_unreported", "a trade's transaction carries its id, amount and sign", PER_TRADE))
    return tuple(rules)
