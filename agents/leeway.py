"""How far prices may move before judging an agent's accounts one by one could find anything.

Judging adds up every account, and mostly nothing comes of it. What it found bounds what it can find next: an account with
cash C and holdings that were worth H is worth between C + m·H and C + M·H once every price lies between m and M times
what it was, for quantities are not negative. So none trips while m is above every (F - C) / H, where F is the equity at
which the account trips, and none has a new highest equity to be kept while M is at most every (G - C) / H, where G is the
highest equity that needs no keeping. An account without holdings is worth the same at any price.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext

from agents.breakers import Equity, LossLimits, trips
from agents.model import ZERO, BreakerKind

DIGITS = 100
"""Enough for products of any two numbers of the book to be exact; only quotients are rounded."""
DOWN, UP = Context(prec=DIGITS, rounding=ROUND_FLOOR), Context(prec=DIGITS, rounding=ROUND_CEILING)

Prices = Mapping[str, Decimal | None]
"""Bids by symbol; None where no price was ever known."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An account as judging left it.

    ``cash`` is all that no price changes: free, reserved, and positions without a known price at cost; ``holdings`` the
    other positions at the bid. ``standing`` are the breakers that tripped already, which do not trip again.
    """

    cash: Decimal
    holdings: Decimal
    day_start: Decimal
    peak: Decimal
    standing: frozenset[BreakerKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Leeway:
    """Factors on the prices of the moment: all must stay above ``lowest``, and at most ``highest``; None is no bound."""

    lowest: Decimal | None
    highest: Decimal | None

    def covers(self, then: Prices, now: Prices) -> bool:
        """Whether prices are still within, so that judging the accounts would find nothing and write nothing.

        Args:
            then: the prices of everything held, when the accounts were judged.
            now: the present ones.
        """
        changes: list[tuple[Decimal, Decimal]] = []
        for symbol, before in then.items():
            bid = now.get(symbol)
            if before and bid:
                changes.append((bid, before))
            elif before or bid:
                return False
        if not changes:
            return True
        least = min(DOWN.divide(bid, before) for bid, before in changes)
        most = max(UP.divide(bid, before) for bid, before in changes)
        return (self.lowest is None or least > self.lowest) and (self.highest is None or most <= self.highest)


def leeway(accounts: Iterable[Judged], limits: LossLimits, step: Decimal) -> Leeway:
    """The leeway that all accounts leave together.

    Args:
        accounts: all of the agent's, as judging left them.
        limits: of each of them.
        step: by what factor an equity must exceed the highest one for it to be kept.
    """
    lowest: Decimal | None = None
    highest: Decimal | None = None
    for account in accounts:
        if not account.holdings:
            continue
        with localcontext(UP):
            for limit in _trip_at(account, limits):
                bound = (limit - account.cash) / account.holdings
                lowest = bound if lowest is None else max(lowest, bound)
        with localcontext(DOWN):
            bound = (account.peak * step - account.cash) / account.holdings
            highest = bound if highest is None else min(highest, bound)
    return Leeway(lowest, highest)


def _trip_at(account: Judged, limits: LossLimits) -> Iterable[Decimal]:
    """Equities at which the account trips a breaker that does not stand."""
    if account.day_start > 0 and BreakerKind.DAILY_LOSS not in account.standing:
        yield account.day_start * (1 - limits.daily_loss)
    if account.peak > 0 and BreakerKind.DRAWDOWN not in account.standing:
        yield account.peak * (1 - limits.max_drawdown)


@dataclass(frozen=True, slots=True)
class Reference:
    """What the losses of an agent or of the whole service are measured from, and its breakers that stand."""

    day_start: Decimal
    peak: Decimal
    standing: frozenset[BreakerKind]

    def trips(self, now: Decimal, limits: LossLimits) -> bool:
        """Whether equity ``now`` trips a breaker that does not stand yet."""
        found = trips(Equity(now, self.day_start, self.peak), limits)
        return any(trip.kind not in self.standing for trip in found)


@dataclass(frozen=True, slots=True)
class Memory:
    """What the last judging of an agent's accounts left behind, valid until something is booked, paid in or out, or reset.

    ``cash`` is the sum of the accounts', ``quantities`` the sums of their positions by symbol; ``bids`` the prices
    they were judged by, ``marks`` the last known ones. ``elsewhere`` is the equity of all other agents.
    """

    leeway: Leeway
    cash: Decimal
    quantities: Mapping[str, Decimal]
    bids: Prices
    marks: Prices
    agent: Reference
    service: Reference
    elsewhere: Decimal

    def is_calm(self, quoted: Mapping[str, Decimal], limits: LossLimits, service: LossLimits) -> bool:
        """Whether nobody trips at these prices: no account, not the agent, not the service.

        Args:
            quoted: present bids; a symbol without one is worth its last known price.
            limits: of the agent and of each of its accounts.
            service: of the whole service.
        """
        now = {**self.marks, **quoted}
        if not self.leeway.covers(self.bids, now):
            return False
        equity = self.equity(now)
        return not self.agent.trips(equity, limits) and not self.service.trips(self.elsewhere + equity, service)

    def equity(self, now: Prices) -> Decimal:
        """What the agent's accounts are worth together, exactly."""
        with localcontext(DOWN):
            return self.cash + sum(
                (
                    self.quantities[symbol] * (now[symbol] or ZERO)
                    for symbol, bid in self.bids.items()
                    if bid is not None
                ),
                ZERO,
            )
