"""From a signal and the accounts' holdings to what each account wants, or the coded reason why not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from types import MappingProxyType

from agents.account_risk import binding_limit, entry_budget, judge_account
from agents.allocation import UNIT, size_block
from agents.model import ZERO, Account, Block, Market, Position, Side, Want, plain
from agents.profiles import RiskProfile
from agents.risk import Code, Denial

_ALL_WHOLE: Mapping[int, Decimal] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for an agent and for each of its accounts.

    ``accounts`` holds the numbers of the accounts that a code applies to; empty when ``code`` is the
    same for all of them.
    """

    code: Code
    detail: str
    accounts: Mapping[Code, Sequence[int]]
    block: Block | None = None


def decide_entries(accounts: Iterable[Account], profile: RiskProfile, market: Market, price: Decimal) -> Verdict:
    """What every account buys at most at ``price``, as one block, or why it does not.

    Args:
        accounts: all accounts of the agent, whatever their status.
        profile: the agent's limits.
        market: the symbol's trading rules.
        price: the block's limit price.
    """
    wants: list[Want] = []
    numbers: dict[Code, list[int]] = {}
    for account in accounts:
        code = judge_account(account, profile)
        want = None if code else want_entry(account, profile, price)
        if want:
            wants.append(want)
        numbers.setdefault(Code.ORDERED if want else code or binding_limit(account, profile), []).append(account.number)
    wanted = sum((want.quantity for want in wants), ZERO)
    return _with_wants(judge_entries(numbers, wanted, profile, market, price), wants)


def judge_entries(
    numbers: Mapping[Code, Sequence[int]], wanted: Decimal, profile: RiskProfile, market: Market, price: Decimal
) -> Verdict:
    """:func:`decide_entries` once it is known what each account wants.

    Args:
        numbers: of the accounts by code; those that buy have ``ordered``.
        wanted: what they buy together.
        profile: the agent's limits.
        market: the symbol's trading rules.
        price: the block's limit price.

    Returns:
        The verdict; its block is without wants.
    """
    if Code.ORDERED not in numbers:
        return _nobody_wants(numbers)
    verdict = _as_block(Side.BUY, market, price, wanted, numbers)
    return verdict if verdict.block is None else _if_exitable(verdict, verdict.block, profile, market)


def _if_exitable(verdict: Verdict, block: Block, profile: RiskProfile, market: Market) -> Verdict:
    worth, least = block.quantity * block.limit_price, smallest_entry(profile, market, block.limit_price)
    if worth >= least:
        return verdict
    detail = f"{plain(worth)} {market.quote} could not be sold any more at the stop, {least:.2f} could"
    return denied(verdict, Denial(Code.NOT_EXITABLE, detail))


def denied(verdict: Verdict, denial: Denial) -> Verdict:
    """The verdict without its block: whoever was part of it is told why."""
    accounts = {denial.code if code is Code.ORDERED else code: numbers for code, numbers in verdict.accounts.items()}
    return Verdict(denial.code, denial.detail, accounts)


def judge_depth(block: Block, offered: Decimal, profile: RiskProfile, market: Market) -> Denial | None:
    """Why a buy would slip too far, or None.

    A block larger than what is on offer is filled in part, which is no harm. But a part so small that it
    could not be sold any more is.

    Args:
        block: the buy.
        offered: what the market offers up to the block's limit price.
        profile: whose slippage made the limit price.
        market: the symbol's trading rules.
    """
    least = smallest_entry(profile, market, block.limit_price)
    if offered * block.limit_price >= least:
        return None
    return Denial(
        Code.SLIPPAGE_TOO_HIGH,
        f"up to {plain(block.limit_price)}, {profile.max_slippage} past the best price, only {plain(offered)} "
        f"{market.base} is offered",
    )


def smallest_entry(profile: RiskProfile, market: Market, price: Decimal) -> Decimal:
    """The least notional of an entry at ``price`` that the exchange still takes back at the stop.

    What is bought shrinks by commission and by up to a lot step, and is then worth the stop's price less
    the slippage. Anything smaller could be entered but not left.
    """
    kept = (1 - profile.stop_loss) * (1 - profile.max_slippage) * (1 - profile.fee_reserve)
    return market.min_notional / kept + market.lot_step * price


def want_entry(account: Account, profile: RiskProfile, price: Decimal) -> Want | None:
    """The quantity whose cost at ``price`` and fee reserve fit the account's budget; None if that is nothing.

    The cash set aside is rounded up, with one unit more for the rounding of fees, so that no fill
    within the limit price can cost more.
    """
    budget = entry_budget(account, profile) - 2 * UNIT
    with_reserve = price * (1 + profile.fee_reserve)
    quantity = (budget / with_reserve).quantize(UNIT, ROUND_FLOOR)
    if quantity <= 0:
        return None
    reserved = (quantity * with_reserve).quantize(UNIT, ROUND_CEILING) + UNIT
    return Want(account.id, account.number, quantity, reserved)


def decide_exits(
    positions: Sequence[Position], market: Market, price: Decimal, parts: Mapping[int, Decimal] = _ALL_WHOLE
) -> Verdict:
    """All given positions of one symbol sold, as one block at ``price`` or better, or why not.

    Args:
        positions: what leaves, and the agent's dust.
        market: the symbol's trading rules.
        price: the block's limit price.
        parts: how much is sold of a position, by its id; one that is not named is sold whole.
    """
    wants = [_want_exit(position, parts.get(position.id, position.quantity)) for position in positions]
    numbers = [position.account_number for position in positions if not position.is_dust]
    return _with_wants(judge_exits(numbers, sum((want.quantity for want in wants), ZERO), market, price), wants)


def judge_exits(numbers: Sequence[int], wanted: Decimal, market: Market, price: Decimal) -> Verdict:
    """:func:`decide_exits` of what is known as a sum only.

    Args:
        numbers: of the accounts that sell, the dust account left out.
        wanted: what is sold together, dust included.
        market: the symbol's trading rules.
        price: the block's limit price.

    Returns:
        The verdict; its block is without wants.
    """
    if not numbers:
        return Verdict(Code.NO_POSITION, "nothing is held", {})
    return _as_block(Side.SELL, market, price, wanted, {Code.ORDERED: numbers})


def _want_exit(position: Position, quantity: Decimal) -> Want:
    rest = quantity < position.quantity
    return Want(position.account_id, position.account_number, quantity, keeps_rest=rest)


def _as_block(
    side: Side, market: Market, price: Decimal, wanted: Decimal, numbers: Mapping[Code, Sequence[int]]
) -> Verdict:
    block = size_block(side, market, price, wanted)
    if isinstance(block, Denial):
        return denied(Verdict(block.code, block.detail, numbers), block)
    return Verdict(
        Code.ORDERED, f"{_accounts(len(numbers[Code.ORDERED]))} in one block of {plain(block.quantity)}", numbers, block
    )


def _accounts(count: int) -> str:
    return "1 account" if count == 1 else f"{count} accounts"


def _with_wants(verdict: Verdict, wants: Sequence[Want]) -> Verdict:
    """What each account asked for, put into the block sorted by account id."""
    if verdict.block is None:
        return verdict
    in_order = tuple(sorted(wants, key=lambda want: want.account_id))
    return replace(verdict, block=replace(verdict.block, wants=in_order))


def _nobody_wants(numbers: Mapping[Code, Sequence[int]]) -> Verdict:
    if not numbers:
        return Verdict(Code.NO_ACCOUNTS, "the agent serves no account", {})
    commonest = max(numbers, key=lambda code: len(numbers[code]))
    return Verdict(commonest, "no account may enter", numbers)
