"""Every list over long tables: with any filters, from any cursor, a page walks an index and reads a bounded number of rows."""

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, event, text

from api.app import create_app
from journal.scans import SCANNED
from runtime.bootstrap import control_services
from runtime.settings import load
from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis

ROWS = int(os.environ.get("LONG_LISTS_ROWS", "40000"))
"""Of each table; a million has been tried too, with the same bounds."""
BUFFERS = 12 * SCANNED
"""Pages of 8 kB that one answer may touch: a dozen for each row that is looked at."""
ROWS_AT_ONCE = 2 * SCANNED
"""Rows that any step of a plan may give or drop."""
BIG = {
    "accounts",
    "assignments",
    "decisions",
    "signals",
    "orders",
    "trades",
    "account_transactions",
    "withdrawals",
    "events",
    "deliveries",
}

FILL = """
SET LOCAL session_replication_role = replica;
SET LOCAL statement_timeout = 0;
INSERT INTO trading.agents (name, tick_seconds, symbols) SELECT unnest(ARRAY['atlas', 'orion', 'nova']), 60, '{}';
CREATE FUNCTION pg_temp.agent(i bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT (ARRAY['atlas', 'orion', 'nova'])[1 + i % 3] $$;
CREATE FUNCTION pg_temp.symbol(i bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN i < 5 THEN 'OLDUSDT' ELSE (ARRAY['BTCUSDT', 'ETHUSDT', 'SOLUSDT'])[1 + i / 3 % 3] END $$;
CREATE FUNCTION pg_temp.account(i bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN i % 2 = 0 THEN 'a-1' ELSE 'a-' || i END $$;
INSERT INTO trading.accounts (id, agent, status)
    SELECT 'a-' || i, pg_temp.agent(i), CASE WHEN i < 5 THEN 'paused' ELSE 'running' END FROM generate_series(1, :rows) i;
INSERT INTO trading.assignments (account_id, agent, started_at)
    SELECT 'a-' || i, pg_temp.agent(i), now() - interval '1 year' FROM generate_series(1, :rows) i;
INSERT INTO trading.signals (id, source, symbol, action, confidence, price)
    SELECT 's-' || i, 'poll', pg_temp.symbol(i), 'buy', 1, 1 FROM generate_series(1, :rows) i;
INSERT INTO trading.decisions (signal_id, agent, code, decided_at)
    SELECT 's-' || i, pg_temp.agent(i), CASE WHEN i < 5 THEN 'cooldown' ELSE 'hold' END, now()
    FROM generate_series(1, :rows) i;
INSERT INTO trading.orders (client_order_id, agent, symbol, side, reason, quantity, limit_price, bid, ask, state,
                            agent_version, resolved_at)
    SELECT 'ta-' || lpad(to_hex(i), 32, '0'), pg_temp.agent(i), pg_temp.symbol(i), 'buy', 'signal', 1, 1, 1, 1,
           CASE WHEN i < 5 THEN 'rejected' ELSE 'filled' END, 1, now()
    FROM generate_series(1, :rows) i;
INSERT INTO trading.trades (account_id, agent, symbol, quantity, entry_price, exit_price, cost, proceeds, profit_loss,
                            reason, exit_order_id, opened_at, closed_at)
    SELECT pg_temp.account(i), pg_temp.agent(i), pg_temp.symbol(i), 1, 1, 1, 1, 1, 0, 'target', i, now(),
           now() - i / 20000 * interval '1 minute'
    FROM generate_series(:rows, 1, -1) i;
INSERT INTO investment.account_transactions (account_id, transaction_type, amount, balance_before, balance_after)
    SELECT pg_temp.account(i), 'profit', 1, 1, 1 FROM generate_series(1, :rows) i;
INSERT INTO investment.performance_snapshots (account_id, snapshot_date, period_type, opening_balance, closing_balance,
                                              profit_loss)
    -- An account has a few a day, so thousands in ten years.
    SELECT CASE WHEN i <= 4000 THEN 'a-1' ELSE 'a-' || i END, DATE '2000-01-01' + CAST(i AS int), 'daily', 1, 1, 0
    FROM generate_series(1, :rows) i;
INSERT INTO trading.withdrawals (account_id, reference_id, amount, status, finished_at)
    SELECT pg_temp.account(i), 'r-' || i, 1, 'completed', now() FROM generate_series(1, :rows) i;
INSERT INTO trading.events (id, kind, cause, agent, payload, position)
    SELECT CAST(lpad(to_hex(i), 32, '0') AS uuid), CASE WHEN i % 3 = 1 THEN 'breaker.tripped' ELSE 'trade.closed' END, i,
           pg_temp.agent(i), '{}', i
    FROM generate_series(1, :rows) i;
INSERT INTO trading.subscriptions (id, url, secret, created_by)
    SELECT CAST(lpad(to_hex(i), 32, '0') AS uuid), 'https://platform.example', 'secret', 'test'
    FROM generate_series(1, 20) i;
INSERT INTO trading.deliveries (subscription_id, event_id, position, status, delivered_at)
    SELECT '00000000-0000-0000-0000-000000000001', id, position,
           CASE WHEN position % 3 = 0 THEN 'pending' ELSE 'delivered' END, CASE WHEN position % 3 <> 0 THEN now() END
    FROM trading.events;
INSERT INTO trading.audit_log (actor, action, agent, account_id)
    SELECT CASE WHEN i < 5 THEN 'token old' ELSE 'open' END, 'start', pg_temp.agent(i), pg_temp.account(i)
    FROM generate_series(1, :rows) i;
ANALYZE;
"""

FILTERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "/accounts": {"agent": ("atlas",), "status": ("running", "paused", "stopped")},
    "/decisions": {
        "agent": ("atlas",),
        "symbol": ("BTCUSDT", "OLDUSDT"),
        "code": ("hold", "cooldown", "expired"),
        "account_id": ("a-1",),
        "signal_id": ("s-3",),
    },
    "/orders": {
        "agent": ("atlas",),
        "symbol": ("BTCUSDT", "OLDUSDT"),
        "state": ("filled", "rejected", "unknown"),
        "client_order_id": (f"ta-{3:032x}",),
    },
    "/trades": {
        "account_id": ("a-1", "a-7"),
        "agent": ("atlas",),
        "symbol": ("BTCUSDT", "OLDUSDT"),
        "client_order_id": (f"ta-{3:032x}",),
    },
    "/accounts/a-1/trades": {"symbol": ("BTCUSDT", "OLDUSDT")},
    "/accounts/a-1/transactions": {},
    "/accounts/a-1/performance": {"period_type": ("daily", "weekly")},
    "/accounts/a-1/withdrawals": {},
    "/audit": {
        "actor": ("open", "token old"),
        "action": ("start", "halt"),
        "agent": ("nova",),
        "account_id": ("a-1", "a-7"),
    },
    "/reconciliation": {},
    "/events": {
        "kind": ("trade.closed", "breaker.tripped", "withdrawal.failed"),
        "agent": ("atlas", "nova"),
        "after": ("0", "100000"),
    },
    "/subscriptions": {},
    f"/subscriptions/{uuid.UUID(int=1)}/deliveries": {"status": ("pending", "delivered", "failed")},
}


@pytest.fixture(scope="module")
def long_book(
    postgres_server: EmbeddedPostgres, migrated_template: str, redis_server: EmbeddedRedis
) -> Iterator[tuple[FlaskClient, Engine]]:
    name = f"test_{uuid.uuid4().hex}"
    servers = {
        "DATABASE_URL": postgres_server.create_database(name, template=migrated_template),
        "REDIS_URL": redis_server.url(),
        "ML_ENGINE_URL": "http://127.0.0.1:1",
    }
    services = control_services(load(servers))
    engine = services.book.engine
    with engine.begin() as connection:
        for statement in FILL.split(";\n"):
            if statement.strip():
                connection.execute(text(statement), {"rows": ROWS})
    yield create_app(services).test_client(), engine
    engine.dispose()
    services.state.client.close()
    postgres_server.drop_database(name)


def combinations(filters: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Every way to give or leave out each filter, as the beginning of a query."""
    chosen = product(*([(name, value) for value in ("", *values)] for name, values in filters.items()))
    return ["".join(f"{name}={value}&" for name, value in one if value) for one in chosen]


@contextmanager
def reads_noted(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(_c: Connection, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def steps(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from steps(inner)


def check_bounded(engine: Engine, reads: list[tuple[str, Any]], what: str) -> None:
    buffers = 0
    with engine.connect() as connection:
        for statement, parameters in reads:
            explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}"
            found: Any = connection.exec_driver_sql(explain, parameters).scalar_one()
            plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
            buffers += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            for step in steps(plan):
                told = f"{what}: {step}"
                assert not (step["Node Type"] == "Seq Scan" and step["Relation Name"] in BIG), told
                moved = step["Actual Rows"] + sum(v for k, v in step.items() if k.startswith("Rows Removed"))
                assert moved * step["Actual Loops"] <= ROWS_AT_ONCE, told
    assert buffers <= BUFFERS, f"{what}: {buffers} buffers"


@pytest.mark.parametrize("path", FILTERS)
def test_a_page_of_a_long_list_reads_a_bounded_number_of_rows_whatever_is_asked_for(
    long_book: tuple[FlaskClient, Engine], path: str
) -> None:
    client, engine = long_book
    for query in combinations(FILTERS[path]):
        cursor = ""
        for _page in range(2):
            asked = f"{path}?{query}{cursor}"
            with reads_noted(engine) as reads:
                answer = client.get(asked)
            assert answer.status_code == 200, asked
            assert reads
            check_bounded(engine, reads, asked)
            following = answer.get_json().get("next_cursor")
            if following is None:
                break
            cursor = f"cursor={following}"


@pytest.mark.parametrize(
    ("path", "cursor"),
    [
        ("/decisions", str(ROWS // 2)),
        ("/orders", str(ROWS // 2)),
        ("/accounts", "500"),
        ("/accounts/a-1/withdrawals", "500"),
    ],
)
def test_a_page_far_down_costs_as_much_as_the_first(
    long_book: tuple[FlaskClient, Engine], path: str, cursor: str
) -> None:
    client, engine = long_book
    with reads_noted(engine) as reads:
        items = client.get(f"{path}?cursor={cursor}").get_json()["items"]
    assert len(items) == 100
    check_bounded(engine, reads, path)


def test_a_filter_that_matches_little_still_leads_to_every_row(long_book: tuple[FlaskClient, Engine]) -> None:
    client, _engine = long_book
    found: list[str] = []
    pages, cursor = 0, ""
    while True:
        body = client.get(f"/orders?agent=nova&state=filled&symbol=ETHUSDT&limit=500{cursor}").get_json()
        found += [order["client_order_id"] for order in body["items"]]
        pages += 1
        if body["next_cursor"] is None:
            break
        cursor = f"&cursor={body['next_cursor']}"
    assert found == sorted(set(found), reverse=True)
    assert len(found) == sum(1 for i in range(5, ROWS + 1) if i % 3 == 2 and i // 3 % 3 == 1)
