"""The goals of all tables as one picture: how much of what is allowed each measure takes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #444 }
.title { font-size: 16px; font-weight: 600; fill: #111 }
.measure { text-anchor: end }
.met { fill: #1d4ed8 } .missed { fill: #dc2626 }
.goal { stroke: #111; stroke-dasharray: 4 3 }
"""
_WIDTH, _LEFT, _GOAL = 1000, 460, 760
"""Of the picture, where bars begin, and where the goal is, in pixels."""
_TOP, _ROW, _BAR = 64, 22, 14
_LONGEST = 1.4
"""A bar that misses its goal by more is cut off; its figures say how much."""
_NUMBER = re.compile(r"\d[\d.]*")


@dataclass(frozen=True, slots=True)
class Bar:
    """One measure that has a goal."""

    measure: str
    share: float
    """Of what is allowed, 1 at the goal; above it the goal is missed."""
    figures: str


def bars(page: str) -> Iterator[Bar]:
    """The measures of the page's tables that have a goal, from top to bottom."""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[4][:1] in {"≤", "≥"}:
            measure, ratio, goal = cells[0], cells[3].partition(" (")[0], cells[4]
            found, allowed = _number(ratio), _number(goal)
            share = found / allowed if goal.startswith("≤") else allowed / found
            yield Bar(measure, share, f"{ratio}  ({goal})")


def picture(page: str) -> str:
    """An SVG of the page's goals. No scripts, nothing fetched."""
    rows = list(bars(page))
    bottom = _TOP + _ROW * len(rows)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 16}" role="img">',
            f"<title>Goals</title><style>{_STYLE}</style>",
            f'<rect width="{_WIDTH}" height="{bottom + 16}" fill="#fff"/>',
            '<text x="24" y="30" class="title">How much of what is allowed each measure takes</text>',
            f'<text x="{_GOAL}" y="50" text-anchor="middle">the goal</text>',
            *(part for index, bar in enumerate(rows) for part in _row(bar, _TOP + _ROW * index)),
            f'<line class="goal" x1="{_GOAL}" x2="{_GOAL}" y1="{_TOP - 8}" y2="{bottom}"/>',
            "</svg>\n",
        ]
    )


def _row(bar: Bar, top: int) -> Iterator[str]:
    length = min(bar.share, _LONGEST) * (_GOAL - _LEFT)
    style = "met" if bar.share <= 1 else "missed"
    middle = top + _BAR - 3
    yield f'<text class="measure" x="{_LEFT - 8}" y="{middle}">{escape(bar.measure)}</text>'
    yield f'<rect class="{style}" x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR}"/>'
    yield f'<text x="{max(_LEFT + length, _GOAL) + 8:.1f}" y="{middle}">{escape(bar.figures)}</text>'


def _number(words: str) -> float:
    """The first number in ``words``."""
    found = _NUMBER.search(words)
    if found is None:
        raise ValueError(f"{words!r} has no number")
    return float(found[0])
