"""The adapter before the sandbox exchange; what makes sense there, before Binance's real testnet too.

The testnet takes part when TEST_ON_TESTNET=1, BINANCE_API_KEY and BINANCE_API_SECRET are set.
"""

import os
from collections.abc import Callable, Iterator

import pytest

from adapters.exchange import Exchange
from sandbox.exchange.process import ExchangeProcess
from sandbox.exchange.settings import DEMO_API_KEY, DEMO_API_SECRET

TESTNET_URL = "https://testnet.binance.vision"


@pytest.fixture(scope="session")
def venue_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeProcess]:
    process = ExchangeProcess.start(
        tmp_path_factory.mktemp("exchange"), order_limit_10s=100_000, weight_limit=1_000_000
    )
    yield process
    process.stop()


@pytest.fixture
def venue(venue_process: ExchangeProcess) -> Iterator[ExchangeProcess]:
    """A sandbox exchange that behaves, with BTCUSDT pinned at 45,000."""
    venue_process.wipe()
    venue_process.pin_price("BTCUSDT", 45_000)
    yield venue_process
    venue_process.clear_faults()
    venue_process.unpin_price("BTCUSDT")


@pytest.fixture
def connect(venue: ExchangeProcess) -> Callable[..., Exchange]:
    def make(api_key: str = DEMO_API_KEY, api_secret: str = DEMO_API_SECRET) -> Exchange:
        return Exchange(
            api_key=api_key,
            api_secret=api_secret,
            base_url=venue.base_url,
            testnet=True,
            spend_weight=lambda _weight: True,
        )

    return make


@pytest.fixture
def exchange(connect: Callable[..., Exchange]) -> Exchange:
    return connect()


@pytest.fixture(params=["sandbox", "testnet"])
def any_exchange(request: pytest.FixtureRequest) -> Exchange:
    """The adapter before the sandbox and, if asked for, before the real testnet."""
    if request.param == "sandbox":
        sandboxed: Exchange = request.getfixturevalue("exchange")
        return sandboxed
    if os.environ.get("TEST_ON_TESTNET") != "1":
        pytest.skip("TEST_ON_TESTNET=1, BINANCE_API_KEY and BINANCE_API_SECRET run this on Binance's testnet")
    return Exchange(
        api_key=os.environ["BINANCE_API_KEY"],
        api_secret=os.environ["BINANCE_API_SECRET"],
        base_url=TESTNET_URL,
        testnet=True,
        spend_weight=lambda _weight: True,
    )
