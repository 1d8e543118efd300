"""No column of the book takes NaN, which PostgreSQL holds to be above every number."""

from decimal import Decimal

from psycopg2.errors import CheckViolation
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from journal.database import Book

NUMBERS = """
SELECT c.relname, a.attname
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace('trading') AND c.relkind = 'r' AND a.atttypid = to_regtype('numeric')
    AND NOT a.attisdropped
ORDER BY c.relname, a.attname
"""
NOT_NULL = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('a_copy') AND attnum > 0 AND attnotnull"


def copy_without_obligations(connection: Connection, table: str) -> None:
    """Make ``a_copy`` with the table's checks, of which any one column may be written alone."""
    connection.execute(text("DROP TABLE IF EXISTS a_copy"))
    connection.execute(text(f"CREATE TEMPORARY TABLE a_copy (LIKE trading.{table} INCLUDING CONSTRAINTS)"))
    for column in connection.scalars(text(NOT_NULL)).all():
        connection.execute(text(f"ALTER TABLE a_copy ALTER COLUMN {column} DROP NOT NULL"))


def refuses(connection: Connection, column: str, value: Decimal) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(text(f"INSERT INTO a_copy ({column}) VALUES (:value)"), {"value": value})  # noqa: S608 - names of the database's own
    except IntegrityError as error:
        return isinstance(error.orig, CheckViolation)
    return False


def test_no_number_of_the_book_takes_nan(book: Book) -> None:
    taken, taking_one, copied = [], 0, ""
    with book.engine.connect() as connection:
        numbers = connection.execute(text(NUMBERS)).all()
        for table, column in numbers:
            if table != copied:
                copy_without_obligations(connection, table)
                copied = table
            if not refuses(connection, column, Decimal("NaN")):
                taken.append(f"{table}.{column}")
            taking_one += not refuses(connection, column, Decimal(1))

    assert len(numbers) > 70
    assert taken == []
    assert taking_one > 0.9 * len(numbers), "it is NaN that is refused, not everything"
