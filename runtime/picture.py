"""Equity over time as an SVG: the line above, the drawdown from its peak below. No scripts, nothing fetched."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import escape
from itertools import accumulate

Point = tuple[datetime, Decimal]

WIDTH, HEIGHT = 960, 520
_LEFT, _RIGHT = 84, 936
_EQUITY = (56, 336)
"""Top and bottom of the equity's panel, in pixels."""
_DRAWDOWN = (376, 476)
_MOST_POINTS = 1200
_TIME_TICKS = 6
_STEPS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 10080)
)
_MONTH = timedelta(days=30)

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #444 }
.title { font-size: 16px; font-weight: 600; fill: #111 }
.grid { stroke: #e4e4e7 }
.equity { fill: none; stroke: #1d4ed8; stroke-width: 1.5; stroke-linejoin: round }
.drawdown { fill: #fecaca; stroke: #dc2626 }
.end { text-anchor: end }
.middle { text-anchor: middle }
"""


def equity_picture(
    points: Sequence[Point], title: str, unit: str = "USDT", drawdowns: Sequence[Decimal] | None = None
) -> str:
    """The picture of an equity curve.

    Args:
        points: moments and equity, in order of time; a curve needs two points, fewer give empty axes.
        title: what is shown, written above it.
        unit: what equity is counted in.
        drawdowns: one fraction for each point, from 0 to 1; without them the falls from the highest equity so far,
            which is wrong where money was paid in or out.
    """
    kept = _thinned(points)
    drawn = [points[index] for index in kept]
    falls = _falls(drawn) if drawdowns is None else [float(-drawdowns[index]) for index in kept]
    times = [at.timestamp() for at, _ in drawn]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(_LEFT, 28, title, "title"),
        _text(_LEFT, 48, f"Equity, {unit}"),
        _text(_LEFT, _DRAWDOWN[0] - 10, "Drawdown from the peak so far, %"),
    ]
    if len(drawn) > 1 and times[-1] > times[0]:
        parts += _time_axis(drawn[0][0], drawn[-1][0])
        parts += _equity_panel(times, [float(equity) for _, equity in drawn])
        parts += _drawdown_panel(times, [100 * fall for fall in falls])
    else:
        parts.append(_text(WIDTH // 2, HEIGHT // 2, "Not enough points yet", "middle"))
    return "\n".join([*parts, "</svg>\n"])


def _falls(points: Sequence[Point]) -> list[float]:
    """From the highest equity so far, as negative fractions."""
    peaks = accumulate((float(equity) for _, equity in points), max)
    return [float(equity) / peak - 1 if peak > 0 else 0.0 for (_, equity), peak in zip(points, peaks, strict=True)]


def _thinned(points: Sequence[Point]) -> list[int]:
    """The indexes of at most ``_MOST_POINTS``, with the lowest and highest of every stretch, so that no peak is lost."""
    stretch = math.ceil(len(points) / (_MOST_POINTS // 2 - 1))
    if len(points) <= _MOST_POINTS:
        return list(range(len(points)))
    kept = {0, len(points) - 1}
    for begin in range(0, len(points), stretch):
        indexes = range(begin, min(begin + stretch, len(points)))
        kept |= {min(indexes, key=lambda i: points[i][1]), max(indexes, key=lambda i: points[i][1])}
    return sorted(kept)


def _time_axis(first: datetime, last: datetime) -> Iterator[str]:
    for tick, label in _time_ticks(first, last):
        x = _LEFT + (tick - first) / (last - first) * (_RIGHT - _LEFT)
        for top, bottom in (_EQUITY, _DRAWDOWN):
            yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'
        yield _text(x, _DRAWDOWN[1] + 20, label, "middle")
    yield _text(_RIGHT, HEIGHT - 6, "UTC", "end")


def _time_ticks(first: datetime, last: datetime) -> Iterator[tuple[datetime, str]]:
    """Round moments between the two, with what is written below them: first days of months over long spans."""
    span = last - first
    step = next((step for step in _STEPS if span / step <= _TIME_TICKS), None)
    if step is None:
        months = math.ceil(span / _MONTH / _TIME_TICKS)
        for month in range(first.year * 12 + first.month, last.year * 12 + last.month):
            if month % months == 0:
                yield datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC), f"{month // 12}-{month % 12 + 1:02}"
        return
    tick = datetime.fromtimestamp(math.ceil(first.timestamp() / step.total_seconds()) * step.total_seconds(), UTC)
    while tick <= last:
        yield tick, tick.strftime("%Y-%m-%d" if step >= timedelta(days=1) else "%m-%d %H:%M")
        tick += step


def _equity_panel(times: Sequence[float], values: Sequence[float]) -> Iterator[str]:
    low, high = min(values), max(values)
    margin = (high - low) * 0.05 or abs(high) * 0.01 or 1.0
    low, high = low - margin, high + margin
    yield from _value_axis(_EQUITY, low, high, 6)
    yield f'<polyline class="equity" points="{_path(times, values, _EQUITY, low, high)}"/>'


def _drawdown_panel(times: Sequence[float], percents: Sequence[float]) -> Iterator[str]:
    low = min(min(percents) * 1.05, -0.1)
    yield from _value_axis(_DRAWDOWN, low, 0.0, 4)
    top = _DRAWDOWN[0]
    line = _path(times, percents, _DRAWDOWN, low, 0.0)
    yield f'<polygon class="drawdown" points="{_LEFT},{top} {line} {_RIGHT},{top}"/>'


def _value_axis(panel: tuple[int, int], low: float, high: float, ticks: int) -> Iterator[str]:
    step = _round_step((high - low) / ticks)
    decimals = max(0, -math.floor(math.log10(step)))
    value = math.ceil(low / step) * step
    while value <= high + step / 1000:
        y = _height(panel, low, high, value)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(_LEFT - 8, y + 4, f"{value + 0.0:,.{decimals}f}", "end")
        value += step


def _round_step(least: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is not below ``least``."""
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10, 20) if power * factor >= least)


def _path(times: Sequence[float], values: Sequence[float], panel: tuple[int, int], low: float, high: float) -> str:
    width = (_RIGHT - _LEFT) / (times[-1] - times[0])
    return " ".join(
        f"{_LEFT + (time - times[0]) * width:.1f},{_height(panel, low, high, value):.1f}"
        for time, value in zip(times, values, strict=True)
    )


def _height(panel: tuple[int, int], low: float, high: float, value: float) -> float:
    top, bottom = panel
    return bottom - (value - low) / (high - low) * (bottom - top)


def _text(x: float, y: float, words: str, style: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}"{f" class={style!r}" if style else ""}>{escape(words)}</text>'
