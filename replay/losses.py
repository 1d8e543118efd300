"""Losses of one account or of the agent against its limits, as :mod:`journal.breakers` judges them."""

from datetime import date, datetime
from decimal import Decimal

from agents.breakers import Equity, LossLimits, expiry, trips
from agents.model import BreakerKind


class Losses:
    """Starting points and the breakers that stand; nobody resets a drawdown in a replay."""

    __slots__ = ("_day", "_day_start", "_limits", "_peak", "standing")

    def __init__(self, deposit: Decimal, limits: LossLimits) -> None:
        self._limits = limits
        self._peak = deposit
        self._day_start = deposit
        self._day: date | None = None
        self.standing: dict[BreakerKind, datetime | None] = {}
        """When each breaker that has tripped ends; None for never."""

    def judge(self, equity: Decimal, now: datetime) -> list[BreakerKind]:
        """End what has expired, and give the breakers that trip just now."""
        if self.standing:
            self.standing = {kind: until for kind, until in self.standing.items() if until is None or until > now}
        today = now.date()
        if self._day is None:
            self._day = today
        if self._day != today:
            self._day, self._day_start = today, equity
        self._peak = max(self._peak, equity)
        tripped = [
            trip.kind
            for trip in trips(Equity(equity, self._day_start, self._peak), self._limits)
            if trip.kind not in self.standing
        ]
        self.standing |= {kind: expiry(kind, now) for kind in tripped}
        return tripped

    @property
    def breaker(self) -> BreakerKind | None:
        """The first breaker that stands."""
        return next(iter(self.standing), None)
