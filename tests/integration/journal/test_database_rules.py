"""What the database itself refuses, whatever the code above it believes."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from journal.database import Book

A_SMALL_BOOK = """
INSERT INTO trading.agents (name, tick_seconds, symbols) VALUES ('atlas', 60, '{BTCUSDT}');
INSERT INTO trading.accounts (id, agent, status, cash, balance) VALUES ('a', 'atlas', 'running', 100, 100);
INSERT INTO trading.accounts (id, agent) VALUES ('b', 'atlas');
INSERT INTO trading.assignments (account_id, agent) VALUES ('a', 'atlas');
INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id) VALUES ('a', 'deposit', 100, 'start');
INSERT INTO trading.signals (id, source, symbol, action, confidence, price, signal_at)
    VALUES ('s', 'poll', 'BTCUSDT', 'buy', 0.9, 45000, now());
INSERT INTO trading.decisions (signal_id, agent) VALUES ('s', 'atlas');
INSERT INTO trading.orders (client_order_id, agent, symbol, side, reason, quantity, limit_price, bid, ask, agent_version)
    VALUES ('buy-1', 'atlas', 'BTCUSDT', 'buy', 'signal', 1, 50, 49, 50, 1),
           ('sell-1', 'atlas', 'BTCUSDT', 'sell', 'stop', 1, 50, 49, 50, 1);
INSERT INTO trading.shares (order_id, account_id, quantity, reserved) VALUES (1, 'a', 1, 50);
INSERT INTO trading.fills (symbol, trade_id, order_id, price, quantity, cost, commission, commission_asset, executed_at)
    VALUES ('BTCUSDT', '7', 1, 50, 1, 50, 0.001, 'BTC', now());
INSERT INTO trading.legs (order_id, account_id, quantity, cost, fee_base, fee_quote, fee_other, fee_other_value, dust)
    VALUES (1, 'a', 1, 50, 0.001, 0, 0, 0, 0);
INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price) VALUES ('a', 'atlas', 'BTCUSDT', 1, 50, 50);
INSERT INTO trading.trades (account_id, agent, symbol, quantity, entry_price, exit_price, cost, proceeds, profit_loss,
                            reason, exit_order_id, opened_at)
    VALUES ('a', 'atlas', 'BTCUSDT', 1, 50, 60, 50, 60, 10, 'target', 2, now());
INSERT INTO trading.audit_log (actor, action) VALUES ('test', 'start');
"""

ORDER = """INSERT INTO trading.orders (client_order_id, agent, symbol, side, reason, quantity, limit_price, bid, ask, agent_version)
VALUES ({id}, 'atlas', 'BTCUSDT', {side}, 'signal', 1, 50, 49, 50, 1)"""
LEG = """INSERT INTO trading.legs (order_id, account_id, quantity, cost, fee_base, fee_quote, fee_other, fee_other_value, dust)
VALUES (1, {account}, {quantity}, {cost}, {fee}, 0, 0, 0, {dust})"""
FILL = """INSERT INTO trading.fills (symbol, trade_id, order_id, price, quantity, cost, commission, commission_asset, executed_at)
VALUES ('BTCUSDT', {id}, 1, {price}, 1, 50, {fee}, 'BTC', now())"""
TRADE = """INSERT INTO trading.trades (account_id, agent, symbol, quantity, entry_price, exit_price, cost, proceeds,
                                       profit_loss, reason, exit_order_id, opened_at)
VALUES ({account}, 'atlas', 'BTCUSDT', 1, 50, 60, 50, 60, {profit}, 'target', {order}, now())"""
SNAPSHOT = """INSERT INTO investment.performance_snapshots
(account_id, snapshot_date, period_type, opening_balance, closing_balance, profit_loss) VALUES ('a', '2026-01-01', 'daily', 0, 0, 0)"""
TRANSACTION = """INSERT INTO investment.account_transactions (account_id, transaction_type, amount, balance_before, balance_after)
VALUES ('a', {type}, {amount}, 0, 0)"""

REFUSED = {
    "negative cash": ("UPDATE trading.accounts SET cash = -0.000000000000000001", "cash_not_negative"),
    "negative reserved cash": ("UPDATE trading.accounts SET reserved = -1", "reserved_not_negative"),
    "an unknown status of an account": ("UPDATE trading.accounts SET status = 'RUNNING'", "ck_accounts_status"),
    "an unknown status of an agent": ("UPDATE trading.agents SET status = 'asleep'", "ck_agents_status"),
    "an unknown kind of account": ("UPDATE trading.accounts SET kind = 'vip'", "ck_accounts_kind"),
    "an account twice": ("INSERT INTO trading.accounts (id, agent) VALUES ('a', 'atlas')", "pk_accounts"),
    "an account of an unknown agent": (
        "INSERT INTO trading.accounts (id, agent) VALUES ('c', 'zeus')",
        "fk_accounts_agent",
    ),
    "an account's number by hand": ("UPDATE trading.accounts SET number = 1", "number"),
    "two open assignments": (
        "INSERT INTO trading.assignments (account_id, agent) VALUES ('a', 'atlas')",
        "uq_assignments_open",
    ),
    "a cash flow twice": (
        "INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id) VALUES ('a', 'withdrawal', 1, 'start')",
        "uq_cash_flows_account_id_reference_id",
    ),
    "a cash flow of nothing": (
        "INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id) VALUES ('a', 'deposit', 0, 'x')",
        "amount_positive",
    ),
    "an unknown kind of cash flow": (
        "INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id) VALUES ('a', 'gift', 1, 'x')",
        "flow_type",
    ),
    "a signal twice": ("INSERT INTO trading.signals (id, source) VALUES ('s', 'poll')", "pk_signals"),
    "two decisions of an agent on one signal": (
        "INSERT INTO trading.decisions (signal_id, agent) VALUES ('s', 'atlas')",
        "uq_decisions_signal_id_agent",
    ),
    "a decision made without a code": ("UPDATE trading.decisions SET decided_at = now()", "decided_with_code"),
    "a code of a decision not made": ("UPDATE trading.decisions SET code = 'hold'", "decided_with_code"),
    "a client order id twice": (ORDER.format(id="'buy-1'", side="'sell'"), "uq_orders_client_order_id"),
    "a client order id longer than the exchange takes": (ORDER.format(id="repeat('x', 37)", side="'buy'"), "36"),
    "an unknown side": (ORDER.format(id="'x'", side="'short'"), "ck_orders_side"),
    "an unknown state of an order": (
        "UPDATE trading.orders SET state = 'lost', resolved_at = now()",
        "ck_orders_state",
    ),
    "more executed than ordered": ("UPDATE trading.orders SET executed_quantity = 1.00000001", "not_overfilled"),
    "a final order without its time": ("UPDATE trading.orders SET state = 'filled'", "resolved_when_final"),
    "an open order with a final one's time": ("UPDATE trading.orders SET resolved_at = now()", "resolved_when_final"),
    "two shares of an account in one order": (
        "INSERT INTO trading.shares (order_id, account_id, quantity, reserved) VALUES (1, 'a', 1, 1)",
        "pk_shares",
    ),
    "a negative share": (
        "INSERT INTO trading.shares (order_id, account_id, quantity, reserved) VALUES (1, 'b', -1, 1)",
        "ck_shares_not_negative",
    ),
    "a fill twice": (FILL.format(id="'7'", price=50, fee=0), "pk_fills"),
    "a fill without a price": (FILL.format(id="'8'", price=0, fee=0), "ck_fills_amounts"),
    "a negative commission": (FILL.format(id="'8'", price=50, fee=-1), "ck_fills_amounts"),
    "two legs of an account in one order": (LEG.format(account="'a'", quantity=1, cost=1, fee=0, dust=0), "pk_legs"),
    "a negative leg": (LEG.format(account="'b'", quantity=1, cost=-1, fee=0, dust=0), "ck_legs_not_negative"),
    "negative dust": (LEG.format(account="'b'", quantity=1, cost=1, fee=0, dust=-1), "ck_legs_not_negative"),
    "a fee above what was received": (
        LEG.format(account="'b'", quantity=1, cost=1, fee=2, dust=0),
        "fee_within_quantity",
    ),
    "a leg of nobody": (LEG.format(account="'nobody'", quantity=1, cost=1, fee=0, dust=0), "fk_legs_account_id"),
    "a negative position": ("UPDATE trading.positions SET quantity = -1", "quantity_not_negative"),
    "a position of negative cost": ("UPDATE trading.positions SET cost = -1", "cost_not_negative"),
    "a closed position that holds something": ("UPDATE trading.positions SET closed_at = now()", "closed_is_empty"),
    "two open positions of an account in one symbol": (
        """INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price)
           VALUES ('a', 'atlas', 'BTCUSDT', 1, 1, 1)""",
        "uq_positions_open",
    ),
    "two trades of an account by one order": (
        TRADE.format(account="'a'", profit=10, order=2),
        "uq_trades_exit_order_id_account_id",
    ),
    "a profit that is not proceeds less cost": (
        TRADE.format(account="'b'", profit=11, order=2),
        "ck_trades_profit_loss",
    ),
    "a second switch": ("INSERT INTO trading.service_state (id, state, reason) VALUES (2, 'ACTIVE', '')", "single_row"),
    "an unknown position of the switch": (
        "UPDATE trading.service_state SET state = 'PAUSED'",
        "ck_service_state_state",
    ),
    "a snapshot twice": (f"{SNAPSHOT}; {SNAPSHOT}", "account_id_snapshot_date_period_type"),
    "an unknown type of transaction": (TRANSACTION.format(type="'bonus'", amount=1), "transaction_type"),
    "a negative amount of a transaction": (TRANSACTION.format(type="'loss'", amount=-1), "amount"),
    "infinite money": ("UPDATE trading.accounts SET cash = 'Infinity'", "numeric"),
}

LEDGER = ("shares", "fills", "legs", "trades", "cash_flows", "audit_log")


@pytest.fixture
def small_book(book: Book) -> Book:
    with book.unit_of_work() as session:
        session.execute(text(A_SMALL_BOOK))
    return book


def refusal(book: Book, statement: str) -> str:
    with pytest.raises(DBAPIError) as caught, book.unit_of_work() as session:
        session.execute(text(statement))
    return str(caught.value.orig)


def test_the_small_book_itself_is_accepted(small_book: Book) -> None:
    with small_book.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM trading.trades")) == 1


def test_nonsense_is_refused_by_the_rule_against_it(small_book: Book) -> None:
    answers = {what: refusal(small_book, statement) for what, (statement, _) in REFUSED.items()}

    assert {what: answer for what, answer in answers.items() if REFUSED[what][1] not in answer} == {}


@pytest.mark.parametrize(
    "change", ["UPDATE trading.{} SET {} = {}", "DELETE FROM trading.{}", "TRUNCATE trading.{} CASCADE"]
)
def test_the_ledger_is_only_added_to(small_book: Book, change: str) -> None:
    columns = {"cash_flows": "amount", "audit_log": "actor", "trades": "quantity"}
    for table in LEDGER:
        column = columns.get(table, "quantity")
        assert "the ledger is only added to" in refusal(small_book, change.format(table, column, column)), table


def test_a_unit_of_work_that_fails_leaves_nothing(small_book: Book) -> None:
    class ChangedMindError(Exception):
        pass

    def change_and_fail() -> None:
        with small_book.unit_of_work() as session:
            session.execute(text("UPDATE trading.accounts SET cash = 0"))
            raise ChangedMindError

    with pytest.raises(ChangedMindError):
        change_and_fail()

    with small_book.reading() as session:
        assert session.scalar(text("SELECT cash FROM trading.accounts WHERE id = 'a'")) == 100


def test_a_view_of_the_book_cannot_write(small_book: Book) -> None:
    with pytest.raises(DBAPIError, match="read-only"), small_book.reading() as session:
        session.execute(text("UPDATE trading.accounts SET cash = 0"))


def test_money_keeps_eighteen_decimals(small_book: Book) -> None:
    with small_book.unit_of_work() as session:
        session.execute(text("UPDATE trading.accounts SET cash = 99999999999999999999.123456789012345678"))

    with small_book.reading() as session:
        (cash,) = set(session.scalars(text("SELECT cash FROM trading.accounts")))
    assert str(cash) == "99999999999999999999.123456789012345678"
