"""Pages of lists: the newest first, with a cursor to the next."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def page(fetch: Callable[[int], Sequence[Row]], limit: int, cursor_of: str) -> Row:
    """One page of at most ``limit`` rows.

    Args:
        fetch: gives at most so many rows.
        limit: the page's size.
        cursor_of: the column whose value in the page's last row leads to the next page.
    """
    rows = fetch(limit + 1)
    items = rows[:limit]
    return {"items": items, "next_cursor": str(items[-1][cursor_of]) if len(rows) > limit else None}
