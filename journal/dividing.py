"""An order's fills divided among its shares in SQL: exactly what :func:`agents.allocation.divide_fills` says.

The largest-remainder method, with a window function for each amount: everyone gets the floor of the exact part in
whole units, and the units left over go to the largest remainders, ties by account id as bytes. ``div`` and ``mod`` of
``numeric`` are exact. A property test holds both to the same legs.
"""

from dataclasses import dataclass, fields
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.allocation import UNIT_EXPONENT, Total
from agents.errors import BookError

AMOUNTS = tuple(field.name for field in fields(Total) if field.name != "quantity")

SHARES = """
SELECT count(*) AS accounts, coalesce(sum(quantity), 0) AS wanted, coalesce(max(min_scale(quantity)), 0) AS scale
FROM trading.shares WHERE order_id = :order
"""

QUANTITIES = """
asked AS (
    SELECT account_id, quantity AS asked, reserved, keeps_rest, div(:quantity_units * quantity, :wanted) AS part,
           mod(:quantity_units * quantity, :wanted) AS rest
    FROM trading.shares WHERE order_id = :order
), quantities AS MATERIALIZED (
    SELECT account_id, asked, reserved, keeps_rest, (part + {one_more}) * :quantity_unit AS quantity
    FROM asked
)
"""
ONE_MORE = """
CAST(row_number() OVER (ORDER BY {rest} DESC, account_id COLLATE "C") <= :{name}_units - sum({part}) OVER () AS int)
"""
FINEST = "WITH {quantities} SELECT max(min_scale(quantity)) FROM quantities WHERE quantity > 0"


@dataclass(frozen=True, slots=True)
class Division:
    """How one order is divided: a chain of common table expressions that ends in ``legs``, and its parameters.

    ``legs`` has a row for every share: ``account_id, asked, reserved, keeps_rest``, the columns of a leg, and ``got``:
    whether it is one. Only an exit that leaves less than a lot step of the block has ``dust``.
    """

    accounts: int
    expressions: str
    parameters: dict[str, object]


def divide(session: Session, order_id: int, total: Total, lot_step: Decimal | None) -> Division:
    """Work out the division of an order's fills; nothing is written.

    Args:
        session: the open unit of work.
        order_id: the order.
        total: what its fills come to.
        lot_step: of the market, for a sale, which leaves what is below it as dust; None for a buy.

    Raises:
        BookError: more was filled than was wanted.
    """
    shares = session.execute(text(SHARES), {"order": order_id}).one()
    if total.quantity > shares.wanted:
        raise BookError(f"{total.quantity} was filled but only {shares.wanted} was wanted")
    scale = max(-UNIT_EXPONENT, shares.scale, _scale(total.quantity))
    parameters = {"order": order_id, "wanted": shares.wanted, "executed": total.quantity}
    parameters |= _units("quantity", total.quantity, scale)
    quantities = QUANTITIES.format(one_more=ONE_MORE.format(rest="rest", part="part", name="quantity"))
    if scale > -UNIT_EXPONENT:
        finest = text(FINEST.format(quantities=quantities))
        scale = max(-UNIT_EXPONENT, session.execute(finest, parameters).scalar_one())
    divided = [name for name in AMOUNTS if getattr(total, name)]
    for name in divided:
        amount = getattr(total, name)
        parameters |= _units(name, amount, max(scale, _scale(amount)))
    leaves_dust = lot_step is not None and shares.wanted - total.quantity < lot_step
    return Division(shares.accounts, f"{quantities}, {_legs(divided, leaves_dust=leaves_dust)}", parameters)


def _legs(divided: list[str], *, leaves_dust: bool) -> str:
    parts = "".join(
        f", div(:{name}_units * quantity, :executed) AS {name}_part, mod(:{name}_units * quantity, :executed) AS {name}_rest"
        for name in divided
    )
    amounts = ", ".join(
        f"({name}_part + {ONE_MORE.format(rest=f'{name}_rest', part=f'{name}_part', name=name)}) * :{name}_unit AS {name}"
        if name in divided
        else f"CAST(0 AS numeric) AS {name}"
        for name in AMOUNTS
    )
    dust = "CASE WHEN keeps_rest THEN 0 ELSE asked - quantity END" if leaves_dust else "CAST(0 AS numeric)"
    got = "quantity > 0 OR NOT keeps_rest" if leaves_dust else "quantity > 0"
    return f"""
    legs AS MATERIALIZED (
        SELECT account_id, asked, reserved, keeps_rest, quantity, {amounts}, {dust} AS dust, {got} AS got
        FROM (SELECT *{parts} FROM quantities) parts
    )
    """  # noqa: S608 - names of columns


def _units(name: str, amount: Decimal, scale: int) -> dict[str, object]:
    """An amount in whole units of ``scale`` decimals, and how much such a unit is."""
    return {f"{name}_units": int(amount.scaleb(scale)), f"{name}_unit": Decimal(1).scaleb(-scale)}


def _scale(number: Decimal) -> int:
    """Decimals that a number needs."""
    exponent = number.normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise BookError(f"{number} is not a finite amount")
    return -exponent
