from datetime import UTC, datetime, timedelta

import pytest

from agents.clock import clock_difference

SENT = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANSWERED = SENT + timedelta(seconds=3)


@pytest.mark.parametrize(("shown", "ahead"), [(-2, -2), (0, 0), (1.5, 0), (3, 0), (7, 4)])
def test_only_what_the_time_of_the_request_cannot_explain_is_a_difference(shown: float, ahead: float) -> None:
    difference = clock_difference(SENT + timedelta(seconds=shown), before=SENT, after=ANSWERED)
    assert difference == timedelta(seconds=ahead)
