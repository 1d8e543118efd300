"""What every tick asks and writes, as functions: PostgreSQL plans what is in them once per connection, not at every tick.

Planning took longer than running. A function does without prepared statements, which a pooler between would not keep.
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

LOOK = """
CREATE FUNCTION trading.look(of_agent text) RETURNS TABLE (
    name text, status text, version bigint, book_version bigint, profile_version bigint, profile jsonb, symbols text[],
    unresolved boolean, switch text, breaker text, reason text,
    brackets bigint[], held text[], entry_prices numeric[], stop_prices numeric[], target_prices numeric[],
    trailing_stops numeric[], highest_prices numeric[], leave_ats timestamptz[],
    closings boolean, withdrawals boolean, decisions boolean, breakers boolean, changes boolean, others_wait boolean,
    is_remembered boolean, lowest numeric, highest numeric, cash numeric, judged_symbols text[], quantities numeric[],
    bids numeric[], marks numeric[], day_equity numeric, peak_equity numeric, whole_day_equity numeric, whole_peak numeric,
    elsewhere numeric, standing text[], whole_standing text[]
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT
        a.name, a.status, a.version, a.book_version, a.profile_version, a.profile, a.symbols,
        EXISTS (SELECT FROM trading.orders o WHERE o.agent = of_agent AND o.state IN ('intended', 'unknown')),
        s.state, d.kind, d.scope || ': ' || d.reason,
        b.ids, coalesce(b.symbols, '{}'), b.entry_prices, b.stop_prices, b.target_prices, b.trailing_stops, b.highest_prices,
        b.leave_ats,
        EXISTS (SELECT FROM trading.accounts c WHERE c.agent = of_agent AND c.close_requested_at IS NOT NULL),
        EXISTS (SELECT FROM trading.withdrawals w JOIN trading.accounts c ON c.id = w.account_id
                WHERE w.status = 'pending' AND c.agent = of_agent),
        EXISTS (SELECT FROM trading.decisions p WHERE p.agent = of_agent AND p.decided_at IS NULL),
        EXISTS (SELECT FROM trading.breakers t WHERE t.agent = of_agent AND t.ended_at IS NULL AND t.action = 'close'),
        EXISTS (SELECT FROM trading.breakers t WHERE t.ended_at IS NULL AND t.expires_at <= now())
            OR a.judged_version IS DISTINCT FROM a.book_version OR a.equity_day IS DISTINCT FROM current_date,
        EXISTS (SELECT FROM trading.agents o
                WHERE o.name <> of_agent
                  AND extract(epoch FROM clock_timestamp() - coalesce(o.last_tick_at, o.created_at)) / o.tick_seconds > 3
                  AND (o.status <> 'stopped'
                       OR EXISTS (SELECT FROM trading.accounts c WHERE c.agent = o.name AND c.close_requested_at IS NOT NULL)
                       OR EXISTS (SELECT FROM trading.withdrawals w JOIN trading.accounts c ON c.id = w.account_id
                                  WHERE w.status = 'pending' AND c.agent = o.name))),
        l.agent IS NOT NULL, l.lowest, l.highest, l.cash, l.symbols, l.quantities, l.bids,
        ARRAY(SELECT m.bid FROM unnest(l.symbols) WITH ORDINALITY AS h (symbol, place)
              LEFT JOIN trading.marks m ON m.symbol = h.symbol ORDER BY h.place),
        a.day_equity, a.peak_equity, CASE WHEN s.equity_day = current_date THEN s.day_equity ELSE 0 END, s.peak_equity,
        (SELECT coalesce(sum(o.equity), 0) FROM trading.agents o WHERE o.name <> of_agent),
        ARRAY(SELECT t.kind FROM trading.breakers t
              WHERE t.scope = 'agent' AND t.subject = of_agent AND t.ended_at IS NULL),
        ARRAY(SELECT t.kind FROM trading.breakers t WHERE t.scope = 'service' AND t.ended_at IS NULL)
    FROM trading.agents a
    LEFT JOIN trading.service_state s ON true
    LEFT JOIN trading.leeways l
        ON l.agent = a.name AND a.leeway_version = a.book_version AND a.equity_day = current_date
    LEFT JOIN LATERAL (
        SELECT t.kind, t.scope, t.reason FROM trading.breakers t
        WHERE t.ended_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
          AND (t.scope = 'service' OR t.scope = 'agent' AND t.agent = of_agent)
        ORDER BY t.id LIMIT 1
    ) d ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(k.order_id) AS ids, array_agg(k.symbol) AS symbols, array_agg(k.entry_price) AS entry_prices,
               array_agg(k.stop_price) AS stop_prices, array_agg(k.target_price) AS target_prices,
               array_agg(k.trailing_stop) AS trailing_stops, array_agg(k.highest_price) AS highest_prices,
               array_agg(k.leave_at) AS leave_ats
        FROM (SELECT * FROM trading.brackets WHERE agent = of_agent AND closed_at IS NULL ORDER BY order_id) k
    ) b ON true
    WHERE a.name = of_agent;
END $$
"""

KEEP_MARKS = """
CREATE FUNCTION trading.keep_marks(of_symbols text[], new_bids numeric[], new_asks numeric[], seen_at timestamptz[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH quotes AS (
        SELECT q.* FROM unnest(of_symbols, new_bids, new_asks, seen_at) AS q (symbol, bid, ask, at)
    ), marked AS (
        INSERT INTO trading.marks AS m (symbol, bid, ask, at) SELECT symbol, bid, ask, at FROM quotes
        ON CONFLICT (symbol) DO UPDATE SET bid = excluded.bid, ask = excluded.ask, at = excluded.at
        WHERE excluded.at > m.at
    )
    INSERT INTO trading.mark_history (symbol, at, bid) SELECT symbol, date_trunc('minute', at, 'UTC'), bid FROM quotes
    ON CONFLICT (symbol, at) DO UPDATE SET bid = excluded.bid;
END $$
"""

FOLLOW = """
CREATE FUNCTION trading.follow(of_agent text) RETURNS TABLE (
    at timestamptz, now numeric, day_start numeric, peak numeric,
    whole numeric, whole_day_start numeric, whole_peak numeric, rose boolean
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    -- Each statement sees what was committed while the one before it waited for a lock.
    PERFORM FROM trading.agents a WHERE a.name = of_agent FOR NO KEY UPDATE;
    PERFORM FROM trading.service_state FOR UPDATE;
    RETURN QUERY WITH worth AS (
        SELECT a.name, a.peak_equity AS former_peak, l.cash + coalesce((
            SELECT sum(h.quantity * m.bid) FROM unnest(l.symbols, l.quantities, l.bids) AS h (symbol, quantity, bid)
            JOIN trading.marks m ON m.symbol = h.symbol WHERE h.bid IS NOT NULL), 0) AS equity
        FROM trading.agents a JOIN trading.leeways l ON l.agent = a.name
        WHERE a.name = of_agent AND a.leeway_version = a.book_version AND a.equity_day = current_date
    ), followed AS (
        UPDATE trading.agents a SET equity = w.equity, peak_equity = greatest(a.peak_equity, w.equity)
        FROM worth w WHERE a.name = w.name
        RETURNING a.equity, a.day_equity, a.peak_equity, a.peak_equity > w.former_peak AS rose
    ), together AS (
        SELECT f.equity + coalesce((SELECT sum(o.equity) FROM trading.agents o WHERE o.name <> of_agent), 0) AS equity
        FROM followed f
    ), service AS (
        UPDATE trading.service_state s
        SET peak_equity = greatest(s.peak_equity, t.equity),
            day_equity = CASE WHEN s.equity_day = current_date THEN s.day_equity ELSE t.equity END,
            equity_day = current_date
        FROM together t WHERE t.equity > s.peak_equity OR s.equity_day IS DISTINCT FROM current_date
        RETURNING s.day_equity, s.peak_equity
    )
    SELECT clock_timestamp(), f.equity, f.day_equity, f.peak_equity, t.equity, coalesce(n.day_equity, s.day_equity),
           coalesce(n.peak_equity, s.peak_equity), f.rose OR n.day_equity IS NOT NULL
    FROM followed f CROSS JOIN together t CROSS JOIN trading.service_state s LEFT JOIN service n ON true;
END $$
"""

RECORD_TICK = """
CREATE FUNCTION trading.record_tick(of_agent text, problem text, following boolean) RETURNS TABLE (
    at timestamptz, now numeric, day_start numeric, peak numeric,
    whole numeric, whole_day_start numeric, whole_peak numeric, rose boolean
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    IF following THEN
        SELECT f.* INTO at, now, day_start, peak, whole, whole_day_start, whole_peak, rose FROM trading.follow(of_agent) f;
        IF FOUND THEN
            RETURN NEXT;
        END IF;
    END IF;
    -- Prices, the tick and an equity that was higher before may be lost in a crash: they are seen again at the next tick.
    IF rose IS NOT TRUE THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    WITH ticked AS (
        UPDATE trading.agents a SET last_tick_at = clock_timestamp(), last_error = problem WHERE a.name = of_agent
        RETURNING a.name, a.equity, greatest(a.peak_equity, a.equity) AS highest
    )
    INSERT INTO trading.equity_points (agent, at, equity, drawdown)
    SELECT t.name, date_trunc('minute', clock_timestamp()), t.equity,
           CASE WHEN t.highest > 0 THEN 1 - t.equity / t.highest ELSE 0 END
    FROM ticked t
    ON CONFLICT ON CONSTRAINT pk_equity_points DO UPDATE SET equity = excluded.equity, drawdown = excluded.drawdown;
END $$
"""


def upgrade() -> None:
    for function in (LOOK, KEEP_MARKS, FOLLOW, RECORD_TICK):
        op.execute(function)


def downgrade() -> None:
    op.execute("DROP FUNCTION trading.record_tick(text, text, boolean)")
    op.execute("DROP FUNCTION trading.follow(text)")
    op.execute("DROP FUNCTION trading.keep_marks(text[], numeric[], numeric[], timestamptz[])")
    op.execute("DROP FUNCTION trading.look(text)")
