"""Counting requests while Redis is out of reach."""

import limits
import pytest
from redis.connection import ConnectionPool

from api.limits import PAUSE_SECONDS, Counts, Rate

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


def test_a_redis_that_is_gone_is_tried_again_once_in_a_while_and_the_limit_holds_meanwhile(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [100.0]
    counts = Counts(ConnectionPool.from_url(NOBODY_LISTENS), clock=lambda: now[0])
    rate = Rate(limits.parse("3/hour"), at_once=1)

    def passed(times: int) -> int:
        return sum(counts.take(rate, "a").passes for _ in range(times))

    assert passed(2) == 2
    assert len(caplog.records) == 1
    now[0] += PAUSE_SECONDS
    assert passed(5) == 1
    assert len(caplog.records) == 2
    assert counts.take(rate, "b").passes
