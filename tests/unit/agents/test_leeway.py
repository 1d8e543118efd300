"""Within the leeway that the last judging left, judging again finds nothing and writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agents.breakers import Equity, LossLimits, trips
from agents.leeway import Judged, Leeway, Memory, Reference, leeway
from agents.model import BreakerKind

LIMITS = LossLimits(daily_loss=Decimal("0.04"), max_drawdown=Decimal("0.10"))
STEP = Decimal("1.0005")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")

MONEY = st.decimals(min_value=0, max_value=10**7, places=8)
QUANTITY = st.decimals(min_value="0.00000001", max_value=10**4, places=8)
PRICE = st.decimals(min_value="0.0001", max_value=10**5, places=4)
CHANGE = st.sampled_from(["1", "0.9999", "1.0001", "0.99", "1.01", "0.9", "1.2", "0.96", "1.0005"]).map(Decimal)
STANDING = st.frozensets(st.sampled_from(BreakerKind))


@dataclass(frozen=True)
class Investor:
    """An account in full: what it holds of each symbol, and its two starting points."""

    cash: Decimal
    quantities: Mapping[str, Decimal]
    day_start: Decimal
    peak: Decimal
    standing: frozenset[BreakerKind]

    def holdings(self, bids: Mapping[str, Decimal]) -> Decimal:
        with localcontext(prec=100):
            return sum((quantity * bids[symbol] for symbol, quantity in self.quantities.items()), Decimal(0))

    def equity(self, bids: Mapping[str, Decimal]) -> Decimal:
        with localcontext(prec=100):
            return self.cash + self.holdings(bids)

    def finds(self, bids: Mapping[str, Decimal]) -> bool:
        """Whether judging would trip a breaker or keep a new highest equity."""
        with localcontext(prec=100):
            equity = Equity(self.equity(bids), self.day_start, self.peak)
            tripped = {trip.kind for trip in trips(equity, LIMITS)}
            return bool(tripped - self.standing) or equity.now > self.peak * STEP


@st.composite
def investors(draw: st.DrawFn, bids: Mapping[str, Decimal], min_holdings: int = 0) -> Investor:
    """An account whose starting points are near what it is worth, or anywhere."""
    quantities = draw(
        st.dictionaries(st.sampled_from(sorted(bids)), QUANTITY, min_size=min_holdings, max_size=len(bids))
    )
    account = Investor(draw(MONEY), quantities, Decimal(0), Decimal(0), draw(STANDING))
    worth = account.equity(bids)
    near = st.sampled_from(["1", "1.01", "1.0417", "1.02", "0.9996", "1.1"]).map(lambda factor: worth * Decimal(factor))
    day_start, peak = draw(near | MONEY), draw(near | MONEY)
    return Investor(account.cash, quantities, day_start, peak, account.standing)


@given(st.data())
def test_within_the_leeway_no_account_trips_and_no_highest_equity_is_to_be_kept(data: st.DataObject) -> None:
    then = data.draw(st.fixed_dictionaries(dict.fromkeys(SYMBOLS, PRICE)), "prices when judged")
    accounts = data.draw(st.lists(investors(then), max_size=5), "accounts")
    judged = [a for a in accounts if a.quantities and not a.finds(then)]
    found = leeway((Judged(a.cash, a.holdings(then), a.day_start, a.peak, a.standing) for a in judged), LIMITS, STEP)
    now = {symbol: price * data.draw(CHANGE, symbol) for symbol, price in then.items()}

    assume(found.covers(then, now))
    assert [account for account in judged if account.finds(now)] == []


@given(PRICE, CHANGE, st.data())
def test_the_leeway_of_one_account_in_one_symbol_ends_exactly_where_judging_finds_something(
    price: Decimal, change: Decimal, data: st.DataObject
) -> None:
    then = {"BTCUSDT": price}
    account = data.draw(investors(then, min_holdings=1))
    if account.finds(then):
        account = replace(account, day_start=account.equity(then), peak=account.equity(then))
    found = leeway(
        [Judged(account.cash, account.holdings(then), account.day_start, account.peak, account.standing)], LIMITS, STEP
    )
    now = {"BTCUSDT": price * change}

    assert found.covers(then, now) is not account.finds(now)


@pytest.mark.parametrize(
    ("bid", "covered"),
    [("40.00000001", False), ("40.0000001", True), ("50", True), ("50.05", True), ("50.0500001", False)],
)
def test_bounds_are_where_the_first_account_trips_or_rises(bid: str, covered: bool) -> None:  # noqa: FBT001 - a parameter
    half_in = Judged(Decimal(50), Decimal(50), Decimal(100), Decimal(100))
    all_in = Judged(Decimal(0), Decimal(100), Decimal(100), Decimal(100))
    careful = LossLimits(daily_loss=Decimal("0.1999999998"), max_drawdown=Decimal("0.5"))

    found = leeway([half_in, all_in], careful, Decimal("1.001"))

    assert found.covers({"BTCUSDT": Decimal(50)}, {"BTCUSDT": Decimal(bid)}) is covered


def test_who_holds_nothing_and_whose_breaker_stands_bounds_nothing() -> None:
    poor = Judged(Decimal(1), Decimal(0), Decimal(100), Decimal(100))
    stopped = Judged(Decimal(0), Decimal(90), Decimal(100), Decimal(100), frozenset(BreakerKind))

    found = leeway([poor, stopped], LIMITS, STEP)

    assert found.lowest is None
    assert found.covers({"A": Decimal(9)}, {"A": Decimal(1)})
    assert not found.covers({"A": Decimal(9)}, {"A": Decimal("10.1")})


@pytest.mark.parametrize(
    ("then", "now", "covered"),
    [
        ({}, {}, True),
        ({"A": None}, {}, True),
        ({"A": None}, {"A": None}, True),
        ({"A": None}, {"A": Decimal(1)}, False),
        ({"A": Decimal(1)}, {}, False),
        ({"A": Decimal(1)}, {"A": Decimal(1), "B": Decimal(7)}, True),
        ({"A": Decimal(1), "B": None}, {"A": Decimal(1), "B": Decimal(7)}, False),
    ],
)
def test_a_price_that_appears_or_vanishes_ends_the_leeway(
    then: dict[str, Decimal | None],
    now: dict[str, Decimal | None],
    covered: bool,  # noqa: FBT001 - a parameter
) -> None:
    assert Leeway(Decimal("0.5"), Decimal("1.5")).covers(then, now) is covered


def memory(agent: Reference, service: Reference, elsewhere: str = "1000") -> Memory:
    """An agent with 60 in cash, and one bitcoin that was at 40 when it was judged."""
    bids = {"BTCUSDT": Decimal(40), "NEW": None}
    return Memory(
        leeway=Leeway(Decimal("0.5"), Decimal(2)),
        cash=Decimal(60),
        quantities={"BTCUSDT": Decimal(1), "NEW": Decimal(5)},
        bids=bids,
        marks={"BTCUSDT": Decimal(41), "NEW": None},
        agent=agent,
        service=service,
        elsewhere=Decimal(elsewhere),
    )


FAR = Reference(Decimal(1), Decimal(1), frozenset())


def test_an_agents_equity_is_the_sum_by_the_present_prices_or_the_last_known_ones() -> None:
    remembered = memory(FAR, FAR)

    assert remembered.equity({"BTCUSDT": Decimal("39.123456789012345678")}) == Decimal("99.123456789012345678")
    assert remembered.equity(remembered.marks) == 101


@pytest.mark.parametrize(
    ("agent", "service", "calm"),
    [
        (FAR, FAR, True),
        (Reference(Decimal(100), Decimal(100), frozenset()), FAR, True),
        (Reference(Decimal(104), Decimal(104), frozenset()), FAR, False),
        (Reference(Decimal(104), Decimal(104), frozenset({BreakerKind.DAILY_LOSS})), FAR, True),
        (FAR, Reference(Decimal(1145), Decimal(1), frozenset()), True),
        (FAR, Reference(Decimal(1146), Decimal(1), frozenset()), False),
        (FAR, Reference(Decimal(1146), Decimal(1), frozenset({BreakerKind.DAILY_LOSS})), True),
    ],
)
def test_a_tick_is_calm_only_if_neither_the_agent_nor_the_service_trips_anew(
    agent: Reference,
    service: Reference,
    calm: bool,  # noqa: FBT001 - a parameter
) -> None:
    quoted = {"BTCUSDT": Decimal("39.84")}

    assert memory(agent, service).is_calm(quoted, LIMITS, LIMITS) is calm


def test_a_tick_past_the_leeway_is_not_calm() -> None:
    assert not memory(FAR, FAR).is_calm({"BTCUSDT": Decimal(20)}, LIMITS, LIMITS)
