"""Reconciliation finds what differs, halts trading for it, and edits nothing."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from threading import Event, Thread

import pytest

from adapters.exchange import Exchange
from agents.model import TradingState
from agents.orders import Accepted
from tasks import comparing
from tasks.reconciling import reconcile
from tasks.resolving import resolve_orders
from tests.contract.exchange_adapter.ordering import order as place
from tests.integration.reconciliation.conftest import Plant
from tests.integration.trading.conftest import World

Found = Callable[..., dict[str, str]]

LEDGER = ("orders", "shares", "fills", "legs", "positions", "accounts", "brackets", "trades", "cash_flows", "marks")


def last(world: World) -> Mapping[str, object]:
    return world.one("SELECT * FROM trading.reconciliations ORDER BY id DESC LIMIT 1")


def switch(world: World) -> tuple[str, str]:
    row = world.one("SELECT state, reason FROM trading.service_state")
    return row["state"], row["reason"]


def whole_book(world: World) -> dict[str, object]:
    return {table: world.rows(f"SELECT * FROM trading.{table} ORDER BY 1, 2") for table in LEDGER}  # noqa: S608 - our tables


def manual_trade(world: World, quantity: str = "0.1", symbol: str = "BTCUSDT") -> None:
    """Somebody else uses our exchange account."""
    exchange = world.another_worker().exchange
    limit = (exchange.quotes([symbol])[symbol].ask * Decimal("1.01")).quantize(Decimal(1))
    outcome = place(exchange, quantity, str(limit), symbol=symbol)
    assert isinstance(outcome, Accepted), outcome


def activate(world: World) -> None:
    world.switch(TradingState.ACTIVE)


def test_a_sound_book_is_in_order_at_first_later_and_from_the_beginning(traded: World) -> None:
    for full in (False, False, True):
        assert reconcile(traded.services, is_full=full) == "ok", last(traded)
        assert traded.rows("SELECT * FROM trading.discrepancies") == []

    run = last(traded)
    assert (run["orders"], run["fills"]) == (4, 4)
    traded.buy("atlas", "ETHUSDT")
    assert reconcile(traded.services) == "ok"
    assert last(traded)["orders"] == 1
    assert switch(traded)[0] == "ACTIVE"


def test_commissions_in_a_third_asset_are_explained(world: World) -> None:
    world.venue.set_balances(BNB="10")
    world.open_account("atlas", "10000", "a")
    assert reconcile(world.services) == "ok"
    world.buy("atlas")
    world.venue.pin_price("BTCUSDT", "40000")
    world.tick("atlas")

    assert reconcile(world.services) == "ok"


def test_what_the_exchange_had_before_the_book_began_does_not_concern_it(world: World) -> None:
    manual_trade(world)
    world.open_account("atlas", "10000", "a")
    world.buy("atlas")

    assert reconcile(world.services) == "ok"
    assert reconcile(world.services, is_full=True) == "ok"


def test_a_manual_trade_is_found_halts_trading_and_is_told(traded: World, found: Found) -> None:
    reconcile(traded.services)
    manual_trade(traded)
    before = whole_book(traded)

    standing = found()

    assert standing["order_unknown_to_book"].startswith("BTCUSDT order ")
    assert standing["balance_drift"] == "USDT"
    assert standing["balance_surplus"] == "BTC"
    state, reason = switch(traded)
    assert state == "HALTED"
    assert reason.startswith("reconciliation: order_unknown_to_book BTCUSDT order ")
    assert traded.services.state.agent("atlas").trading is TradingState.HALTED
    assert [title for title, _ in traded.alerts.sent if title.startswith("Trading is halted: reconciliation")]
    assert traded.one("SELECT actor FROM trading.audit_log ORDER BY id DESC LIMIT 1")["actor"] == "reconciliation"
    assert whole_book(traded) == before


def test_a_manual_trade_before_the_first_comparison_is_found_too(traded: World, found: Found) -> None:
    manual_trade(traded, "0.5", "ETHUSDT")

    assert found()["order_unknown_to_book"].startswith("ETHUSDT order ")
    assert switch(traded)[0] == "HALTED"


def test_nothing_is_ordered_after_reconciliation_halted_trading(traded: World, found: Found) -> None:
    reconcile(traded.services)
    manual_trade(traded)
    found()

    traded.buy("atlas", "ETHUSDT")

    assert traded.placed("ETHUSDT") == 0


def test_a_discrepancy_halts_once_and_is_accepted_by_activating(traded: World, found: Found) -> None:
    reconcile(traded.services)
    manual_trade(traded)
    found()
    version = traded.one("SELECT version FROM trading.service_state")["version"]
    alerts = len(traded.alerts.sent)

    assert reconcile(traded.services) == "mismatch"
    assert traded.one("SELECT version FROM trading.service_state")["version"] == version
    assert len(traded.alerts.sent) == alerts

    activate(traded)
    for full in (False, True):
        assert reconcile(traded.services, is_full=full) == "accepted"
        assert switch(traded)[0] == "ACTIVE"

    manual_trade(traded)
    assert reconcile(traded.services) == "mismatch"
    assert switch(traded)[0] == "HALTED"


def test_money_that_leaves_the_exchange_unexplained_halts_and_money_that_comes_does_not(traded: World) -> None:
    reconcile(traded.services)
    held = traded.services.exchange.balances()["USDT"]

    traded.venue.set_balances(USDT=str(held + 1000))
    assert reconcile(traded.services) == "ok"
    surplus = traded.one("SELECT code, subject, size, halts FROM trading.discrepancies")
    assert surplus == {"code": "balance_surplus", "subject": "USDT", "size": Decimal(1000), "halts": False}
    assert traded.alerts.sent[-1][0] == "Noted at the exchange: balance_surplus USDT"

    traded.venue.set_balances(USDT=str(held))
    assert reconcile(traded.services) == "mismatch"
    assert switch(traded) == ("HALTED", "reconciliation: balance_drift USDT")


def test_money_taken_out_for_withdrawals_is_explained_up_to_their_sum(traded: World) -> None:
    reconcile(traded.services)
    traded.execute("""
        INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id) VALUES ('b', 'withdrawal', 500, 'w1')""")
    traded.execute("UPDATE trading.accounts SET cash = cash - 500, balance = balance - 500 WHERE id = 'b'")
    held = traded.services.exchange.balances()["USDT"]

    traded.venue.set_balances(USDT=str(held - 300))
    assert reconcile(traded.services) == "ok"
    traded.venue.set_balances(USDT=str(held - 501))
    assert reconcile(traded.services) == "mismatch"

    assert traded.one("SELECT size FROM trading.discrepancies WHERE code = 'balance_drift'")["size"] == 1


def test_an_exchange_that_holds_less_than_the_accounts_own_is_short_by_asset(world: World, found: Found) -> None:
    world.open_account("atlas", "10000", "a")
    world.buy("atlas")
    held = world.services.exchange.balances()["BTC"]
    world.venue.set_balances(USDT="100", BTC=str(held / 2))

    found()

    short = world.rows("SELECT subject, size, expected, actual FROM trading.discrepancies WHERE code = 'balance_short'")
    assert {row["subject"] for row in short} == {"USDT", "BTC"}
    assert all(row["size"] == row["expected"] - row["actual"] > 0 for row in short)
    world.venue.set_balances(USDT="1000000", BTC=str(held))
    assert "balance_short" not in found()


CORRUPTIONS = {
    "a lost leg": (
        "DELETE FROM trading.legs WHERE order_id = (SELECT min(id) FROM trading.orders) AND account_id = 'a'",
        "legs_differ_from_fills",
        {"legs_quantity_differs", "legs_cost_differs", "account_cash_differs", "position_differs"},
    ),
    "a doubled fill": (
        """INSERT INTO trading.fills SELECT symbol, '99' || trade_id, order_id, price, quantity, cost, commission,
           commission_asset, executed_at FROM trading.fills ORDER BY order_id LIMIT 1""",
        "fill_unknown_at_venue",
        {"executed_quantity_differs", "legs_quantity_differs", "cash_not_conserved"},
    ),
    "a lost fill": (
        "DELETE FROM trading.fills WHERE order_id = (SELECT min(id) FROM trading.orders)",
        "fill_missing_in_book",
        {"executed_quantity_differs", "legs_quantity_differs"},
    ),
    "a changed fill": (
        """UPDATE trading.fills SET commission = commission + 0.00000001
           WHERE order_id = (SELECT min(id) FROM trading.orders)""",
        "fill_differs",
        {"legs_fee_base_differs"},
    ),
    "a changed order": (
        """UPDATE trading.orders SET executed_cost = executed_cost + 1
           WHERE id = (SELECT min(id) FROM trading.orders)""",
        "order_differs",
        {"executed_cost_differs"},
    ),
    "an order taken for never sent": (
        """UPDATE trading.orders SET exchange_order_id = NULL, state = 'absent'
           WHERE id = (SELECT min(id) FROM trading.orders)""",
        "order_unknown_to_book",
        {"order_state_differs", "fill_without_order"},
    ),
    "an invented order": (
        """INSERT INTO trading.orders (client_order_id, agent, symbol, side, reason, quantity, limit_price, bid, ask,
           state, agent_version, exchange_order_id, resolved_at)
           VALUES ('ta-invented', 'atlas', 'BTCUSDT', 'buy', 'signal', 1, 1, 1, 1, 'expired', 1, '999999', now())""",
        "order_missing_at_venue",
        {"shares_below_order"},
    ),
    "cash out of nothing": (
        "UPDATE trading.accounts SET cash = cash + 0.00000001 WHERE id = 'a'",
        "account_balance_differs",
        {"account_balance_differs", "account_cash_differs", "cash_not_conserved"},
    ),
    "cash and balance out of nothing": (
        "UPDATE trading.accounts SET cash = cash + 5, balance = balance + 5 WHERE id = 'a'",
        "account_cash_differs",
        {"account_cash_differs", "account_profit_differs", "transaction_sum_differs"},
    ),
    "a position out of nothing": (
        "UPDATE trading.positions SET quantity = quantity + 0.1 WHERE account_id = 'c'",
        "position_differs",
        {"position_differs", "asset_not_conserved"},
    ),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_each_planted_corruption_is_found_by_reconciliation_and_by_the_audit(
    traded: World, plant: Plant, found: Found, broken: Callable[[], set[str]], corruption: str
) -> None:
    statement, code, rules = CORRUPTIONS[corruption]
    assert reconcile(traded.services) == "ok"
    plant(statement)
    before = whole_book(traded)

    assert code in found(full=True)

    assert switch(traded)[0] == "HALTED"
    assert rules <= broken()
    assert whole_book(traded) == before


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE trading.accounts SET cash = cash + 5, balance = balance + 5 WHERE id = 'a'", "account_cash_differs"),
        ("UPDATE trading.positions SET quantity = quantity + 0.1 WHERE account_id = 'c'", "position_differs"),
    ],
)
def test_a_changed_sum_of_all_accounts_makes_the_next_run_name_the_account(
    traded: World, plant: Plant, found: Found, statement: str, code: str
) -> None:
    reconcile(traded.services)
    plant(statement)

    standing = found()

    assert {"assigned_drift", code} <= standing.keys()


def test_what_was_mended_is_gone_and_trading_stays_halted_until_someone_activates_it(
    traded: World, plant: Plant, found: Found
) -> None:
    plant("UPDATE trading.accounts SET cash = cash + 5 WHERE id = 'a'")
    assert found() == {"account_balance_differs": "account a"}
    plant("UPDATE trading.accounts SET cash = cash - 5 WHERE id = 'a'")

    assert "account_balance_differs" not in found()

    assert switch(traded)[0] == "HALTED"
    activate(traded)
    assert reconcile(traded.services) == "ok"


def test_an_order_under_way_makes_a_run_busy_and_no_mismatch(world: World) -> None:
    world.open_account("atlas", "10000", "a")
    world.venue.add_fault("accept_then_timeout", seconds=0.05)
    world.buy("atlas")

    assert reconcile(world.services) == "busy"
    assert switch(world)[0] == "ACTIVE"
    world.tick("atlas")
    assert reconcile(world.services) == "ok"


def test_an_exchange_out_of_reach_makes_a_run_fail_and_no_mismatch(traded: World) -> None:
    reconcile(traded.services)
    traded.venue.add_fault("error_before", method="GET", path="/api/v3/account", times=None)

    assert reconcile(traded.services) == "failed"
    assert "503" in str(last(traded)["detail"])
    assert switch(traded)[0] == "ACTIVE"


def test_someone_is_told_when_nothing_could_be_compared_for_long(traded: World) -> None:
    reconcile(traded.services)
    traded.execute("UPDATE trading.reconciliations SET finished_at = finished_at - interval '20 minutes'")
    traded.venue.add_fault("error_before", method="GET", path="/api/v3/account", times=None)

    reconcile(traded.services)

    assert traded.alerts.sent[-1][0] == "Not reconciled for 15 minutes"


def test_lists_that_lag_behind_for_a_moment_give_no_false_alarm(traded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    orders_since = Exchange.orders_since
    lagging = iter([True])

    def late(self: Exchange, symbol: str, first_id: int | None) -> object:
        listed = orders_since(self, symbol, first_id)
        return listed[:-1] if symbol == "BTCUSDT" and first_id is not None and next(lagging, False) else listed

    monkeypatch.setattr(Exchange, "orders_since", late)

    assert reconcile(traded.services) == "ok"


def test_agents_that_trade_meanwhile_give_no_false_alarm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "PAUSE", timedelta(milliseconds=1))
    world.without_fear()
    for agent in ("atlas", "orion", "nova"):
        world.open_account(agent, "10000", f"of-{agent}")
    worker, done = world.another_worker(), Event()

    def reconcile_all_the_time() -> None:
        while not done.is_set():
            results.append(reconcile(worker))

    results: list[str] = []
    thread = Thread(target=reconcile_all_the_time)
    thread.start()
    try:
        for step in range(6):
            world.venue.pin_price("BTCUSDT", "45000" if step % 2 == 0 else "36000")
            for agent in ("atlas", "orion", "nova"):
                world.advise("BTCUSDT", "buy")
                world.tick(agent)
                world.engine.answers.clear()
    finally:
        done.set()
        thread.join()

    assert set(results) <= {"ok", "busy"}
    assert reconcile(world.services, is_full=True) == "ok"
    assert last(world)["orders"] == world.placed() > 6
    assert switch(world)[0] == "ACTIVE"


def test_a_wiped_exchange_freezes_trading_and_edits_nothing(traded: World, found: Found) -> None:
    reconcile(traded.services)
    traded.execute("UPDATE trading.orders SET resolved_at = resolved_at - interval '1 minute'")
    traded.venue.wipe()
    before = whole_book(traded)

    assert found() == {"venue_wiped": "exchange"}

    assert last(traded)["result"] == "venue_wiped"
    assert switch(traded) == ("HALTED", "venue_wiped")
    assert ("Trading is halted: venue_wiped") in [title for title, _ in traded.alerts.sent]
    assert whole_book(traded) == before
    reconcile(traded.services)
    assert [title for title, _ in traded.alerts.sent].count("Trading is halted: venue_wiped") == 1


def test_a_wipe_is_seen_also_when_orders_were_accepted_after_it(traded: World) -> None:
    reconcile(traded.services)
    traded.execute("UPDATE trading.orders SET resolved_at = resolved_at - interval '1 minute'")
    traded.venue.wipe()
    traded.open_account("orion", "1000", "d")
    traded.buy("orion")

    assert reconcile(traded.services) == "venue_wiped"


def test_an_order_accepted_a_moment_ago_and_not_shown_yet_is_no_wipe(traded: World) -> None:
    traded.venue.wipe()

    assert reconcile(traded.services) == "failed"
    assert switch(traded)[0] == "ACTIVE"


def unknown_sale(world: World) -> None:
    """An exit that never arrived, when a position is held."""
    world.open_account("atlas", "10000", "a")
    world.buy("atlas")
    world.venue.pin_price("BTCUSDT", "40000")
    world.venue.add_fault("error_before", status=503)
    world.tick("atlas")
    assert world.one("SELECT state FROM trading.orders ORDER BY id DESC LIMIT 1")["state"] == "unknown"


def age(world: World) -> None:
    world.execute("UPDATE trading.orders SET created_at = created_at - interval '1 minute'")
    world.execute("UPDATE trading.orders SET resolved_at = resolved_at - interval '1 minute'")


def resolve(world: World) -> str:
    with world.services.state.lease("atlas", 0) as lease:
        assert lease is not None
        resolve_orders(world.services, "atlas", lease)
    return str(world.one("SELECT state FROM trading.orders ORDER BY id DESC LIMIT 1")["state"])


def test_an_order_is_not_taken_for_absent_after_the_exchange_was_wiped(world: World) -> None:
    unknown_sale(world)
    age(world)
    world.venue.wipe()
    before = whole_book(world)

    assert resolve(world) == "unknown"

    assert switch(world) == ("HALTED", "venue_wiped")
    assert whole_book(world) == before
    assert reconcile(world.services) == "venue_wiped"


def test_an_order_is_not_taken_for_absent_while_the_exchange_does_not_answer_for_older_ones(
    world: World,
) -> None:
    unknown_sale(world)
    world.execute("UPDATE trading.orders SET created_at = created_at - interval '1 minute'")
    world.venue.wipe()

    assert resolve(world) == "unknown"
    assert switch(world)[0] == "ACTIVE"


def test_an_order_is_absent_by_time_where_the_exchange_still_knows_older_ones(world: World) -> None:
    unknown_sale(world)
    age(world)

    assert resolve(world) == "absent"
    world.check()


def test_a_doubled_order_under_the_same_client_id_is_found(traded: World, found: Found) -> None:
    reconcile(traded.services)
    known = traded.one("SELECT client_order_id FROM trading.orders ORDER BY id LIMIT 1")["client_order_id"]
    doubled = place(traded.another_worker().exchange, "0.01", "40400", client_order_id=known)
    assert isinstance(doubled, Accepted), doubled

    assert "order_unknown_to_book" in found()


def test_all_that_was_asked_for_is_served_by_one_run(traded: World) -> None:
    traded.execute("INSERT INTO trading.reconciliations (requested_by, is_full) VALUES ('alice', true)")
    traded.execute("INSERT INTO trading.reconciliations (requested_by) VALUES ('bob')")

    reconcile(traded.services)

    rows = traded.rows("SELECT requested_by, result, is_full FROM trading.reconciliations ORDER BY id")
    assert [(row["requested_by"], row["result"], row["is_full"]) for row in rows] == [
        ("alice", "ok", True),
        ("bob", "ok", True),
    ]


def test_nothing_is_compared_before_any_agent_was_started(world: World) -> None:
    assert reconcile(world.services) == "ok"
    assert switch(world)[0] == "ACTIVE"
