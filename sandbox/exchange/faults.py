"""Misbehaviour on demand: what a real exchange does on a bad day, switched on by tests.

A fault names a kind, the requests it hits (method and path) and how often: for the next ``times`` requests, with a
``probability``, or both. Each kind acts in one phase: before the request is handled, while an order is matched, or
after it was accepted and committed.
"""

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal

from sandbox.exchange.errors import (
    backend_timeout,
    banned,
    message_bus_error,
    no_such_order,
    stale_timestamp,
    too_much_weight,
)

ORDER_PATH = "/api/v3/order"


class GatewayFailureError(Exception):
    """The reply is a 5xx page of something in front of the exchange, not JSON."""

    def __init__(self, status: int) -> None:
        """Name the HTTP status."""
        super().__init__(f"gateway answers {status}")
        self.status = status


class SilenceError(Exception):
    """There is no reply: the connection is held and then closed."""

    def __init__(self, seconds: float) -> None:
        """Name how long the connection is held."""
        super().__init__(f"no answer for {seconds} s")
        self.seconds = seconds


@dataclass(slots=True)
class Fault:
    """One fault that is switched on.

    Attributes:
        kind: One of ``KINDS``.
        fault_id: Number given by the exchange.
        method: HTTP method it hits.
        path: Path it hits.
        times: Requests left to hit; ``None``: no end.
        probability: Chance that a matching request is hit.
        seconds: How long ``slow`` and ``accept_then_timeout`` last, and ``lookup_lag`` at the most.
        status: HTTP status of ``error_before`` and ``accept_then_5xx``.
        retry_after: Seconds that ``rate_429`` and ``ban_418`` ask for.
        fraction: Share of an order that ``partial_fill`` lets through; factor on the quantities of a ``thin_book``.
        symbol: Symbol that ``thin_book`` is about; ``None``: all.
        lookups: Queries of a new order that ``lookup_lag`` answers with -2013.
        accept: Whether ``minus_1006`` and ``minus_1007`` accept the order first.
    """

    kind: str
    fault_id: int = 0
    method: str = "POST"
    path: str = ORDER_PATH
    times: int | None = 1
    probability: float = 1.0
    seconds: float = 30.0
    status: int = 503
    retry_after: int = 5
    fraction: Decimal = Decimal("0.5")
    symbol: str | None = None
    lookups: int = 2
    accept: bool = True

    def act(self) -> None:
        """Do what the kind does to a request; most raise what the client gets to see."""
        KINDS[self.kind](self)

    @property
    def phase(self) -> str:
        """When it acts: ``before`` or ``after`` the order is accepted, or while ``matching``."""
        if self.kind in _MATCHING:
            return "matching"
        return "after" if self.kind in _AFTER and self.accept else "before"

    def describe(self) -> dict[str, object]:
        """Return it as JSON shows it."""
        return asdict(self) | {"fraction": str(self.fraction)}


def _raiser(make: Callable[[Fault], Exception]) -> Callable[[Fault], None]:
    def act(fault: Fault) -> None:
        raise make(fault)

    return act


def _nothing(_fault: Fault) -> None:
    """Matching faults change the match instead of acting on the request."""


KINDS: dict[str, Callable[[Fault], None]] = {
    "accept_then_timeout": _raiser(lambda fault: SilenceError(fault.seconds)),
    "accept_then_5xx": _raiser(lambda fault: GatewayFailureError(fault.status)),
    "error_before": _raiser(lambda fault: GatewayFailureError(fault.status)),
    "minus_1006": _raiser(lambda _fault: message_bus_error()),
    "minus_1007": _raiser(lambda _fault: backend_timeout()),
    "slow": lambda fault: time.sleep(fault.seconds),
    "rate_429": _raiser(lambda fault: too_much_weight(6000, fault.retry_after)),
    "ban_418": _raiser(lambda fault: banned(int((time.time() + fault.retry_after) * 1000), fault.retry_after)),
    "timestamp_1021": _raiser(lambda _fault: stale_timestamp()),
    "partial_fill": _nothing,
    "thin_book": _nothing,
    "lookup_lag": _nothing,
}
"""What each kind does to a request it hits."""

_MATCHING = frozenset({"partial_fill", "thin_book", "lookup_lag"})
_AFTER = frozenset({"accept_then_timeout", "accept_then_5xx", "minus_1006", "minus_1007"})


@dataclass(slots=True)
class _Lag:
    """How many more queries of an order are denied, and until when at the most."""

    lookups: int
    until: float


class Faults:
    """The faults that are switched on."""

    def __init__(self, seed: int = 0) -> None:
        """Start well behaved; the seed decides which requests a fault of some probability will hit."""
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)
        self._lagging: dict[int, _Lag] = {}
        self._struck: Counter[int] = Counter()
        self._guard = threading.Lock()
        self._rng = random.Random(seed)

    def add(self, fault: Fault) -> Fault:
        """Switch a fault on and give it its number."""
        with self._guard:
            fault.fault_id = next(self._ids)
            self._faults.append(fault)
            return fault

    def clear(self) -> None:
        """Switch everything off."""
        with self._guard:
            self._faults.clear()
            self._lagging.clear()

    def describe(self) -> list[dict[str, object]]:
        """Return what is on."""
        with self._guard:
            return [fault.describe() for fault in self._faults]

    def struck(self) -> dict[int, int]:
        """Return how often each fault has hit a request, by its number; those that are used up or off included."""
        with self._guard:
            return dict(self._struck)

    def act(self, phase: str, method: str, path: str) -> None:
        """Let the faults of a phase act on a request; raises what the client gets to see."""
        for fault in self._hit(lambda fault: (fault.phase, fault.method, fault.path) == (phase, method, path)):
            fault.act()

    def fill_fraction(self) -> Decimal:
        """Return the share of a new order that may fill, using up a ``partial_fill``."""
        return min(
            (fault.fraction for fault in self._hit(lambda fault: fault.kind == "partial_fill")), default=Decimal(1)
        )

    def thinness(self, symbol: str) -> Decimal:
        """Return the factor on a symbol's book at the moment."""
        thin = (
            fault.fraction for fault in self._faults if fault.kind == "thin_book" and fault.symbol in {symbol, None}
        )
        return min(thin, default=Decimal(1))

    def order_accepted(self, order_id: int, symbol: str) -> None:
        """Use up a ``thin_book`` and let a ``lookup_lag`` begin."""
        self._hit(lambda fault: fault.kind == "thin_book" and fault.symbol in {symbol, None})
        for fault in self._hit(lambda fault: fault.kind == "lookup_lag"):
            self._lagging[order_id] = _Lag(fault.lookups, time.monotonic() + fault.seconds)

    def order_queried(self, order_id: int) -> None:
        """Deny an order that lags behind.

        Raises:
            ExchangeError: -2013.
        """
        lag = self._lagging.get(order_id)
        if lag is not None and lag.lookups > 0 and time.monotonic() < lag.until:
            lag.lookups -= 1
            raise no_such_order()

    def _hit(self, matches: Callable[[Fault], bool]) -> list[Fault]:
        """Return the faults that match and strike now, and use them up."""
        with self._guard:
            hits = [fault for fault in self._faults if matches(fault) and self._rng.random() < fault.probability]
            for fault in hits:
                self._struck[fault.fault_id] += 1
                if fault.times is not None:
                    fault.times -= 1
            self._faults = [fault for fault in self._faults if fault.times != 0]
            return hits
