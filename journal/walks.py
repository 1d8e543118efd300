"""Reading a list backwards along one index, from a cursor on, so that a page costs the same wherever it begins.

Equality of the first columns is written as a range of whole index keys. Given ``agent = 'nova' ORDER BY id DESC LIMIT
100``, the planner may read the newest rows of all agents until it has enough of nova's, for it takes every value to
be spread evenly; and an agent that stopped a year ago has none among the last million.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Walk:
    """The rows of one value, by an index over ``columns`` and then ``key``.

    The statement takes ``:by_COLUMN`` for each column, and ``:low_KEY`` and ``:high_KEY``, both exclusive.
    """

    table: str
    columns: Sequence[str]
    key: Sequence[str]
    is_selective: bool = False
    """So few rows have the same values that an index over ``columns`` alone will do."""

    @property
    def statement(self) -> str:
        """Selects the whole rows, the last first."""
        low = [f":by_{name}" for name in self.columns] + [f":low_{name}" for name in self.key]
        high = [f":by_{name}" for name in self.columns] + [f":high_{name}" for name in self.key]
        names = ", ".join((*self.columns, *self.key))
        equal = "".join(f"{name} = :by_{name} AND " for name in self.columns if self.is_selective)
        return (
            f"SELECT * FROM {self.table} "  # noqa: S608 - our own names
            f"WHERE {equal}({names}) > ({', '.join(low)}) AND ({names}) < ({', '.join(high)}) ORDER BY {self.order()}"
        )

    def order(self, alias: str = "") -> str:
        """The order that the statement has, to keep it in one around it."""
        prefix = f"{alias}." if alias else ""
        return ", ".join(f"{prefix}{name} DESC" for name in (*self.columns, *self.key))


LOWEST, HIGHEST = 0, 2**63 - 1
"""Below and above all numbers that the database counts."""
