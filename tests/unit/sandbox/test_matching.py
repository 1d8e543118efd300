from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sandbox.exchange.amounts import is_multiple
from sandbox.exchange.book import Book, Level, make_book
from sandbox.exchange.matching import match_order, quantity_of, take, take_quote, tradable, value_of
from sandbox.exchange.orders import OrderRequest
from sandbox.exchange.symbols import SYMBOLS

BTC = SYMBOLS["BTCUSDT"]
quantities = st.integers(1, 2_000_000).map(lambda units: units * BTC.step)
prices = st.integers(2_000_000, 8_000_000).map(lambda ticks: ticks * BTC.tick)
books = st.builds(make_book, st.just(BTC), prices, st.sampled_from([Decimal(1), Decimal("0.001")]), st.text(max_size=4))
sides = st.sampled_from(["BUY", "SELL"])


@given(books)
def test_a_book_is_sorted_uncrossed_and_in_whole_ticks_and_steps(book: Book) -> None:
    bids, asks = [level.price for level in book.bids], [level.price for level in book.asks]
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] < asks[0]
    for price, quantity in [*book.bids, *book.asks]:
        assert price > 0
        assert quantity > 0
        assert is_multiple(price, BTC.tick)
        assert is_multiple(quantity, BTC.step)


@given(prices)
def test_a_normal_book_has_a_spread_of_at_most_two_basis_points(price: Decimal) -> None:
    book = make_book(BTC, price, Decimal(1), "seed")
    assert book.asks[0].price - book.bids[0].price <= price * Decimal("0.0002")


@given(books, sides, quantities)
def test_a_taker_gets_what_it_wants_or_all_there_is_and_never_more(book: Book, side: str, quantity: Decimal) -> None:
    levels = book.opposite(side)
    assert quantity_of(take(levels, quantity)) == min(quantity, quantity_of(levels))


@given(books, sides, quantities, prices)
def test_a_taker_never_trades_beyond_its_limit_and_takes_the_best_price_first(
    book: Book, side: str, quantity: Decimal, limit: Decimal
) -> None:
    executions = take(tradable(side, limit, book.opposite(side)), quantity)
    paid = [execution.price for execution in executions]
    assert paid == sorted(paid, reverse=side == "SELL")
    assert all(price <= limit if side == "BUY" else price >= limit for price in paid)


@given(books, sides, st.integers(5, 50_000_000).map(Decimal))
def test_an_order_by_value_never_spends_more_than_it_names_and_trades_whole_steps(
    book: Book, side: str, value: Decimal
) -> None:
    levels = book.opposite(side)
    executions = take_quote(levels, value, BTC.step)
    assert value_of(executions) <= value
    assert all(got.quantity <= level.quantity for got, level in zip(executions, levels, strict=False))
    assert all(is_multiple(execution.quantity, BTC.step) for execution in executions)
    if quantity_of(executions) < quantity_of(levels):
        worst = max(level.price for level in levels)
        assert value - value_of(executions) < worst * BTC.step


def test_fill_or_kill_trades_all_or_nothing() -> None:
    levels = [Level(Decimal(100), Decimal(1)), Level(Decimal(101), Decimal(1))]

    def fill_or_kill(quantity: str) -> list[Level]:
        request = OrderRequest("BTCUSDT", "BUY", "LIMIT", "FOK", "id", Decimal(101), Decimal(quantity))
        return match_order(request, levels, Decimal(1))

    assert quantity_of(fill_or_kill("2")) == 2
    assert fill_or_kill("2.00001") == []
