from collections.abc import Callable

import pytest

from sandbox.exchange.clock import ManualClock
from sandbox.exchange.errors import ExchangeError
from sandbox.exchange.limits import Limits
from sandbox.exchange.settings import Settings


def refusal_of(action: Callable[[], object]) -> ExchangeError:
    with pytest.raises(ExchangeError) as refusal:
        action()
    return refusal.value


def test_beyond_the_minutes_weight_requests_are_429_until_the_next_minute(clock: ManualClock) -> None:
    limits = Limits(Settings(weight_limit=10), clock)
    clock.now = 90_000
    limits.charge(10)
    assert limits.headers() == {"X-MBX-USED-WEIGHT-1M": "10"}
    refused = refusal_of(lambda: limits.charge(1))
    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, -1003, "30")
    clock.advance(30)
    limits.charge(1)
    assert limits.headers() == {"X-MBX-USED-WEIGHT-1M": "1"}


def test_going_on_after_429_is_banned_for_a_while(clock: ManualClock) -> None:
    limits = Limits(Settings(weight_limit=1, abuse_limit=3, ban_seconds=120), clock)
    limits.charge(1)
    statuses = [refusal_of(lambda: limits.charge(1)).status for _ in range(5)]
    assert statuses == [429, 429, 429, 418, 418]
    clock.advance(100)
    banned = refusal_of(lambda: limits.charge(1))
    assert (banned.status, banned.headers["Retry-After"]) == (418, "20")
    clock.advance(20)
    limits.charge(1)


def test_unfilled_orders_beyond_the_limit_are_429_with_minus_1015(clock: ManualClock) -> None:
    limits = Limits(Settings(order_limit_10s=2), clock)
    assert limits.count_order() == {"X-MBX-ORDER-COUNT-10S": "1", "X-MBX-ORDER-COUNT-1D": "1"}
    limits.count_order()
    refused = refusal_of(limits.require_order)
    assert (refused.status, refused.code) == (429, -1015)
    assert refused.message == "Too many new orders; current limit is 2 orders per 10 SECOND."
    assert "Retry-After" in refused.headers
    clock.advance(10)
    limits.require_order()


def test_a_filled_order_counts_no_longer(clock: ManualClock) -> None:
    limits = Limits(Settings(order_limit_10s=1), clock)
    for _ in range(5):
        limits.require_order()
        limits.count_order()
        limits.credit_fill(1)


def test_requests_are_counted_apart_from_their_weight(clock: ManualClock) -> None:
    limits = Limits(Settings(raw_request_limit=2), clock)
    limits.charge(1)
    limits.charge(1)
    assert refusal_of(lambda: limits.charge(1)).status == 429
