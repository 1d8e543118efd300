"""The two tables that the platform reads, which it may own with column types of its own."""

import re
import uuid
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from psycopg2.errors import ForeignKeyViolation
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from agents.errors import BookError, InvalidInputError

TRANSACTIONS = "investment.account_transactions"
SNAPSHOTS = "investment.performance_snapshots"
INTEGER_TYPES: Mapping[str, int] = MappingProxyType({"smallint": 16, "integer": 32, "bigint": 64})
"""The width in bits of each."""
ENDLESS = 2**30
"""More characters than any value has."""
UUID_PATTERN = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")

COLUMN_TYPES = """
SELECT jsonb_object_agg(attname, format_type(atttypid, atttypmod)) FROM pg_attribute
WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped
"""
"""A query for the columns of ``:table`` with their types; NULL if there is no such table."""

# The driver writes parameters as literals without a type, so that each takes the type of its column.
_INSERT = text("""
INSERT INTO investment.account_transactions (
    account_id, transaction_type, amount, balance_before, balance_after, description, reference_type, reference_id
) VALUES (
    :account_id, :transaction_type, :amount, :balance_before, :balance_after, :description, :reference_type,
    :reference_id
)
""")


def column_types(session: Session, table: str) -> Mapping[str, str]:
    """A table's columns with their types as SQL writes them, such as ``character varying(36)``.

    Raises:
        BookError: the table does not exist: the migrations have not run.
    """
    return known_types(session.scalar(text(f"SELECT ({COLUMN_TYPES})"), {"table": table}), table)


def known_types(found: Mapping[str, str] | None, table: str) -> Mapping[str, str]:
    """What a statement with :data:`COLUMN_TYPES` in it gave of a table's columns.

    Raises:
        BookError: the table does not exist: the migrations have not run.
    """
    if not found:
        raise BookError(f"{table} does not exist: run the migrations")
    return found


def fits(value: str, sql_type: str) -> bool:
    """Whether a column of ``sql_type`` can hold ``value``; other types than the usual ones for ids can hold anything."""
    if sql_type == "uuid":
        return UUID_PATTERN.fullmatch(value) is not None
    if sql_type in INTEGER_TYPES:
        return re.fullmatch(r"-?[0-9]{1,19}", value) is not None and abs(int(value)) < 2 ** (
            INTEGER_TYPES[sql_type] - 1
        )
    return len(value) <= longest_text(sql_type)


def longest_text(sql_type: str) -> int:
    """So many characters of text a column of ``sql_type`` can hold; 0 for the types of ids that are no text."""
    if sql_type == "uuid" or sql_type in INTEGER_TYPES:
        return 0
    limit = re.search(r"\((\d+)\)$", sql_type)
    return int(limit[1]) if limit else ENDLESS


def record_flow(  # noqa: PLR0913 - one argument per column
    session: Session,
    *,
    account_id: str,
    transaction_type: str,
    amount: Decimal,
    balance_before: Decimal,
    balance_after: Decimal,
    description: str,
    reference_type: str,
    reference_id: str,
) -> None:
    """Write one deposit or withdrawal for the platform to see, in the caller's transaction.

    A ``reference_id`` that the platform's column cannot hold (ours is no UUID) is written as NULL.

    Raises:
        InvalidInputError: the platform's table cannot hold this ``account_id``, or knows no such account.
    """
    types = column_types(session, TRANSACTIONS)
    if not fits(account_id, types["account_id"]):
        raise InvalidInputError("account_id", f"must be a {types['account_id']} to appear in {TRANSACTIONS}")
    values = {
        "account_id": account_id,
        "transaction_type": transaction_type,
        "amount": amount,
        "balance_before": balance_before,
        "balance_after": balance_after,
        "description": description,
        "reference_type": reference_type,
        "reference_id": reference_id if fits(reference_id, types["reference_id"]) else None,
    }
    try:
        session.execute(_INSERT, values)
    except IntegrityError as error:
        if isinstance(error.orig, ForeignKeyViolation):
            raise InvalidInputError("account_id", "is not known to the platform's own tables") from None
        raise


def tell_trades(session: Session) -> str:
    """The statement that writes one profit or loss for every trade in ``sold``, a common table expression.

    ``balance`` there is that from before the trade.
    """
    types = column_types(session, TRANSACTIONS)
    reference = "trade_id" if fits(str(uuid.UUID(int=0)), types["reference_id"]) else "NULL"
    return f"""
        INSERT INTO {TRANSACTIONS} (account_id, transaction_type, amount, balance_before, balance_after,
                             description, reference_type, reference_id)
        SELECT CAST(account_id AS {types["account_id"]}), CASE WHEN profit_loss > 0 THEN 'profit' ELSE 'loss' END,
               abs(profit_loss), balance, balance + profit_loss,
               (SELECT 'SELL ' || symbol || ' ' FROM filled) || trim_scale(quantity) || ' @ ' || trim_scale(round(entry_price, 8)),
               'agent_trade', CAST(CAST({reference} AS text) AS {types["reference_id"]})
        FROM sold WHERE kind <> 'dust'
    """  # noqa: S608 - types as PostgreSQL itself writes them
