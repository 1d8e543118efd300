"""Comparing two clocks across a request, without knowing when in between the other one was read."""

from datetime import datetime, timedelta

LARGEST_DIFFERENCE = timedelta(seconds=1)
"""Binance refuses requests signed more than a second ahead of its clock; nothing of ours bears more either."""


def clock_difference(theirs: datetime, *, before: datetime, after: datetime) -> timedelta:
    """By how much another clock is at least ahead of ours; negative when it is behind.

    Args:
        theirs: what the other clock showed at some moment of the request.
        before: our clock when the request was sent.
        after: our clock when its answer was there. All three are aware of their time zones.
    """
    if theirs > after:
        return theirs - after
    return min(theirs - before, timedelta(0))
