"""The ordered checks of one account before an entry, and how much it may put into one; the first denial wins."""

from collections.abc import Callable
from decimal import Decimal

from agents.model import Account, Status
from agents.profiles import RiskProfile
from agents.risk import Code

Check = Callable[[Account, RiskProfile], Code | None]


def account_is_running(account: Account, _profile: RiskProfile) -> Code | None:
    """A paused or stopped account enters nothing."""
    if account.status is Status.RUNNING:
        return None
    return Code.ACCOUNT_PAUSED if account.status is Status.PAUSED else Code.ACCOUNT_NOT_RUNNING


def no_withdrawal_is_pending(account: Account, _profile: RiskProfile) -> Code | None:
    """Cash that its owner waits for is not invested."""
    return Code.WITHDRAWAL_PENDING if account.withdrawal_pending else None


def symbol_is_not_held(account: Account, _profile: RiskProfile) -> Code | None:
    """Positions are not added to."""
    return Code.POSITION_ALREADY_OPEN if account.holds_symbol else None


def positions_are_few(account: Account, profile: RiskProfile) -> Code | None:
    """One more must be allowed."""
    return Code.TOO_MANY_POSITIONS if account.open_positions >= profile.max_open_positions else None


def exposure_is_below_limit(account: Account, profile: RiskProfile) -> Code | None:
    """There must be room for more; an account that owns nothing at all lacks cash, not room."""
    limit = account.equity * profile.max_exposure
    return Code.EXPOSURE_LIMIT if account.exposure and account.exposure >= limit else None


def cash_is_free(account: Account, _profile: RiskProfile) -> Code | None:
    """Some must be left."""
    return Code.INSUFFICIENT_CASH if account.cash <= 0 else None


def loss_is_digested(account: Account, profile: RiskProfile) -> Code | None:
    """The profile's cooldown since the account's last losing trade must be over."""
    return Code.COOLDOWN if account.since_loss is not None and account.since_loss < profile.cooldown else None


def no_breaker_is_tripped(account: Account, _profile: RiskProfile) -> Code | None:
    """Its own losses keep an account from entering."""
    return None if account.breaker is None else Code(account.breaker.value)


ACCOUNT_CHECKS: tuple[Check, ...] = (
    account_is_running,
    no_withdrawal_is_pending,
    symbol_is_not_held,
    positions_are_few,
    exposure_is_below_limit,
    cash_is_free,
    loss_is_digested,
    no_breaker_is_tripped,
)
"""In this order; the first denial is the account's outcome."""


def judge_account(account: Account, profile: RiskProfile) -> Code | None:
    """The first reason why this account may not enter, or None; figures are in the account's own record."""
    for check in ACCOUNT_CHECKS:
        if code := check(account, profile):
            return code
    return None


def entry_limits(account: Account, profile: RiskProfile) -> tuple[tuple[Decimal, Code], ...]:
    """Cash that one entry may take under each limit, in quote, and the code of an entry that it leaves nothing of."""
    equity = account.equity
    return (
        (equity * profile.risk_per_trade / profile.stop_loss, Code.RISK_LIMIT),
        (equity * profile.max_position, Code.POSITION_LIMIT),
        (equity * profile.max_exposure - account.exposure, Code.EXPOSURE_LIMIT),
        (account.cash, Code.INSUFFICIENT_CASH),
    )


def entry_budget(account: Account, profile: RiskProfile) -> Decimal:
    """Cash that one entry may take, commissions included, in quote.

    The least of: risk per trade over stop distance (so that a stop loses no more than the risk),
    the largest position, the room left under the exposure limit, and free cash.
    """
    return min(amount for amount, _ in entry_limits(account, profile))


def binding_limit(account: Account, profile: RiskProfile) -> Code:
    """The code of the limit that leaves an entry least."""
    return min(entry_limits(account, profile), key=lambda limit: limit[0])[1]
