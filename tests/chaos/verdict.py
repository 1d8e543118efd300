"""Whether a run that has come to rest kept every promise: the book against itself, and against the exchange."""

import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agents.orders import UNRESOLVED, OrderState
from journal import audit
from journal.audit import Finding
from tests.chaos.plan import PRICES
from tests.chaos.venue import VenueOrder
from tests.chaos.world import World
from tests.integration.trading.invariants import assert_book_holds, assert_venue_agrees

ON_THE_VENUE = {OrderState.FILLED.value, OrderState.PARTIALLY_FILLED.value, OrderState.EXPIRED.value}
SNAPSHOT_SECONDS = 20
ATTEMPTS = 10
"""How often a world is judged anew because it moved meanwhile."""

ORDERS = """
SELECT o.id, o.client_order_id, o.agent, o.symbol, o.side, o.state, o.quantity, o.executed_quantity, o.executed_cost,
       d.signal_id, d.agent AS decided_by,
       coalesce((SELECT jsonb_object_agg(asset, paid) FROM (
           SELECT commission_asset AS asset, sum(commission)::text AS paid
           FROM trading.fills WHERE order_id = o.id GROUP BY 1) c), '{}') AS commission
FROM trading.orders o LEFT JOIN trading.decisions d ON d.id = o.decision_id
ORDER BY o.id
"""

MOVED = """
SELECT (SELECT sum(book_version) FROM trading.agents) AS moves, (SELECT count(*) FROM trading.orders) AS orders,
       (SELECT count(*) FROM trading.fills) AS fills, (SELECT count(*) FROM trading.cash_flows) AS flows
"""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every promise that was broken, in words, and what the audit found, rule by rule."""

    breaches: list[str]
    audit: list[Finding]


def judge(world: World, pushed: Collection[tuple[str, str]], flows: Collection[tuple[str, str]] = ()) -> Verdict:
    """Judge a world in which no order is open, and again if it moved meanwhile: a stop may still be reached.

    Args:
        world: at rest, but its workers may run.
        pushed: signal id and agent of every pushed signal that was acknowledged.
        flows: account and reference of every deposit, withdrawal and closing that was acknowledged.
    """
    for _ in range(ATTEMPTS):
        moved = world.rows(MOVED)
        verdict = _judge(world, pushed, flows)
        if world.rows(MOVED) == moved:
            break
    return verdict


def _judge(world: World, pushed: Collection[tuple[str, str]], flows: Collection[tuple[str, str]]) -> Verdict:
    orders, venue_orders, balances = _picture(world)
    with world.book.reading() as session:
        audited = list(audit.findings(session))
    broken = [
        *(str(finding) for finding in audited if not finding.ok),
        *_asserted(lambda: assert_book_holds(world.book)),
        *_asserted(lambda: assert_venue_agrees(world.book, world.opening, balances)),
        *_venue_differs(orders, venue_orders),
        *_traded_twice(orders),
        *_undecided(world, pushed),
        *_lost_flows(world, flows),
        *_false_alarms(world),
    ]
    return Verdict(broken, audited)


def _picture(world: World) -> tuple[Sequence[Row], list[VenueOrder], Mapping[str, Decimal]]:
    """Book and exchange at one moment: between two looks at the book that saw the same."""
    deadline = time.monotonic() + SNAPSHOT_SECONDS
    while True:
        before, orders = world.rows(MOVED), world.rows(ORDERS)
        venue_orders, balances = world.venue.orders(PRICES), world.venue.balances()
        unresolved = [order for order in orders if order["state"] in UNRESOLVED]
        if not unresolved and world.rows(MOVED) == before:
            return orders, venue_orders, balances
        assert time.monotonic() < deadline, f"book and exchange stand still for a moment; open: {unresolved}"
        time.sleep(0.1)


def _asserted(check: Any) -> list[str]:  # noqa: ANN401 - any check that asserts
    try:
        check()
    except AssertionError:
        return [traceback.format_exc(limit=-1)[:2000]]
    return []


def _venue_differs(orders: Sequence[Row], venue_orders: list[VenueOrder]) -> list[str]:
    """Order by order, both ways: quantity, cost and commission, to the last unit."""
    problems = [
        f"the exchange has {count} orders of id {name}"
        for name, count in Counter(order.client_order_id for order in venue_orders).items()
        if count > 1
    ]
    at_venue = {order.client_order_id: order for order in venue_orders}
    booked = {order["client_order_id"]: order for order in orders}
    problems += [f"the book does not know {at_venue[name]}" for name in at_venue.keys() - booked.keys()]
    for name, order in booked.items():
        found = at_venue.get(name)
        if (found is not None) != (order["state"] in ON_THE_VENUE):
            problems.append(f"{dict(order)} in the book, {found} on the exchange")
        elif found is not None and _figures(order) != _venue_figures(found):
            problems.append(f"{_figures(order)} in the book, {_venue_figures(found)} on the exchange, of {name}")
    return problems


def _figures(order: Row) -> tuple[object, ...]:
    paid = {asset: Decimal(text) for asset, text in order["commission"].items() if Decimal(text)}
    return (
        order["symbol"],
        order["side"],
        order["quantity"],
        order["executed_quantity"],
        order["executed_cost"],
        paid,
    )


def _venue_figures(order: VenueOrder) -> tuple[object, ...]:
    return (
        order.symbol,
        order.side,
        order.quantity,
        order.executed_quantity,
        order.executed_cost,
        dict(order.commission),
    )


def _traded_twice(orders: Sequence[Row]) -> list[str]:
    by_signal: dict[tuple[str, str], list[str]] = defaultdict(list)
    for order in orders:
        if order["signal_id"] is not None:
            by_signal[order["signal_id"], order["agent"]].append(order["client_order_id"])
    return [f"signal {key} led to {names}" for key, names in by_signal.items() if len(names) > 1]


def _undecided(world: World, pushed: Collection[tuple[str, str]]) -> list[str]:
    decided = world.rows("SELECT signal_id, agent FROM trading.decisions WHERE decided_at IS NOT NULL")
    lost = set(pushed) - {(row["signal_id"], row["agent"]) for row in decided}
    pending = world.rows("SELECT id, signal_id, agent FROM trading.decisions WHERE decided_at IS NULL")
    fresh = [row for row in pending if (row["signal_id"], row["agent"]) in pushed]
    return [f"signals never decided: {sorted(lost)}"] * bool(lost) + [f"still pending: {row}" for row in fresh]


def _lost_flows(world: World, flows: Collection[tuple[str, str]]) -> list[str]:
    known = world.rows("""
        SELECT account_id, reference_id FROM trading.cash_flows
        UNION SELECT account_id, reference_id FROM trading.withdrawals""")
    lost = set(flows) - {(row["account_id"], row["reference_id"]) for row in known}
    return [f"acknowledged, but not in the book: {sorted(lost)}"] * bool(lost)


def _false_alarms(world: World) -> list[str]:
    """Nobody but the operator turned the switch: whatever is found wrong here was made by no fault of the exchange's."""
    rows = world.rows("SELECT actor, action, after FROM trading.audit_log WHERE agent IS NULL AND actor <> 'open'")
    return [
        f"the switch was turned by {row['actor']}: {row['after']}"
        for row in rows
        if row["action"].startswith("trading")
    ]
