"""The exchange's memory: one SQLite file, committed before any reply leaves (write-ahead log: survives kill -9)."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.exchange.amounts import ZERO
from sandbox.exchange.market import Pin
from sandbox.exchange.orders import Order, Trade

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS balances (asset TEXT PRIMARY KEY, free TEXT NOT NULL, locked TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pins (symbol TEXT NOT NULL, price TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER);
CREATE TABLE IF NOT EXISTS orders (
    symbol TEXT NOT NULL, client_order_id TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL,
    time_in_force TEXT NOT NULL, price TEXT NOT NULL, quantity TEXT NOT NULL, quote_quantity TEXT NOT NULL,
    time INTEGER NOT NULL, update_time INTEGER NOT NULL, order_id INTEGER PRIMARY KEY AUTOINCREMENT,
    status TEXT NOT NULL, executed_quantity TEXT NOT NULL, executed_quote TEXT NOT NULL, locked TEXT NOT NULL,
    expiry_reason TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS orders_by_client_id ON orders (client_order_id);
CREATE INDEX IF NOT EXISTS orders_by_symbol ON orders (symbol, order_id);
CREATE INDEX IF NOT EXISTS orders_open ON orders (symbol) WHERE status IN ('NEW', 'PARTIALLY_FILLED');
CREATE TABLE IF NOT EXISTS trades (
    trade_id INTEGER PRIMARY KEY AUTOINCREMENT, order_id INTEGER NOT NULL, symbol TEXT NOT NULL, price TEXT NOT NULL,
    quantity TEXT NOT NULL, commission TEXT NOT NULL, commission_asset TEXT NOT NULL, time INTEGER NOT NULL,
    is_buyer INTEGER NOT NULL, is_maker INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS trades_by_symbol ON trades (symbol, trade_id);
CREATE INDEX IF NOT EXISTS trades_by_order ON trades (order_id);
"""
_OPEN = "status IN ('NEW', 'PARTIALLY_FILLED')"
_LOCK_WAIT_SECONDS = 2.0
_FOREVER = 2**62

sqlite3.register_adapter(Decimal, str)


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a long list: from an id on, within times in milliseconds, at most ``limit``.

    Without a first id or a start, the newest rows are meant; with one of them, the oldest that fit.
    """

    first_id: int | None = None
    start: int | None = None
    end: int | None = None
    limit: int = 500

    def clause(self, id_column: str) -> tuple[str, tuple[int, ...]]:
        """Return the condition, order and limit in SQL, and its values."""
        order = "DESC" if self.first_id is None and self.start is None else "ASC"
        where = f"{id_column} >= ? AND time BETWEEN ? AND ? ORDER BY {id_column} {order} LIMIT ?"
        return where, (self.first_id or 0, self.start or 0, self.end or _FOREVER, self.limit)


class Store:
    """Orders, trades, balances, pins and a few named values. Not thread-safe: its owner holds a lock."""

    def __init__(self, folder: Path) -> None:
        """Open or create the database in ``folder`` and keep every other process out.

        Raises:
            RuntimeError: Another exchange uses the folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(folder / "exchange.lock")
        self._db = sqlite3.connect(folder / "exchange.sqlite", isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)

    def close(self) -> None:
        """Close the database and let others in."""
        self._db.close()
        os.close(self._lock)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside, or nothing if it raises."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def value(self, name: str, default: str) -> str:
        """Return a named value, storing ``default`` when it is not there yet."""
        self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, default))
        (value,) = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(value)

    def set_value(self, name: str, value: str) -> None:
        """Replace a named value."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return free and locked by asset."""
        rows = self._db.execute("SELECT asset, free, locked FROM balances")
        return {asset: (Decimal(free), Decimal(locked)) for asset, free, locked in rows}

    def balance(self, asset: str) -> tuple[Decimal, Decimal]:
        """Return free and locked of one asset."""
        row = self._db.execute("SELECT free, locked FROM balances WHERE asset = ?", (asset,)).fetchone()
        return (Decimal(row[0]), Decimal(row[1])) if row else (ZERO, ZERO)

    def set_balance(self, asset: str, free: Decimal, locked: Decimal) -> None:
        """Replace the balance of one asset."""
        self._db.execute("INSERT OR REPLACE INTO balances VALUES (?, ?, ?)", (asset, free, locked))

    def add_order(self, order: Order) -> None:
        """Store a new order and give it its id."""
        values = (None if f.name == "order_id" else getattr(order, f.name) for f in fields(Order))
        cursor = self._db.execute(f"INSERT INTO orders VALUES ({_marks(len(fields(Order)))})", tuple(values))  # noqa: S608 - question marks only
        order.order_id = cursor.lastrowid or 0

    def update_order(self, order: Order) -> None:
        """Store an order's progress."""
        self._db.execute(
            "UPDATE orders SET quantity = ?, status = ?, executed_quantity = ?, executed_quote = ?, locked = ?,"
            " update_time = ?, expiry_reason = ? WHERE order_id = ?",
            (
                order.quantity,
                order.status,
                order.executed_quantity,
                order.executed_quote,
                order.locked,
                order.update_time,
                order.expiry_reason,
                order.order_id,
            ),
        )

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Return open orders, oldest first."""
        return self._orders(f"{_OPEN} AND (? IS NULL OR symbol = ?) ORDER BY order_id", (symbol, symbol))

    def order(self, symbol: str, order_id: int) -> Order | None:
        """Return an order by the exchange's id."""
        return next(iter(self._orders("symbol = ? AND order_id = ?", (symbol, order_id))), None)

    def order_by_client_id(self, symbol: str, client_order_id: str) -> Order | None:
        """Return the newest order by the client's id, an open one before any other."""
        where = f"symbol = ? AND client_order_id = ? ORDER BY {_OPEN} DESC, order_id DESC LIMIT 1"
        return next(iter(self._orders(where, (symbol, client_order_id))), None)

    def orders_between(self, symbol: str, page: Page) -> list[Order]:
        """Return one page of a symbol's orders, oldest first."""
        where, values = page.clause("order_id")
        orders = self._orders(f"symbol = ? AND {where}", (symbol, *values))
        return sorted(orders, key=lambda order: order.order_id)

    def add_trade(self, trade: Trade) -> int:
        """Store a trade and return its id."""
        values = (None, *astuple(trade)[1:])
        cursor = self._db.execute(f"INSERT INTO trades VALUES ({_marks(len(values))})", values)  # noqa: S608 - question marks only
        return cursor.lastrowid or 0

    def trades(self, symbol: str, order_id: int | None, page: Page) -> list[Trade]:
        """Return one page of own trades, optionally of one order, oldest first."""
        where, values = page.clause("trade_id")
        if order_id is not None:
            where, values = f"order_id = ? AND {where}", (order_id, *values)
        rows = self._db.execute(f"SELECT * FROM trades WHERE symbol = ? AND {where}", (symbol, *values))  # noqa: S608 - clauses of this module
        return sorted((_trade(row) for row in rows), key=lambda trade: trade.trade_id)

    def pins(self) -> list[Pin]:
        """Return every pin ever set, oldest first."""
        rows = self._db.execute('SELECT symbol, price, start, "end" FROM pins ORDER BY rowid')
        return [Pin(symbol, Decimal(price), start, end) for symbol, price, start, end in rows]

    def end_pin(self, symbol: str, second: int) -> None:
        """Let go of a symbol's price from this second on."""
        self._db.execute('UPDATE pins SET "end" = ? WHERE symbol = ? AND "end" IS NULL', (second, symbol))

    def add_pin(self, pin: Pin) -> None:
        """Fix a symbol's price."""
        self._db.execute("INSERT INTO pins VALUES (?, ?, ?, ?)", (pin.symbol, pin.price, pin.start, pin.end))

    def wipe(self) -> None:
        """Forget all orders, trades and balances; ids go on."""
        for table in ("orders", "trades", "balances"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own tables

    def _orders(self, where: str, values: tuple[object, ...]) -> list[Order]:
        rows = self._db.execute(f"SELECT * FROM orders WHERE {where}", values)  # noqa: S608 - clauses of this module
        return [_order(row) for row in rows]


_DECIMAL_FIELDS = [i for i, f in enumerate(fields(Order)) if f.type is Decimal]


def _order(row: tuple[Any, ...]) -> Order:
    values = list(row)
    for index in _DECIMAL_FIELDS:
        values[index] = Decimal(values[index])
    return Order(*values)


def _trade(row: tuple[Any, ...]) -> Trade:
    trade_id, order_id, symbol, price, quantity, commission, asset, at, is_buyer, is_maker = row
    amounts = (Decimal(price), Decimal(quantity), Decimal(commission))
    return Trade(trade_id, order_id, symbol, *amounts, asset, at, bool(is_buyer), bool(is_maker))


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _lock(path: Path) -> int:
    """Take the folder's lock, waiting a moment for a predecessor that is just going."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(handle)
                raise RuntimeError(f"{path.parent} is in use by another exchange") from None
            time.sleep(0.05)
        else:
            return handle
