"""What the exchange holds of every asset against what the accounts own, and against what both were before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from agents.model import ZERO, plain
from agents.reconciliation import Code, Discrepancy

Amounts = Mapping[str, Decimal]
"""By asset."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the exchange holds (``venue``) and what the accounts own (``assigned``) at one moment.

    ``taken_out`` is what left the exchange so far and is explained by withdrawals from accounts.
    """

    venue: Amounts
    assigned: Amounts
    taken_out: Amounts = field(default_factory=dict)

    @property
    def assets(self) -> list[str]:
        """Every asset that either has."""
        return sorted({*self.venue, *self.assigned, *self.taken_out})


@dataclass(frozen=True, slots=True)
class Explained:
    """What the book says happened since the last comparison, by asset.

    ``venue`` follows from fills and commissions, ``assigned`` from legs and flows; ``withdrawn`` is
    all that accounts ever withdrew.
    """

    venue: Amounts
    assigned: Amounts
    withdrawn: Amounts


def shortages(now: Holdings) -> list[Discrepancy]:
    """Assets of which the exchange holds less than the accounts own."""
    return [
        Discrepancy(
            Code.BALANCE_SHORT,
            asset,
            expected=owned,
            actual=held,
            size=owned - held,
            detail=f"the exchange holds {plain(held)} {asset}, the accounts own {plain(owned)}",
        )
        for asset, owned in sorted(now.assigned.items())
        if (held := now.venue.get(asset, ZERO)) < owned
    ]


def taken_out(before: Holdings, now: Holdings, explained: Explained) -> dict[str, Decimal]:
    """What left the exchange in all and is explained by withdrawals, up to now."""
    amounts = dict(before.taken_out)
    for asset, withdrawn in explained.withdrawn.items():
        expected = before.venue.get(asset, ZERO) + explained.venue.get(asset, ZERO)
        left = max(expected - now.venue.get(asset, ZERO), ZERO)
        amounts[asset] = amounts.get(asset, ZERO) + min(left, max(withdrawn - amounts.get(asset, ZERO), ZERO))
    return amounts


def drifts(before: Holdings, now: Holdings, explained: Explained) -> Iterator[Discrepancy]:
    """Changes since ``before`` that nothing in the book explains; ``now`` knows what was taken out."""
    for asset in sorted({*before.assets, *now.assets}):
        paid_out = now.taken_out.get(asset, ZERO) - before.taken_out.get(asset, ZERO)
        expected = before.venue.get(asset, ZERO) + explained.venue.get(asset, ZERO) - paid_out
        held = now.venue.get(asset, ZERO)
        if held != expected:
            code = Code.BALANCE_DRIFT if held < expected else Code.BALANCE_SURPLUS
            detail = f"the exchange holds {plain(held)} {asset} and not {plain(expected)}, as fills explain"
            yield Discrepancy(code, asset, expected, held, abs(held - expected), detail)
        owned = now.assigned.get(asset, ZERO)
        booked = before.assigned.get(asset, ZERO) + explained.assigned.get(asset, ZERO)
        if owned != booked:
            detail = f"the accounts own {plain(owned)} {asset} and not {plain(booked)}, as legs and flows explain"
            yield Discrepancy(Code.ASSIGNED_DRIFT, asset, booked, owned, abs(owned - booked), detail)
