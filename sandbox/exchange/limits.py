"""Request weights per address and unfilled orders per account, in fixed windows.

Source: Binance Spot API documentation, "Limits" and "Unfilled Order Count". Counts live in memory: a restart forgets
them.
"""

import threading
from dataclasses import dataclass, field

from sandbox.exchange.clock import Clock
from sandbox.exchange.errors import banned, too_many_orders, too_much_weight
from sandbox.exchange.settings import Settings

MAKER_FILL_CREDIT = 5
TAKER_FILL_CREDIT = 1


@dataclass(slots=True)
class Window:
    """A count that starts anew every ``interval_number`` times ``seconds``, aligned to the epoch."""

    limit: int
    kind: str
    interval: str
    interval_number: int
    unit_seconds: int
    _index: int = field(default=0, repr=False)
    _used: int = field(default=0, repr=False)

    @property
    def seconds(self) -> int:
        """The window's length."""
        return self.unit_seconds * self.interval_number

    def used(self, now: int) -> int:
        """Return the count of the window that ``now`` (milliseconds) is in."""
        if now // (self.seconds * 1000) != self._index:
            self._index = now // (self.seconds * 1000)
            self._used = 0
        return self._used

    def add(self, amount: int, now: int) -> int:
        """Count ``amount``, which may be negative, and return the sum, never below zero."""
        self._used = max(0, self.used(now) + amount)
        return self._used

    def retry_after(self, now: int) -> int:
        """Return the whole seconds until the next window."""
        return self.seconds - now // 1000 % self.seconds

    def describe(self) -> dict[str, object]:
        """Return the limit as exchangeInfo shows it."""
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.interval_number,
            "limit": self.limit,
        }


class Limits:
    """All windows of the one address and account that use the exchange."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Count from zero."""
        self._settings = settings
        self._clock = clock
        self._guard = threading.Lock()
        self._weight = Window(settings.weight_limit, "REQUEST_WEIGHT", "MINUTE", 1, 60)
        self._requests = Window(settings.raw_request_limit, "RAW_REQUESTS", "MINUTE", 5, 60)
        self._orders = (
            Window(settings.order_limit_10s, "ORDERS", "SECOND", 10, 1),
            Window(settings.order_limit_1d, "ORDERS", "DAY", 1, 86_400),
        )
        self._refused = Window(settings.abuse_limit, "REFUSED", "MINUTE", 1, 60)
        self._banned_until = 0

    def charge(self, weight: int) -> None:
        """Count a request before it is handled.

        Raises:
            ExchangeError: 429 beyond the limit; 418 while the address is banned for going on regardless.
        """
        with self._guard:
            now = self._clock()
            if now < self._banned_until:
                raise banned(self._banned_until, -(-(self._banned_until - now) // 1000))
            if self._weight.used(now) + weight > self._weight.limit or self._requests.used(now) >= self._requests.limit:
                self._refuse(now)
            self._requests.add(1, now)
            self._weight.add(weight, now)

    def refund(self, weight: int) -> None:
        """Give back the weight of a request that turned out to be free."""
        with self._guard:
            self._weight.add(-weight, self._clock())

    def require_order(self) -> None:
        """Refuse a new order with -1015 when an order count is used up."""
        with self._guard:
            now = self._clock()
            for window in self._orders:
                if window.used(now) >= window.limit:
                    interval = f"{window.interval_number} {window.interval}"
                    raise too_many_orders(window.limit, interval, window.retry_after(now))

    def count_order(self) -> dict[str, str]:
        """Count an accepted order and return the headers that tell the counts."""
        with self._guard:
            now = self._clock()
            ten_seconds, day = (window.add(1, now) for window in self._orders)
            return {"X-MBX-ORDER-COUNT-10S": str(ten_seconds), "X-MBX-ORDER-COUNT-1D": str(day)}

    def credit_fill(self, credit: int) -> None:
        """Take a filled order off the counts of unfilled ones."""
        with self._guard:
            for window in self._orders:
                window.add(-credit, self._clock())

    def headers(self) -> dict[str, str]:
        """Return the headers that every reply carries."""
        with self._guard:
            return {"X-MBX-USED-WEIGHT-1M": str(self._weight.used(self._clock()))}

    def describe(self) -> list[dict[str, object]]:
        """Return all limits as exchangeInfo shows them."""
        return [window.describe() for window in (self._weight, *self._orders, self._requests)]

    def order_counts(self) -> list[dict[str, object]]:
        """Return the order limits with their current counts."""
        with self._guard:
            return [window.describe() | {"count": window.used(self._clock())} for window in self._orders]

    def _refuse(self, now: int) -> None:
        if self._refused.add(1, now) > self._refused.limit:
            self._banned_until = now + self._settings.ban_seconds * 1000
            raise banned(self._banned_until, self._settings.ban_seconds)
        raise too_much_weight(self._weight.limit, self._weight.retry_after(now))
