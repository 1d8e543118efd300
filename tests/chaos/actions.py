"""Doing to a world what its plan says."""

import hashlib
import hmac
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import redis
from kombu.exceptions import OperationalError
from sqlalchemy.exc import SQLAlchemyError

from adapters.queue import SIGNAL_TASK, TICK_TASK
from agents.signals import parse_signal
from journal import signals
from tests.chaos.plan import DUPLICATES, Action, Options
from tests.chaos.processes import Child
from tests.chaos.world import WEBHOOK_SECRET, World

TICK_OF = Decimal("0.01")
FREEZE_SECONDS = (1.0, 26.0)
"""A frozen worker wakes before or after an intent may no longer be sent, and its lease has run out."""

logger = logging.getLogger(__name__)


@dataclass
class Actor:
    """Does actions, and remembers what the verdict must know."""

    world: World
    done: Counter[str] = field(default_factory=Counter)
    pushed: set[tuple[str, str]] = field(default_factory=set)
    """Signal id and agent of every pushed signal that was acknowledged."""
    flows: set[tuple[str, str]] = field(default_factory=set)
    """Account and reference of every deposit, withdrawal and closing that was acknowledged."""
    frozen: list[tuple[float, Child]] = field(default_factory=list)
    """When to let a frozen worker go on, in seconds of the run."""

    def perform(self, action: Action) -> None:
        """Do one action; one that a dead server makes impossible is a caller's bad luck, as in life."""
        try:
            HANDLERS[action.kind](self, action)
        except (SQLAlchemyError, redis.RedisError, OperationalError) as error:
            logger.info("%s came to nothing: %s", action.kind, error)
        else:
            self.done[action.kind] += 1

    def thaw(self, now: float) -> None:
        """Let go on what was frozen long enough."""
        for moment, child in [entry for entry in self.frozen if entry[0] <= now]:
            child.thaw()
            self.frozen.remove((moment, child))


def _move(actor: Actor, action: Action) -> None:
    symbol = str(action.options["symbol"])
    price = actor.world.prices[symbol] * Decimal(str(action.options["factor"]))
    actor.world.move(symbol, price.quantize(TICK_OF))


def _advise(actor: Actor, action: Action) -> None:
    options = action.options
    actor.world.advise(str(options["symbol"]), str(options["action"]), float(str(options["confidence"])))


def _signal(actor: Actor, action: Action) -> dict[str, object]:
    symbol = str(action.options["symbol"])
    return {
        "id": f"push-{action.at:.6f}",
        "symbol": symbol,
        "action": action.options["action"],
        "confidence": action.options["confidence"],
        "price": float(actor.world.prices[symbol]),
        "timestamp": datetime.now(UTC).isoformat(),
    }


def _push_over_api(actor: Actor, action: Action) -> None:
    signal, agent = _signal(actor, action), str(action.options["agent"])
    for _ in range(max(1, int(str(action.options["messages"])))):
        answer = actor.world.api.post(f"/agents/{agent}/signals?wait=0", json=signal)
        if answer.status_code in {200, 202}:
            actor.pushed.add((str(signal["id"]), agent))


def _push_over_webhook(actor: Actor, action: Action) -> None:
    signal, agent = _signal(actor, action), str(action.options["agent"])
    body = json.dumps({"agent_name": agent, "signal": signal}).encode()
    signature = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    for _ in range(max(1, int(str(action.options["messages"])))):
        headers = {"X-ML-Signature": signature, "Content-Type": "application/json"}
        answer = actor.world.api.post("/webhooks/ml-signals", data=body, headers=headers)
        if answer.status_code == 200:
            actor.pushed.add((str(signal["id"]), agent))


def _push_as_row(actor: Actor, action: Action) -> None:
    raw, agent = _signal(actor, action), str(action.options["agent"])
    numbers = {name: Decimal(str(raw[name])) for name in ("confidence", "price")}
    signal = parse_signal(raw | numbers, received_at=datetime.now(UTC))
    with actor.world.book.unit_of_work() as session:
        decision_id = signals.take_in(session, source="manual", signal=signal, agent=agent)
    actor.pushed.add((signal.id, agent))
    for _ in range(int(str(action.options["messages"]))):
        actor.world.services.queue.announce_decision(decision_id)


def _worker(actor: Actor, options: Options) -> Child:
    return _chosen(actor.world.processes.workers, options)


def _chosen(children: list[Child], options: Options) -> Child:
    return children[int(float(str(options["which"])) * len(children))]


def _freeze(actor: Actor, action: Action) -> None:
    shortest, longest = FREEZE_SECONDS
    worker = _worker(actor, action.options)
    worker.freeze()
    until = action.at + shortest + (longest - shortest) * (float(str(action.options["which"])) * 7 % 1)
    actor.frozen.append((until, worker))


def _kill_both_beats(actor: Actor, _action: Action) -> None:
    for beat in actor.world.processes.beats:
        beat.kill()


def _kill_redis(actor: Actor, _action: Action) -> None:
    actor.world.servers.redis.kill()
    actor.world.servers.redis.start()


def _kill_postgres(actor: Actor, _action: Action) -> None:
    actor.world.servers.postgres.kill()
    actor.world.servers.postgres.start()


def _kill_exchange(actor: Actor, _action: Action) -> None:
    exchange = actor.world.exchange
    actor.world.note_strikes()
    exchange.kill()
    exchange.restart()
    actor.world.switch_faults_on()


def _flush(actor: Actor, _action: Action) -> None:
    actor.world.services.state.client.flushall()


def _cut_connections(actor: Actor, _action: Action) -> None:
    client = actor.world.services.state.client
    for kind in ("normal", "pubsub"):
        client.client_kill_filter(_type=kind, skipme=True)


def _again(actor: Actor, action: Action) -> None:
    """Send a task several times at once, as a broker does that lost track of what it delivered."""
    task = action.kind.removesuffix(" again")
    app = actor.world.services.queue.app
    for arguments in _arguments(actor, task):
        for _ in range(int(str(action.options["copies"]))):
            app.send_task(task, args=arguments)
            actor.done["messages sent again"] += 1


def _arguments(actor: Actor, task: str) -> list[list[object]]:
    if task == TICK_TASK:
        return [[agent] for agent in actor.world.plan.accounts]
    if task == SIGNAL_TASK:
        rows = actor.world.rows("SELECT id FROM trading.decisions ORDER BY id DESC LIMIT 6")
        return [[row["id"]] for row in rows]
    return [[]]


def _control(actor: Actor, action: Action) -> None:
    command, agent = str(action.options["command"]), str(action.options["agent"])
    path, body = _call(actor, command, agent)
    answer = actor.world.api.post(path, json=body)
    actor.done[f"{command} answered {answer.status_code}"] += 1


def _call(actor: Actor, command: str, agent: str) -> tuple[str, Mapping[str, object]]:
    if command in {"halt", "reduce", "activate"}:
        return f"/trading/{command}", {"reason": "chaos"}
    if command == "start":
        account = next(iter(actor.world.plan.accounts[agent]))
        return f"/agents/{agent}/start", {"initial_equity": 1, "account_id": account}
    word = command.split(maxsplit=1)[0]
    return f"/agents/{agent}/{word}", {"close_positions": True} if "close" in command else {}


def _money(actor: Actor, action: Action) -> None:
    """Ask for the same thing one or more times, as a platform does that got no answer."""
    accounts = list(actor.world.plan.accounts[str(action.options["agent"])])
    account = accounts[int(float(str(action.options["which"])) * len(accounts))]
    reference = f"{action.kind}-{action.at:.6f}"
    body: dict[str, object] = {"reference_id": reference, "amount": action.options["amount"]}
    path = {"deposit": "deposits", "withdraw": "withdrawals", "close": "close"}[action.kind]
    if action.kind == "withdraw":
        body["liquidate"] = True
    for _ in range(int(str(action.options["copies"]))):
        answer = actor.world.api.post(f"/accounts/{account}/{path}", json=body)
        actor.done[f"{action.kind} answered {answer.status_code}"] += 1
        if answer.status_code in {200, 202}:
            actor.flows.add((account, reference))


Handler = Callable[[Actor, Action], object]

HANDLERS: Mapping[str, Handler] = {
    "move": _move,
    "advise": _advise,
    "push over API": _push_over_api,
    "push over webhook": _push_over_webhook,
    "push as row": _push_as_row,
    "control": _control,
    **dict.fromkeys(("deposit", "withdraw", "close"), _money),
    "kill worker": lambda actor, action: _worker(actor, action.options).kill(),
    "kill pool process": lambda actor, action: _worker(actor, action.options).kill_pool(),
    "freeze worker": _freeze,
    "kill beat": lambda actor, action: _chosen(actor.world.processes.beats, action.options).kill(),
    "kill both beats": _kill_both_beats,
    "kill Redis": _kill_redis,
    "kill Redis, data lost": lambda actor, _action: actor.world.servers.lose_redis(),
    "FLUSHALL": _flush,
    "CLIENT KILL": _cut_connections,
    "kill PostgreSQL": _kill_postgres,
    "kill exchange": _kill_exchange,
    **dict.fromkeys(DUPLICATES, _again),
}
