"""Breakers: when losses end trading, for one account, for an agent, and for the whole service.

Equity is cash, reserved cash and open positions at the bid. It is compared with two starting points: what it was at
00:00 UTC (or when it was first known that day), and the highest it ever was, the first deposit included. Money that
comes in or goes out is no performance: it scales both, so that neither loss changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from agents.model import ZERO, BreakerKind, plain


class Scope(StrEnum):
    """Whom a breaker stops."""

    ACCOUNT = "account"
    AGENT = "agent"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class LossLimits:
    """Fractions of the starting points whose loss trips a breaker."""

    daily_loss: Decimal
    max_drawdown: Decimal


@dataclass(frozen=True, slots=True)
class Equity:
    """What someone is worth now, was at the day's start, and was at most."""

    now: Decimal
    day_start: Decimal
    peak: Decimal


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker that trips: ``reference`` is the starting point that ``equity`` is too far below."""

    kind: BreakerKind
    limit: Decimal
    reference: Decimal
    equity: Decimal

    @property
    def reason(self) -> str:
        """The figures in a sentence."""
        since = "since 00:00 UTC" if self.kind is BreakerKind.DAILY_LOSS else "since the highest equity"
        loss = 1 - self.equity / self.reference
        return f"lost {loss:.4f} {since}, at most {plain(self.limit)} is allowed"


def trips(equity: Equity, limits: LossLimits) -> Iterator[Trip]:
    """The breakers that trip; a loss of exactly the limit trips."""
    judged = (
        (BreakerKind.DAILY_LOSS, limits.daily_loss, equity.day_start),
        (BreakerKind.DRAWDOWN, limits.max_drawdown, equity.peak),
    )
    for kind, limit, reference in judged:
        if reference > 0 and equity.now <= reference * (1 - limit):
            yield Trip(kind, limit, reference, equity.now)


def expiry(kind: BreakerKind, now: datetime) -> datetime | None:
    """When a breaker that trips at ``now`` ends by itself: a daily loss at the next 00:00 UTC, a drawdown never."""
    if kind is BreakerKind.DRAWDOWN:
        return None
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)


def after_flow(reference: Decimal, equity: Decimal, amount: Decimal) -> Decimal:
    """A starting point after ``amount`` came in (or, negative, went out), with the same loss since.

    Args:
        reference: the starting point before.
        equity: what there was before.
        amount: what came in.
    """
    if equity <= 0 or reference == equity:
        return max(ZERO, equity + amount)
    return max(ZERO, reference * (equity + amount) / equity)
