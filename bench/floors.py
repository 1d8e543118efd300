"""The least that anybody could do: the same rows, copied into tables of the same columns without any constraint."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from bench.measure import Series
from journal.database import Book

Written = Sequence[tuple[str, str]]
"""Tables and conditions on their rows, once for every commit that left the row different."""

ENTRY: Written = (
    ("trading.shares", "order_id = {order}"),
    ("trading.accounts", "kind <> 'dust'"),
    ("trading.legs", "order_id = {order}"),
    ("trading.accounts", "kind <> 'dust'"),
    ("trading.positions", "entry_order_id = {order}"),
    ("trading.account_stats", "true"),
)
"""The intent's commit writes shares and reserves cash; the outcome's pays, opens positions and counts."""
EXIT: Written = (
    ("trading.shares", "order_id = {order}"),
    ("trading.positions", "entry_order_id = {entry}"),
    ("trading.legs", "order_id = {order}"),
    ("trading.trades", "exit_order_id = {order}"),
    ("trading.positions", "entry_order_id = {entry}"),
    ("trading.accounts", "kind <> 'dust'"),
    ("trading.account_stats", "true"),
    (
        "investment.account_transactions",
        "reference_id IN (SELECT CAST(id AS text) FROM trading.trades WHERE exit_order_id = {order})",
    ),
)
"""The intent's commit writes shares and claims positions; the outcome's closes them, pays, counts and tells."""


class CopyFloor:
    """Copies what a signal wrote; the rows are fetched beforehand, so that only the server's work counts."""

    def __init__(self, book: Book, written: Written) -> None:
        self._book = book
        self._written = written
        with self._cursor() as cursor:
            cursor.execute("CREATE SCHEMA IF NOT EXISTS floor")
            for table, _ in written:
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {_bare(table)} (LIKE {table})")

    def run(self, series: Series, order: int, entry: int) -> int:
        """Copy and commit once, the time added to ``series``; the number of rows."""
        buffers = [(table, self._fetch(table, rows.format(order=order, entry=entry))) for table, rows in self._written]
        with self._cursor() as cursor:
            cursor.execute("TRUNCATE " + ", ".join(sorted({_bare(table) for table, _ in self._written})))
        copied = 0
        with series.time(), self._cursor() as cursor:
            for table, buffer in buffers:
                cursor.copy_expert(f"COPY {_bare(table)} FROM STDIN", buffer)
                copied += cursor.rowcount
        return copied

    def _fetch(self, table: str, condition: str) -> BytesIO:
        buffer = BytesIO()
        with self._cursor() as cursor:
            cursor.copy_expert(f"COPY (SELECT * FROM {table} WHERE {condition}) TO STDOUT", buffer)  # noqa: S608 - our own text
        buffer.seek(0)
        return buffer

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """A cursor of the driver in a transaction of its own, committed at the end of the block."""
        connection = self._book.engine.raw_connection()
        try:
            yield connection.cursor()
            connection.commit()
        finally:
            connection.close()


def _bare(table: str) -> str:
    return "floor." + table.partition(".")[2]
