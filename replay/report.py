"""What a replay prints: the same text for the same input, without a clock of the real world."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from agents.model import ExitReason, plain
from agents.profiles import RiskProfile
from replay.book import Trade
from replay.engine import Replay
from replay.figures import deepest_drawdown, sharpe_ratio, trade_figures

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
        yield f"  {name:<24}{value:>{width}}".rstrip()


def _result(replay: Replay) -> Iterator[tuple[str, str]]:
    history, book = replay.history, replay.book
    begin, end = history.equity[0][1], history.equity[-1][1]
    drawdown = deepest_drawdown(history.equity)
    sharpe = sharpe_ratio(history.equity)
    yield "equity at the start", _money(begin)
    yield "equity at the end", _money(end)
    yield "return", _percent(end / begin - 1)
    yield "deepest drawdown", _percent(drawdown.depth if drawdown else Decimal(0))
    if drawdown:
        yield "  from", f"{drawdown.peak_at:%Y-%m-%d %H:%M}"
        yield "  to", f"{drawdown.trough_at:%Y-%m-%d %H:%M}"
    yield "Sharpe ratio", "-" if sharpe is None else f"{sharpe:.2f}"
    yield "time in the market", _percent(Decimal(history.bars_in_market) / history.bars)
    yield "turnover", _money(history.turnover)
    yield "fees", _money(book.fees)
    yield "positions still open", str(book.open_positions())


def _trades(trades: Sequence[Trade]) -> Iterator[tuple[str, str]]:
    figures = trade_figures(trades)
    yield "trades", f"{figures.trades:,}"
    yield "win rate", _percent(figures.win_rate)
    yield "total profit", _money(figures.total_profit)
    yield "total loss", _money(figures.total_loss)
    yield "net profit", _money(figures.net_profit)
    yield "profit factor", "-" if figures.profit_factor is None else f"{figures.profit_factor:.2f}"
    yield "expectancy", _money(figures.expectancy)
    yield "best trade", _money(figures.best)
    yield "worst trade", _money(figures.worst)
    yield "average holding time", _duration(figures.holding_time)


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


def _accounts(replay: Replay, deposits: Sequence[Decimal]) -> Iterator[tuple[str, str]]:
    for (name, end), begin in zip(replay.book.equities(replay.marks).items(), deposits, strict=True):
        yield name, f"{plain(begin)} -> {_money(end)} {_percent(end / begin - 1):>10}"


def _money(amount: Decimal | None) -> str:
    return "-" if amount is None else f"{amount:,.2f} {UNIT}"


def _percent(fraction: Decimal | None) -> str:
    return "-" if fraction is None else f"{fraction * 100:.2f} %"


def _duration(time: timedelta | None) -> str:
    if time is None:
        return "-"
    hours, minutes = divmod(round(time.total_seconds() / 60), 60)
    return f"{hours} h {minutes:02} min"
