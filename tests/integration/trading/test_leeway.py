"""Accounts are judged one by one only when prices moved far enough for that to find anything."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.breakers import LossLimits
from agents.leeway import Judged, leeway
from agents.model import ZERO, BreakerKind, Quote
from agents.profiles import ORION, RiskProfile
from journal import agenda, breaker_resets, breakers, flows, heartbeat, holdings
from journal.breakers import DIGITS, PEAK_STEP
from journal.flows import FlowRequest
from journal.holdings import AgentSnapshot
from tests.integration.trading.conftest import World

ACCOUNTS = "SELECT id, xmin::text AS version FROM trading.accounts ORDER BY number"
LIMITS = LossLimits(ORION.daily_loss, ORION.max_drawdown)
EXACT_EQUITY = """
SELECT a.equity, sum(v.equity) AS worth FROM trading.agents a JOIN (
    SELECT c.agent, c.cash + c.reserved + coalesce((
        SELECT sum(coalesce(p.quantity * m.bid, p.cost)) FROM trading.positions p LEFT JOIN trading.marks m USING (symbol)
        WHERE p.account_id = c.id AND p.closed_at IS NULL), 0) AS equity
    FROM trading.accounts c WHERE c.kind <> 'dust'
) v ON v.agent = a.name WHERE a.name = :agent GROUP BY a.equity
"""


@pytest.fixture
def holding(world: World) -> World:
    """Five accounts of orion that hold bitcoin, judged since."""
    for number in range(5):
        world.open_account("orion", f"{1000 + number}.00000007", f"a{number}")
    world.without_cooldown()
    world.buy("orion")
    world.tick("orion")
    return world


def remembers(world: World, agent: str = "orion") -> bool:
    with world.services.book.reading() as session:
        return agenda.look(session, agent)[1].memory is not None


def move(world: World, price: str) -> None:
    world.venue.pin_price("BTCUSDT", price)
    world.tick("orion")


def full_judging(world: World) -> Mapping[str, Any]:
    """What judging in full would find and write now; it's taken back."""
    before = world.rows(ACCOUNTS)
    with world.services.book.unit_of_work() as session:
        tripped = breakers.judge(session, world.services.profiles["orion"], world.services.settings.service_limits)
        written = [dict(row) for row in session.execute(text(ACCOUNTS)).mappings()]
        session.rollback()
    return {"tripped": tripped, "written": [new for new, old in zip(written, before, strict=True) if new != old]}


def test_a_small_move_changes_the_agents_equity_to_the_last_decimal_and_looks_at_no_account(
    holding: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = holding.rows(ACCOUNTS)

    def refuse(*_: object) -> None:
        raise AssertionError("judged in full")

    monkeypatch.setattr(breakers, "judge", refuse)
    for price in ("44999.99", "45003.37", "44951.01"):
        move(holding, price)
        row = holding.one(EXACT_EQUITY, agent="orion")
        assert row["equity"] == row["worth"]
    assert holding.rows(ACCOUNTS) == before
    point = holding.one("SELECT equity FROM trading.equity_points ORDER BY at DESC LIMIT 1")
    assert point["equity"] == row["worth"]


def test_a_highest_equity_of_agent_and_service_is_kept_without_judging_accounts(holding: World) -> None:
    before = holding.rows(ACCOUNTS)
    move(holding, "45030")
    move(holding, "44990")

    assert holding.rows(ACCOUNTS) == before
    kept = holding.one(
        "SELECT a.peak_equity, a.equity, s.peak_equity AS whole FROM trading.agents a, trading.service_state s"
    )
    assert kept["peak_equity"] == kept["whole"] > kept["equity"]


def test_an_account_trips_at_the_first_price_that_loses_too_much_though_earlier_ones_were_skipped(
    holding: World,
) -> None:
    holding.execute("UPDATE trading.accounts SET day_equity = day_equity * 1.04 WHERE id = 'a3'")
    holding.execute("UPDATE trading.agents SET leeway_version = NULL")
    move(holding, "44990")
    assert holding.rows("SELECT id FROM trading.breakers") == []
    assert remembers(holding)
    move(holding, "44500")

    assert [row["subject"] for row in holding.rows("SELECT subject FROM trading.breakers")] == ["a3"]
    move(holding, "44501")
    before = holding.rows(ACCOUNTS)
    assert remembers(holding)
    move(holding, "44499")
    assert holding.rows(ACCOUNTS) == before


def test_an_agent_and_the_service_trip_though_no_account_does(holding: World) -> None:
    holding.execute("UPDATE trading.agents SET day_equity = equity / 0.9605")
    holding.execute("UPDATE trading.service_state SET day_equity = 5010 / 0.9")
    assert remembers(holding)
    move(holding, "44800")

    rows = holding.rows("SELECT scope, kind FROM trading.breakers ORDER BY scope")
    assert [(row["scope"], row["kind"]) for row in rows] == [("agent", "daily_loss"), ("service", "daily_loss")]
    assert len([title for title, _ in holding.alerts.sent if title.startswith("Breaker daily_loss")]) == 2


def test_money_in_or_out_a_reset_a_new_account_and_a_booking_end_what_is_remembered(holding: World) -> None:
    def deposit() -> None:
        with holding.services.book.unit_of_work() as session:
            flows.deposit(session, FlowRequest("a1", Decimal(5), "in"), actor="test")

    def reset() -> None:
        holding.execute(
            "INSERT INTO trading.breakers (scope, subject, agent, account_id, kind, action, allowed, reference, equity, reason) "
            "VALUES ('account', 'a2', 'orion', 'a2', 'drawdown', 'block', 0.1, 1, 1, '')"
        )
        with holding.services.book.unit_of_work() as session:
            breaker_resets.reset(session, "orion", "a2", actor="test")

    for change in (
        deposit,
        reset,
        lambda: holding.open_account("orion", "70", "later"),
        lambda: holding.execute("UPDATE trading.agents SET book_version = book_version + 1"),
        lambda: holding.execute("UPDATE trading.agents SET equity_day = current_date - 1"),
    ):
        assert remembers(holding)
        change()
        assert not remembers(holding)
        holding.tick("orion")


def test_what_the_book_remembers_is_what_the_rule_says(holding: World) -> None:
    rng = random.Random(11)
    for number in range(40):
        holding.execute(
            "INSERT INTO trading.accounts (id, agent, cash, balance, day_equity, peak_equity, equity_day) "
            "VALUES (:id, 'orion', :cash, :cash, :day, :peak, current_date)",
            id=f"x{number}",
            cash=Decimal(rng.randrange(10**10)).scaleb(-8),
            day=Decimal(rng.randrange(60, 140)),
            peak=Decimal(rng.randrange(60, 140)),
        )
        for symbol, price in (("BTCUSDT", 45000), ("ETHUSDT", 2500), ("NOMARK", 3)):
            if rng.random() < 0.6:
                holding.execute(
                    "INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price) "
                    "VALUES (:id, 'orion', :symbol, :quantity, 7.5, 1)",
                    id=f"x{number}",
                    symbol=symbol,
                    quantity=Decimal(rng.randrange(1, 10**10)).scaleb(-8) / price,
                )
    for _ in range(2):  # The first judging trips breakers; the second one knows that they stand.
        with holding.services.book.unit_of_work() as session:
            breakers.judge(session, holding.services.profiles["orion"], holding.services.settings.service_limits)
    holding.execute("UPDATE trading.agents SET leeway_version = book_version")
    with holding.services.book.reading() as session:
        found = agenda.look(session, "orion")[1].memory
    assert found is not None
    expected = leeway(_judged(holding), LIMITS, PEAK_STEP)

    assert found.bids == {"BTCUSDT": found.marks["BTCUSDT"], "ETHUSDT": found.marks["ETHUSDT"], "NOMARK": None}
    for kept, exact, side in ((found.leeway.lowest, expected.lowest, 1), (found.leeway.highest, expected.highest, -1)):
        assert kept is not None
        assert exact is not None
        assert 0 < (kept - exact) * side <= 2 * Decimal(1).scaleb(-DIGITS)
    assert found.equity(found.marks) == holding.one(EXACT_EQUITY, agent="orion")["worth"]


def _judged(world: World) -> list[Judged]:
    accounts = world.rows(
        "SELECT a.id, a.cash + a.reserved AS cash, a.day_equity, a.peak_equity, "
        "ARRAY(SELECT b.kind FROM trading.breakers b WHERE b.account_id = a.id AND b.ended_at IS NULL) AS standing "
        "FROM trading.accounts a WHERE a.kind <> 'dust'"
    )
    held = world.rows(
        "SELECT p.account_id, p.quantity, p.cost, m.bid FROM trading.positions p LEFT JOIN trading.marks m USING (symbol) "
        "WHERE p.closed_at IS NULL"
    )
    judged = []
    with localcontext(prec=100):
        for row in accounts:
            own = [position for position in held if position["account_id"] == row["id"]]
            judged.append(
                Judged(
                    cash=row["cash"] + sum((p["cost"] for p in own if p["bid"] is None), ZERO),
                    holdings=sum((p["quantity"] * p["bid"] for p in own if p["bid"] is not None), ZERO),
                    day_start=row["day_equity"],
                    peak=row["peak_equity"],
                    standing=frozenset(map(BreakerKind, row["standing"])),
                )
            )
    return judged


def test_after_any_tick_that_judged_no_account_judging_them_all_finds_and_writes_nothing(
    holding: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(5)
    judged: list[str] = []
    judge = breakers.judge

    def noted(session: Session, profile: RiskProfile, service: LossLimits) -> list[breakers.Tripped]:
        judged.append(profile.name)
        return judge(session, profile, service)

    monkeypatch.setattr(breakers, "judge", noted)
    price, calm = Decimal(45000), 0
    for number in range(60):
        if rng.random() < 0.1:
            with holding.services.book.unit_of_work() as session:
                flows.deposit(session, FlowRequest(f"a{number % 5}", Decimal(40), f"in-{number}"), actor="test")
        if rng.random() < 0.1:
            holding.buy("orion")
        price *= 1 + Decimal(rng.choice([-9, -5, -1, -1, -1, 1, 1, 1, 4, 8])) / 1000
        judged.clear()
        held = holding.rows("SELECT 1 FROM trading.positions WHERE closed_at IS NULL")
        move(holding, str(price.quantize(Decimal("0.01"))))
        if remembers(holding):
            row = holding.one(EXACT_EQUITY, agent="orion")
            assert row["equity"] == row["worth"]
            calm += bool(held) and not judged
            assert full_judging(holding) == {"tripped": [], "written": []}, price
    assert calm > 10
    holding.check()


def test_a_tick_sees_the_agent_as_everyone_else_does(holding: World) -> None:
    def seen() -> list[AgentSnapshot]:
        with holding.services.book.reading() as session:
            return [agenda.look(session, "orion")[0], holdings.agent_snapshot(session, "orion")]

    changes: list[str] = [
        "UPDATE trading.agents SET version = 7, status = 'paused'",
        "UPDATE trading.service_state SET state = 'REDUCING'",
        "UPDATE trading.orders SET state = 'unknown', resolved_at = NULL",
        (
            "INSERT INTO trading.breakers (scope, subject, agent, kind, action, allowed, reference, equity, reason) "
            "VALUES ('agent', 'orion', 'orion', 'drawdown', 'block', 0.1, 1, 1, 'lost much')"
        ),
    ]
    for change in changes:
        holding.execute(change)
        one, other = seen()
        assert one == other
    assert (one.version, one.has_unresolved_order, one.breaker is None) == (7, True, False)


def test_only_a_tick_that_keeps_a_highest_equity_waits_for_the_disk(holding: World) -> None:
    def waits(price: str) -> bool:
        bid = Decimal(price)
        quote = Quote("BTCUSDT", bid, bid + 1, datetime.now(UTC))
        with holding.services.book.unit_of_work() as session:
            heartbeat.record_tick(session, "orion", None, [quote], following=True)
            return bool(session.scalar(text("SELECT current_setting('synchronous_commit')")) != "off")

    assert [waits(price) for price in ("44999", "46003", "46002", "46003", "46004")] == [
        False,
        True,
        False,
        False,
        True,
    ]
    holding.tick("orion")
    with holding.services.book.glancing() as session:
        assert session.scalar(text("SELECT current_setting('synchronous_commit')")) == "on"
