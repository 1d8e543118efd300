"""The statements that judge losses for :mod:`journal.breakers`."""

from sqlalchemy import text

EXPIRE = (
    "UPDATE trading.breakers SET ended_at = expires_at, ended_by = :by WHERE ended_at IS NULL AND expires_at <= now()"
)

HAS_CHANGED = """
SELECT a.judged_version IS DISTINCT FROM a.book_version OR a.equity_day IS DISTINCT FROM current_date
       OR EXISTS (SELECT FROM trading.brackets b WHERE b.agent = a.name AND b.closed_at IS NULL)
FROM trading.agents a WHERE a.name = :agent
"""

WORTH = """
WITH held AS (
    SELECT p.account_id, sum(p.quantity * m.bid) AS priced, sum(p.cost) FILTER (WHERE m.bid IS NULL) AS unpriced
    FROM trading.positions p LEFT JOIN trading.marks m ON m.symbol = p.symbol
    WHERE p.agent = :agent AND p.closed_at IS NULL
    GROUP BY p.account_id
), worth AS (
    SELECT a.id, a.cash + a.reserved + coalesce(h.unpriced, 0) AS cash, coalesce(h.priced, 0) AS holdings,
           a.cash + a.reserved + coalesce(h.unpriced, 0) + coalesce(h.priced, 0) AS equity, a.peak_equity,
           CASE WHEN a.equity_day = current_date THEN a.day_equity END AS day_equity
    FROM trading.accounts a LEFT JOIN held h ON h.account_id = a.id
    WHERE a.agent = :agent AND a.kind <> 'dust' AND a.closed_at IS NULL
)"""

JUDGE_ACCOUNTS = f"""{WORTH}, moved AS (
    UPDATE trading.accounts a
    SET peak_equity = greatest(a.peak_equity, w.equity), day_equity = coalesce(w.day_equity, w.equity),
        equity_day = current_date
    FROM worth w
    WHERE a.id = w.id AND (w.day_equity IS NULL OR w.equity > w.peak_equity * :step)
), tripped AS (
    INSERT INTO trading.breakers (scope, subject, agent, account_id, kind, action, allowed, reference, equity, reason,
                                  expires_at)
    SELECT 'account', w.id, :agent, w.id, l.kind, :action, l.allowed, l.reference, w.equity,
           format('lost %s %s, at most %s is allowed', round(1 - w.equity / l.reference, 4), l.since,
                  trim_scale(l.allowed)),
           CASE l.kind WHEN 'daily_loss' THEN current_date + interval '1 day' END
    FROM worth w CROSS JOIN LATERAL (VALUES
        ('daily_loss', CAST(:daily_loss AS numeric), w.day_equity, 'since 00:00 UTC'),
        ('drawdown', CAST(:max_drawdown AS numeric), w.peak_equity, 'since the highest equity')
    ) AS l (kind, allowed, reference, since)
    WHERE l.reference > 0 AND w.equity <= l.reference * (1 - l.allowed)
      AND NOT EXISTS (SELECT FROM trading.breakers b
                      WHERE b.scope = 'account' AND b.subject = w.id AND b.kind = l.kind AND b.ended_at IS NULL)
    RETURNING kind
), standing AS (
    SELECT account_id, bool_or(kind = 'daily_loss') AS daily_loss, bool_or(kind = 'drawdown') AS drawdown
    FROM trading.breakers WHERE scope = 'account' AND agent = :agent AND ended_at IS NULL GROUP BY account_id
), judged AS (
    SELECT w.cash, w.holdings, coalesce(w.day_equity, w.equity) AS day_equity,
           CASE WHEN w.day_equity IS NULL OR w.equity > w.peak_equity * :step THEN greatest(w.peak_equity, w.equity)
                ELSE w.peak_equity END AS peak_equity,
           coalesce(s.daily_loss, false) AS daily_loss, coalesce(s.drawdown, false) AS drawdown
    FROM worth w LEFT JOIN standing s ON s.account_id = w.id
    WHERE w.holdings > 0
), bounds AS (
    SELECT max((greatest(
               CASE WHEN day_equity > 0 AND NOT daily_loss THEN day_equity * (1 - CAST(:daily_loss AS numeric)) END,
               CASE WHEN peak_equity > 0 AND NOT drawdown THEN peak_equity * (1 - CAST(:max_drawdown AS numeric)) END
           ) - cash) / holdings) AS lowest,
           min((peak_equity * :step - cash) / holdings) AS highest
    FROM judged
), sums AS (
    SELECT p.symbol, p.quantity, m.bid
    FROM (
        SELECT symbol, sum(quantity) AS quantity FROM trading.positions
        WHERE agent = :agent AND closed_at IS NULL AND account_id <> 'dust-' || :agent GROUP BY symbol
    ) p LEFT JOIN trading.marks m ON m.symbol = p.symbol
), kept AS (
    INSERT INTO trading.leeways (agent, lowest, highest, cash, symbols, quantities, bids)
    SELECT :agent, round(b.lowest, :digits) + :margin, round(b.highest, :digits) - :margin,
           (SELECT coalesce(sum(cash), 0) FROM worth), s.symbols, s.quantities, s.bids
    FROM bounds b, (SELECT coalesce(array_agg(symbol ORDER BY symbol), '{{}}') AS symbols,
                           coalesce(array_agg(quantity ORDER BY symbol), '{{}}') AS quantities,
                           coalesce(array_agg(bid ORDER BY symbol), '{{}}') AS bids FROM sums) s
    ON CONFLICT (agent) DO UPDATE
    SET lowest = excluded.lowest, highest = excluded.highest, cash = excluded.cash, symbols = excluded.symbols,
        quantities = excluded.quantities, bids = excluded.bids
)
SELECT (SELECT coalesce(sum(equity), 0) FROM worth) AS equity,
       (SELECT count(*) FILTER (WHERE kind = 'daily_loss') FROM tripped) AS daily_loss,
       (SELECT count(*) FILTER (WHERE kind = 'drawdown') FROM tripped) AS drawdown
"""  # noqa: S608 - our own text

JUDGE_AGENT = """
UPDATE trading.agents
SET equity = :equity, peak_equity = greatest(peak_equity, :equity), judged_version = book_version,
    leeway_version = book_version,
    day_equity = CASE WHEN equity_day = current_date THEN day_equity ELSE :equity END, equity_day = current_date
WHERE name = :agent
RETURNING equity AS now, day_equity AS day_start, peak_equity AS peak
"""

JUDGE_SERVICE = """
UPDATE trading.service_state s
SET peak_equity = greatest(s.peak_equity, a.equity),
    day_equity = CASE WHEN s.equity_day = current_date THEN s.day_equity ELSE a.equity END, equity_day = current_date
FROM (SELECT coalesce(sum(equity), 0) AS equity FROM trading.agents) a
RETURNING a.equity AS now, s.day_equity AS day_start, s.peak_equity AS peak
"""


FOLLOW = text("SELECT * FROM trading.follow(:agent)")
