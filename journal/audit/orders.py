"""Rules of orders: what was executed, how it was divided, and that nothing stays open."""

from journal.audit.check import Check

OPEN_AFTER_MINUTES = 10
"""An order whose outcome is unknown for longer than this is a breach."""

LATER_ORDERS = """
trading.agents a JOIN trading.orders o
  ON o.agent = a.name AND o.id > coalesce(CAST(CAST(:since AS jsonb) ->> a.name AS bigint), 0)
"""

FEE_KIND = """
CASE WHEN right(o.symbol, length(f.commission_asset)) = f.commission_asset THEN 'quote'
     WHEN o.side = 'buy' AND left(o.symbol, length(f.commission_asset)) = f.commission_asset THEN 'base'
     ELSE 'other' END
"""
"""What a commission was paid in; a sale's in the base asset counts as a third asset, see agents.allocation."""


def _legs_sum(column: str, fills: str, *, kind: str | None = None) -> str:
    of_kind = f"FILTER (WHERE {FEE_KIND} = '{kind}')" if kind else ""
    return f"""
    SELECT 'order ' || o.id AS subject, f.total AS expected, l.total AS actual
    FROM {LATER_ORDERS}
    CROSS JOIN LATERAL (SELECT coalesce(sum({fills}) {of_kind}, 0) AS total FROM trading.fills f WHERE f.order_id = o.id) f
    CROSS JOIN LATERAL (SELECT coalesce(sum({column}), 0) AS total FROM trading.legs WHERE order_id = o.id) l
    WHERE o.state NOT IN ('intended', 'unknown')
    """  # noqa: S608 - constants of this module


LEGS_QUANTITY = _legs_sum("quantity", "f.quantity")
LEGS_COST = _legs_sum("cost", "f.cost")
LEGS_FEE_BASE = _legs_sum("fee_base", "f.commission", kind="base")
LEGS_FEE_QUOTE = _legs_sum("fee_quote", "f.commission", kind="quote")
LEGS_FEE_OTHER = _legs_sum("fee_other", "f.commission", kind="other")

LEGS_WITHIN_SHARES = """
SELECT 'order ' || l.order_id || ' ' || l.account_id AS subject, 0 AS expected,
       greatest(l.quantity + l.dust - coalesce(s.quantity, 0), 0) AS actual
FROM trading.legs l LEFT JOIN trading.shares s ON s.order_id = l.order_id AND s.account_id = l.account_id
"""

EXECUTED = """
SELECT 'order ' || o.id AS subject, {fills} AS expected, o.{column} AS actual
FROM trading.orders o LEFT JOIN trading.fills f ON f.order_id = o.id
GROUP BY o.id
"""

STATE = """
SELECT 'order ' || id AS subject, 1 AS expected, CAST(CASE state
    WHEN 'filled' THEN executed_quantity = quantity
    WHEN 'partially_filled' THEN executed_quantity > 0 AND executed_quantity < quantity
    ELSE executed_quantity = 0 AND executed_cost = 0 END AS int) AS actual
FROM trading.orders
"""

SHARES_COVER = """
SELECT 'order ' || o.id AS subject, 0 AS expected, greatest(o.quantity - coalesce(sum(s.quantity), 0), 0) AS actual
FROM trading.orders o LEFT JOIN trading.shares s ON s.order_id = o.id
GROUP BY o.id
"""

CLIENT_IDS = """
SELECT 'order ' || min(id) AS subject, 1 AS expected,
       CASE WHEN client_order_id ~ '^[a-zA-Z0-9.:/_-]{1,36}$' THEN count(*) ELSE 0 END AS actual
FROM trading.orders GROUP BY client_order_id
"""

EXCHANGE_IDS = """
SELECT symbol || ' ' || exchange_order_id AS subject, 1 AS expected, count(*) AS actual
FROM trading.orders WHERE exchange_order_id IS NOT NULL GROUP BY symbol, exchange_order_id
"""

FILLS_OF_ACCEPTED = """
SELECT 'fill ' || f.symbol || ' ' || f.trade_id AS subject, 1 AS expected,
       CAST(o.symbol = f.symbol AND o.exchange_order_id IS NOT NULL AS int) AS actual
FROM trading.fills f JOIN trading.orders o ON o.id = f.order_id
"""

UNRESOLVED = f"""
SELECT 'order ' || id AS subject, 0 AS expected,
       CAST(created_at < now() - interval '{OPEN_AFTER_MINUTES} minutes' AS int) AS actual
FROM trading.orders WHERE state IN ('intended', 'unknown')
"""  # noqa: S608 - a constant of this module

CHECKS = (
    Check("legs_quantity_differs", "the legs' quantities sum to the fills'", LEGS_QUANTITY),
    Check("legs_cost_differs", "the legs' costs sum to the fills'", LEGS_COST),
    Check("legs_fee_base_differs", "the legs' base-asset fees sum to the fills' commissions", LEGS_FEE_BASE),
    Check("legs_fee_quote_differs", "the legs' quote-asset fees sum to the fills' commissions", LEGS_FEE_QUOTE),
    Check("legs_fee_other_differs", "the legs' third-asset fees sum to the fills' commissions", LEGS_FEE_OTHER),
    Check("legs_exceed_shares", "nobody gets more of an order than was asked for", LEGS_WITHIN_SHARES),
    Check(
        "executed_quantity_differs",
        "an order's executed quantity is its fills'",
        EXECUTED.format(fills="coalesce(sum(f.quantity), 0)", column="executed_quantity"),
    ),
    Check(
        "executed_cost_differs",
        "an order's executed cost is its fills'",
        EXECUTED.format(fills="coalesce(sum(f.cost), 0)", column="executed_cost"),
    ),
    Check("order_state_differs", "an order's state says how much was executed", STATE),
    Check("shares_below_order", "an order is no larger than what accounts asked of it", SHARES_COVER),
    Check("client_id_illegal", "client order ids are legal and used once", CLIENT_IDS),
    Check("exchange_id_doubled", "no two orders are the same order of the exchange", EXCHANGE_IDS),
    Check(
        "fill_without_order", "a fill belongs to an order of its symbol that the exchange accepted", FILLS_OF_ACCEPTED
    ),
    Check("order_unresolved", f"no outcome is unknown for {OPEN_AFTER_MINUTES} minutes", UNRESOLVED),
)
