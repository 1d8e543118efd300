"""The one place that wires concretes; tests wire their own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters import state
from adapters.presence import EXCHANGE, ML_ENGINE, Presence
from adapters.queue import TaskQueue, celery_app
from adapters.state import StateStore
from agents.profiles import RiskProfile
from journal.database import Book, connect
from runtime.failpoints import Reach, nothing_happens, reach_function
from runtime.settings import ExchangeSettings, Settings
from runtime.soon import Soon

if TYPE_CHECKING:
    from adapters.alerts import Alerts, NullAlerts
    from adapters.exchange import Exchange
    from adapters.ml_engine import MLSignalConsumer
    from adapters.probes import Sight

WEIGHT_PER_MINUTE = 5000
"""Request weight that all workers together may spend: Binance's 6000 less a margin for look-ups by hand."""
PROBE_WEIGHT_PER_MINUTE = WEIGHT_PER_MINUTE + 100
"""A probe does not call the exchange down because trading used up its own part."""


@dataclass(frozen=True, slots=True)
class ControlServices:
    """What the control API needs: the book, the nerve and a way to announce work; no exchange, no keys."""

    settings: Settings
    book: Book
    state: StateStore
    queue: TaskQueue

    @property
    def profiles(self) -> Mapping[str, RiskProfile]:
        """Every agent's risk profile by its name."""
        return self.settings.profiles


@dataclass(frozen=True, slots=True)
class WorkerServices:
    """What a worker needs."""

    settings: Settings
    book: Book
    state: StateStore
    queue: TaskQueue
    exchange: "Exchange"
    ml_engine: "MLSignalConsumer"
    alerts: "Alerts | NullAlerts"
    reach: Reach = nothing_happens
    priced: dict[str, Sequence[str]] = field(default_factory=dict)
    """The symbols that each agent's last tick here had the prices of, for its next one to ask for ahead."""

    @property
    def profiles(self) -> Mapping[str, RiskProfile]:
        """Every agent's risk profile by its name."""
        return self.settings.profiles


def control_services(settings: Settings) -> ControlServices:
    """Wire the control API."""
    queue = TaskQueue(celery_app(settings.redis_url))
    return ControlServices(
        settings=settings,
        # Whoever calls the API does not wait for a message that only wakes a worker up.
        book=Book(connect(settings.database_url, pool_size=10), Soon(queue.announce_events, "announce").ask),
        state=StateStore(state.connect(settings.redis_url)),
        queue=queue,
    )


def worker_services(settings: Settings, exchange_settings: ExchangeSettings) -> WorkerServices:
    """Wire a worker process; called after the fork, for connections are not shared between processes."""
    # Imported here so that the control API, which also imports this module, never loads ccxt.
    from adapters.alerts import alerts  # noqa: PLC0415 - see above
    from adapters.exchange import Exchange  # noqa: PLC0415 - see above
    from adapters.ml_engine import MLSignalConsumer  # noqa: PLC0415 - see above

    store = StateStore(state.connect(settings.redis_url))
    queue = TaskQueue(celery_app(settings.redis_url))
    return WorkerServices(
        settings=settings,
        book=Book(connect(settings.database_url, pool_size=2), queue.announce_events),
        state=store,
        queue=queue,
        exchange=Exchange(
            api_key=exchange_settings.api_key,
            api_secret=exchange_settings.api_secret,
            base_url=exchange_settings.base_url,
            testnet=exchange_settings.testnet,
            spend_weight=lambda weight: store.spend_weight(weight, WEIGHT_PER_MINUTE),
            on_ban=store.note_ban,
        ),
        ml_engine=MLSignalConsumer(settings.ml_engine_url),
        alerts=alerts(settings.alert_urls),
        reach=reach_function(settings.kill_at),
    )


def presence(settings: Settings) -> Presence:
    """Wire where workers say that they are at work."""
    return Presence(state.connect(settings.redis_url))


def outside_probes(settings: Settings, exchange_settings: ExchangeSettings) -> Mapping[str, "Callable[[], Sight]"]:
    """Wire the looks at the outside that a worker's main process takes; they need neither ccxt nor keys."""
    from adapters.ml_engine import MLSignalConsumer  # noqa: PLC0415 - the control API looks at nothing outside
    from adapters.probes import EngineProbe, ExchangeProbe  # noqa: PLC0415 - see above

    store = StateStore(state.connect(settings.redis_url))
    symbol = next(iter(settings.profiles.values())).symbols[0]
    exchange = ExchangeProbe(
        exchange_settings.public_url,
        banned_until=store.banned_until,
        spend_weight=lambda weight: store.spend_weight(weight, PROBE_WEIGHT_PER_MINUTE),
        note_ban=store.note_ban,
    )
    engine = EngineProbe(MLSignalConsumer(settings.ml_engine_url), symbol)
    return {EXCHANGE: exchange.look, ML_ENGINE: engine.look}
