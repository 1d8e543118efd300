"""What one run does and when: a pure function of its seed."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from runtime.failpoints import POINTS

AGENTS = ("atlas", "orion", "nova")
PRICES: Mapping[str, Decimal] = {
    "BTCUSDT": Decimal(45_000),
    "ETHUSDT": Decimal(2_500),
    "SOLUSDT": Decimal(100),
    "BNBUSDT": Decimal(600),
}
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
"""What is advised; BNB is only paid with."""
ACTIVE_SECONDS = (10.0, 12.0, 15.0, 30.0)
"""How long trouble may last. A killed worker's agent waits up to twenty seconds for its lease: a long run meets it again."""
LOOKUP, TICKER, ACCOUNT = "/api/v3/order", "/api/v3/ticker/bookTicker", "/api/v3/account"

Options = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that happens ``at`` seconds into a run."""

    at: float
    kind: str
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of misbehaviour of the exchange, as its ``/sandbox/faults`` takes it, under a name of ours."""

    name: str
    options: Options


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    seed: int
    seconds: float
    """How long the trouble lasts."""
    accounts: Mapping[str, Mapping[str, Decimal]]
    """Opening equity by agent and account id."""
    tick_seconds: Decimal
    shared_queues: bool
    """Whether both workers take everything, so that they meet on one agent; else as the launcher divides the queues."""
    fees_in_bnb: bool
    kill_at: Mapping[str, float]
    """Probability of dying by fail point; each worker process is given one of them."""
    faults: tuple[Fault, ...]
    actions: tuple[Action, ...]

    @property
    def ingredients(self) -> frozenset[str]:
        """Names of everything that goes wrong in this run."""
        kinds = {action.kind for action in self.actions if action.kind in {*DISASTERS, *DUPLICATES}}
        return frozenset({*(f"dies at {point}" for point in self.kill_at), *(f.name for f in self.faults), *kinds})


def _order_fault(kind: str, probability: float, **options: object) -> Callable[[random.Random], Options]:
    return lambda _: {"kind": kind, "probability": probability, **options}


FAULTS: Mapping[str, Callable[[random.Random], Options]] = {
    "accept then hang up": _order_fault("accept_then_timeout", 0.5, seconds=0.2),
    "accept then silence": lambda _: {"kind": "accept_then_timeout", "times": 1, "seconds": 14},
    "accept then 5xx": lambda rng: {
        "kind": "accept_then_5xx",
        "probability": 0.5,
        "status": rng.choice([500, 502, 503, 504]),
    },
    "5xx, not accepted": _order_fault("error_before", 0.4),
    "5xx on look-ups": _order_fault("error_before", 0.6, method="GET", path=LOOKUP),
    "5xx on quotes": _order_fault("error_before", 0.3, method="GET", path=TICKER),
    "5xx on balances": _order_fault("error_before", 0.4, method="GET", path=ACCOUNT),
    "-1006, accepted": _order_fault("minus_1006", 0.5),
    "-1006, not accepted": _order_fault("minus_1006", 0.4, accept=False),
    "-1007, accepted": _order_fault("minus_1007", 0.5),
    "-1007, not accepted": _order_fault("minus_1007", 0.4, accept=False),
    "slow": _order_fault("slow", 0.5, seconds=1.5),
    "slow past the timeout": lambda _: {"kind": "slow", "times": 1, "seconds": 11},
    "slow look-ups": _order_fault("slow", 0.7, seconds=6, method="GET", path=LOOKUP, times=2),
    "lagging look-ups": lambda rng: {"kind": "lookup_lag", "probability": 0.8, "lookups": rng.randint(1, 4)},
    "429": lambda rng: {
        "kind": "rate_429",
        "probability": 0.3,
        "retry_after": rng.randint(1, 2),
        **rng.choice([{}, {"method": "GET", "path": TICKER}]),
    },
    "418": lambda rng: {"kind": "ban_418", "times": rng.randint(1, 3), "retry_after": rng.randint(2, 4)},
    "-1021": _order_fault("timestamp_1021", 0.4),
    "-1021 on look-ups": _order_fault("timestamp_1021", 0.7, method="GET", path=LOOKUP),
    "partial fills": lambda rng: {
        "kind": "partial_fill",
        "probability": 0.6,
        "fraction": str(rng.choice([0, 0.01, 0.33333333, 0.9])),
    },
    "thin book": lambda rng: {"kind": "thin_book", "times": rng.randint(3, 12), "fraction": "0.003"},
}
"""How each fault is switched on."""

DISASTERS = {
    "kill worker": 6,
    "kill pool process": 3,
    "freeze worker": 2,
    "kill beat": 2,
    "kill both beats": 1,
    "kill Redis": 2,
    "kill Redis, data lost": 1,
    "FLUSHALL": 2,
    "CLIENT KILL": 2,
    "kill PostgreSQL": 2,
    "kill exchange": 2,
}
"""What is killed from outside, by how often it is chosen."""

DUPLICATES = {
    "agents.tick again": 3,
    "agents.signal again": 4,
    "orders.resolve again": 2,
    "signals.sweep again": 2,
    "agents.rehydrate again": 1,
    "exchange.reconcile again": 2,
}
"""Tasks delivered more than once."""

UNDONE_BY = {
    "pause": "resume",
    "stop": "start",
    "stop and close": "start",
    "halt": "activate",
    "reduce": "activate",
}
"""Commands, and what takes them back."""

CHANCE_AT: Mapping[str, float] = {
    "signals_stored": 0.08,
    "intent_written": 0.25,
    "intent_committed": 0.2,
    "order_answered": 0.3,
    "outcome_written": 0.25,
    "outcome_committed": 0.25,
}
"""Probability of dying each time the point is reached: seldom enough that a run gets on."""


def plan(seed: int) -> Plan:
    """The run of this seed."""
    rng = random.Random(seed)
    agents = rng.sample(AGENTS, rng.choice([1, 2, 3, 3]))
    seconds = rng.choice(ACTIVE_SECONDS)
    return Plan(
        seed=seed,
        seconds=seconds,
        accounts={agent: _accounts(rng, agent) for agent in agents},
        tick_seconds=Decimal(rng.choice(["0.5", "0.7", "1"])),
        shared_queues=rng.random() < 0.5,
        fees_in_bnb=rng.random() < 0.3,
        kill_at={point: CHANCE_AT[point] for point in rng.sample(POINTS, rng.choice([0, 1, 1, 2]))},
        faults=_faults(rng),
        actions=tuple(sorted(_actions(rng, agents, seconds), key=lambda action: action.at)),
    )


def _accounts(rng: random.Random, agent: str) -> dict[str, Decimal]:
    """Equities with odd units, so that every division has a remainder."""
    count = rng.randint(2, 7)
    return {f"{agent}-{number}": Decimal(rng.randint(50_000, 900_000_00)) / 1000 for number in range(count)}


def _faults(rng: random.Random) -> tuple[Fault, ...]:
    names = rng.sample(sorted(FAULTS), rng.choice([0, 1, 2, 2, 3]))
    if "lagging look-ups" in names and not any("accept" in name for name in names):
        names.append("accept then 5xx")
    return tuple(Fault(name, FAULTS[name](rng)) for name in names)


def _actions(rng: random.Random, agents: list[str], seconds: float) -> list[Action]:
    return [
        *market(rng, seconds),
        *_pushes(rng, agents, seconds),
        *_pick(rng, DISASTERS, rng.choice([0, 1, 2, 3]), seconds),
        *_pick(rng, DUPLICATES, rng.choice([0, 1, 2, 4]), seconds),
        *_control(rng, agents, seconds),
        *_money(rng, agents, seconds),
    ]


def _moment(rng: random.Random, seconds: float) -> float:
    return rng.uniform(0.5, seconds)


def market(rng: random.Random, seconds: float) -> list[Action]:
    """New advice every second or so, small moves of the price before it, sometimes one that reaches stops or targets."""
    actions = []
    at = 0.0
    while at < seconds:
        symbol = rng.choice(SYMBOLS)
        if rng.random() < 0.5:
            factor = rng.choice([0.9, 0.97, 0.995, 0.999, 1.001, 1.005, 1.05, 1.1])
            actions.append(Action(at, "move", {"symbol": symbol, "factor": str(factor)}))
        action = rng.choices(["buy", "sell", "hold"], [6, 3, 1])[0]
        actions.append(
            Action(at + 0.01, "advise", {"symbol": symbol, "action": action, "confidence": _confidence(rng)})
        )
        at += rng.uniform(0.4, 1.4)
    return actions


def _confidence(rng: random.Random) -> float:
    return rng.choice([0.6, 0.7, 0.9, 0.9, 0.95])


def _pushes(rng: random.Random, agents: list[str], seconds: float) -> list[Action]:
    """Signals that come over the API, or as rows whose message was lost (0), came (1) or came several times."""
    return [
        Action(
            _moment(rng, seconds),
            rng.choice(["push over API", "push over webhook", "push as row"]),
            {
                "agent": rng.choice(agents),
                "symbol": rng.choice(SYMBOLS),
                "action": rng.choice(["buy", "buy", "sell"]),
                "confidence": _confidence(rng),
                "messages": rng.choice([0, 1, 1, 3]),
            },
        )
        for _ in range(rng.randint(2, 8))
    ]


def _pick(rng: random.Random, chances: Mapping[str, int], count: int, seconds: float) -> list[Action]:
    kinds = rng.choices(list(chances), list(chances.values()), k=count)
    return [Action(_moment(rng, seconds), kind, {"which": rng.random(), "copies": rng.randint(2, 5)}) for kind in kinds]


def _control(rng: random.Random, agents: list[str], seconds: float) -> list[Action]:
    """An operator's commands, most of them taken back soon, so that the run goes on."""
    actions = []
    for word in rng.choices(list(UNDONE_BY), k=rng.choice([0, 0, 1, 2])):
        at, agent = _moment(rng, seconds), rng.choice(agents)
        actions.append(Action(at, "control", {"command": word, "agent": agent}))
        if rng.random() < 0.85:
            back = at + rng.uniform(0.1, 4)
            actions.append(Action(back, "control", {"command": UNDONE_BY[word], "agent": agent}))
    return actions


def _money(rng: random.Random, agents: list[str], seconds: float) -> list[Action]:
    """Deposits, withdrawals and, seldom, closings, each asked for once or more often."""
    kinds = rng.choices(["deposit", "withdraw", "close"], [4, 4, 1], k=rng.choice([0, 1, 3, 5]))
    return [
        Action(
            _moment(rng, seconds),
            kind,
            {
                "agent": rng.choice(agents),
                "which": rng.random(),
                "amount": rng.randint(1, 400_000) / 100,
                "copies": rng.choice([1, 1, 2, 3]),
            },
        )
        for kind in kinds
    ]
