"""What must be true of the book and the exchange after every step, whatever happened."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from journal.database import Book

ZERO = Decimal(0)

MONEY = """
SELECT a.id, a.kind, a.cash, a.reserved, a.balance, a.total_profit, a.total_loss, a.total_trades, a.winning_trades,
       coalesce((SELECT sum(cost) FROM trading.positions p WHERE p.account_id = a.id AND p.closed_at IS NULL), 0) AS invested,
       coalesce((SELECT min(least(quantity, cost)) FROM trading.positions p WHERE p.account_id = a.id), 0) AS least_held,
       coalesce((SELECT sum(CASE flow_type WHEN 'deposit' THEN amount ELSE -amount END)
                 FROM trading.cash_flows f WHERE f.account_id = a.id), 0) AS flows,
       coalesce((SELECT sum(s.reserved) FROM trading.shares s JOIN trading.orders o ON o.id = s.order_id
                 WHERE s.account_id = a.id AND o.state IN ('intended', 'unknown')), 0) AS promised,
       coalesce((SELECT sum(profit_loss) FROM trading.trades t WHERE t.account_id = a.id), 0) AS realised,
       coalesce((SELECT sum(profit_loss) FROM trading.trades t WHERE t.account_id = a.id AND profit_loss > 0), 0) AS won,
       (SELECT count(*) FROM trading.trades t WHERE t.account_id = a.id) AS trades,
       (SELECT count(*) FROM trading.trades t WHERE t.account_id = a.id AND profit_loss > 0) AS wins
FROM trading.accounts a
"""

ORDERS = """
SELECT o.id, o.state, o.side, o.quantity, o.executed_quantity, o.executed_cost,
       f.quantity AS filled, f.cost AS filled_cost, f.commission,
       l.quantity AS divided, l.cost AS divided_cost, l.fees
FROM trading.orders o
LEFT JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0) AS quantity, coalesce(sum(cost), 0) AS cost, coalesce(sum(commission), 0) AS commission
    FROM trading.fills WHERE order_id = o.id) f ON true
LEFT JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0) AS quantity, coalesce(sum(cost), 0) AS cost,
           coalesce(sum(fee_base + fee_quote + fee_other), 0) AS fees
    FROM trading.legs WHERE order_id = o.id) l ON true
"""

OVERFILLED = """
SELECT l.order_id, l.account_id FROM trading.legs l
LEFT JOIN trading.shares s ON s.order_id = l.order_id AND s.account_id = l.account_id
WHERE s.quantity IS NULL OR l.quantity + l.dust > s.quantity OR least(l.quantity, l.cost, l.dust) < 0
"""

HELD_BY_NOBODY = """
SELECT p.id FROM trading.positions p LEFT JOIN trading.orders o ON o.id = p.exit_order_id
WHERE p.exit_order_id IS NOT NULL AND (p.closed_at IS NOT NULL OR o.state NOT IN ('intended', 'unknown'))
"""

UNGUARDED = """
SELECT p.id FROM trading.positions p
WHERE p.closed_at IS NULL AND p.entry_order_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM trading.brackets b WHERE b.order_id = p.entry_order_id AND b.closed_at IS NULL)
"""

UNREPORTED = """
SELECT t.id FROM trading.trades t JOIN trading.accounts a ON a.id = t.account_id
WHERE a.kind <> 'dust' AND 1 <> (
    SELECT count(*) FROM investment.account_transactions x
    WHERE x.reference_id = CAST(t.id AS text) AND x.account_id = t.account_id AND x.amount = abs(t.profit_loss)
      AND x.transaction_type = CASE WHEN t.profit_loss > 0 THEN 'profit' ELSE 'loss' END)
"""

FLOWS_UNREPORTED = """
SELECT f.id FROM trading.cash_flows f
WHERE 1 <> (
    SELECT count(*) FROM investment.account_transactions x
    WHERE x.reference_id = f.reference_id AND x.account_id = f.account_id AND x.amount = f.amount
      AND x.transaction_type = f.flow_type AND x.balance_after = f.balance_after)
"""

WITHDRAWALS_AND_FLOWS_DIFFER = """
SELECT w.id, f.id AS flow
FROM trading.withdrawals w
FULL JOIN (SELECT * FROM trading.cash_flows WHERE flow_type = 'withdrawal') f
    ON f.account_id = w.account_id AND f.reference_id = w.reference_id
WHERE w.id IS NULL OR (f.amount IS DISTINCT FROM (CASE WHEN w.status = 'completed' AND w.amount > 0 THEN w.amount END))
"""

CLOSED_BUT_ALIVE = """
SELECT a.id FROM trading.accounts a
WHERE (a.closed_at IS NOT NULL) <> EXISTS (
          SELECT FROM trading.withdrawals w WHERE w.account_id = a.id AND w.kind = 'closing' AND w.status = 'completed')
   OR (a.closed_at IS NOT NULL) = EXISTS (
          SELECT FROM trading.assignments s WHERE s.account_id = a.id AND s.ended_at IS NULL) AND a.kind <> 'dust'
   OR (a.closed_at IS NOT NULL AND EXISTS (
          SELECT FROM trading.positions p WHERE p.account_id = a.id AND p.closed_at IS NULL))
"""

Rows = list[Mapping[str, Any]]


def assert_book_holds(book: Book) -> None:
    """The book agrees with itself."""
    with book.reading() as session:

        def rows(statement: str) -> Rows:
            return [dict(row) for row in session.execute(text(statement)).mappings()]

        _assert_money(rows(MONEY))
        _assert_orders(rows(ORDERS))
        assert rows(OVERFILLED) == []
        assert rows(HELD_BY_NOBODY) == []
        assert rows(UNGUARDED) == []
        assert rows(UNREPORTED) == []
        assert rows(FLOWS_UNREPORTED) == []
        assert rows(WITHDRAWALS_AND_FLOWS_DIFFER) == []
        assert rows(CLOSED_BUT_ALIVE) == []
        _assert_chain(rows("SELECT * FROM investment.account_transactions ORDER BY id"), rows(MONEY))


def assert_venue_agrees(book: Book, opening: Mapping[str, Decimal], now: Mapping[str, Decimal]) -> None:
    """What the exchange holds changed since ``opening`` by exactly what the book says; no order may be open."""
    with book.reading() as session:

        def sums(statement: str) -> dict[str, Decimal]:
            return {asset: amount for asset, amount in session.execute(text(statement)) if amount}

        quote = sums("""
            SELECT 'USDT', (SELECT coalesce(sum(cash + reserved), 0) FROM trading.accounts)
                 - (SELECT coalesce(sum(CASE flow_type WHEN 'deposit' THEN amount ELSE -amount END), 0) FROM trading.cash_flows)
                 + (SELECT coalesce(sum(fee_other_value), 0) FROM trading.legs)""")
        held = sums("""
            SELECT replace(symbol, 'USDT', ''), sum(quantity) FROM trading.positions WHERE closed_at IS NULL GROUP BY 1""")
        third = sums("""
            SELECT f.commission_asset, -sum(f.commission) FROM trading.fills f JOIN trading.orders o ON o.id = f.order_id
            WHERE f.commission_asset <> 'USDT' AND (f.commission_asset || 'USDT' <> f.symbol OR o.side = 'sell')
            GROUP BY 1""")
    booked: dict[str, Decimal] = defaultdict(Decimal)
    for part in (quote, held, third):
        for asset, amount in part.items():
            booked[asset] += amount
    changed = {asset: now.get(asset, ZERO) - opening.get(asset, ZERO) for asset in {*now, *opening, *booked}}
    differing = {asset: (changed[asset], booked[asset]) for asset in changed if changed[asset] != booked[asset]}
    # The chaos suite shows the message; pytest does not rewrite this module for it.
    assert not differing, f"changed at the exchange, in the book: {differing}"


def _assert_money(accounts: Rows) -> None:
    for row in accounts:
        assert row["cash"] + row["reserved"] + row["invested"] == row["balance"], row
        assert row["balance"] == row["flows"] + row["realised"], row
        assert row["reserved"] == row["promised"], row
        assert min(row["cash"], row["reserved"], row["least_held"]) >= 0, row
        assert (row["total_trades"], row["winning_trades"]) == (row["trades"], row["wins"]), row
        assert (row["total_profit"], row["total_loss"]) == (row["won"], row["won"] - row["realised"]), row


def _assert_orders(orders: Rows) -> None:
    for row in orders:
        assert row["executed_quantity"] == row["filled"] == row["divided"] <= row["quantity"], row
        assert row["executed_cost"] == row["filled_cost"] == row["divided_cost"], row
        assert row["commission"] == row["fees"], row
        assert bool(row["filled"]) == (row["state"] in {"filled", "partially_filled"}), row
        assert (row["filled"] == row["quantity"]) == (row["state"] == "filled"), row


def _assert_chain(transactions: Rows, accounts: Rows) -> None:
    """Each balance begins where the one before it ended, and the last one is the account's."""
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for row in transactions:
        sign = 1 if row["transaction_type"] in {"deposit", "profit"} else -1
        assert row["balance_before"] == balances[row["account_id"]], row
        assert row["balance_after"] == row["balance_before"] + sign * row["amount"], row
        balances[row["account_id"]] = row["balance_after"]
    assert balances == {row["id"]: row["balance"] for row in accounts if row["kind"] != "dust"}
