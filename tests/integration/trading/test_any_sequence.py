"""Whatever happens in whatever order, the book agrees with itself and with the exchange after every step."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from agents.control import Command
from agents.errors import ConflictError, NotFoundError
from agents.model import TradingState
from runtime.failpoints import POINTS
from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis
from sandbox.exchange.process import ExchangeProcess
from tasks.tick import run_tick
from tests.integration.trading.conftest import World, make_world

EXAMPLES, STEPS = 5, 22
AGENTS = st.sampled_from(["atlas", "nova"])
SYMBOLS = st.sampled_from(["BTCUSDT", "ETHUSDT"])
ACCOUNTS = st.sampled_from([None, "a", "b", "c"])
START_PRICES = {"BTCUSDT": Decimal(45000), "ETHUSDT": Decimal(2500)}
FAULTS: list[dict[str, object]] = [
    {"kind": "partial_fill", "fraction": "0"},
    {"kind": "partial_fill", "fraction": "0.37"},
    {"kind": "partial_fill", "fraction": "0.9999"},
    {"kind": "accept_then_timeout", "seconds": 0.01},
    {"kind": "accept_then_5xx", "status": 500},
    {"kind": "error_before", "status": 503},
    {"kind": "minus_1006"},
    {"kind": "minus_1007", "accept": False},
    {"kind": "error_before", "method": "GET"},
    {"kind": "timestamp_1021"},
]


class KilledError(BaseException):
    """The worker dies here."""


class Trading(RuleBasedStateMachine):
    """Two agents, a few accounts and all that may happen to them."""

    def __init__(self, worlds: Callable[[], Iterator[World]]) -> None:
        super().__init__()
        self.worlds = worlds()
        self.world = next(self.worlds)
        self.opened = 0
        self.sent = 0

    @initialize(equity=st.sampled_from(["1000", "51.5"]))
    def begin(self, equity: str) -> None:
        self.prices = dict(START_PRICES)
        for symbol, price in self.prices.items():
            self.world.venue.pin_price(symbol, price)
        self.world.open_account("atlas", equity, "a")
        self.world.open_account("nova", "2500.00000001", "b")

    @rule(agent=AGENTS, equity=st.decimals(min_value="0.01", max_value=100_000, places=8))
    def open_account(self, agent: str, equity: Decimal) -> None:
        self.opened += 1
        with suppress(ConflictError):
            self.world.open_account(agent, str(equity), "c" if self.opened == 1 else f"d-{self.opened}")

    @rule(symbol=SYMBOLS, action=st.sampled_from(["buy", "buy", "sell", "hold"]), agent=AGENTS)
    def advise_and_tick(self, symbol: str, action: str, agent: str) -> None:
        self.world.advise(symbol, action)
        self.world.tick(agent)
        self.world.engine.answers.clear()

    @rule(symbol=SYMBOLS, action=st.sampled_from(["buy", "sell"]), agent=AGENTS)
    def push_a_signal(self, symbol: str, action: str, agent: str) -> None:
        self.sent += 1
        price = self.prices[symbol]
        pushed = self.world.push(
            agent, symbol=symbol, action=action, confidence=Decimal("0.8"), price=price, id=f"push-{self.sent}"
        )
        self.world.decide(pushed)

    @rule(agent=AGENTS)
    def tick(self, agent: str) -> None:
        self.world.tick(agent)

    @rule(symbol=SYMBOLS, factor=st.sampled_from(["0.90", "0.975", "1.03", "1.05", "1.2"]), agent=AGENTS)
    def move_the_price(self, symbol: str, factor: str, agent: str) -> None:
        self.prices[symbol] = (self.prices[symbol] * Decimal(factor)).quantize(Decimal("0.01"))
        self.world.venue.pin_price(symbol, self.prices[symbol])
        self.world.tick(agent)

    @rule(fault=st.sampled_from(FAULTS))
    def break_something(self, fault: dict[str, object]) -> None:
        self.world.venue.add_fault(**fault)  # type: ignore[arg-type]  # the kind is among them

    @rule(agent=AGENTS, symbol=SYMBOLS, point=st.sampled_from(POINTS))
    def kill_a_worker(self, agent: str, symbol: str, point: str) -> None:
        def die(reached: str) -> None:
            if reached == point:
                raise KilledError

        self.world.advise(symbol, "buy")
        with suppress(KilledError):
            run_tick(replace(self.world.services, reach=die), agent)
        self.world.engine.answers.clear()

    @rule(agent=AGENTS, account=ACCOUNTS, command=st.sampled_from(list(Command)), close=st.booleans())
    def control(self, agent: str, account: str | None, command: Command, *, close: bool) -> None:
        with suppress(ConflictError, NotFoundError):
            if command is Command.START:
                self.world.open_account(agent, "777", account)
            else:
                self.world.command(command, agent, account, close=close and command is Command.STOP)

    @rule(state=st.sampled_from([TradingState.ACTIVE, *TradingState]))
    def switch(self, state: TradingState) -> None:
        self.world.switch(state)

    @rule()
    def wait_half_a_minute(self) -> None:
        self.world.age_orders(31)

    @invariant()
    def the_book_holds(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        try:
            self._settle_everything()
        finally:
            for _ in self.worlds:
                pass

    def _settle_everything(self) -> None:
        """Once nothing misbehaves any more, every order gets its outcome."""
        self.world.venue.clear_faults()
        self.world.age_orders(31)
        for row in self.world.rows("SELECT name FROM trading.agents"):
            self.world.tick(row["name"])
        assert self.world.rows("SELECT id FROM trading.orders WHERE state IN ('intended', 'unknown')") == []
        assert self.world.rows("SELECT id FROM trading.decisions WHERE decided_at IS NULL") == []
        self.world.check()


def test_any_sequence_of_events_keeps_the_book_right(
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

    run_state_machine_as_test(
        lambda: Trading(worlds),  # type: ignore[arg-type]  # any factory will do
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
