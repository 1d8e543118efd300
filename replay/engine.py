"""One agent over a file of candles: the same decisions, exits, blocks and legs as in :mod:`tasks`, bar by bar.

At each bar, in this order:

1. Exit levels against the opening price.
2. The signals that are due, decided at the last closing price and filled at this opening price, one after another.
3. Exit levels against the rest of the candle.
4. Positions are marked at the closing bid; the source of signals learns the candle.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from agents.allocation import divide_exit_fills, divide_fills, limit_price
from agents.decision import decide_entries, decide_exits
from agents.errors import BookError
from agents.exits import exit_reason
from agents.model import (
    ZERO,
    Action,
    Block,
    Bracket,
    ExitReason,
    Fill,
    Market,
    Quote,
    Side,
    Signal,
    Status,
    TradingState,
)
from agents.orders import OrderState, state_after
from agents.profiles import RiskProfile
from agents.risk import Code, Situation, judge_signal
from replay.book import Book, Entry
from replay.candles import Bar, Candle
from replay.exits import judge_candle
from replay.signals import SignalSource
from replay.venue import Venue


@dataclass(slots=True)
class History:
    """What happened, for the report."""

    equity: list[tuple[datetime, Decimal]] = field(default_factory=list)
    """The equity of all accounts together at the start and at the close of every bar."""
    decisions: Counter[Code] = field(default_factory=Counter)
    orders: Counter[OrderState] = field(default_factory=Counter)
    turnover: Decimal = ZERO
    """Value of all fills, in quote."""
    bars: int = 0
    bars_in_market: int = 0


class Replay:
    """One agent, its accounts and a venue; :meth:`advance` is given every bar in order."""

    def __init__(
        self, profile: RiskProfile, markets: Mapping[str, Market], deposits: Sequence[Decimal], seed: int
    ) -> None:
        self.book = Book(profile, deposits)
        self.history = History()
        self._profile = profile
        self._markets = markets
        self._venue = Venue(markets, seed)
        self._closes: dict[str, Quote] = {}
        self.marks: dict[str, Decimal] = {}

    def run(self, bars: Iterable[Bar], signals: SignalSource) -> None:
        """Every bar, with the signals that are due at its opening."""
        for bar in bars:
            self.advance(bar, signals.due(bar.at))
            signals.see(bar)

    def advance(self, bar: Bar, signals: Iterable[Signal]) -> None:
        """One bar of the virtual clock."""
        if not self.history.equity:
            self.history.equity.append((bar.at, self.book.cash))
        self._exit_at_open(bar)
        for signal in signals:
            self._decide(signal, bar)
        self._exit_within(bar)
        for symbol, candle in bar.candles.items():
            if symbol in self._markets:
                quote = self._venue.quote(symbol, candle.close, bar.ends)
                self._closes[symbol], self.marks[symbol] = quote, quote.bid
        self.history.equity.append((bar.ends, self.book.equity(self.marks)))
        self.history.bars += 1
        self.history.bars_in_market += self.book.in_market

    def _decide(self, signal: Signal, bar: Bar) -> None:
        candle, quote = bar.candles.get(signal.symbol), self._closes.get(signal.symbol)
        if candle is None or (quote is not None and quote.at != bar.at):
            quote = None
        market = self._markets.get(signal.symbol)
        denial = judge_signal(
            Situation(
                signal=signal,
                profile=self._profile,
                symbols=self._profile.symbols,
                status=Status.RUNNING,
                trading=TradingState.ACTIVE,
                quote=quote,
                market=market,
                has_unresolved_order=False,
                now=bar.at,
            )
        )
        if denial is not None or candle is None or quote is None or market is None:
            self.history.decisions[denial.code if denial else Code.MARKET_DATA_MISSING] += 1
            return
        if signal.action is Action.SELL:
            price = limit_price(Side.SELL, quote, self._profile.max_slippage, market)
            verdict = decide_exits(self.book.positions(signal.symbol), market, price)
        else:
            price = limit_price(Side.BUY, quote, self._profile.max_slippage, market)
            verdict = decide_entries(self.book.accounts(signal.symbol, self.marks), self._profile, market, price)
        self.history.decisions[verdict.code] += 1
        if verdict.block is not None:
            self._trade(
                verdict.block, ExitReason.OPPOSITE_SIGNAL, self._venue.quote(signal.symbol, candle.open, bar.at), candle
            )

    def _exit_at_open(self, bar: Bar) -> None:
        for symbol, candle, brackets in self._exposed(bar):
            quote = self._venue.quote(symbol, candle.open, bar.at)
            for bracket in brackets:
                reason = exit_reason(bracket, quote)
                if reason is not None:
                    self._sell(bracket, reason, quote, candle)

    def _exit_within(self, bar: Bar) -> None:
        for symbol, candle, brackets in self._exposed(bar):

            def quote_at(price: Decimal, symbol: str = symbol) -> Quote:
                return self._venue.quote(symbol, price, bar.ends)

            for bracket in brackets:
                followed, reason, quote = judge_candle(bracket, candle, quote_at)
                self.book.brackets[symbol][bracket.order_id] = followed
                if reason is not None:
                    self._sell(followed, reason, quote, candle)

    def _exposed(self, bar: Bar) -> Iterable[tuple[str, Candle, list[Bracket]]]:
        for symbol, brackets in self.book.brackets.items():
            candle = bar.candles.get(symbol)
            if brackets and candle is not None:
                yield symbol, candle, list(brackets.values())

    def _sell(self, bracket: Bracket, reason: ExitReason, quote: Quote, candle: Candle) -> None:
        market = self._markets[bracket.symbol]
        price = limit_price(Side.SELL, quote, self._profile.max_slippage, market)
        verdict = decide_exits(self.book.positions(bracket.symbol, {bracket.order_id}), market, price)
        if verdict.block is not None:
            self._trade(verdict.block, reason, quote, candle)

    def _trade(self, block: Block, reason: ExitReason, quote: Quote, candle: Candle) -> None:
        """Fill a block at ``quote`` and book its legs; ``reason`` is that of a sale."""
        fills = self._venue.fill(block, quote, candle, quote.at)
        self.history.orders[state_after(block.quantity, fills)] += 1
        if not fills:
            return
        cost = sum((fill.cost for fill in fills), ZERO)
        self.history.turnover += cost
        market = self._markets[block.symbol]
        if block.side is Side.SELL:
            legs = divide_exit_fills(block.wants, fills, market, _no_third_asset)
            self.book.leave(block.symbol, legs, reason, quote.at)
            return
        entry = Entry(self.history.orders.total(), cost / _quantity(fills), quote.at)
        self.book.enter(block.symbol, entry, divide_fills(block.side, block.wants, fills, market, _no_third_asset))


def _quantity(fills: Iterable[Fill]) -> Decimal:
    return sum((fill.quantity for fill in fills), ZERO)


def _no_third_asset(asset: str) -> Decimal:
    raise BookError(f"the venue takes no commission in {asset}")
