"""How a signal is taken in, and what its decision reads and commits, as functions that PostgreSQL plans once per connection, see 0022.

Those that write give no row where they write nothing, so that one that takes what another gave is not run either.
A plan that was made while there were few accounts is not used for many: then everything is planned anew.
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TAKE_IN_SIGNAL = """
CREATE FUNCTION trading.take_in_signal(
    of_id text, of_source text, of_symbol text, of_action text, of_confidence numeric, of_price numeric, of_time timestamptz,
    of_agent text, sender text, said jsonb
) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO trading.signals (id, source, symbol, action, confidence, price, signal_at)
    SELECT of_id, of_source, of_symbol, of_action, of_confidence, of_price, of_time FROM trading.agents WHERE name = of_agent
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF sender IS NOT NULL THEN
        INSERT INTO trading.audit_log (actor, action, agent, before, after) VALUES (sender, 'signal', of_agent, '{}', said);
    END IF;
    RETURN QUERY INSERT INTO trading.decisions (signal_id, agent) VALUES (of_id, of_agent) RETURNING id;
END $$
"""

PENDING_DECISION = """
CREATE FUNCTION trading.pending_decision(of_decision bigint, reconciled_within interval, longest_transaction interval)
RETURNS TABLE (
    signal text, traded text, action text, confidence numeric, price numeric, signal_at timestamptz, read_at timestamptz,
    marks jsonb, unassigned jsonb, name text, status text, version bigint, book_version bigint, profile_version bigint,
    profile jsonb, symbols text[], unresolved boolean, trading text, breaker text, reason text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT
        g.id, g.symbol, g.action, g.confidence, g.price, g.signal_at, clock_timestamp(),
        (SELECT jsonb_object_agg(m.symbol, CAST(m.bid AS text)) FROM trading.marks m),
        (SELECT jsonb_object_agg(u.asset, CAST(u.amount - (
            SELECT coalesce(sum(f.amount), 0) FROM trading.cash_flows f
            WHERE f.flow_type = 'deposit' AND f.created_at > (
                SELECT min(l.at) FROM trading.unassigned l WHERE l.at > now() - reconciled_within
            ) - longest_transaction) AS text))
         FROM trading.unassigned u WHERE u.at > now() - reconciled_within),
        a.name, a.status, a.version, a.book_version, a.profile_version, a.profile, a.symbols,
        EXISTS (SELECT FROM trading.orders o WHERE o.agent = a.name AND o.state IN ('intended', 'unknown')),
        (SELECT s.state FROM trading.service_state s), t.kind, t.scope || ': ' || t.reason
    FROM trading.decisions d
    JOIN trading.signals g ON g.id = d.signal_id
    JOIN trading.agents a ON a.name = d.agent
    LEFT JOIN LATERAL (
        SELECT b.kind, b.scope, b.reason FROM trading.breakers b
        WHERE b.ended_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > now())
          AND (b.scope = 'service' OR b.scope = 'agent' AND b.agent = a.name)
        ORDER BY b.id LIMIT 1
    ) t ON true
    WHERE d.id = of_decision AND d.decided_at IS NULL;
END $$
"""

RECORD_VERDICT = """
CREATE FUNCTION trading.record_verdict(
    of_decision bigint, verdict text, says text, by_version bigint, of_symbol text, at_bid numeric, at_ask numeric,
    seen_at timestamptz, given_counts jsonb, codes text[], sizes int[], numbers text[]
) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    IF seen_at IS NOT NULL THEN
        PERFORM trading.keep_marks(ARRAY[of_symbol], ARRAY[at_bid], ARRAY[at_ask], ARRAY[seen_at]);
    END IF;
    UPDATE trading.decisions d
    SET code = verdict, detail = says, profile_version = by_version, bid = at_bid, ask = at_ask,
        counts = coalesce(given_counts, jsonb_build_object(verdict, (
            SELECT count(*) FROM trading.accounts a WHERE a.agent = d.agent AND a.kind <> 'dust' AND a.closed_at IS NULL))),
        decided_at = clock_timestamp()
    WHERE d.id = of_decision AND d.decided_at IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO trading.decision_outcomes (decision_id, code, accounts_count, accounts)
    SELECT of_decision, o.code, o.accounts_count, CAST(o.accounts AS int8multirange)
    FROM unnest(codes, sizes, numbers) AS o (code, accounts_count, accounts);
    RETURN NEXT of_decision;
END $$
"""

INTEND = """
CREATE FUNCTION trading.intend(
    of_client_order_id text, of_agent text, of_symbol text, of_side text, why text, of_decision bigint, of_quantity numeric,
    at_limit numeric, at_bid numeric, at_ask numeric, seen_version bigint, seen_book_version bigint, allowing text[]
) RETURNS TABLE (id bigint, created_at timestamptz) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    -- The lock first: what is compared is read after others let the agent go.
    PERFORM FROM trading.agents a WHERE a.name = of_agent FOR NO KEY UPDATE;
    RETURN QUERY WITH counted AS (
        UPDATE trading.agents a SET book_version = a.book_version + 1, updated_at = now()
        WHERE a.name = of_agent AND a.version = seen_version AND a.book_version = seen_book_version
        RETURNING a.name
    )
    INSERT INTO trading.orders (client_order_id, agent, symbol, side, reason, decision_id, quantity, limit_price, bid, ask,
                                agent_version)
    SELECT of_client_order_id, c.name, of_symbol, of_side, why, of_decision, of_quantity, at_limit, at_bid, at_ask, seen_version
    FROM counted c, trading.service_state s WHERE s.state = ANY(allowing)
    ON CONFLICT DO NOTHING RETURNING id, created_at;
END $$
"""

ENTRY = """of_agent text, of_symbol text, known_marks jsonb, judged_at timestamptz, cooldown interval, max_open_positions int,
    max_exposure numeric, max_position numeric, risk_per_trade numeric, stop_loss numeric, with_reserve numeric"""
"""What an entry is judged by."""

ENTRY_ACCOUNTS = """
CREATE FUNCTION trading.entry_accounts(of_agent text, of_symbol text, known_marks jsonb, judged_at timestamptz, cooldown interval)
RETURNS TABLE (
    id text, number bigint, status text, cash numeric, equity numeric, exposure numeric, positions bigint, holds boolean,
    withdrawal_pending boolean, lost boolean, breaker text
) LANGUAGE sql STABLE AS $$
SELECT a.id, a.number, a.status, a.cash, a.cash + a.reserved + coalesce(p.value, 0),
       a.reserved + coalesce(p.value, 0), coalesce(p.positions, 0), coalesce(p.holds, false),
       a.id IN (SELECT w.account_id FROM trading.withdrawals w WHERE w.status = 'pending'),
       a.id IN (SELECT t.account_id FROM trading.trades t
                WHERE t.closed_at > judged_at - cooldown AND t.profit_loss < 0 AND cooldown > interval '0'),
       s.breaker
FROM trading.accounts a
LEFT JOIN (
    SELECT b.account_id, min(b.kind) AS breaker FROM trading.breakers b
    WHERE b.ended_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > judged_at) AND b.scope = 'account'
    GROUP BY b.account_id
) s ON s.account_id = a.id
LEFT JOIN (
    SELECT p.account_id, sum(p.quantity * coalesce(m.bid, p.entry_price)) AS value, count(*) AS positions,
           bool_or(p.symbol = of_symbol) AS holds
    FROM trading.positions p
    LEFT JOIN (SELECT key AS symbol, CAST(value AS numeric) AS bid FROM jsonb_each_text(known_marks)) m
        ON m.symbol = p.symbol
    WHERE p.agent = of_agent AND p.closed_at IS NULL
    GROUP BY p.account_id
) p ON p.account_id = a.id
WHERE a.agent = of_agent AND a.kind <> 'dust' AND a.closed_at IS NULL
$$
"""
"""Every account of the agent as an entry sees it. The planner puts it into what asks for it, as if it were written there."""

JUDGED = """
SELECT id, number, budget, risk, position, room,
       CASE WHEN status = 'paused' THEN 'account_paused'
            WHEN status <> 'running' THEN 'account_not_running'
            WHEN withdrawal_pending THEN 'withdrawal_pending'
            WHEN holds THEN 'position_already_open'
            WHEN positions >= max_open_positions THEN 'too_many_positions'
            WHEN exposure <> 0 AND exposure >= equity * max_exposure THEN 'exposure_limit'
            WHEN cash <= 0 THEN 'insufficient_cash'
            WHEN lost THEN 'cooldown'
            ELSE breaker END AS denial,
       div((budget - 0.00000002) * 100000000, with_reserve) * 0.00000001 AS quantity
FROM (
    SELECT *, least(risk, position, room, cash) AS budget
    FROM (
        SELECT *, equity * risk_per_trade / stop_loss AS risk, equity * max_position AS position,
               equity * max_exposure - exposure AS room
        FROM trading.entry_accounts(of_agent, of_symbol, known_marks, judged_at, cooldown)
        OFFSET 0
    ) limits
    OFFSET 0
) budgets
OFFSET 0
"""
"""The checks in the order of ``ACCOUNT_CHECKS``; ``div`` cuts off where Python floors.

``OFFSET 0`` keeps a value from being worked out anew wherever it is used, and an update from carrying whole rows of this.
"""

ENTRY_OUTCOMES = f"""
CREATE FUNCTION trading.entry_outcomes({ENTRY})
RETURNS TABLE (code text, numbers bigint[], wanted numeric) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    IF EXISTS (SELECT FROM trading.accounts a WHERE a.agent = of_agent OFFSET 999) THEN
        PERFORM set_config('plan_cache_mode', 'force_custom_plan', true);
    END IF;
    RETURN QUERY SELECT code, array_agg(number), sum(quantity)
    FROM (
        SELECT number, quantity,
               coalesce(denial, CASE WHEN quantity > 0 THEN 'ordered' WHEN budget = risk THEN 'risk_limit'
                                     WHEN budget = position THEN 'position_limit' WHEN budget = room THEN 'exposure_limit'
                                     ELSE 'insufficient_cash' END) AS code
        FROM ({JUDGED}) judged
    ) outcomes
    GROUP BY code ORDER BY min(number);
END $$
"""  # noqa: S608 - our own text

SET_ENTRY_ASIDE = f"""
CREATE FUNCTION trading.set_entry_aside(of_order bigint, {ENTRY})
RETURNS TABLE (shares bigint, quantity numeric) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY WITH wants AS (
        SELECT number, quantity, ceil(quantity * with_reserve * 100000000) * 0.00000001 + 0.00000001 AS reserved
        FROM ({JUDGED}) judged WHERE denial IS NULL AND quantity > 0 OFFSET 0
    ), paying AS (
        UPDATE trading.accounts a SET cash = a.cash - w.reserved, reserved = a.reserved + w.reserved, updated_at = now()
        FROM wants w WHERE a.number = w.number
        RETURNING a.id, w.quantity, w.reserved
    ), shared AS (
        INSERT INTO trading.shares (order_id, account_id, quantity, reserved)
        SELECT of_order, id, quantity, reserved FROM paying ORDER BY id COLLATE "C"
        RETURNING quantity
    )
    SELECT count(*), coalesce(sum(quantity), 0) FROM shared;
END $$
"""  # noqa: S608 - our own text


CLAIM_POSITIONS = """
CREATE FUNCTION trading.claim_positions(
    of_order bigint, of_agent text, of_symbol text, chosen text, of_entries bigint[], of_kind text
) RETURNS TABLE (shares bigint, quantity numeric) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY WITH claimed AS (
        UPDATE trading.positions p SET exit_order_id = of_order FROM trading.accounts a
        WHERE p.agent = of_agent AND p.symbol = of_symbol AND p.closed_at IS NULL AND p.exit_order_id IS NULL
          AND a.id = p.account_id AND (
            chosen = 'requested' AND (a.close_requested_at IS NOT NULL OR a.kind = 'dust')
            OR chosen <> 'requested' AND (a.status <> 'stopped' OR a.kind = 'dust' OR a.close_requested_at IS NOT NULL) AND (
                chosen = 'signalled' OR a.kind = 'dust'
                OR chosen = 'of_entries' AND p.entry_order_id = ANY(of_entries)
                OR chosen = 'of_breaker' AND (
                    a.id IN (SELECT b.account_id FROM trading.breakers b
                             WHERE b.ended_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > now())
                               AND b.action = 'close' AND b.kind = of_kind AND b.scope = 'account')
                    OR EXISTS (SELECT FROM trading.breakers b
                               WHERE b.ended_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > now())
                                 AND b.action = 'close' AND b.kind = of_kind AND b.scope = 'agent' AND b.agent = of_agent))))
        RETURNING p.account_id, p.quantity
    ), shared AS (
        INSERT INTO trading.shares (order_id, account_id, quantity, reserved)
        SELECT of_order, account_id, quantity, 0 FROM claimed ORDER BY account_id COLLATE "C"
        RETURNING quantity
    )
    SELECT count(*), coalesce(sum(quantity), 0) FROM shared;
END $$
"""


def upgrade() -> None:
    for function in (
        TAKE_IN_SIGNAL,
        PENDING_DECISION,
        RECORD_VERDICT,
        INTEND,
        ENTRY_ACCOUNTS,
        ENTRY_OUTCOMES,
        SET_ENTRY_ASIDE,
        CLAIM_POSITIONS,
    ):
        op.execute(function)


def downgrade() -> None:
    op.execute("DROP FUNCTION trading.claim_positions")
    op.execute("DROP FUNCTION trading.set_entry_aside")
    op.execute("DROP FUNCTION trading.entry_outcomes")
    op.execute("DROP FUNCTION trading.entry_accounts")
    op.execute("DROP FUNCTION trading.intend")
    op.execute("DROP FUNCTION trading.record_verdict")
    op.execute("DROP FUNCTION trading.pending_decision")
    op.execute("DROP FUNCTION trading.take_in_signal")
