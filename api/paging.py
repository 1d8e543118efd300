"""Pages of lists: the newest first, with a cursor to the next."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from journal.scans import Listing

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


def scanned_page(fetch: Callable[[int], Listing], limit: int, cursor_of: str) -> Row:
    """The same of a list that looks at so many rows only; a page that found less than it may hold can have a next one."""
    found = fetch(limit + 1)
    body = page(lambda _: found.rows, limit, cursor_of)
    if body["next_cursor"] is None and found.resume is not None:
        return {**body, "next_cursor": str(found.resume)}
    return body
