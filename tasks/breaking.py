"""Losses against limits, once per tick: prices are kept, accounts judged by them, and what trips is told."""

import logging
from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from agents.breakers import LossLimits
from agents.model import Quote, Status
from journal import breakers, heartbeat, holdings
from journal.agenda import Agenda
from journal.breakers import Tripped
from journal.holdings import AgentSnapshot
from journal.leeways import Sums
from runtime.bootstrap import WorkerServices

logger = logging.getLogger(__name__)


class Prices:
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
        self._is_kept = not quotes
        is_judged = bool(quotes) and seen.status is not Status.STOPPED and bool(todo.held or todo.changes)
        self.may_trip = is_judged and (todo.changes or not self._is_calm(todo))
        """Whether accounts have to be judged one by one."""
        self._is_followed = is_judged and not self.may_trip

    def keep(self) -> bool:
        """Keep them now, for the steps that need them, and judge losses by them; whether a breaker tripped."""
        if self._is_kept:
            return False
        tripped: list[Tripped] = []
        with self._services.book.unit_of_work() as session:
            if self._is_followed:
                sums = breakers.follow(session, self._agent, self.quotes.values())
                tripped = self._judge_sums(session, sums)
            else:
                holdings.store_marks(session, self.quotes.values())
        # By itself, for it takes long and nobody else shall wait for the marks meanwhile.
        if self.may_trip:
            with self._services.book.unit_of_work() as session:
                tripped = self._judge(session)
        self._is_kept = True
        return self._tell(tripped)

    def end_tick(self, error: str | None) -> None:
        """Note that the tick ran, with ``error`` or without, and keep the prices if they are not kept yet."""
        unkept = () if self._is_kept else self.quotes.values()
        following = self._is_followed and not self._is_kept
        with self._services.book.unit_of_work() as session:
            sums = heartbeat.record_tick(session, self._agent, error, unkept, following=following)
            tripped = self._judge_sums(session, sums)
        self._tell(tripped)

    def _is_calm(self, todo: Agenda) -> bool:
        bids = {symbol: quote.bid for symbol, quote in self.quotes.items()}
        profile = self._services.profiles[self._agent]
        limits = LossLimits(profile.daily_loss, profile.max_drawdown)
        return todo.memory is not None and todo.memory.is_calm(bids, limits, self._services.settings.service_limits)

    def _judge(self, session: Session) -> list[Tripped]:
        return breakers.judge(session, self._services.profiles[self._agent], self._services.settings.service_limits)

    def _judge_sums(self, session: Session, sums: Sums | None) -> list[Tripped]:
        if sums is None:
            return []
        profile, service = self._services.profiles[self._agent], self._services.settings.service_limits
        tripped, must_last = breakers.judge_sums(session, profile, service, sums)
        if must_last:
            heartbeat.must_last(session)
        return tripped

    def _tell(self, tripped: Iterable[Tripped]) -> bool:
        told = False
        for breaker in tripped:
            told = True
            logger.warning("%s: breaker %s of the %s: %s", self._agent, breaker.kind, breaker.scope, breaker.reason)
            title = f"Breaker {breaker.kind} ({breaker.scope}) at a tick of {self._agent}"
            self._services.alerts.send(title, breaker.reason)
        return told
