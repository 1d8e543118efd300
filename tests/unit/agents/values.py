"""Well-formed values to vary one field of."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from agents.allocation import size_block
from agents.model import Account, Action, Block, Fill, Market, Position, Quote, Side, Signal, Status, TradingState, Want
from agents.profiles import ATLAS, SYMBOLS, RiskProfile
from agents.risk import Denial, Situation

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def market(
    *,
    base: str = "BTC",
    tick: str = "0.01",
    step: str = "0.00001",
    min_quantity: str = "0.00001",
    max_quantity: str = "9000",
    min_notional: str = "5",
    max_notional: str = "9000000",
) -> Market:
    return Market(
        symbol=base + "USDT",
        base=base,
        quote="USDT",
        price_tick=Decimal(tick),
        lot_step=Decimal(step),
        min_quantity=Decimal(min_quantity),
        max_quantity=Decimal(max_quantity),
        min_notional=Decimal(min_notional),
        max_notional=Decimal(max_notional),
    )


def quote(bid: str = "44999", ask: str = "45001", symbol: str = "BTCUSDT") -> Quote:
    return Quote(symbol, Decimal(bid), Decimal(ask), NOW)


def signal(
    action: Action = Action.BUY,
    *,
    confidence: str = "0.9",
    price: str = "45000",
    symbol: str = "BTCUSDT",
    age: timedelta = timedelta(0),
) -> Signal:
    return Signal("sig-1", symbol, action, Decimal(confidence), Decimal(price), NOW - age)


_MARKET, _QUOTE, _SIGNAL = market(), quote(), signal()


def situation(
    advice: Signal = _SIGNAL,
    *,
    profile: RiskProfile = ATLAS,
    status: Status = Status.RUNNING,
    trading: TradingState = TradingState.ACTIVE,
    offer: Quote | None = _QUOTE,
    rules: Market | None = _MARKET,
    unresolved: bool = False,
    symbols: tuple[str, ...] = SYMBOLS,
    busy: bool = False,
) -> Situation:
    return Situation(
        signal=advice,
        profile=profile,
        symbols=symbols,
        status=status,
        trading=trading,
        quote=offer,
        market=rules,
        has_unresolved_order=unresolved,
        now=NOW,
        is_exchange_busy=busy,
    )


def account(
    cash: str = "1000",
    *,
    number: int = 1,
    name: str | None = None,
    status: Status = Status.RUNNING,
    equity: str | None = None,
    exposure: str = "0",
    open_positions: int = 0,
    holds_symbol: bool = False,
    since_loss: timedelta | None = None,
) -> Account:
    return Account(
        id=name or f"investor-{number}",
        number=number,
        status=status,
        cash=Decimal(cash),
        equity=Decimal(equity if equity is not None else cash),
        exposure=Decimal(exposure),
        open_positions=open_positions,
        holds_symbol=holds_symbol,
        since_loss=since_loss,
    )


def want(quantity: str | Decimal, name: str = "a", number: int = 1, reserved: str = "0") -> Want:
    return Want(name, number, Decimal(quantity), Decimal(reserved))


def position(quantity: str, number: int = 1, cost: str = "100") -> Position:
    return Position(number, f"investor-{number}", number, "BTCUSDT", Decimal(quantity), Decimal(cost))


def fill(
    quantity: str | Decimal,
    price: str | Decimal = "45000",
    commission: str | Decimal = "0",
    asset: str = "BTC",
    trade_id: str = "1",
) -> Fill:
    amount, at_price = Decimal(quantity), Decimal(price)
    return Fill(trade_id, at_price, amount, amount * at_price, Decimal(commission), asset, NOW)


def build_block(side: Side, rules: Market, price: Decimal, wants: Sequence[Want]) -> Block | Denial:
    """One order for all wants, which it holds sorted by account id; or why the exchange would not take it."""
    block = size_block(side, rules, price, sum((want.quantity for want in wants), Decimal(0)))
    if isinstance(block, Denial):
        return block
    return replace(block, wants=tuple(sorted(wants, key=lambda want: want.account_id)))
