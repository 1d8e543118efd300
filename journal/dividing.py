"""An order's fills divided among its shares in SQL: exactly what :func:`agents.allocation.divide_fills` says.

The largest-remainder method: everyone gets the floor of the exact part in
whole units, and the units left over go to the largest remainders, ties by account id as bytes. ``div`` and ``mod`` of
``numeric`` are exact. A property test holds both to the same legs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.allocation import UNIT_EXPONENT, Total
from agents.errors import BookError

AMOUNTS = tuple(field.name for field in fields(Total) if field.name != "quantity")

SHARES = """
SELECT count(*) AS accounts, coalesce(sum(quantity), 0) AS wanted, coalesce(max(quantity), 0) AS most,
       coalesce(max(min_scale(quantity)), 0) AS scale
FROM trading.shares WHERE order_id = :order
"""

QUANTITIES = """
asked AS MATERIALIZED (
    SELECT account_id, asked, reserved, keeps_rest{part} FROM (
        SELECT account_id, CAST(quantity * :units_per_one AS {integer}) AS asked, reserved, keeps_rest
        FROM trading.shares WHERE order_id = :order ORDER BY account_id COLLATE "C" OFFSET 0
    ) units
), {cut}, quantities AS MATERIALIZED (
    SELECT *{parts} FROM (
        SELECT account_id, asked, reserved, keeps_rest, {quantity} AS quantity FROM asked OFFSET 0
    ) q
)
"""
"""In whole units, and in the order of the accounts, which all that is written of them keeps."""
PART = {
    "bigint": (
        ", {of} * (:{name}_units / {among}) + {of} * mod(:{name}_units, {among}) / {among} AS {name}_part"
        ", mod({of} * mod(:{name}_units, {among}), {among}) AS {name}_rest"
    ),
    "numeric": ", div(:{name}_units * {of}, {among}) AS {name}_part, mod(:{name}_units * {of}, {among}) AS {name}_rest",
}
"""An account's exact part, by the type of integers. ``bigint`` is several times as fast, where no product exceeds it."""
LARGEST = 2**63 - 1

BUCKETS = 4096
CUT = """
{name}_counts AS MATERIALIZED (
    SELECT {bucket} AS bucket, count(*) AS accounts, sum({name}_part) AS parts FROM {rows} GROUP BY 1
), {name}_bucket AS MATERIALIZED (
    SELECT bucket, units - reached + accounts AS units FROM (
        SELECT bucket, accounts, sum(accounts) OVER (ORDER BY bucket DESC) AS reached,
               :{name}_units - sum(parts) OVER () AS units
        FROM {name}_counts
    ) running WHERE reached >= units ORDER BY bucket DESC LIMIT 1
), {name}_cut AS MATERIALIZED (
    SELECT {name}_rest AS least, account_id AS last FROM {rows} WHERE {bucket} = (SELECT bucket FROM {name}_bucket)
    ORDER BY {name}_rest DESC, account_id COLLATE "C" LIMIT 1 OFFSET (SELECT greatest(units - 1, 0) FROM {name}_bucket)
)
"""
"""The least remainder that gets one of the units left over, and the last account among those that have just that one.

To find these two, remainders are counted by size, and only those of the bucket that the cut falls into are sorted.
"""
BUCKET = {
    "bigint": "{name}_rest / ({among} / {buckets} + 1)",
    "numeric": "div({name}_rest, div({among}, {buckets}) + 1)",
}
WHOLE = """
({name}_part + CASE WHEN {name}_rest = 0 OR {name}_rest < (SELECT least FROM {name}_cut) THEN 0
    WHEN {name}_rest > (SELECT least FROM {name}_cut) OR account_id COLLATE "C" <= (SELECT last FROM {name}_cut) THEN 1
    ELSE 0 END)
"""
"""How many units an account gets of an amount. Without units left over there is no remainder above zero."""
FINEST = "WITH {quantities} SELECT max(min_scale(quantity * :quantity_unit)) FROM quantities WHERE quantity > 0"


@dataclass(frozen=True, slots=True)
class Division:
    """How one order is divided: a chain of common table expressions that ends in ``legs``, and its parameters.

    ``legs`` has a row for every share: ``account_id, reserved, keeps_rest``, the columns of a leg, and ``got``:
    whether it is one. Only an exit that leaves less than a lot step of the block has ``dust``.
    """

    accounts: int
    amounts: Sequence[str]
    """Those that there are any of; the others are zero in every leg."""
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
    parameters = {"order": order_id, "wanted": shares.wanted, "units_per_one": 10**scale}
    units = _units("quantity", total.quantity, scale)
    if scale > -UNIT_EXPONENT:
        finest = text(FINEST.format(quantities=_quantities([], "numeric")))
        scale = max(-UNIT_EXPONENT, session.execute(finest, parameters | units).scalar_one())
    divided = [name for name in AMOUNTS if getattr(total, name)]
    for name in divided:
        amount = getattr(total, name)
        units |= _units(name, amount, max(scale, _scale(amount)))
    wanted, most = (int(number * parameters["units_per_one"]) for number in (shares.wanted, shares.most))
    largest = max(wanted * most, *units.values())
    integer = "bigint" if largest <= LARGEST else "numeric"
    leaves_dust = lot_step is not None and shares.wanted - total.quantity < lot_step
    expressions = f"{_quantities(divided, integer)}, {_legs(divided, integer, leaves_dust=leaves_dust)}"
    return Division(shares.accounts, divided, expressions, parameters | units)


def _quantities(divided: list[str], integer: str) -> str:
    """What each account gets of the quantity, and its exact part of each amount to be divided."""
    wanted = f"CAST(:wanted * :units_per_one AS {integer})"
    part = PART[integer].format(name="quantity", of="asked", among=wanted)
    parts = "".join(PART[integer].format(name=name, of="quantity", among=":quantity_units") for name in divided)
    quantity, cut = WHOLE.format(name="quantity"), _cut("quantity", "asked", wanted, integer)
    return QUANTITIES.format(integer=integer, part=part, cut=cut, parts=parts, quantity=quantity)


def _cut(name: str, rows: str, among: str, integer: str) -> str:
    bucket = BUCKET[integer].format(name=name, among=among, buckets=BUCKETS)
    return CUT.format(name=name, rows=rows, bucket=bucket)


def _legs(divided: list[str], integer: str, *, leaves_dust: bool) -> str:
    amounts = ", ".join(
        f"{WHOLE.format(name=name)} * :{name}_unit AS {name}" if name in divided else f"CAST(0 AS numeric) AS {name}"
        for name in AMOUNTS
    )
    dust = (
        "CASE WHEN keeps_rest THEN 0 ELSE (asked - quantity) * :quantity_unit END"
        if leaves_dust
        else "CAST(0 AS numeric)"
    )
    got = "quantity > 0 OR NOT keeps_rest" if leaves_dust else "quantity > 0"
    cuts = "".join(f"{_cut(name, 'quantities', ':quantity_units', integer)}, " for name in divided)
    return f"""
    {cuts} legs AS MATERIALIZED (
        SELECT account_id, reserved, keeps_rest, quantity * :quantity_unit AS quantity, {amounts}, {dust} AS dust, {got} AS got
        FROM quantities
    )
    """  # noqa: S608 - names of columns


def _units(name: str, amount: Decimal, scale: int) -> dict[str, Any]:
    """An amount in whole units of ``scale`` decimals, and how much such a unit is."""
    return {f"{name}_units": int(amount.scaleb(scale)), f"{name}_unit": Decimal(1).scaleb(-scale)}


def _scale(number: Decimal) -> int:
    """Decimals that a number needs."""
    exponent = number.normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise BookError(f"{number} is not a finite amount")
    return -exponent
