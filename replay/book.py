"""The book of a replay: what :mod:`journal` keeps in PostgreSQL, kept in memory and booked by the same rules.

For every account, always: cash + cost of open positions = what it began with + realised profit.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from agents.allocation import UNIT
from agents.breakers import LossLimits, Scope
from agents.exits import open_bracket
from agents.model import ZERO, Account, Bracket, BreakerKind, ExitReason, Leg, Position, Status
from agents.profiles import RiskProfile
from replay.losses import Losses

DUST = "dust"
"""Id of the agent's dust account."""

Marks = Mapping[str, Decimal]
"""The last bid by symbol."""


@dataclass(frozen=True, slots=True)
class Trade:
    """What was sold of one account's position: its part of the cost, and what came in after commissions."""

    account_id: str
    symbol: str
    quantity: Decimal
    cost: Decimal
    proceeds: Decimal
    fees: Decimal
    reason: ExitReason
    opened_at: datetime
    closed_at: datetime

    @property
    def profit_loss(self) -> Decimal:
        """Proceeds less cost, both with commissions."""
        return self.proceeds - self.cost


@dataclass(frozen=True, slots=True)
class Entry:
    """One filled entry order: its number, its average price and its time."""

    order_id: int
    price: Decimal
    at: datetime


@dataclass(slots=True)
class _Holding:
    """One account's open position; ``fees`` is the worth of the commission its entry paid."""

    position: Position
    entry: Entry
    fees: Decimal


@dataclass(slots=True)
class _Investor:
    id: str
    number: int
    cash: Decimal
    losses: Losses
    lost_at: datetime | None = None
    holdings: dict[str, _Holding] = field(default_factory=dict)


class Book:
    """Accounts of one agent, their positions, exit levels and closed trades."""

    def __init__(self, profile: RiskProfile, deposits: Sequence[Decimal]) -> None:
        """Open one account per deposit, numbered from 1."""
        self._profile = profile
        limits = LossLimits(profile.daily_loss, profile.max_drawdown)
        self.losses = Losses(sum(deposits, ZERO), limits)
        self._investors = {
            f"account-{number}": _Investor(f"account-{number}", number, cash, Losses(cash, limits))
            for number, cash in enumerate(deposits, start=1)
        }
        self._dust: dict[str, Position] = {}
        self._held: dict[str, Decimal] = defaultdict(Decimal)
        self._positions = 0
        self.cash = sum(deposits, ZERO)
        self.brackets: dict[str, dict[int, Bracket]] = defaultdict(dict)
        self.trades: list[Trade] = []
        self.fees = ZERO

    def accounts(self, symbol: str, marks: Marks, now: datetime) -> list[Account]:
        """Every account as an entry into ``symbol`` sees it."""
        return [self._account(investor, symbol, marks, now) for investor in self._investors.values()]

    def positions(self, symbol: str, entries: Collection[int] | None = None) -> list[Position]:
        """The open positions in ``symbol``, of the given entry orders only if any are given, and dust."""
        held = (investor.holdings.get(symbol) for investor in self._investors.values())
        found = [h.position for h in held if h and (entries is None or h.entry.order_id in entries)]
        return [*found, self._dust[symbol]] if symbol in self._dust else found

    def positions_to_leave(self, symbol: str, kind: BreakerKind) -> list[Position]:
        """The open positions in ``symbol`` of all whom a breaker of this kind stops, and dust."""
        everyone = kind in self.losses.standing
        stopped = {i.id for i in self._investors.values() if everyone or kind in i.losses.standing}
        return [each for each in self.positions(symbol) if each.is_dust or each.account_id in stopped]

    def judge_losses(self, marks: Marks, now: datetime) -> list[tuple[Scope, BreakerKind]]:
        """The breakers that trip at these prices."""
        tripped = [(Scope.AGENT, kind) for kind in self.losses.judge(self.equity(marks), now)]
        for investor in self._investors.values():
            kinds = investor.losses.judge(investor.cash + _value(investor, marks), now)
            tripped += [(Scope.ACCOUNT, kind) for kind in kinds]
        return tripped

    def standing_breakers(self) -> set[BreakerKind]:
        """The kinds that stop anyone."""
        return set(self.losses.standing).union(*(i.losses.standing for i in self._investors.values()))

    def open_positions(self) -> int:
        """How many positions accounts hold, dust left out."""
        return sum(len(investor.holdings) for investor in self._investors.values())

    def equity(self, marks: Marks) -> Decimal:
        """Cash of all accounts and their positions at the last bids."""
        return self.cash + sum((held * marks[symbol] for symbol, held in self._held.items() if held), ZERO)

    def equities(self, marks: Marks) -> dict[str, Decimal]:
        """The equity of each account."""
        return {investor.id: investor.cash + _value(investor, marks) for investor in self._investors.values()}

    @property
    def in_market(self) -> bool:
        """Whether anything is held."""
        return any(self._held.values())

    def enter(self, symbol: str, entry: Entry, legs: Iterable[Leg]) -> None:
        """Pay for a buy, and open the positions and their exit levels."""
        for leg in legs:
            investor = self._investors[leg.account_id]
            paid = leg.cost + leg.fee_quote + leg.fee_other_value
            fees = leg.fee_quote + leg.fee_other_value + leg.fee_base * entry.price
            investor.cash -= paid
            self.cash -= paid
            self._positions += 1
            received = leg.quantity - leg.fee_base
            position = Position(self._positions, investor.id, investor.number, symbol, received, paid)
            investor.holdings[symbol] = _Holding(position, entry, fees)
            self._held[symbol] += received
            self.fees += fees
        self.brackets[symbol][entry.order_id] = open_bracket(
            entry.order_id, symbol, entry.price, self._profile, entry.at
        )

    def leave(self, symbol: str, legs: Iterable[Leg], reason: ExitReason, at: datetime) -> None:
        """Book a sale: trades with their profit or loss, cash, dust; exit levels go with their last position."""
        for leg in legs:
            if leg.account_id == DUST:
                self._sell_dust(symbol, leg)
            else:
                self._sell(self._investors[leg.account_id], symbol, leg, reason, at)
        still_held = {
            holding.entry.order_id
            for investor in self._investors.values()
            if (holding := investor.holdings.get(symbol)) is not None
        }
        self.brackets[symbol] = {key: level for key, level in self.brackets[symbol].items() if key in still_held}

    def _account(self, investor: _Investor, symbol: str, marks: Marks, now: datetime) -> Account:
        value = _value(investor, marks)
        return Account(
            id=investor.id,
            number=investor.number,
            status=Status.RUNNING,
            cash=investor.cash,
            equity=investor.cash + value,
            exposure=value,
            open_positions=len(investor.holdings),
            holds_symbol=symbol in investor.holdings,
            since_loss=None if investor.lost_at is None else now - investor.lost_at,
            breaker=investor.losses.breaker,
        )

    def _sell(self, investor: _Investor, symbol: str, leg: Leg, reason: ExitReason, at: datetime) -> None:
        holding = investor.holdings[symbol]
        position = holding.position
        whole = leg.quantity + leg.dust == position.quantity
        cost = position.cost if whole else _part(position.cost, leg.quantity, position.quantity)
        entry_fees = holding.fees if whole else _part(holding.fees, leg.quantity, position.quantity)
        exit_fees = leg.fee_quote + leg.fee_other_value
        proceeds = leg.cost - exit_fees
        investor.cash += proceeds
        self.cash += proceeds
        self.fees += exit_fees
        if proceeds < cost:
            investor.lost_at = at
        self._held[symbol] -= leg.quantity + leg.dust
        self.trades.append(
            Trade(
                account_id=investor.id,
                symbol=symbol,
                quantity=leg.quantity,
                cost=cost,
                proceeds=proceeds,
                fees=entry_fees + exit_fees,
                reason=reason,
                opened_at=holding.entry.at,
                closed_at=at,
            )
        )
        self._keep_dust(symbol, leg.dust)
        if whole:
            del investor.holdings[symbol]
        else:
            rest = replace(position, quantity=position.quantity - leg.quantity, cost=position.cost - cost)
            investor.holdings[symbol] = _Holding(rest, holding.entry, holding.fees - entry_fees)

    def _keep_dust(self, symbol: str, quantity: Decimal) -> None:
        if quantity:
            held = self._dust.get(symbol) or Position(0, DUST, 0, symbol, ZERO, ZERO, is_dust=True)
            self._dust[symbol] = replace(held, quantity=held.quantity + quantity)

    def _sell_dust(self, symbol: str, leg: Leg) -> None:
        """What dust brings belongs to no account; what of it cannot be sold stays."""
        rest = self._dust[symbol].quantity - leg.quantity
        del self._dust[symbol]
        self._keep_dust(symbol, rest)


def _value(investor: _Investor, marks: Marks) -> Decimal:
    return sum((h.position.quantity * marks[symbol] for symbol, h in investor.holdings.items()), ZERO)


def _part(amount: Decimal, quantity: Decimal, whole: Decimal) -> Decimal:
    return (amount * quantity / whole).quantize(UNIT, ROUND_DOWN)
