from decimal import Decimal
from itertools import pairwise

import pytest

from sandbox.exchange.amounts import is_multiple
from sandbox.exchange.candles import INTERVALS, Candle
from sandbox.exchange.clock import ManualClock
from sandbox.exchange.service import Service
from sandbox.exchange.symbols import SYMBOLS


def candles(service: Service, interval: str, seconds: int) -> list[Candle]:
    now = service.second
    return service.candles.between("BTCUSDT", INTERVALS[interval], now - seconds, now, now)


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_join_hold_their_prices_and_exist_before_the_start(service: Service, interval: str) -> None:
    rows = candles(service, interval, INTERVALS[interval] * 20)
    assert len(rows) in {20, 21}
    for earlier, later in pairwise(rows):
        assert later.open_time - earlier.open_time == INTERVALS[interval]
        assert later.open == earlier.close
    for row in rows[:-1]:
        assert row.volume > 0
    for row in rows:
        assert row.open_time % INTERVALS[interval] == 0
        assert row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high
        assert is_multiple(row.close, SYMBOLS["BTCUSDT"].tick)


def test_a_minute_is_exactly_its_seconds(service: Service) -> None:
    minute = candles(service, "1m", 120)[0]
    start = minute.open_time
    seconds = service.candles.between("BTCUSDT", 1, start, start + 59, service.second)
    assert len(seconds) == 60
    assert minute.high == max(row.high for row in seconds)
    assert minute.low == min(row.low for row in seconds)
    assert (minute.open, minute.close) == (seconds[0].open, seconds[-1].close)


def test_the_current_candle_closes_at_the_current_price_and_moves_on(service: Service, clock: ManualClock) -> None:
    clock.now = clock.now // 60_000 * 60_000 + 10_000
    assert candles(service, "1m", 0) == []
    now = service.second
    (current,) = service.candles.between("BTCUSDT", 60, now - 10, now, now)
    assert current.close == service.market.price("BTCUSDT", now)
    clock.advance(7)
    (later,) = service.candles.between("BTCUSDT", 60, now - 10, now + 7, now + 7)
    assert later.close == service.market.price("BTCUSDT", now + 7)
    assert later.volume > current.volume


@pytest.mark.parametrize("interval", INTERVALS)
def test_a_candle_has_volume_from_its_first_second_on_and_never_loses_any(service: Service, interval: str) -> None:
    length = INTERVALS[interval]
    begin = service.second // length * length
    moments = [begin, begin + length // 60, begin + length // 40, begin + length - 1, begin + length]
    volumes = [service.candles.between("BTCUSDT", length, begin, begin, now)[0].volume for now in moments]
    assert volumes[0] > 0
    assert volumes == sorted(volumes)


def test_a_pinned_price_shows_in_candles_average_and_book_and_ends_with_the_pin(
    service: Service, clock: ManualClock
) -> None:
    service.exchange.pin("BTCUSDT", Decimal(30_000))
    clock.advance(3)
    assert {row.close for row in candles(service, "1s", 2)} == {Decimal(30_000)}
    assert service.market.average_price("BTCUSDT", service.second) == 30_000
    book = service.market.book("BTCUSDT", service.second)
    assert book.bids[0].price < 30_000 < book.asks[0].price
    service.exchange.unpin("BTCUSDT")
    clock.advance(1)
    assert service.market.price("BTCUSDT", service.second) > 40_000
    assert service.market.price("BTCUSDT", service.second - 2) == 30_000


def test_day_statistics_hold_the_current_price_within_the_days_range(service: Service) -> None:
    day = service.candles.window("BTCUSDT", 86_400, service.second)
    assert day.low <= day.close <= day.high
    assert day.close == service.market.price("BTCUSDT", service.second)
