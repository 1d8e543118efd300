"""Who is named in a row that is written per account exists, and goes on existing, as with foreign keys."""

import pytest
from psycopg2.errors import ForeignKeyViolation
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from journal.audit.references import KEYS, REFERENCES
from journal.database import Book
from journal.direct import Direct
from tests.integration.journal.test_database_rules import A_SMALL_BOOK, refusal

SOUND: dict[str, dict[str, str]] = {
    "shares": {"order_id": "1", "account_id": "'b'", "quantity": "1", "reserved": "1"},
    "legs": {
        "order_id": "1",
        "account_id": "'b'",
        **dict.fromkeys(("quantity", "cost", "fee_base", "fee_quote", "fee_other", "fee_other_value", "dust"), "0"),
    },
    "positions": {
        "account_id": "'b'",
        "agent": "'atlas'",
        "symbol": "'BTCUSDT'",
        **dict.fromkeys(("quantity", "cost", "entry_price"), "1"),
        "entry_order_id": "1",
        "exit_order_id": "2",
    },
    "trades": {
        "account_id": "'b'",
        "agent": "'atlas'",
        "symbol": "'BTCUSDT'",
        **dict.fromkeys(("quantity", "entry_price", "exit_price", "cost", "proceeds"), "1"),
        "profit_loss": "0",
        "reason": "'stop'",
        "entry_order_id": "1",
        "exit_order_id": "2",
        "opened_at": "now()",
    },
    "account_stats": {"account_id": "'b'"},
    "account_days": {
        "day": "'2026-01-01'",
        "account_id": "'b'",
        "agent": "'atlas'",
        **dict.fromkeys(("opening", "net_flows", "capital", "profit_loss", "closing", "realised"), "0"),
        **dict.fromkeys(("trades", "winning_trades"), "0"),
    },
}
"""A row of each table that is accepted."""
UNKNOWN = {"accounts": "'nobody'", "agents": "'zeus'", "orders": "404"}
EVERY = [(table, column, parent) for table, columns in REFERENCES.items() for column, parent in columns.items()]
MANY = 1000


def insert(table: str, **other: str) -> str:
    row = SOUND[table] | other
    return f"INSERT INTO trading.{table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"  # noqa: S608 - our own text


def insert_many(table: str, **last: str) -> str:
    """One row for each of many accounts, the last of which may be different."""
    row = SOUND[table] | {"account_id": "'m-' || n"}
    chosen = [
        f"CASE n WHEN {MANY} THEN {last[name]} ELSE {value} END" if name in last else value
        for name, value in row.items()
    ]
    return (
        f"INSERT INTO trading.{table} ({', '.join(row)}) SELECT {', '.join(chosen)} FROM generate_series(1, {MANY}) n"  # noqa: S608 - our own text
    )


@pytest.fixture
def small_book(book: Book) -> Book:
    with book.unit_of_work() as session:
        session.execute(text(A_SMALL_BOOK))
        session.execute(
            text("INSERT INTO trading.accounts (id, agent) SELECT 'm-' || n, 'atlas' FROM generate_series(1, :many) n"),
            {"many": MANY},
        )
    return book


@pytest.mark.parametrize("table", REFERENCES)
def test_rows_that_name_what_exists_are_accepted_one_or_many(small_book: Book, table: str) -> None:
    for statement in (insert(table), insert_many(table)):
        with small_book.unit_of_work() as session:
            session.execute(text(statement))


@pytest.mark.parametrize(("table", "column", "parent"), EVERY)
def test_a_row_that_names_nobody_is_refused_as_by_a_foreign_key(
    small_book: Book, table: str, column: str, parent: str
) -> None:
    for statement in (insert, insert_many):
        with pytest.raises(DBAPIError) as caught, small_book.unit_of_work() as session:
            session.execute(text(statement(table, **{column: UNKNOWN[parent]})))

        refused = caught.value.orig
        assert isinstance(refused, ForeignKeyViolation)
        assert (refused.diag.table_name, refused.diag.constraint_name) == (table, f"fk_{table}_{column}")
        unknown = UNKNOWN[parent].strip("'")
        assert refused.diag.message_detail == f'Key ({column})=({unknown}) is not present in table "{parent}".'


def test_copied_rows_are_looked_at_as_well(small_book: Book) -> None:
    columns = ("order_id", "account_id", "quantity", "reserved")
    rows = [(1, "b", 1, 1), (1, "nobody", 1, 1)]
    with pytest.raises(ForeignKeyViolation, match="fk_shares_account_id"), small_book.unit_of_work() as session:
        Direct.of(session).copy("trading.shares", columns, rows)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ("UPDATE trading.positions SET exit_order_id = 404", "fk_positions_exit_order_id"),
        ("UPDATE trading.positions SET exit_order_id = 2", None),
        ("UPDATE trading.positions SET exit_order_id = NULL", None),
        ("UPDATE trading.positions SET account_id = 'b'", "a reference stays what it is"),
        ("UPDATE trading.positions SET agent = 'atlas'", "a reference stays what it is"),
        ("UPDATE trading.positions SET entry_order_id = 1", "a reference stays what it is"),
        ("UPDATE trading.account_days SET agent = 'zeus'", "fk_account_days_agent"),
        ("UPDATE trading.account_days SET agent = 'atlas'", None),
        ("UPDATE trading.account_days SET account_id = 'nobody'", "a reference stays what it is"),
        ("UPDATE trading.account_stats SET account_id = 'nobody'", "a reference stays what it is"),
    ],
)
def test_an_update_names_nobody_either(small_book: Book, change: str, answer: str | None) -> None:
    with small_book.unit_of_work() as session:
        for table in ("positions", "account_days", "account_stats"):
            session.execute(text(insert(table)))

    if answer is None:
        with small_book.unit_of_work() as session:
            session.execute(text(change))
    else:
        assert answer in refusal(small_book, change)


def test_an_upsert_names_nobody_either(small_book: Book) -> None:
    upsert = (
        insert("account_days", agent="'{}'") + " ON CONFLICT (day, account_id) DO UPDATE SET agent = excluded.agent"
    )
    with small_book.unit_of_work() as session:
        session.execute(text(upsert.format("atlas")))
        session.execute(text(upsert.format("atlas")))

    assert "fk_account_days_agent" in refusal(small_book, upsert.format("zeus"))


@pytest.mark.parametrize("parent", KEYS)
@pytest.mark.parametrize(
    "change", ["DELETE FROM trading.{}", "TRUNCATE trading.{} CASCADE", "UPDATE trading.{} SET {} = {}"]
)
def test_who_is_referred_to_is_never_removed_nor_renamed(small_book: Book, parent: str, change: str) -> None:
    key = KEYS[parent]
    value = "DEFAULT" if parent == "orders" else key

    answer = refusal(small_book, change.format(parent, key, value))

    assert "what the ledger refers to is never removed, and keeps its key" in answer


def test_what_another_transaction_has_not_committed_is_not_there_yet(small_book: Book) -> None:
    opening = "INSERT INTO trading.accounts (id, agent) VALUES ('late', 'atlas')"
    referring = insert("legs", account_id="'late'")
    with small_book.engine.connect() as other, other.begin():
        other.execute(text(opening))
        assert "fk_legs_account_id" in refusal(small_book, referring)

    with small_book.unit_of_work() as session:
        session.execute(text(referring))


def test_what_is_undone_takes_with_it_who_referred_to_it(small_book: Book) -> None:
    with small_book.unit_of_work() as session:
        undone = session.begin_nested()
        session.execute(text("INSERT INTO trading.accounts (id, agent) VALUES ('undone', 'atlas')"))
        session.execute(text(insert("legs", account_id="'undone'")))
        undone.rollback()

    with small_book.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM trading.legs WHERE account_id = 'undone'")) == 0


def test_an_account_and_its_rows_may_come_in_one_transaction(small_book: Book) -> None:
    with small_book.unit_of_work() as session:
        session.execute(text("INSERT INTO trading.accounts (id, agent) VALUES ('new', 'atlas')"))
        session.execute(text(insert("account_stats", account_id="'new'")))


DECLARED = """
SELECT DISTINCT c.relname AS child, encode(t.tgargs, 'escape') AS arguments
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc f ON f.oid = t.tgfoid
WHERE f.proname = 'check_references' AND t.tgname = 'references_exist_on_insert'
"""
NAMING_SOMEBODY = """
SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = to_regnamespace('trading') AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attname IN ('account_id', 'agent', 'order_id', 'entry_order_id', 'exit_order_id')
EXCEPT
SELECT c.relname, a.attname FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (f.conkey) WHERE f.contype = 'f'
"""
FREE_TEXT = {("audit_log", "agent"), ("audit_log", "account_id"), ("events", "agent"), ("events", "account_id")}
"""Columns that speak of somebody who need not exist."""


def test_the_list_of_references_is_what_the_database_has(small_book: Book) -> None:
    with small_book.reading() as session:
        declared = {row.child: row.arguments.split("\\000")[:-1] for row in session.execute(text(DECLARED))}
        undeclared = {tuple(row) for row in session.execute(text(NAMING_SOMEBODY))}

    found = {
        table: {column: parent for column, parent, _ in zip(*[iter(arguments)] * 3, strict=True)}
        for table, arguments in declared.items()
    }
    assert found == REFERENCES
    assert undeclared - FREE_TEXT == {(table, column) for table, column, _ in EVERY}
