"""The nerve in Redis: agent state, leases, the request-weight budget. All of it can be rebuilt from the book.

What cannot be read counts as stopped: see :meth:`StateStore.agent`.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import redis
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from agents.model import Status, TradingState

LEASE_SECONDS = 20
RENEW_AFTER_SECONDS = 2
"""A lease that was taken or renewed within so long needs no renewal."""
WEIGHT_WINDOW_SECONDS = 60
TRADING_KEY = "trading:switch"
BAN_KEY = "exchange:banned"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AgentState:
    """What a worker must know of an agent right before an order goes out."""

    status: Status
    version: int
    trading: TradingState


class Lease:
    """One worker's hold on one agent."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._since = time.monotonic()

    def renew(self) -> None:
        """Start the lease's time anew, before the next step of work."""
        if time.monotonic() - self._since < RENEW_AFTER_SECONDS:
            return
        with _losing_a_lease_is_no_harm():
            self._lock.reacquire()
        self._since = time.monotonic()

    def release(self) -> None:
        """Let go."""
        with _losing_a_lease_is_no_harm():
            self._lock.release()


@contextmanager
def _losing_a_lease_is_no_harm() -> Iterator[None]:
    try:
        yield
    except LockError as error:
        logger.warning("a lease ran out before the work was done: %s", error)


NOTHING_RUNS = AgentState(Status.STOPPED, -1, TradingState.HALTED)
"""What unreadable or missing state means."""


def connect(url: str) -> redis.Redis:
    """A client that answers in text and never waits for long."""
    return redis.Redis.from_url(url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2)


class StateStore:
    """Agent state, trading state, leases and the exchange's request-weight budget."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def put_agent(self, agent: str, status: Status, version: int) -> None:
        """Publish an agent's state as committed in the book; an older version never overwrites a newer one."""
        self.client.eval(PUT_IF_NEWER, 1, _agent_key(agent), status.value, version)

    def put_trading_state(self, state: TradingState, version: int) -> None:
        """Publish the switch above all agents; an older version never overwrites a newer one."""
        self.client.eval(PUT_IF_NEWER, 1, TRADING_KEY, state.value, version)

    def agent(self, agent: str) -> AgentState:
        """The agent's state now; stopped and halted if it is missing or cannot be read."""
        try:
            with self.client.pipeline(transaction=False) as pipeline:
                pipeline.hmget(_agent_key(agent), "status", "version")
                pipeline.hget(TRADING_KEY, "status")
                (status, version), trading = pipeline.execute()
            return AgentState(Status(status), int(version), TradingState(trading))
        except (RedisError, ValueError, TypeError) as error:
            logger.warning("state of %s unreadable, counts as halted: %s", agent, error)
            return NOTHING_RUNS

    @contextmanager
    def lease(self, agent: str, wait_seconds: float) -> Iterator["Lease | None"]:
        """Hold the agent for one worker; yields None if another still has it after ``wait_seconds``.

        A courtesy that saves work: the unique keys of the book are the guarantee. It is short, so that
        a killed worker does not hold up its agent, and must be renewed by whoever works longer.
        """
        lock = self.client.lock(f"lease:{agent}", timeout=LEASE_SECONDS, blocking_timeout=wait_seconds, sleep=0.01)
        if not lock.acquire():
            yield None
            return
        lease = Lease(lock)
        try:
            yield lease
        finally:
            lease.release()

    def spend_weight(self, weight: int, limit: int) -> bool:
        """Take ``weight`` from this minute's shared budget of ``limit``; False if that would exceed it, or while banned."""
        window = int(time.time()) // WEIGHT_WINDOW_SECONDS
        keys = (f"weight:{window}", BAN_KEY)
        return bool(self.client.eval(SPEND, 2, *keys, weight, limit, 2 * WEIGHT_WINDOW_SECONDS))

    def note_ban(self, until: datetime) -> None:
        """Keep every worker from the exchange until it wants requests again (418 or 429); never raises."""
        try:
            self.client.set(BAN_KEY, until.isoformat(), pxat=int(until.timestamp() * 1000))
        except RedisError as error:
            logger.warning("the exchange's ban until %s is not shared: %s", until, error)

    def banned_until(self) -> datetime | None:
        """Until when the exchange wants no requests from anyone here, or None.

        Raises:
            RedisError: Redis is out of reach.
        """
        noted = self.client.get(BAN_KEY)
        return datetime.fromisoformat(str(noted)) if noted else None


PUT_IF_NEWER = """
local known = redis.call('HGET', KEYS[1], 'version')
if known and tonumber(known) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'status', ARGV[1], 'version', ARGV[2])
return 1
"""

SPEND = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
if used + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return 0 end
redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


def _agent_key(agent: str) -> str:
    return f"agent:{agent}"
