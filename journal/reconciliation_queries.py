"""What the book says for a comparison with the exchange, and where the last comparison ended."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from agents.balances import Holdings
from agents.model import ZERO, Side
from agents.reconciliation import FillRecord, History, OrderRecord
from journal.audit.accounts import FLOWS, LEG_CASH
from journal.audit.orders import LATER_ORDERS
from journal.reconciliation_models import Reconciliation, ReconciliationCursor, Unassigned

ACCEPTED = "o.exchange_order_id IS NOT NULL"

SeenOrders = Mapping[str, int]
"""The last order by agent. Orders of one agent are committed in the order of their ids, those of several are not."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What moves when an order is committed or booked: unchanged before and after, nothing happened in between."""

    versions: Mapping[str, int]
    seen: SeenOrders
    is_open: bool
    """Whether an order's outcome is unknown."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The exchange's orders and trades of a symbol that were compared, first and last."""

    first_order_id: int
    last_order_id: int
    first_trade_id: int
    last_trade_id: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """Where the last comparison ended."""

    seen: SeenOrders
    flows: Decimal
    holdings: Holdings


@dataclass(frozen=True, slots=True)
class Movements:
    """What happened since the last comparison: fills at the exchange, legs in the book; symbols' base assets by symbol."""

    filled: Mapping[str, Decimal]
    spent: Decimal
    """Cash that fills cost, less what they earned."""
    commissions: Mapping[str, Decimal]
    """By asset."""
    assigned: Mapping[str, Decimal]
    cash: Decimal
    """Cash that legs brought, less what they took."""


def moment(session: Session) -> Moment:
    """The book's orders as they stand."""
    rows = session.execute(
        text("""
        SELECT a.name, a.book_version, coalesce((SELECT max(id) FROM trading.orders o WHERE o.agent = a.name), 0) AS seen,
               EXISTS (SELECT FROM trading.orders o WHERE o.agent = a.name AND o.state IN ('intended', 'unknown')) AS is_open
        FROM trading.agents a
        """)
    ).all()
    return Moment(
        {row.name: row.book_version for row in rows},
        {row.name: row.seen for row in rows},
        any(row.is_open for row in rows),
    )


def symbols(session: Session) -> list[str]:
    """Every symbol that an agent trades, or ever traded."""
    return list(
        session.scalars(
            text("""
            SELECT unnest(symbols) FROM trading.agents UNION SELECT symbol FROM trading.reconciliation_cursors
            UNION SELECT symbol FROM trading.brackets ORDER BY 1
            """)
        )
    )


def beginning(session: Session) -> datetime | None:
    """When the book began: what the exchange has from before does not concern it."""
    return session.execute(text("SELECT min(created_at) FROM trading.agents")).scalar_one()  # type: ignore[no-any-return]  # a text query has no types


def first_ids(session: Session, symbol: str) -> tuple[int | None, int | None]:
    """The exchange's ids of the first order and the first trade that the book knows of a symbol."""
    row = session.execute(
        text("""
        SELECT (SELECT min(CAST(exchange_order_id AS bigint)) FROM trading.orders o WHERE symbol = :symbol) AS order_id,
               (SELECT min(CAST(trade_id AS bigint)) FROM trading.fills WHERE symbol = :symbol) AS trade_id
        """),
        {"symbol": symbol},
    ).one()
    return row.order_id, row.trade_id


def cursors(session: Session) -> dict[str, Cursor]:
    """How far every symbol was compared."""
    return {
        row.symbol: Cursor(row.first_order_id, row.last_order_id, row.first_trade_id, row.last_trade_id)
        for row in session.scalars(select(ReconciliationCursor))
    }


def baseline(session: Session) -> Baseline | None:
    """Where the last comparison ended; None before the first."""
    compared = select(Reconciliation).where(Reconciliation.seen.is_not(None))
    last = session.scalars(compared.order_by(Reconciliation.id.desc()).limit(1)).one_or_none()
    if last is None or last.seen is None:
        return None
    rows = session.scalars(select(Unassigned)).all()
    holdings = Holdings(
        {row.asset: row.venue for row in rows},
        {row.asset: row.assigned for row in rows},
        {row.asset: row.taken_out for row in rows},
    )
    return Baseline(last.seen, last.flows or ZERO, holdings)


def overdue(session: Session, minutes: int) -> bool:
    """Whether nothing was compared for so long, since the last comparison or the book's beginning."""
    statement = text("""
        SELECT coalesce((SELECT finished_at FROM trading.reconciliations WHERE seen IS NOT NULL ORDER BY id DESC LIMIT 1),
                        (SELECT min(created_at) FROM trading.agents)) < now() - make_interval(mins => :minutes)
    """)
    return bool(session.execute(statement, {"minutes": minutes}).scalar_one())


def history(session: Session, symbol: str, since: SeenOrders) -> History:
    """The accepted orders of a symbol later than ``since``, and their fills."""
    parameters = {"symbol": symbol, "since": json.dumps(dict(since))}
    orders = session.execute(
        text(f"SELECT o.* FROM {LATER_ORDERS} WHERE o.symbol = :symbol AND {ACCEPTED}"),  # noqa: S608 - constants
        parameters,
    )
    fills = session.execute(
        text(f"""
        SELECT f.*, coalesce(o.exchange_order_id, '0') AS exchange_order_id
        FROM {LATER_ORDERS} JOIN trading.fills f ON f.order_id = o.id WHERE f.symbol = :symbol
        """),  # noqa: S608 - constants
        parameters,
    )
    return History([_order(row) for row in orders], [_fill(row) for row in fills])


def _order(row: Row[Any]) -> OrderRecord:
    return OrderRecord(
        symbol=row.symbol,
        id=int(row.exchange_order_id),
        client_order_id=row.client_order_id,
        side=Side(row.side),
        quantity=row.quantity,
        executed_quantity=row.executed_quantity,
        executed_cost=row.executed_cost,
        at=row.created_at,
    )


def _fill(row: Row[Any]) -> FillRecord:
    return FillRecord(
        symbol=row.symbol,
        trade_id=int(row.trade_id),
        order_id=int(row.exchange_order_id),
        price=row.price,
        quantity=row.quantity,
        cost=row.cost,
        commission=row.commission,
        commission_asset=row.commission_asset,
    )


def assigned(session: Session) -> tuple[Decimal, dict[str, Decimal]]:
    """What accounts own: cash, and quantities by symbol."""
    cash = session.execute(text("SELECT coalesce(sum(cash + reserved), 0) FROM trading.accounts")).scalar_one()
    held = session.execute(
        text("SELECT symbol, sum(quantity) FROM trading.positions WHERE closed_at IS NULL GROUP BY symbol")
    )
    return cash, {symbol: quantity for symbol, quantity in held if quantity}


def flows(session: Session) -> tuple[Decimal, Decimal]:
    """All that ever came in less what went out, and all that went out."""
    row = session.execute(
        text(f"""
        SELECT coalesce({FLOWS}, 0) AS net, coalesce(sum(amount) FILTER (WHERE flow_type = 'withdrawal'), 0) AS withdrawn
        FROM trading.cash_flows
        """)  # noqa: S608 - constants
    ).one()
    return row.net, row.withdrawn


def movements(session: Session, since: SeenOrders) -> Movements:
    """What happened later than ``since``."""
    parameters = {"since": json.dumps(dict(since))}
    fills = session.execute(
        text(f"""
        SELECT o.symbol, sum(CASE o.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END) AS quantity,
               sum(CASE o.side WHEN 'buy' THEN f.cost ELSE -f.cost END) AS spent
        FROM {LATER_ORDERS} JOIN trading.fills f ON f.order_id = o.id GROUP BY o.symbol
        """),  # noqa: S608 - constants
        parameters,
    ).all()
    commissions = session.execute(
        text(f"""
        SELECT f.commission_asset, sum(f.commission) FROM {LATER_ORDERS} JOIN trading.fills f ON f.order_id = o.id GROUP BY 1
        """),  # noqa: S608 - constants
        parameters,
    )
    legs = session.execute(
        text(f"""
        SELECT o.symbol, sum({LEG_CASH}) AS cash,
               sum(CASE o.side WHEN 'buy' THEN l.quantity - l.fee_base ELSE -l.quantity END) AS quantity
        FROM {LATER_ORDERS} JOIN trading.legs l ON l.order_id = o.id GROUP BY o.symbol
        """),  # noqa: S608 - constants
        parameters,
    ).all()
    return Movements(
        filled={row.symbol: row.quantity for row in fills},
        spent=sum((row.spent for row in fills), ZERO),
        commissions={asset: amount for asset, amount in commissions if amount},
        assigned={row.symbol: row.quantity for row in legs},
        cash=sum((row.cash for row in legs), ZERO),
    )
