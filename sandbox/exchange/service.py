"""The exchange's parts, put together, and the one path every request takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from flask import Request

from sandbox.exchange import signing
from sandbox.exchange.candles import Candles
from sandbox.exchange.clock import Clock
from sandbox.exchange.exchange import Exchange
from sandbox.exchange.faults import Faults
from sandbox.exchange.limits import Limits
from sandbox.exchange.market import Market
from sandbox.exchange.parameters import Parameters
from sandbox.exchange.prices import PriceProcess, ReplayedPrices, SeededPrices
from sandbox.exchange.settings import Settings
from sandbox.exchange.store import Store


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON payload with further headers."""

    payload: object
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the REST API.

    Attributes:
        method: HTTP method.
        path: Path below the server's root.
        handler: Turns parameters into a reply.
        weight: Request weight, or how to tell it from the parameters.
        signed: Whether key, signature and timestamp are needed.
        free_on_success: Whether the weight is given back when the call succeeds.
    """

    method: str
    path: str
    handler: Callable[[Parameters], Reply]
    weight: int | Callable[[Parameters], int] = 1
    signed: bool = False
    free_on_success: bool = False


class Service:
    """Everything a route needs."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Open the exchange on the settings' data folder."""
        self.settings = settings
        self.clock = clock
        self.faults = Faults(settings.seed)
        self.limits = Limits(settings, clock)
        self.store = Store(settings.data)
        genesis = int(self.store.value("genesis", str(clock() // 1000)))
        self.market = Market(settings, _process(settings, genesis), self.faults.thinness)
        self.candles = Candles(self.market)
        self.exchange = Exchange(settings, self.store, self.market, clock)

    @property
    def second(self) -> int:
        """The current second."""
        return self.clock() // 1000

    def answer(self, route: Route, request: Request) -> Reply:
        """Take a request through limits, faults and signature to its handler.

        Raises:
            ExchangeError: The request is refused.
            GatewayFailureError: A fault answers instead.
            SilenceError: A fault lets the request go unanswered.
        """
        query, body = request.query_string, request.get_data(parse_form_data=False)
        values = dict(_pairs(body)) | dict(_pairs(query))
        parameters = Parameters(values)
        weight = route.weight if isinstance(route.weight, int) else route.weight(parameters)
        self.limits.charge(weight)
        self.faults.act("before", route.method, route.path)
        if route.signed:
            signing.check_key(request.headers.get("X-MBX-APIKEY"), self.settings.api_key)
            signing.check_signature(values, self.settings.api_secret, signing.payload_of(query, body))
            signing.check_time(values, self.clock())
        reply = route.handler(parameters)
        if route.free_on_success:
            self.limits.refund(weight)
        self.faults.act("after", route.method, route.path)
        return reply


def _process(settings: Settings, genesis: int) -> PriceProcess:
    seeded = SeededPrices(settings.seed, settings.volatility, genesis)
    return ReplayedPrices(settings.replay_file, genesis, seeded) if settings.replay_file else seeded


def _pairs(part: bytes) -> list[tuple[str, str]]:
    return parse_qsl(part.decode("utf-8", "replace"), keep_blank_values=True)
