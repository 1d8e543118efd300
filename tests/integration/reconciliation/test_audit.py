"""The audit finds what is wrong in the book, nothing in one that is sound, and changes neither."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from journal.audit import breaches, findings
from tests.integration.reconciliation.conftest import Plant
from tests.integration.trading.conftest import World

ROOT = Path(__file__).resolve().parents[3]
Broken = Callable[[], set[str]]

OLDEST_ORDER = "WHERE id = (SELECT min(id) FROM trading.orders)"
OLDEST_LEG = "WHERE order_id = (SELECT min(id) FROM trading.orders) AND account_id = 'a'"
NEWEST_SALE = "WHERE exit_order_id = (SELECT max(id) FROM trading.orders WHERE side = 'sell') AND account_id = 'a'"
A_TRANSACTION = "WHERE id = (SELECT max(id) FROM investment.account_transactions)"

CORRUPTIONS = {
    "legs_quantity_differs": ("UPDATE trading.legs SET quantity = quantity + 0.00000001", OLDEST_LEG),
    "legs_cost_differs": ("UPDATE trading.legs SET cost = cost + 0.00000001", OLDEST_LEG),
    "legs_fee_base_differs": ("UPDATE trading.legs SET fee_base = fee_base + 0.00000001", OLDEST_LEG),
    "legs_fee_quote_differs": ("UPDATE trading.legs SET fee_quote = fee_quote + 0.00000001", OLDEST_LEG),
    "legs_fee_other_differs": ("UPDATE trading.legs SET fee_other = fee_other + 0.00000001", OLDEST_LEG),
    "legs_exceed_shares": ("UPDATE trading.shares SET quantity = quantity / 2", OLDEST_LEG),
    "executed_quantity_differs": ("UPDATE trading.orders SET executed_quantity = executed_quantity / 2", OLDEST_ORDER),
    "executed_cost_differs": ("UPDATE trading.orders SET executed_cost = executed_cost + 1", OLDEST_ORDER),
    "order_state_differs": ("UPDATE trading.orders SET state = 'partially_filled'", OLDEST_ORDER),
    "shares_below_order": ("UPDATE trading.orders SET quantity = quantity * 2", OLDEST_ORDER),
    "client_id_illegal": ("UPDATE trading.orders SET client_order_id = 'with a blank'", OLDEST_ORDER),
    "exchange_id_doubled": ("UPDATE trading.orders SET exchange_order_id = '7'", ""),
    "fill_without_order": ("UPDATE trading.orders SET exchange_order_id = NULL", OLDEST_ORDER),
    "order_unresolved": (
        """
        UPDATE trading.orders SET state = 'unknown', resolved_at = NULL, created_at = now() - interval '11 minutes'""",
        OLDEST_ORDER,
    ),
    "account_balance_differs": ("UPDATE trading.accounts SET cash = cash + 0.00000001 WHERE id = 'a'", ""),
    "account_profit_differs": ("UPDATE trading.accounts SET balance = balance + 1 WHERE id = 'a'", ""),
    "account_cash_differs": ("UPDATE trading.accounts SET cash = cash + 1, balance = balance + 1 WHERE id = 'a'", ""),
    "account_reserved_differs": ("UPDATE trading.accounts SET reserved = 1, cash = cash - 1 WHERE id = 'a'", ""),
    "account_negative": ("UPDATE trading.accounts SET cash = -1 WHERE id = 'a'", ""),
    "account_counters_differ": ("UPDATE trading.accounts SET winning_trades = winning_trades + 1 WHERE id = 'a'", ""),
    "trade_proceeds_differ": (
        """
        UPDATE trading.trades SET proceeds = proceeds + 1, profit_loss = profit_loss + 1""",
        NEWEST_SALE,
    ),
    "trade_missing": ("DELETE FROM trading.trades", NEWEST_SALE),
    "cash_not_conserved": ("UPDATE trading.accounts SET cash = cash + 1 WHERE id = 'dust-atlas'", ""),
    "assignment_differs": ("UPDATE trading.assignments SET agent = 'nova' WHERE account_id = 'a'", ""),
    "position_differs": ("UPDATE trading.positions SET quantity = quantity + 0.00000001 WHERE account_id = 'c'", ""),
    "position_cost_differs": ("UPDATE trading.positions SET cost = cost + 1 WHERE account_id = 'c'", ""),
    "asset_not_conserved": ("DELETE FROM trading.positions WHERE account_id = 'c'", ""),
    "dust_differs": ("UPDATE trading.positions SET quantity = quantity * 2 WHERE account_id = 'dust-atlas'", ""),
    "position_negative": ("UPDATE trading.positions SET quantity = -1 WHERE account_id = 'c'", ""),
    "closed_position_holds": ("UPDATE trading.positions SET quantity = 1 WHERE account_id = 'a'", ""),
    "claim_differs": ("UPDATE trading.positions SET exit_order_id = entry_order_id WHERE account_id = 'c'", ""),
    "bracket_differs": ("UPDATE trading.brackets SET closed_at = now() WHERE agent = 'nova'", ""),
    "position_of_other_agent": ("UPDATE trading.positions SET agent = 'atlas' WHERE account_id = 'c'", ""),
    "decision_pending": (
        """
        UPDATE trading.decisions SET code = NULL, decided_at = NULL, created_at = now() - interval '6 minutes'
        WHERE agent = 'nova'""",
        "",
    ),
    "decision_counts_differ": ("""UPDATE trading.decisions SET counts = '{"ordered": 9}' WHERE agent = 'nova'""", ""),
    "decision_ranges_differ": ("UPDATE trading.decision_outcomes SET accounts = '{[1,100)}'", ""),
    "decision_order_differs": ("UPDATE trading.decisions SET code = 'hold' WHERE agent = 'nova'", ""),
    "transaction_arithmetic": ("UPDATE investment.account_transactions SET amount = amount + 1", A_TRANSACTION),
    "transaction_chain_broken": (
        """
        UPDATE investment.account_transactions SET balance_before = balance_before + 1, balance_after = balance_after + 1""",
        A_TRANSACTION,
    ),
    "transaction_sum_differs": ("DELETE FROM investment.account_transactions", A_TRANSACTION),
    "transaction_count_differs": (
        """
        INSERT INTO investment.account_transactions (account_id, transaction_type, amount, balance_before, balance_after)
        SELECT id, 'profit', 0, balance, balance FROM trading.accounts WHERE id = 'a'""",
        "",
    ),
    "withdrawal_payment_differs": (
        """
        INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id)
        VALUES ('a', 'withdrawal', 1, 'never asked for')""",
        "",
    ),
    "closed_account_not_empty": (
        """
        INSERT INTO trading.withdrawals (account_id, reference_id, kind, amount, status, finished_at)
        VALUES ('a', 'closing', 'closing', 0, 'completed', now())""",
        "",
    ),
    "account_stats_differ": ("UPDATE trading.account_stats SET fees = fees + 0.00000001 WHERE account_id = 'a'", ""),
    "day_chain_broken": (
        """
        UPDATE trading.account_days SET opening = opening + 1, closing = closing + 1 WHERE account_id = 'a'""",
        "",
    ),
    "day_sum_differs": (
        """
        UPDATE trading.agent_days SET closing = closing + 1, profit_loss = profit_loss + 1 WHERE agent = 'nova'""",
        "",
    ),
    "snapshot_differs": (
        """
        UPDATE investment.performance_snapshots SET profit_loss = profit_loss + 0.00000001 WHERE account_id = 'a'""",
        "",
    ),
    "trade_event_missing": ("DELETE FROM trading.events WHERE kind = 'trade.closed'", ""),
    "trade_event_without_cause": ("UPDATE trading.events SET cause = cause || '?' WHERE kind = 'trade.closed'", ""),
    "event_position_missing": ("UPDATE trading.events SET position = 99", "WHERE cause = 'agent nova 1'"),
    "withdrawal_event_missing": (
        """
        INSERT INTO trading.withdrawals (account_id, reference_id, amount, status, free, finished_at)
        VALUES ('a', 'w-1', 1, 'failed', 0, now())""",
        "",
    ),
    "reference_missing": ("UPDATE trading.legs SET account_id = 'nobody'", OLDEST_LEG),
    "trade_unreported": ("UPDATE investment.account_transactions SET reference_id = 'another'", A_TRANSACTION),
}
"""By the rule that each of them breaks."""

CHECKED_BY_THE_DATABASE = {
    "account_negative": "ALTER TABLE trading.accounts DROP CONSTRAINT ck_accounts_cash_not_negative",
    "position_negative": "ALTER TABLE trading.positions DROP CONSTRAINT ck_positions_quantity_not_negative",
    "closed_position_holds": "ALTER TABLE trading.positions DROP CONSTRAINT ck_positions_closed_is_empty",
}


def broken_by(session: Session, rule: str) -> set[str]:
    """The rules that a corruption breaks; it is undone."""
    with session.begin_nested() as corruption:
        for table in ("shares", "fills", "legs", "positions", "trades", "events"):
            session.execute(text(f"ALTER TABLE trading.{table} DISABLE TRIGGER USER"))
        if rule in CHECKED_BY_THE_DATABASE:
            session.execute(text(CHECKED_BY_THE_DATABASE[rule]))
        changed = session.execute(text(" ".join(CORRUPTIONS[rule])))
        assert changed.rowcount, f"{rule} was not planted"  # type: ignore[attr-defined]  # a changing statement counts rows
        broken = {finding.code for finding in breaches(session)}
        corruption.rollback()
    return broken


def run_command(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        command, cwd=ROOT, env=environment | variables, capture_output=True, text=True, check=False, timeout=60
    )


def audit_command(**variables: str) -> subprocess.CompletedProcess[str]:
    return run_command(sys.executable, "-m", "journal.audit", **variables)


def test_a_sound_book_breaks_no_rule_and_every_rule_had_something_to_look_at(traded: World) -> None:
    with traded.services.book.reading() as session:
        found = list(findings(session))

    assert [str(finding) for finding in found if not finding.ok] == []
    assert {finding.code for finding in found if not finding.rows} == {
        "order_unresolved",
        "claim_differs",
        "decision_pending",
        "withdrawal_payment_differs",
        "withdrawal_event_missing",
    }


def test_an_open_order_breaks_no_rule(traded: World, broken: Broken) -> None:
    traded.venue.add_fault("accept_then_timeout", seconds=0.05)
    traded.buy("atlas", "ETHUSDT")
    traded.venue.pin_price("BTCUSDT", "30000")
    traded.venue.add_fault("accept_then_timeout", seconds=0.05)
    traded.venue.add_fault("error_before", method="GET", path="/api/v3/order", times=None)
    traded.tick("nova")
    open_sides = traded.rows("SELECT side FROM trading.orders WHERE state = 'unknown' ORDER BY id")

    assert [row["side"] for row in open_sides] == ["buy", "sell"]
    assert broken() == set()


@pytest.mark.usefixtures("world")
def test_an_empty_book_breaks_no_rule(broken: Broken) -> None:
    assert broken() == set()


def test_every_rule_finds_what_breaks_it(traded: World) -> None:
    with traded.services.book.reading() as session:
        rules = {finding.code for finding in findings(session)}
    assert rules == set(CORRUPTIONS), "every rule has a corruption that it must find"

    with traded.services.book.unit_of_work() as session:
        blind = {rule: broken for rule in sorted(rules) if rule not in (broken := broken_by(session, rule))}
        session.rollback()

    assert blind == {}


@pytest.mark.usefixtures("traded")
def test_the_command_prints_a_line_for_every_rule_and_ends_with_0(database_url: str) -> None:
    done = audit_command(DATABASE_URL=database_url)

    assert (done.returncode, done.stderr) == (0, "")
    *lines, summary = done.stdout.splitlines()
    assert {line.split()[1] for line in lines} == set(CORRUPTIONS)
    assert all(line.startswith("ok ") for line in lines)
    assert len({line.index(" checked") for line in lines}) == 1, "the figures are aligned"
    assert summary.startswith(f"{len(lines)} rules, ")
    assert summary.endswith(" 0 rules broken")


@pytest.mark.usefixtures("traded")
def test_the_command_names_the_worst_and_ends_with_1(database_url: str, plant: Plant) -> None:
    plant("UPDATE trading.accounts SET cash = cash + 12.5 WHERE id = 'a'")
    plant("UPDATE trading.accounts SET cash = cash + 0.00000001 WHERE id = 'b'")

    done = audit_command(DATABASE_URL=database_url)

    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if " account_balance_differs " in line]
    assert line.startswith("BREACH ")
    assert "4 checked       2 wrong   worst 12.5   account a, account b: cash + reserved + cost" in line
    assert done.stdout.splitlines()[-1].endswith(" 3 rules broken")


@pytest.mark.parametrize("url", ["", "mysql://x", "postgresql://nobody@127.0.0.1:1/none"])
def test_a_book_that_cannot_be_read_ends_with_2_and_says_why(url: str) -> None:
    done = audit_command(DATABASE_URL=url) if url else audit_command()

    assert done.returncode == 2
    assert done.stderr.startswith("audit: ")
    assert "Traceback" not in done.stderr


def test_a_database_that_was_not_migrated_ends_with_2(empty_database_url: str) -> None:
    assert audit_command(DATABASE_URL=empty_database_url).returncode == 2


def test_make_audit_reads_the_book_that_a_run_has_open(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "environment").write_text(f"DATABASE_URL='{database_url}'\n")
    python = str(Path(sys.executable).parent)

    done = run_command(
        "make",
        "--no-print-directory",
        "-o",
        ".venv/.requirements-dev.stamp",
        f"BIN={python}",
        "audit",
        DATA_DIR=str(tmp_path),
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith(" 0 rules broken")
