"""Losses that end trading: who is judged by what, what is sold, what blocks, and how it ends."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest

from agents.breakers import Equity, LossLimits, trips
from agents.control import Command
from agents.model import BreakerKind
from agents.profiles import ATLAS, ORION, PROFILES
from journal import breaker_resets, breakers, flows
from journal.flows import FlowRequest
from tests.integration.trading.conftest import World

DEEP = "34000"
"""Nearly a quarter below 45000: a fifth of equity in it loses more than orion's 4 % a day, a tenth more than atlas's 2 %."""


def lose(world: World, agent: str) -> None:
    """Let an agent buy bitcoin, and bitcoin fall."""
    world.buy(agent)
    world.venue.pin_price("BTCUSDT", DEEP)
    world.tick(agent)


def buy_decision(world: World, agent: str, signal_id: str, symbol: str = "ETHUSDT") -> dict[str, object]:
    quote = world.services.exchange.quotes([symbol])[symbol]
    decision = world.push(agent, symbol=symbol, action="buy", confidence=Decimal(1), price=quote.bid, id=signal_id)
    world.decide(decision)
    return dict(world.one("SELECT code, detail, counts FROM trading.decisions WHERE id = :id", id=decision))


def standing(world: World) -> list[tuple[str, str, str]]:
    rows = world.rows("SELECT scope, subject, kind FROM trading.breakers WHERE ended_at IS NULL ORDER BY 1, 2, 3")
    return [(row["scope"], row["subject"], row["kind"]) for row in rows]


def test_an_account_that_lost_its_daily_limit_enters_nothing_more_and_someone_is_told(world: World) -> None:
    world.open_account("orion", "1000", "loser")
    world.open_account("orion", "100000", "bystander")
    world.command(Command.PAUSE, "orion", "bystander")
    world.without_cooldown()
    lose(world, "orion")

    assert standing(world) == [("account", "loser", "daily_loss")]
    decision = buy_decision(world, "orion", "again")
    assert decision["counts"] == {"daily_loss": 1, "account_paused": 1}
    assert ("Breaker daily_loss (account) at a tick of orion", "1 accounts") in world.alerts.sent
    row = world.one("SELECT reason, action, expires_at = current_date + 1 AS at_midnight FROM trading.breakers")
    assert row["reason"].startswith("lost 0.04")
    assert row["reason"].endswith(" since 00:00 UTC, at most 0.04 is allowed")
    assert (row["action"], row["at_midnight"]) == ("block", True)
    world.check()


def test_an_agent_that_lost_its_limit_as_a_whole_says_so_of_every_buy(world: World) -> None:
    world.open_account("orion", "1000", "a")
    world.without_cooldown()
    lose(world, "orion")

    assert standing(world) == [("account", "a", "daily_loss"), ("agent", "orion", "daily_loss")]
    decision = buy_decision(world, "orion", "again")
    assert decision["code"] == "daily_loss"
    assert str(decision["detail"]).startswith("agent: lost 0.04")


def test_a_breaker_that_closes_sells_everything_with_its_own_reason(world: World) -> None:
    world.open_account("atlas", "10000", "a")
    world.buy("atlas", "ETHUSDT")
    lose(world, "atlas")
    world.tick("atlas")

    trades = world.rows("SELECT symbol, reason FROM trading.trades WHERE account_id = 'a' ORDER BY symbol")
    assert [(trade["symbol"], trade["reason"]) for trade in trades] == [
        ("BTCUSDT", "stop"),
        ("ETHUSDT", "daily_loss"),
    ]
    world.check()


def test_a_breaker_that_blocks_leaves_positions_alone(world: World) -> None:
    world.open_account("orion", "10000", "a")
    world.buy("orion", "ETHUSDT")
    lose(world, "orion")
    world.tick("orion")

    assert ("account", "a", "daily_loss") in standing(world)
    assert world.rows("SELECT reason FROM trading.trades WHERE symbol = 'ETHUSDT'") == []


def test_a_daily_loss_ends_at_midnight_and_the_new_day_begins_with_what_is_left(world: World) -> None:
    world.open_account("orion", "1000", "a")
    world.without_cooldown()
    lose(world, "orion")
    world.execute("UPDATE trading.breakers SET expires_at = now() - interval '1 second'")
    for table in ("accounts", "agents", "service_state"):
        world.execute(f"UPDATE trading.{table} SET equity_day = current_date - 1")  # noqa: S608 - our own names
    world.tick("orion")

    assert standing(world) == []
    assert {row["ended_by"] for row in world.rows("SELECT ended_by FROM trading.breakers")} == {"time"}
    left = world.one("SELECT cash, day_equity, peak_equity FROM trading.accounts WHERE id = 'a'")
    assert left["day_equity"] == left["cash"] < left["peak_equity"]
    assert buy_decision(world, "orion", "next-day")["code"] == "ordered"


def test_a_drawdown_stays_until_an_operator_resets_it_and_is_then_measured_anew(world: World) -> None:
    world.open_account("orion", "1000", "a")
    world.without_cooldown()
    world.execute("UPDATE trading.accounts SET peak_equity = 2000 WHERE id = 'a'")
    world.tick("orion")
    assert standing(world) == [("account", "a", "drawdown")]
    assert world.one("SELECT expires_at FROM trading.breakers")["expires_at"] is None
    assert buy_decision(world, "orion", "before")["counts"] == {"drawdown": 1}

    with world.services.book.unit_of_work() as session:
        assert breaker_resets.reset(session, "orion", "a", actor="operator") == 1
        assert breaker_resets.reset(session, "orion", None, actor="operator") == 0
    world.tick("orion")

    assert standing(world) == []
    assert world.one("SELECT peak_equity FROM trading.accounts WHERE id = 'a'")["peak_equity"] == 1000
    assert buy_decision(world, "orion", "after")["code"] == "ordered"
    log = world.rows("SELECT actor, before FROM trading.audit_log WHERE action = 'reset breakers' ORDER BY id")
    assert [(row["actor"], row["before"]) for row in log] == [("operator", {"account drawdown": "1"}), ("operator", {})]


def test_losses_of_the_whole_service_keep_every_agent_from_entering_until_reset(world: World) -> None:
    world.open_account("orion", "1000", "a")
    world.open_account("nova", "1000", "b")
    limits = LossLimits(daily_loss=Decimal("0.01"), max_drawdown=Decimal("0.01"))
    world.services = replace(world.services, settings=replace(world.services.settings, service_limits=limits))
    world.tick("nova")
    lose(world, "orion")

    assert [subject for scope, subject, _ in standing(world) if scope == "service"] == ["service", "service"]
    decision = buy_decision(world, "nova", "other-agent")
    assert decision["code"] in {"daily_loss", "drawdown"}
    assert str(decision["detail"]).startswith("service: lost 0.02")
    with world.services.book.unit_of_work() as session:
        assert breaker_resets.reset_service(session, actor="operator") == 2
    assert buy_decision(world, "nova", "after-the-reset")["code"] == "ordered"


def test_money_that_comes_or_goes_changes_no_loss(world: World) -> None:
    world.open_account("orion", "1000", "a")
    world.buy("orion")
    world.venue.pin_price("BTCUSDT", "43500")
    world.tick("orion")
    lost = """
        SELECT (a.cash + a.reserved + coalesce((SELECT sum(p.quantity * m.bid) FROM trading.positions p
               JOIN trading.marks m USING (symbol) WHERE p.account_id = a.id AND p.closed_at IS NULL), 0))
               / a.day_equity AS account, g.equity / g.day_equity AS agent,
               g.equity / s.day_equity AS service, g.equity / s.peak_equity AS fall
        FROM trading.accounts a JOIN trading.agents g ON g.name = a.agent CROSS JOIN trading.service_state s
    """
    before = world.one(lost)
    with world.services.book.unit_of_work() as session:
        flows.deposit(session, FlowRequest("a", Decimal(5000), "in"), actor="test")
    after = world.one(lost)

    assert before["account"] < Decimal("0.995")
    for whose, loss in before.items():
        assert after[whose] == pytest.approx(loss, abs=Decimal("1e-12"))


def test_the_statement_judges_accounts_as_the_rule_does(world: World) -> None:
    rng = random.Random(7)
    world.open_account("orion", "100", "a")
    known = {"a": Equity(Decimal(100), Decimal(100), Decimal(100))}
    for number in range(300):
        cash = Decimal(rng.choice(["0", "90", "95.99999999", "96", "96.00000001", "89.99999999", "90.5", "101"]))
        day, peak = (Decimal(rng.choice(["0", "96", "100", "110"])) for _ in range(2))
        known[f"x{number}"] = Equity(cash, day, peak)
        world.execute(
            "INSERT INTO trading.accounts (id, agent, cash, balance, day_equity, peak_equity, equity_day) "
            "VALUES (:id, 'orion', :cash, :cash, :day, :peak, current_date)",
            id=f"x{number}",
            cash=cash,
            day=day,
            peak=peak,
        )
    with world.services.book.unit_of_work() as session:
        tripped = breakers.judge(session, ORION, world.services.settings.service_limits)

    limits = LossLimits(ORION.daily_loss, ORION.max_drawdown)
    expected = {
        (name, trip.kind.value, trip.reason) for name, equity in known.items() for trip in trips(equity, limits)
    }
    rows = world.rows("SELECT subject, kind, reason FROM trading.breakers WHERE scope = 'account'")
    assert {(row["subject"], row["kind"], row["reason"]) for row in rows} == expected
    assert {(t.kind, t.accounts) for t in tripped if t.accounts} == {
        (kind.value, sum(1 for _, k, _ in expected if k == kind)) for kind in BreakerKind
    }


def test_judging_writes_only_what_changed_and_nothing_while_nothing_can_have(world: World) -> None:
    for number in range(5):
        world.open_account("orion", "1000", f"a{number}")
    world.buy("orion")
    world.venue.pin_price("BTCUSDT", "44900")
    world.tick("orion")
    versions = "SELECT xmin::text AS version FROM trading.accounts ORDER BY number"
    before = world.rows(versions)
    world.venue.pin_price("BTCUSDT", "44800")
    world.tick("orion")

    assert world.rows(versions) == before
    world.open_account("atlas", "1000")
    world.tick("atlas")
    row = world.rows("SELECT xmin::text AS version FROM trading.service_state")
    world.tick("atlas")
    assert world.rows("SELECT xmin::text AS version FROM trading.service_state") == row


def test_a_position_is_left_when_its_time_is_over_though_the_agent_is_paused_and_signals_are_gone(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.buy("atlas")
    assert world.one("SELECT leave_at - opened_at < :limit AS soon FROM trading.brackets", limit=ATLAS.max_holding)[
        "soon"
    ]
    world.command(Command.PAUSE, "atlas")
    world.engine.down = True
    world.execute("UPDATE trading.brackets SET leave_at = now() - interval '1 second'")
    world.tick("atlas")

    assert world.one("SELECT reason FROM trading.trades")["reason"] == "time_limit"
    world.check()


def test_a_changed_profile_raises_the_version_once_is_audited_and_named_by_decisions(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    bold = {**PROFILES, "atlas": replace(ATLAS, max_position=Decimal("0.15"))}
    world.services = replace(world.services, settings=replace(world.services.settings, profiles=bold))
    world.buy("atlas")
    world.tick("atlas")

    assert world.one("SELECT profile_version FROM trading.agents")["profile_version"] == 2
    log = world.one("SELECT actor, before, after FROM trading.audit_log WHERE action = 'change profile'")
    assert (log["before"], log["after"]) == (
        {"profile_version": "1", "max_position": "0.1"},
        {"profile_version": "2", "max_position": "0.15"},
    )
    assert world.one("SELECT profile_version FROM trading.decisions")["profile_version"] == 2
