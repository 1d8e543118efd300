import math
import statistics
from itertools import pairwise
from pathlib import Path

import pytest

from sandbox.exchange.prices import ReplayedPrices, SeededPrices
from sandbox.exchange.settings import SettingError
from sandbox.exchange.symbols import SYMBOLS

GENESIS = 1_790_000_000
WEEK = 7 * 86_400
SEEDED = SeededPrices(1, 1.0, GENESIS)


def test_every_symbol_is_at_its_start_price_in_the_first_second() -> None:
    prices = SeededPrices(seed=1, volatility=1.0, genesis=GENESIS)
    for name, spec in SYMBOLS.items():
        assert prices.price(name, GENESIS) == pytest.approx(float(spec.start_price))


def test_a_price_depends_on_nothing_but_seed_symbol_and_second() -> None:
    one, other = (SeededPrices(5, 1.0, GENESIS) for _ in range(2))
    forwards = [one.price("BTCUSDT", GENESIS + i) for i in range(100)]
    backwards = [other.price("BTCUSDT", GENESIS + i) for i in reversed(range(100))]
    assert forwards == backwards[::-1]


def test_another_seed_gives_another_market() -> None:
    one, other = SeededPrices(5, 1.0, GENESIS), SeededPrices(6, 1.0, GENESIS)
    assert one.price("BTCUSDT", GENESIS + 60) != other.price("BTCUSDT", GENESIS + 60)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_prices_stay_sane_over_half_a_year_either_way(symbol: str) -> None:
    prices = SeededPrices(3, 1.0, GENESIS)
    start = float(SYMBOLS[symbol].start_price)
    for hour in range(-26 * WEEK, 26 * WEEK, 3 * 3600):
        assert start / 3 < prices.price(symbol, GENESIS + hour) < start * 3


def test_the_market_is_about_as_volatile_as_it_says() -> None:
    prices = SeededPrices(7, 1.0, GENESIS)
    hourly = [math.log(prices.price("BTCUSDT", GENESIS + i * 3600)) for i in range(500)]
    deviation = statistics.pstdev(b - a for a, b in pairwise(hourly))
    assert deviation == pytest.approx(SYMBOLS["BTCUSDT"].volatility * 60, rel=0.25)


def test_short_moves_tend_to_continue_so_that_a_momentum_model_has_something_to_see() -> None:
    prices = SeededPrices(7, 1.0, GENESIS)
    log_prices = [math.log(prices.price("ETHUSDT", GENESIS + i * 10)) for i in range(2000)]
    moves = [b - a for a, b in pairwise(log_prices)]
    assert statistics.correlation(moves[:-1], moves[1:]) > 0.08


def replay_file(folder: Path, rows: list[str]) -> Path:
    path = folder / "candles.csv"
    path.write_text("\n".join(["symbol,open_time,open,high,low,close,volume", *rows]))
    return path


def test_a_replayed_file_goes_through_each_candles_extremes_and_starts_over(tmp_path: Path) -> None:
    rows = ["BTCUSDT,60000,100,130,90,120,60", "BTCUSDT,120000,120,125,80,85,120"]
    prices = ReplayedPrices(replay_file(tmp_path, rows), GENESIS, SEEDED)
    second_candle = [prices.price("BTCUSDT", GENESIS + i) for i in range(60)]
    assert second_candle[-1] == 85
    assert min(second_candle) == 80
    assert max(second_candle) == 125
    assert prices.price("BTCUSDT", GENESIS + 119) == 120
    assert prices.price("BTCUSDT", GENESIS - 1) == 120
    assert prices.volume("BTCUSDT", GENESIS) == 2
    assert prices.price("ETHUSDT", GENESIS) == SEEDED.price("ETHUSDT", GENESIS)


@pytest.mark.parametrize(
    "rows",
    [
        ["BTCUSDT,0,100,130,90,120,60"],
        ["BTCUSDT,0,100,95,90,120,60", "BTCUSDT,60000,1,1,1,1,1"],
        ["NOPEUSDT,0,1,1,1,1,1", "NOPEUSDT,60000,1,1,1,1,1"],
        ["BTCUSDT,0,x,1,1,1,1"],
    ],
    ids=["one candle", "high below open", "unknown symbol", "not a number"],
)
def test_a_file_that_cannot_be_replayed_is_refused_naming_its_variable(tmp_path: Path, rows: list[str]) -> None:
    with pytest.raises(SettingError, match="SANDBOX_REPLAY_FILE"):
        ReplayedPrices(replay_file(tmp_path, rows), GENESIS, SEEDED)
