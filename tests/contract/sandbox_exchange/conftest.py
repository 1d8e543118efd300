"""A sandbox exchange as a process, and unmodified client libraries pointed at it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import ccxt
import pytest

from sandbox.exchange.process import ExchangeProcess
from sandbox.exchange.settings import DEMO_API_KEY, DEMO_API_SECRET

Connect = Callable[..., ccxt.binance]


@pytest.fixture(scope="session")
def exchange_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeProcess]:
    process = ExchangeProcess.start(
        tmp_path_factory.mktemp("exchange"), weight_limit=1_000_000, order_limit_10s=100_000
    )
    yield process
    process.stop()


@pytest.fixture
def exchange(exchange_process: ExchangeProcess) -> Iterator[ExchangeProcess]:
    """The exchange with fresh balances, no orders, no faults, and BTCUSDT pinned at 45,000."""
    exchange_process.wipe()
    exchange_process.pin_price("BTCUSDT", 45_000)
    yield exchange_process
    exchange_process.clear_faults()
    exchange_process.unpin_price("BTCUSDT")


@pytest.fixture
def start_exchange(tmp_path: Path) -> Iterator[Callable[..., ExchangeProcess]]:
    """Starts exchanges with settings of their own."""
    processes: list[ExchangeProcess] = []

    def start(**settings: object) -> ExchangeProcess:
        processes.append(ExchangeProcess.start(tmp_path / f"exchange{len(processes)}", None, **settings))
        return processes[-1]

    yield start
    for process in processes:
        process.stop()


@pytest.fixture
def connect() -> Connect:
    """Connects a ccxt client to a running exchange, in sandbox mode and limited to spot."""

    def make(exchange: ExchangeProcess, **config: object) -> ccxt.binance:
        urls = dict.fromkeys(("public", "private", "v1"), exchange.base_url + "/api/v3")
        client = ccxt.binance(
            {
                "apiKey": DEMO_API_KEY,
                "secret": DEMO_API_SECRET,
                "enableRateLimit": False,
                "urls": {"test": urls},
                "options": {"fetchMarkets": {"types": ["spot"]}},
                **config,
            }
        )
        client.set_sandbox_mode(True)
        # ccxt chooses its table of spot errors by the URL; the numbers are the same elsewhere.
        client.exceptions["exact"] = {**client.exceptions["exact"], **client.exceptions["spot"]["exact"]}
        return client

    return make


@pytest.fixture
def client(exchange: ExchangeProcess, connect: Connect) -> ccxt.binance:
    return connect(exchange)
