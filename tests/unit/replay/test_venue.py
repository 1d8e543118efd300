"""The venue fills rather too badly than too well, and the same for the same seed."""

from decimal import Decimal

from agents.model import Block, Fill, Side, Want
from replay.candles import Candle
from replay.markets import MARKETS
from replay.venue import PARTICIPATION, Venue
from tests.unit.replay.scenes import START, candle


def block(side: Side, quantity: str, limit: str) -> Block:
    amount = Decimal(quantity)
    return Block("SOLUSDT", side, amount, Decimal(limit), (Want("account-1", 1, amount),))


def filled(side: Side, quantity: str, limit: str, *, volume: str = "1000000", seed: int = 1) -> tuple[Fill, ...]:
    venue, traded = Venue(MARKETS, seed), candle("100", volume=volume)
    return venue.fill(block(side, quantity, limit), venue.quote("SOLUSDT", traded.open, START), venue.depth(traded))


def test_a_buy_pays_the_spread_and_a_tenth_of_a_percent_of_what_it_receives() -> None:
    (fill,) = filled(Side.BUY, "10", "100.2")

    assert (fill.price, fill.quantity, fill.cost) == (Decimal("100.02"), Decimal(10), Decimal("1000.20"))
    assert (fill.commission, fill.commission_asset) == (Decimal("0.010"), "SOL")


def test_a_sale_gets_the_bid_and_pays_a_tenth_of_a_percent_in_quote() -> None:
    (fill,) = filled(Side.SELL, "10", "99.8")

    assert (fill.price, fill.commission, fill.commission_asset) == (Decimal("99.98"), Decimal("0.99980"), "USDT")


def test_an_order_whose_limit_the_market_has_left_gets_nothing() -> None:
    assert filled(Side.BUY, "10", "100.01") == ()
    assert filled(Side.SELL, "10", "99.99") == ()


def test_a_large_order_gets_at_most_a_tenth_of_the_candle_in_whole_steps() -> None:
    (fill,) = filled(Side.BUY, "500", "101", volume="1000.7777")

    assert Decimal("1000.7777") * PARTICIPATION / 2 - 1 < fill.quantity <= Decimal("1000.7777") * PARTICIPATION
    assert fill.quantity % MARKETS["SOLUSDT"].lot_step == 0


def test_a_candle_without_trades_fills_nothing() -> None:
    assert filled(Side.BUY, "10", "101", volume="0") == ()


def test_two_orders_in_one_candle_share_its_volume_and_the_next_candle_has_its_own() -> None:
    venue, first, second = Venue(MARKETS, 1), candle(volume="1000"), candle(volume="1000", bar=1)

    def quantity(traded: Candle) -> Decimal:
        depth, quote = venue.depth(traded), venue.quote("SOLUSDT", traded.open, START)
        fills = venue.fill(block(Side.BUY, "99", "101"), quote, depth)
        return sum((fill.quantity for fill in fills), Decimal(0))

    assert quantity(first) + quantity(first) + quantity(first) <= 100
    assert quantity(second) >= 50


def test_the_seed_decides_how_deep_the_market_is() -> None:
    depths = {seed: filled(Side.BUY, "500", "101", volume="1000", seed=seed) for seed in range(5)}

    assert depths == {seed: filled(Side.BUY, "500", "101", volume="1000", seed=seed) for seed in range(5)}
    assert len({fills[0].quantity for fills in depths.values()}) > 1
