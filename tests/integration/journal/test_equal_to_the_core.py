"""What the book works out in SQL is what the pure functions of :mod:`agents` say, account by account, to the unit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.allocation import divide_exit_fills, divide_fills, total_of
from agents.decision import decide_entries, decide_exits, judge_entries, judge_exits
from agents.model import ExitReason, Fill, Market, Quote, Side, Want
from agents.profiles import PROFILES, RiskProfile
from journal import dividing, entries, leaving
from journal.database import Book
from journal.direct import Direct
from tests.integration.reference import accounts_of, entry_at, positions_of, set_aside, shares_of

SYMBOL = "BTCUSDT"
PRICE = Decimal("45022.51")
NOW = datetime.now(UTC)
UNIT = Decimal("0.00000001")

IDS = st.text("abcXYZ019-_", min_size=1, max_size=6)
SMALL = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def market(lot_step: str = "0.00001") -> Market:
    return Market(
        SYMBOL,
        "BTC",
        "USDT",
        price_tick=Decimal("0.01"),
        lot_step=Decimal(lot_step),
        min_quantity=Decimal(lot_step),
        max_quantity=Decimal(9000),
        min_notional=Decimal(5),
        max_notional=Decimal(9_000_000),
    )


def units(least: int, most: int, exponent: int = -8) -> st.SearchStrategy[Decimal]:
    return st.integers(least, most).map(lambda number: Decimal(number).scaleb(exponent))


@st.composite
def accounts(draw: st.DrawFn) -> dict[str, object]:
    """One account's row, and what else an entry looks at."""
    return {
        "id": draw(IDS),
        "status": draw(st.sampled_from(["running", "running", "running", "paused", "stopped"])),
        "cash": draw(st.one_of(st.just(Decimal(0)), units(0, 300), units(0, 10**13), units(1, 10**6, -2))),
        "reserved": draw(st.one_of(st.just(Decimal(0)), units(0, 10**12))),
        "holds": draw(st.lists(st.sampled_from([SYMBOL, "ETHUSDT", "SOLUSDT", "XRPUSDT"]), unique=True, max_size=4)),
        "held": draw(units(1, 10**9)),
        "withdrawal": draw(st.integers(0, 9)) == 0,
        "lost_minutes_ago": draw(st.sampled_from([None, None, None, 5, 29, 31, 200])),
        "breaker": draw(st.sampled_from([None, None, None, None, "daily_loss", "drawdown"])),
    }


def store(session: Session, rows: Sequence[dict[str, object]], agent: str) -> None:
    """Write accounts as they are; what made them so does not matter here."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(
        text("INSERT INTO trading.agents (name, tick_seconds, symbols) VALUES (:agent, 1, '{}')"), {"agent": agent}
    )
    session.execute(
        text("INSERT INTO trading.marks VALUES ('ETHUSDT', 2500.13, 2500.14, now()), ('SOLUSDT', 99.87, 99.9, now())")
    )
    for row in rows:
        values = {**row, "agent": agent}
        session.execute(
            text(
                "INSERT INTO trading.accounts (id, agent, status, cash, reserved) VALUES (:id, :agent, :status, :cash, :reserved)"
            ),
            values,
        )
        for symbol in row["holds"]:  # type: ignore[attr-defined]  # a list of symbols
            session.execute(
                text(
                    "INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price, entry_order_id) "
                    "VALUES (:id, :agent, :symbol, :held, 1, 100.5, 1)"
                ),
                {**values, "symbol": symbol},
            )
        if row["withdrawal"]:
            session.execute(
                text("INSERT INTO trading.withdrawals (account_id, reference_id, amount) VALUES (:id, 'w', 1)"), values
            )
        if row["lost_minutes_ago"] is not None:
            session.execute(
                text(
                    "INSERT INTO trading.trades (account_id, agent, symbol, quantity, entry_price, exit_price, cost, proceeds, "
                    "profit_loss, reason, exit_order_id, opened_at, closed_at) VALUES (:id, :agent, 'X', 1, 1, 1, 2, 1, -1, "
                    "'stop', 1, now(), now() - make_interval(mins => :lost_minutes_ago))"
                ),
                values,
            )
        if row["breaker"] is not None:
            session.execute(
                text(
                    "INSERT INTO trading.breakers (scope, subject, agent, account_id, kind, action, allowed, reference, "
                    "equity, reason) VALUES ('account', :id, :agent, :id, :breaker, 'block', 1, 1, 1, '')"
                ),
                values,
            )


@SMALL
@given(
    rows=st.lists(accounts(), min_size=1, max_size=8, unique_by=lambda row: str(row["id"])),
    profile=st.sampled_from([*PROFILES.values(), replace(PROFILES["nova"], stop_loss=Decimal("0.03"))]),
    price=units(1, 10**8, -2),
)
def test_the_book_wants_for_every_account_what_the_core_does(
    book: Book, rows: list[dict[str, object]], profile: RiskProfile, price: Decimal
) -> None:
    with Session(book.engine) as session:
        store(session, rows, profile.name)
        entry = entry_at(session, profile.name, Quote(SYMBOL, price, price, NOW), profile, price)
        found = entries.wants(Direct.of(session), entry)
        expected = decide_entries(accounts_of(session, entry), profile, market(), price)

        verdict = judge_entries(found.numbers, found.quantity, profile, market(), price)

        assert (verdict.code, verdict.detail, verdict.accounts) == (expected.code, expected.detail, expected.accounts)
        if expected.block is None:
            return
        assert replace(expected.block, wants=()) == verdict.block
        assert set_aside(session, found, 1) == (found.rows, found.quantity)
        assert shares_of(session, 1) == [replace(want, account_number=0) for want in expected.block.wants]
        left = "SELECT count(*) FROM trading.accounts WHERE cash < 0"
        assert session.scalar(text(left)) == 0
        session.rollback()


@SMALL
@given(
    rows=st.lists(accounts(), min_size=1, max_size=8, unique_by=lambda row: str(row["id"])),
    profile=st.sampled_from([*PROFILES.values()]),
)
def test_the_book_sells_for_every_account_what_the_core_does(
    book: Book, rows: list[dict[str, object]], profile: RiskProfile
) -> None:
    with Session(book.engine) as session:
        store(session, rows, profile.name)
        for chosen in (
            leaving.signalled(profile.name, SYMBOL),
            leaving.of_entries(profile.name, SYMBOL, [1, 2]),
            leaving.of_entries(profile.name, SYMBOL, [2]),
            leaving.requested(profile.name, SYMBOL),
            leaving.of_breaker(profile.name, SYMBOL, ExitReason.DAILY_LOSS),
        ):
            found = leaving.wants(Direct.of(session), chosen)
            positions = positions_of(session, chosen)
            expected = decide_exits(positions, market(), PRICE)

            verdict = judge_exits(found.numbers, found.quantity, market(), PRICE)

            assert (verdict.code, verdict.detail) == (expected.code, expected.detail)
            assert {code: sorted(numbers) for code, numbers in expected.accounts.items()} == verdict.accounts
            with session.begin_nested() as claim:
                assert set_aside(session, found, 1) == (found.rows, found.quantity)
                assert {want.account_id for want in shares_of(session, 1)} == {p.account_id for p in positions}
                claim.rollback()
        session.rollback()


@st.composite
def divisions(draw: st.DrawFn) -> tuple[Side, list[Want], list[Fill], Market]:
    """Shares of an order and fills of no more than they ask for; commissions in any asset, amounts of any fineness."""
    finest = draw(st.sampled_from([-8, -8, -8, -5, -10, -18]))
    names = draw(st.lists(IDS, min_size=1, max_size=9, unique=True))
    side = draw(st.sampled_from(Side))
    wants = [
        Want(name, 0, draw(units(0, 10**9, finest)), keeps_rest=side is Side.SELL and draw(st.booleans()))
        for name in names
    ]
    most = sum((want.quantity for want in wants), Decimal(0))
    step = Decimal(draw(st.sampled_from(["0.00001", "0.00000001", "1"])))
    fills = []
    for number in range(draw(st.integers(1, 3))):
        quantity = min(draw(units(1, 3 * 10**9, draw(st.sampled_from([-8, -5, finest])))), most)
        most -= quantity
        if quantity <= 0:
            continue
        price = draw(units(1, 10**7, -2))
        commission = draw(units(0, 10**6))
        asset = draw(st.sampled_from(["BTC", "USDT", "BNB"]))
        commission = min(commission, quantity) if asset == "BTC" else commission
        fills.append(Fill(str(number), price, quantity, quantity * price, commission, asset, NOW))
    return side, sorted(wants, key=lambda want: want.account_id), fills, market(str(step))


@st.composite
def large_divisions(draw: st.DrawFn) -> tuple[Side, list[Want], list[Fill], Market]:
    """Shares of very many accounts: all alike, all different, or most of them small, so that many remainders are close or equal."""
    random = Random(draw(st.integers(0, 2**32)))
    exponent = draw(st.sampled_from([-8, -8, -5, -10]))
    sizes = {
        "alike": [12345] * 700,
        "different": [random.randint(0, 10**6) for _ in range(700)],
        "mostly small": [int(random.paretovariate(0.8)) for _ in range(700)],
    }
    wants = [
        Want(f"{random.getrandbits(40):x}-{number}", 0, Decimal(size).scaleb(exponent))
        for number, size in enumerate(sizes[draw(st.sampled_from(list(sizes)))])
    ]
    wanted = sum((want.quantity for want in wants), Decimal(0))
    step = Decimal("0.00001")
    part = draw(st.sampled_from(["1", "0.999999", "0.5", "0.00311"]))
    quantity = (wanted * Decimal(part) / step).to_integral_value(ROUND_FLOOR) * step
    price = draw(units(1, 10**7, -2))
    fills = [Fill("1", price, quantity, quantity * price, quantity * price / 1000, "USDT", NOW)] if quantity else []
    return draw(st.sampled_from(Side)), sorted(wants, key=lambda want: want.account_id), fills, market(str(step))


@settings(SMALL, max_examples=80)
@given(case=divisions() | large_divisions())
def test_the_book_divides_fills_as_the_core_does(book: Book, case: tuple[Side, list[Want], list[Fill], Market]) -> None:
    side, wants, fills, rules = case
    if not fills:
        return
    total = total_of(side, fills, rules, lambda _: Decimal("310.07"))
    with Session(book.engine) as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text(
                "INSERT INTO trading.shares (order_id, account_id, quantity, reserved, keeps_rest) "
                "SELECT 1, w.id, w.q, 0, w.k FROM unnest(:ids, CAST(:quantities AS numeric[]), :keeps) AS w (id, q, k)"
            ),
            {
                "ids": [want.account_id for want in wants],
                "quantities": [want.quantity for want in wants],
                "keeps": [want.keeps_rest for want in wants],
            },
        )
        division = dividing.divide(session, 1, total, rules.lot_step if side is Side.SELL else None)
        statement = (
            f"WITH {division.expressions} SELECT account_id, quantity, cost, fee_base, fee_quote, fee_other, "  # noqa: S608 - our own text
            "fee_other_value, dust FROM legs WHERE got"
        )
        found = sorted(tuple(row) for row in session.execute(text(statement), division.parameters))
        session.rollback()

    if side is Side.BUY:
        expected = divide_fills(side, wants, fills, rules, lambda _: Decimal("310.07"))
    else:
        expected = divide_exit_fills(wants, fills, rules, lambda _: Decimal("310.07"))
    as_rows = [
        (
            leg.account_id,
            leg.quantity,
            leg.cost,
            leg.fee_base,
            leg.fee_quote,
            leg.fee_other,
            leg.fee_other_value,
            leg.dust,
        )
        for leg in expected
    ]
    assert found == sorted(as_rows)
