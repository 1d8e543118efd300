"""Money comes and goes between all that may happen to agents, orders and workers, and the book stays right."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from agents.errors import ConflictError, NotFoundError
from agents.model import TradingState
from journal import audit, flows, queries, withdrawals
from journal.flows import FlowRequest
from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis
from sandbox.exchange.process import ExchangeProcess
from tests.integration.trading.conftest import World, make_world
from tests.integration.trading.test_any_sequence import Trading

EXAMPLES, STEPS = 6, 25
ACCOUNTS = st.sampled_from(["a", "b", "c"])
REFERENCES = st.sampled_from([f"r-{number}" for number in range(12)])
FRACTIONS = st.sampled_from(["0.03", "0.3", "0.8", "0.95", "1", "1.01"])
TICKS_TO_FINISH = 6


class TradingAndFlows(Trading):
    """The same, and investors who pay in, withdraw and leave."""

    @rule(account=ACCOUNTS, amount=st.decimals(min_value="0.01", max_value=5000, places=8), reference=REFERENCES)
    def deposit(self, account: str, amount: Decimal, reference: str) -> None:
        before = self._money(account)
        booked = Decimal(0)
        with self._may_be_refused():
            with self.world.services.book.unit_of_work() as session:
                known = len(self.world.rows("SELECT id FROM trading.cash_flows"))
                flows.deposit(session, FlowRequest(account, amount, reference), actor="test")
                session.flush()
            booked = amount * (len(self.world.rows("SELECT id FROM trading.cash_flows")) - known)
        assert self._money(account) == {name: money + booked for name, money in before.items()}

    @rule(account=ACCOUNTS, fraction=FRACTIONS, liquidate=st.booleans(), reference=REFERENCES)
    def withdraw(self, account: str, fraction: str, *, liquidate: bool, reference: str) -> None:
        before = self._money(account)
        with self.world.services.book.reading() as session:
            view = queries.account_view(session, account)
        equity = view["equity"] if view else Decimal(100)
        amount = (equity * Decimal(fraction)).quantize(Decimal("0.00000001"))
        if amount <= 0:
            return
        paid = Decimal(0)
        with self._may_be_refused():
            known = len(self.world.rows("SELECT id FROM trading.cash_flows"))
            with self.world.services.book.unit_of_work() as session:
                request = FlowRequest(account, amount, reference)
                withdrawals.withdraw(session, request, liquidate=liquidate, actor="test")
            paid = amount * (len(self.world.rows("SELECT id FROM trading.cash_flows")) - known)
        assert self._money(account) == {name: money - paid for name, money in before.items()}

    @rule(account=st.sampled_from(["b", "c"]), reference=REFERENCES)
    def close(self, account: str, reference: str) -> None:
        with self._may_be_refused(), self.world.services.book.unit_of_work() as session:
            withdrawals.close(session, account, reference, actor="test")
        for row in self.world.rows("SELECT agent FROM trading.accounts WHERE id = :id", id=account):
            self.world.publish(row["agent"])

    def _money(self, account: str) -> dict[str, Decimal]:
        rows = self.world.rows("SELECT cash, balance FROM trading.accounts WHERE id = :id", id=account)
        return {name: Decimal(str(money)) for row in rows for name, money in row.items()}

    @contextmanager
    def _may_be_refused(self) -> Iterator[None]:
        counted = "SELECT (SELECT count(*) FROM trading.withdrawals) + (SELECT count(*) FROM trading.audit_log) AS n"
        before = self.world.one(counted)
        try:
            yield
        except (ConflictError, NotFoundError):
            assert self.world.one(counted) == before

    def _settle_everything(self) -> None:
        """Once nothing misbehaves any more, every withdrawal is paid, has failed, or names what cannot be sold."""
        self.world.switch(TradingState.ACTIVE)
        super()._settle_everything()
        for _ in range(TICKS_TO_FINISH):
            for row in self.world.rows("SELECT name FROM trading.agents"):
                self.world.publish(row["name"])
                self.world.tick(row["name"])
        self.world.check()
        with self.world.services.book.reading() as session:
            assert audit.breaches(session) == []
        waiting = self.world.rows(
            "SELECT w.account_id, w.kind, w.detail, a.close_requested_at FROM trading.withdrawals w "
            "JOIN trading.accounts a ON a.id = w.account_id WHERE w.status = 'pending'"
        )
        for row in waiting:
            assert row["close_requested_at"] or "less than the smallest order" in str(row["detail"]), row
            assert self._holds_only_what_is_too_small(row["account_id"]), row

    def _holds_only_what_is_too_small(self, account: str) -> bool:
        held = self.world.rows(
            "SELECT p.symbol, p.quantity * m.bid AS worth FROM trading.positions p JOIN trading.marks m USING (symbol) "
            "WHERE p.account_id = :id AND p.closed_at IS NULL",
            id=account,
        )
        return bool(held) and all(row["worth"] < 6 for row in held)


def test_money_may_come_and_go_at_any_moment(
    postgres_server: EmbeddedPostgres,
    migrated_template: str,
    redis_server: EmbeddedRedis,
    exchange_process: ExchangeProcess,
) -> None:
    def worlds() -> Iterator[World]:
        name = f"test_{uuid.uuid4().hex}"
        database_url = postgres_server.create_database(name, template=migrated_template)
        with redis.Redis.from_url(redis_server.url()) as client:
            client.flushall()
        yield from make_world(database_url, redis_server.url(), exchange_process)
        postgres_server.drop_database(name)

    machine: Callable[[], TradingAndFlows] = lambda: TradingAndFlows(worlds)  # noqa: E731 - a factory
    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # any factory will do
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
