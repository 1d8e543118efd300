"""What the last judging of an agent's accounts left behind, and what the agent is worth by prices that it covers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from agents.breakers import Equity
from agents.leeway import Leeway, Memory, Reference
from agents.model import BreakerKind


@dataclass(frozen=True, slots=True)
class Sums:
    """What an agent and the whole service are worth together at one moment; ``rose`` if one of them never was worth more."""

    at: datetime
    of_agent: Equity
    of_service: Equity
    rose: bool


def sums_in(row: Row[Any] | None) -> Sums | None:
    """The sums in a row of ``trading.follow``; None if it gave none."""
    if row is None:
        return None
    of_agent = Equity(row.now, row.day_start, row.peak)
    return Sums(row.at, of_agent, Equity(row.whole, row.whole_day_start, row.whole_peak), row.rose)


def memory_in(row: Row[Any]) -> Memory | None:
    """What the last judging left behind, in a row of :data:`journal.agenda.LOOK`; None if that is no longer valid."""
    if not row.is_remembered:
        return None
    return Memory(
        leeway=Leeway(row.lowest, row.highest),
        cash=row.cash,
        quantities=dict(zip(row.judged_symbols, row.quantities, strict=True)),
        bids=dict(zip(row.judged_symbols, row.bids, strict=True)),
        marks=dict(zip(row.judged_symbols, row.marks, strict=True)),
        agent=Reference(row.day_equity, row.peak_equity, _kinds(row.standing)),
        service=Reference(row.whole_day_equity, row.whole_peak, _kinds(row.whole_standing)),
        elsewhere=row.elsewhere,
    )


def _kinds(names: Iterable[str]) -> frozenset[BreakerKind]:
    return frozenset(map(BreakerKind, names))
