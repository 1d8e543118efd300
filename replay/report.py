"""What a replay prints: the same text for the same input, without a clock of the real world."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from agents import performance
from agents import trade_statistics as statistics
from agents.model import ExitReason, plain
from agents.profiles import RiskProfile
from replay.book import Trade
from replay.engine import History, Replay
from replay.figures import average_holding_time, days_of, longest_streak, trade_totals

Name = TypeVar("Name", bound=str)

UNIT = "USDT"


def report(replay: Replay, profile: RiskProfile, deposits: Sequence[Decimal], signals: str) -> str:
    """All tables of a finished replay.

    Args:
        replay: after its last bar.
        profile: under which it ran.
        deposits: what the accounts began with.
        signals: where the signals came from, as it is printed.
    """
    history = replay.history
    (first, _), (last, _) = history.equity[0], history.equity[-1]
    return "\n".join(
        [
            f"Replay of {profile.name} ({profile.style})",
            f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, {history.bars:,} bars of {', '.join(sorted(replay.marks))}",
            f"Signals: {signals}",
            *_table("Result", _result(replay)),
            *_table("Trades", _trades(replay.book.trades)),
            *_table("Exits", _exits(replay.book.trades)),
            *_table("Orders", _counts(history.orders)),
            *_table("Breakers", _breakers(history)),
            *_table("Decisions", _counts(history.decisions)),
            *_table("Accounts", _accounts(replay, deposits)),
            "",
        ]
    )


def _table(title: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    rows = list(rows)
    yield f"\n{title}"
    width = max((len(value) for _, value in rows), default=0)
    for name, value in rows or [("none", "")]:
        yield f"  {name:<28}{value:>{width}}".rstrip()


def _result(replay: Replay) -> Iterator[tuple[str, str]]:
    history, book = replay.history, replay.book
    days = days_of(history.equity)
    fall = performance.deepest_drawdown(days.returns)
    yield "equity at the start", _money(history.equity[0][1])
    yield "equity at the end", _money(history.equity[-1][1])
    yield "return_total", _percent(performance.time_weighted_return(days.returns))
    yield "cagr", _percent(performance.annual_growth(days.returns))
    yield "volatility", _percent(performance.volatility(days.returns))
    yield "sharpe", _ratio(performance.sharpe(days.returns))
    yield "sortino", _ratio(performance.sortino(days.returns))
    yield "calmar", _ratio(performance.calmar(days.returns))
    yield "max_drawdown", _percent(fall.depth if fall else Decimal(0))
    if fall:
        yield "max_drawdown_from", f"{days.closes[fall.peak][0]:%Y-%m-%d %H:%M}"
        yield "max_drawdown_to", f"{days.closes[fall.trough][0]:%Y-%m-%d %H:%M}"
    yield "exposure_time", _percent(Decimal(history.bars_in_market) / history.bars)
    yield "traded_value", _money(history.traded_value)
    yield "fees", _money(book.fees)
    yield "open_positions", str(book.open_positions())


def _trades(trades: Sequence[Trade]) -> Iterator[tuple[str, str]]:
    totals = trade_totals(trades)
    results = [trade.profit_loss for trade in trades]
    yield "total_trades", f"{totals.trades:,}"
    yield "win_rate", _percent(statistics.win_rate(totals))
    yield "total_profit", _money(totals.profit)
    yield "total_loss", _money(totals.loss)
    yield "net_profit", _money(totals.profit - totals.loss)
    yield "average_win", _money(statistics.average_win(totals))
    yield "average_loss", _money(statistics.average_loss(totals))
    yield "profit_factor", _ratio(statistics.profit_factor(totals))
    yield "payoff_ratio", _ratio(statistics.payoff_ratio(totals))
    yield "expectancy", _money(statistics.expectancy(totals))
    yield "best_trade", _money(max(results, default=None))
    yield "worst_trade", _money(min(results, default=None))
    yield "longest_winning_streak", str(longest_streak(trades, lambda result: result > 0))
    yield "longest_losing_streak", str(longest_streak(trades, lambda result: result < 0))
    yield "average holding time", _duration(average_holding_time(trades))


def _exits(trades: Sequence[Trade]) -> Iterator[tuple[str, str]]:
    by_reason: Mapping[ExitReason, list[Trade]] = defaultdict(list)
    for trade in trades:
        by_reason[trade.reason].append(trade)
    for reason in sorted(by_reason):
        results = sum((trade.profit_loss for trade in by_reason[reason]), Decimal(0))
        yield reason, f"{len(by_reason[reason]):,} trades {_money(results):>18}"


def _counts(counter: Mapping[Name, int]) -> Iterator[tuple[str, str]]:
    for name, count in sorted(counter.items(), key=lambda item: (-item[1], item[0])):
        yield name, f"{count:,}"


def _breakers(history: History) -> Iterator[tuple[str, str]]:
    for (scope, kind), count in sorted(history.breakers.items()):
        yield f"{kind} ({scope})", f"{count:,}"


def _accounts(replay: Replay, deposits: Sequence[Decimal]) -> Iterator[tuple[str, str]]:
    for (name, end), begin in zip(replay.book.equities(replay.marks).items(), deposits, strict=True):
        yield name, f"{plain(begin)} -> {_money(end)} {_percent(end / begin - 1):>10}"


def _money(amount: Decimal | None) -> str:
    return "-" if amount is None else f"{amount:,.2f} {UNIT}"


def _ratio(number: Decimal | None) -> str:
    return "-" if number is None else f"{number:.2f}"


def _percent(fraction: Decimal | None) -> str:
    return "-" if fraction is None else f"{fraction * 100:.2f} %"


def _duration(time: timedelta | None) -> str:
    if time is None:
        return "-"
    hours, minutes = divmod(round(time.total_seconds() / 60), 60)
    return f"{hours} h {minutes:02} min"
