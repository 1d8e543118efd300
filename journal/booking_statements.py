"""The two statements that book an outcome whole: everything follows from one division of the fills, see :mod:`journal.booking`.

Both are frames: ``{division}`` is a :class:`journal.dividing.Division`'s, ``{sums}`` of what is divided, ``{tell}`` what the platform reads.
"""

from journal import trade_stats

INSERT_LEGS = """
booked AS (
    INSERT INTO trading.legs (order_id, account_id, quantity, cost, fee_base, fee_quote, fee_other, fee_other_value, dust)
    SELECT :order, account_id, quantity, cost, fee_base, fee_quote, fee_other, fee_other_value, dust
    FROM legs WHERE got
)
"""

TAKEN_FOR_FEW = "reserved + 0 = reserved"
"""True of every leg, and thought to be of few: so they are hashed, and accounts changed page by page; else leg by leg, all over the table.

An update keeps each whole row that it is joined with, so it is joined with what it needs alone; ``OFFSET 0`` sees to that.
"""

BUY = f"""
WITH {trade_stats.FILLED}, {{division}}, {INSERT_LEGS}, paid AS (
    UPDATE trading.accounts a
    SET cash = a.cash + l.reserved - l.price, reserved = a.reserved - l.reserved, updated_at = now()
    FROM (SELECT account_id, reserved, cost + fee_quote + fee_other_value AS price FROM legs WHERE {TAKEN_FOR_FEW} OFFSET 0) l
    WHERE a.id = l.account_id
), opened AS (
    INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price, entry_order_id)
    SELECT account_id, (SELECT agent FROM filled), (SELECT symbol FROM filled), quantity - fee_base,
           cost + fee_quote + fee_other_value, (SELECT price FROM filled), :order
    FROM legs WHERE got
), {trade_stats.COUNT_BUYS}
SELECT {{sums}}, count(*) FILTER (WHERE got) AS booked, (SELECT count(*) FROM counted) AS counted FROM legs
"""  # noqa: S608 - our own text

SALE = f"""
WITH {trade_stats.FILLED}, {{division}}, {INSERT_LEGS}, sold AS MATERIALIZED (
    SELECT *, proceeds - bought_for AS profit_loss FROM (
        SELECT l.account_id, l.quantity, l.cost, {trade_stats.FEES_OF_FILLED} AS fees, l.dust, a.number, a.kind, a.balance,
               CAST(:trade_ids || lpad(to_hex(p.id), 12, '0') AS uuid) AS trade_id,
               p.id AS position_id, p.entry_price, p.entry_order_id, p.opened_at, p.quantity > l.quantity + l.dust AS stays,
               CASE WHEN l.quantity + l.dust = p.quantity THEN p.cost
                    ELSE trunc(p.cost * l.quantity / p.quantity, 8) END AS bought_for,
               l.cost - l.fee_quote - l.fee_other_value AS proceeds
        FROM legs l
        JOIN trading.positions p ON p.agent = (SELECT agent FROM filled) AND p.symbol = (SELECT symbol FROM filled)
            AND p.closed_at IS NULL AND p.exit_order_id = :order AND p.account_id = l.account_id
        JOIN trading.accounts a ON a.id = l.account_id
        WHERE l.got ORDER BY l.account_id COLLATE "C"
    ) parts
), traded AS (
    INSERT INTO trading.trades (id, account_id, agent, symbol, quantity, entry_price, exit_price, cost, proceeds,
                                profit_loss, reason, entry_order_id, exit_order_id, opened_at)
    SELECT trade_id, account_id, (SELECT agent FROM filled), (SELECT symbol FROM filled), quantity, entry_price,
           (SELECT price FROM filled), bought_for, proceeds, profit_loss, (SELECT reason FROM filled), entry_order_id, :order,
           opened_at
    FROM sold
), reduced AS (
    UPDATE trading.positions p
    SET quantity = p.quantity - s.less, cost = p.cost - s.bought_for, exit_order_id = NULL,
        closed_at = CASE WHEN s.stays THEN NULL ELSE now() END
    FROM (SELECT position_id, quantity + dust AS less, bought_for, stays FROM sold OFFSET 0) s
    WHERE p.id = s.position_id AND p.closed_at IS NULL AND p.agent = (SELECT agent FROM filled)
      AND p.symbol = (SELECT symbol FROM filled)
), told AS ({{tell}}), credited AS (
    UPDATE trading.accounts a
    SET cash = a.cash + t.proceeds, balance = a.balance + t.profit_loss,
        peak_equity = greatest(a.peak_equity, a.balance + t.profit_loss),
        total_profit = a.total_profit + greatest(t.profit_loss, 0),
        total_loss = a.total_loss + greatest(-t.profit_loss, 0), total_trades = a.total_trades + 1,
        winning_trades = a.winning_trades + CAST(t.profit_loss > 0 AS int), updated_at = now()
    FROM (SELECT number, proceeds, profit_loss FROM sold OFFSET 0) t WHERE a.number = t.number
), {trade_stats.COUNT_SALES}
SELECT {{sums}}, sum(dust) AS dust, bool_and(got) AS everyone_sold,
       (SELECT sum(profit_loss) FROM sold WHERE kind <> 'dust') AS profit_loss
FROM legs
"""  # noqa: S608 - our own text
"""What is sold of a position takes its part of the cost with it; the last part takes all that is left."""
