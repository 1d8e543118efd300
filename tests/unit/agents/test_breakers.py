"""When losses end trading, and that money coming or going is no loss."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.breakers import Equity, LossLimits, after_flow, expiry, trips
from agents.model import BreakerKind

LIMITS = LossLimits(daily_loss=Decimal("0.04"), max_drawdown=Decimal("0.10"))
MONEY = st.decimals(min_value=0, max_value=10**9, places=8)
UNIT = Decimal("1e-8")


def tripped(now: str, day_start: str, peak: str) -> list[BreakerKind]:
    return [trip.kind for trip in trips(Equity(Decimal(now), Decimal(day_start), Decimal(peak)), LIMITS)]


@pytest.mark.parametrize(
    ("equity", "kinds"),
    [
        (("100", "100", "100"), []),
        (("96.00000001", "100", "100"), []),
        (("96", "100", "100"), [BreakerKind.DAILY_LOSS]),
        (("90.00000001", "90", "100"), []),
        (("90", "90", "100"), [BreakerKind.DRAWDOWN]),
        (("50", "100", "100"), [BreakerKind.DAILY_LOSS, BreakerKind.DRAWDOWN]),
        (("0", "0", "0"), []),
        (("0", "100", "100"), [BreakerKind.DAILY_LOSS, BreakerKind.DRAWDOWN]),
    ],
)
def test_a_loss_of_exactly_the_limit_trips(equity: tuple[str, str, str], kinds: list[BreakerKind]) -> None:
    assert tripped(*equity) == kinds


def test_a_trip_says_how_much_was_lost_since_when() -> None:
    (trip,) = trips(Equity(Decimal("95.5"), Decimal(100), Decimal(100)), LIMITS)

    assert trip.reason == "lost 0.0450 since 00:00 UTC, at most 0.04 is allowed"


def test_a_daily_loss_ends_at_the_next_midnight_utc_and_a_drawdown_never() -> None:
    late = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)

    assert expiry(BreakerKind.DAILY_LOSS, late) == datetime(2027, 1, 1, tzinfo=UTC)
    assert expiry(BreakerKind.DAILY_LOSS, datetime(2027, 1, 1, tzinfo=UTC)) == datetime(2027, 1, 2, tzinfo=UTC)
    assert expiry(BreakerKind.DRAWDOWN, late) is None


@given(reference=MONEY, equity=MONEY.map(lambda money: money + UNIT), amount=MONEY, out=st.booleans())
def test_money_that_comes_or_goes_changes_no_loss(
    reference: Decimal, equity: Decimal, amount: Decimal, *, out: bool
) -> None:
    flow = -min(amount, equity - UNIT) if out else amount
    later = after_flow(reference, equity, flow)

    assert abs(later * equity - reference * (equity + flow)) <= Decimal("1e-6") * max(
        Decimal(1), reference * (equity + flow)
    )


def test_the_first_money_is_the_first_starting_point() -> None:
    assert after_flow(Decimal(0), Decimal(0), Decimal(50)) == 50
    assert after_flow(Decimal(100), Decimal(80), Decimal(-80)) == 0
    assert after_flow(Decimal("1000.1"), Decimal("1000.1"), Decimal("0.025")) == Decimal("1000.125")
