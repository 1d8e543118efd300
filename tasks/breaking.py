"""Losses against limits, once per tick: prices are kept, accounts judged by them, and what trips is told."""

import logging
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy.orm import Session

from agents.breakers import LossLimits
from agents.leeway import Memory
from agents.model import Quote, Status
from agents.profiles import RiskProfile
from journal import breakers, heartbeat, holdings
from journal.agenda import Agenda
from journal.breakers import Tripped
from journal.holdings import AgentSnapshot
from runtime.bootstrap import WorkerServices

logger = logging.getLogger(__name__)


class TickPrices:
    """The quotes of one tick: what they say of losses, and whether they are kept in the book yet.

    Args:
        services: the worker's.
        seen: whose tick.
        todo: what awaits it.
        quotes: by symbol; empty if they could not be had, and then nothing is judged.
    """

    def __init__(
        self, services: WorkerServices, seen: AgentSnapshot, todo: Agenda, quotes: Mapping[str, Quote]
    ) -> None:
        self.quotes = quotes
        self._services = services
        self._agent = seen.name
        self._profile = services.profiles[seen.name]
        self._limits = services.settings.service_limits
        self._is_kept = not quotes
        is_judged = bool(quotes) and seen.status is not Status.STOPPED and bool(todo.held or todo.changes)
        self.may_trip = is_judged and (todo.changes or not self._is_calm(todo.memory))
        """Whether accounts have to be judged one by one."""
        self._is_followed = is_judged and not self.may_trip

    def keep(self) -> bool:
        """Keep them now, for the steps that need them, and judge losses by them; whether a breaker tripped."""
        if self._is_kept:
            return False
        with self._services.book.unit_of_work() as session:
            holdings.store_marks(session, self.quotes.values())
        self._is_kept = True
        # By itself, for it may take long and nobody else shall wait for the marks meanwhile.
        if self.may_trip:
            return self._tell(self._judge(breakers.judge))
        return self._is_followed and self._tell(self._judge(breakers.judge_sums))

    def end_tick(self, error: str | None) -> None:
        """Note that the tick ran, with ``error`` or without, and keep the prices if they are not kept yet."""
        unkept = () if self._is_kept else self.quotes.values()
        following = self._is_followed and not self._is_kept
        with self._services.book.at_once() as session:
            sums = heartbeat.record_tick(session, self._agent, error, unkept, following=following)
        if sums is not None and breakers.may_trip(self._profile, self._limits, sums):
            self._tell(self._judge(breakers.judge_sums))

    def _is_calm(self, memory: Memory | None) -> bool:
        bids = {symbol: quote.bid for symbol, quote in self.quotes.items()}
        limits = LossLimits(self._profile.daily_loss, self._profile.max_drawdown)
        return memory is not None and memory.is_calm(bids, limits, self._limits)

    def _judge(self, judge: Callable[[Session, RiskProfile, LossLimits], list[Tripped]]) -> list[Tripped]:
        with self._services.book.unit_of_work() as session:
            return judge(session, self._profile, self._limits)

    def _tell(self, tripped: Iterable[Tripped]) -> bool:
        told = False
        for breaker in tripped:
            told = True
            logger.warning("%s: breaker %s of the %s: %s", self._agent, breaker.kind, breaker.scope, breaker.reason)
            title = f"Breaker {breaker.kind} ({breaker.scope}) at a tick of {self._agent}"
            self._services.alerts.send(title, breaker.reason)
        return told
