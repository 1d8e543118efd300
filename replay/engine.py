"""One agent over a file of candles: the same decisions, exits, blocks and legs as in :mod:`tasks`, bar by bar.

At each bar, in this order:

1. Exit levels against the opening price; then, at that price, whoever a breaker makes leave.
2. The signals that are due, decided at the last closing price and filled at this opening price, one after another.
3. Exit levels against the rest of the candle.
4. Positions are marked at the closing bid and losses judged; the source of signals learns the candle.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from agents.allocation import divide_exit_fills, divide_fills, limit_price
from agents.breakers import Scope
from agents.decision import Verdict, decide_entries, decide_exits, denied, judge_depth
from agents.errors import BookError
from agents.exits import exit_reason
from agents.model import (
    ZERO,
    Action,
    Block,
    Bracket,
    BreakerKind,
    ExitReason,
    Fill,
    Market,
    Position,
    Quote,
    Side,
    Signal,
    Status,
    TradingState,
)
from agents.orders import OrderState, state_after
from agents.profiles import BreakerAction, RiskProfile
from agents.risk import Code, Denial, Situation, judge_signal
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
    breakers: Counter[tuple[Scope, BreakerKind]] = field(default_factory=Counter)
    """How often each breaker has tripped."""
    traded_value: Decimal = ZERO
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
        self._leave_after_losses(bar)
        for signal in signals:
            self._decide(signal, bar)
        self._exit_within(bar)
        for symbol, candle in bar.candles.items():
            if symbol in self._markets:
                quote = self._venue.quote(symbol, candle.close, bar.ends)
                self._closes[symbol], self.marks[symbol] = quote, quote.bid
        self.history.equity.append((bar.ends, self.book.equity(self.marks)))
        self.history.breakers.update(self.book.judge_losses(self.marks, bar.ends))
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
                breaker=self._breaker(),
            )
        )
        if denial is not None or candle is None or quote is None or market is None:
            self.history.decisions[denial.code if denial else Code.MARKET_DATA_MISSING] += 1
            return
        verdict, depth = self._verdict(signal, quote, market), ZERO
        if verdict.block is not None:
            depth = self._venue.depth(candle)
            verdict = self._if_deep_enough(verdict, verdict.block, depth)
        self.history.decisions[verdict.code] += 1
        if verdict.block is not None:
            opening = self._venue.quote(signal.symbol, candle.open, bar.at)
            self._trade(verdict.block, ExitReason.OPPOSITE_SIGNAL, opening, depth)

    def _verdict(self, signal: Signal, quote: Quote, market: Market) -> Verdict:
        symbol, profile = signal.symbol, self._profile
        if signal.action is Action.SELL:
            price = limit_price(Side.SELL, quote, profile.max_slippage, market)
            return decide_exits(self.book.positions(symbol), market, price)
        price = limit_price(Side.BUY, quote, profile.max_slippage, market)
        return decide_entries(self.book.accounts(symbol, self.marks, quote.at), profile, market, price)

    def _if_deep_enough(self, verdict: Verdict, block: Block, depth: Decimal) -> Verdict:
        if block.side is Side.SELL:
            return verdict
        denial = judge_depth(block, depth, self._profile, self._markets[block.symbol])
        return denied(verdict, denial) if denial else verdict

    def _exit_at_open(self, bar: Bar) -> None:
        for symbol, candle, brackets in self._exposed(bar):
            quote = self._venue.quote(symbol, candle.open, bar.at)
            for bracket in brackets:
                reason = exit_reason(bracket, quote)
                if reason is not None:
                    self._sell(self.book.positions(symbol, {bracket.order_id}), reason, quote, candle)

    def _leave_after_losses(self, bar: Bar) -> None:
        if self._profile.breaker_action is not BreakerAction.CLOSE:
            return
        for kind in sorted(self.book.standing_breakers()):
            for symbol, candle, _ in self._exposed(bar):
                quote = self._venue.quote(symbol, candle.open, bar.at)
                self._sell(self.book.positions_to_leave(symbol, kind), ExitReason(kind.value), quote, candle)

    def _breaker(self) -> Denial | None:
        kind = self.book.losses.breaker
        return None if kind is None else Denial(Code(kind.value), "the agent has lost too much")

    def _exit_within(self, bar: Bar) -> None:
        for symbol, candle, brackets in self._exposed(bar):

            def quote_at(price: Decimal, symbol: str = symbol) -> Quote:
                return self._venue.quote(symbol, price, bar.ends)

            for bracket in brackets:
                followed, reason, quote = judge_candle(bracket, candle, quote_at)
                self.book.brackets[symbol][bracket.order_id] = followed
                if reason is not None:
                    self._sell(self.book.positions(symbol, {bracket.order_id}), reason, quote, candle)

    def _exposed(self, bar: Bar) -> Iterable[tuple[str, Candle, list[Bracket]]]:
        for symbol, brackets in self.book.brackets.items():
            candle = bar.candles.get(symbol)
            if brackets and candle is not None:
                yield symbol, candle, list(brackets.values())

    def _sell(self, positions: Sequence[Position], reason: ExitReason, quote: Quote, candle: Candle) -> None:
        market = self._markets[candle.symbol]
        price = limit_price(Side.SELL, quote, self._profile.max_slippage, market)
        verdict = decide_exits(positions, market, price)
        if verdict.block is not None:
            self._trade(verdict.block, reason, quote, self._venue.depth(candle))

    def _trade(self, block: Block, reason: ExitReason, quote: Quote, depth: Decimal) -> None:
        """Fill a block at ``quote``, ``depth`` of it at most, and book its legs; ``reason`` is that of a sale."""
        fills = self._venue.fill(block, quote, depth)
        self.history.orders[state_after(block.quantity, fills)] += 1
        if not fills:
            return
        cost = sum((fill.cost for fill in fills), ZERO)
        self.history.traded_value += cost
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
