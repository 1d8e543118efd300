"""What callers get. Money and ratios are JSON numbers, times are ISO 8601 in UTC."""

from marshmallow import Schema, fields

from api.fields import AnswerSchema, Number, Time


class Error(AnswerSchema):
    """What went wrong; the same shape for every error of every route."""

    code = fields.Integer(metadata={"description": "the HTTP status", "example": 422})
    status = fields.String(metadata={"description": "its name", "example": "Unprocessable Entity"})
    message = fields.String(
        metadata={"description": "what is wrong and what to do", "example": "initial_equity: must be a number"}
    )
    errors = fields.Dict(
        keys=fields.String(),
        metadata={
            "description": "reasons by location (json, query, headers) and by field",
            "example": {"json": {"initial_equity": ["must be a number"]}},
            "optional": True,
        },
    )


class Breaker(AnswerSchema):
    """A limit of losses that was reached: nothing is entered until it expires or is reset."""

    scope = fields.String(metadata={"enum": ["account", "agent", "service"], "description": "whose losses"})
    kind = fields.String(metadata={"enum": ["daily_loss", "drawdown"]})
    action = fields.String(
        metadata={"enum": ["block", "close"], "description": "close: positions are sold too, block: they stay"}
    )
    reason = fields.String()
    accounts = fields.Integer(metadata={"description": "how many accounts, in the standing of an agent; else 1"})
    since = Time()
    expires_at = Time(allow_none=True, metadata={"description": "null: it stays until somebody resets it"})


class Standing(AnswerSchema):
    """State and money of an agent as a whole, or of one account."""

    agent = fields.String()
    account_id = fields.String(metadata={"description": "only if the answer is about one account", "optional": True})
    status = fields.String(metadata={"enum": ["running", "paused", "stopped"]})
    agent_status = fields.String(metadata={"description": "an account trades only while its agent runs too"})
    accounts = fields.Integer()
    accounts_running = fields.Integer(metadata={"description": "of an agent as a whole", "optional": True})
    equity = Number(metadata={"description": "cash, reserved cash and open positions at the market's bid"})
    cash = Number()
    reserved = Number(metadata={"description": "set aside for orders whose outcome is open"})
    balance = Number(metadata={"description": "deposits less withdrawals plus realised profit"})
    exposure = Number(metadata={"description": "open positions at the market's bid"})
    open_positions = fields.Integer()
    version = fields.Integer(
        metadata={"description": "rises with every control call but the start of one more account"}
    )
    profile_version = fields.Integer(allow_none=True)
    style = fields.String(allow_none=True, metadata={"description": "how an investor calls the agent's risk profile"})
    symbols = fields.List(fields.String())
    tick_seconds = Number(allow_none=True)
    last_tick_at = Time(allow_none=True)
    next_tick_at = Time(allow_none=True)
    last_error = fields.String(allow_none=True)
    trading_state = fields.String(metadata={"enum": ["ACTIVE", "REDUCING", "HALTED"]})
    breakers = fields.List(fields.Nested(Breaker), metadata={"description": "what keeps it from entering"})


class Limit(AnswerSchema):
    """One limit of a risk profile."""

    value = fields.Raw(
        allow_none=True, metadata={"description": "a number, a text or a list of symbols, as the profiles file has it"}
    )
    unit = fields.String()
    meaning = fields.String()


class Profile(AnswerSchema):
    """The limits under which an agent trades."""

    agent = fields.String()
    version = fields.Integer(
        allow_none=True,
        metadata={"description": "rises with every change; each decision names its own; null: never started"},
    )
    limits = fields.Dict(
        keys=fields.String(), values=fields.Nested(Limit), metadata={"description": "by name of the limit"}
    )


class ControlAnswer(Standing):
    """The standing after a control call."""

    warning = fields.String(metadata={"description": "only if something is still to be made up for", "optional": True})


class ResetAnswer(Standing):
    """The standing after a reset of breakers."""

    breakers_reset = fields.Integer(metadata={"description": "how many ended"})


class SwitchAnswer(AnswerSchema):
    """How the switch above all agents stands."""

    state = fields.String(metadata={"enum": ["ACTIVE", "REDUCING", "HALTED"]})
    reason = fields.String()
    version = fields.Integer()
    updated_at = Time()
    breakers = fields.List(fields.Nested(Breaker), metadata={"description": "of the whole service"})
    warning = fields.String(metadata={"description": "only if something is still to be made up for", "optional": True})


class ServiceResetAnswer(SwitchAnswer):
    """How the switch stands after a reset of the service's breakers."""

    breakers_reset = fields.Integer(metadata={"description": "how many ended"})


class StartAnswer(ControlAnswer):
    """The standing of the account that now runs."""

    opened = fields.Boolean(metadata={"description": "false: it existed before and runs with its own money"})


class Position(AnswerSchema):
    """An open position; for an agent as a whole, those of its accounts in one symbol."""

    symbol = fields.String()
    side = fields.String(metadata={"enum": ["long"]})
    quantity = Number()
    entry_price = Number(metadata={"description": "paid per unit held, fees included"})
    current_price = Number(allow_none=True, metadata={"description": "the market's bid"})
    pnl = Number(allow_none=True)
    pnl_pct = Number(allow_none=True, metadata={"description": "percent of what was paid"})
    opened_at = Time(metadata={"description": "the earliest"})
    stop = Number(allow_none=True, metadata={"description": "weighted by quantity; where a trailing stop stands now"})
    target = Number(allow_none=True, metadata={"description": "weighted by quantity"})
    accounts = fields.Integer()


class Positions(AnswerSchema):
    """All open positions."""

    total_positions = fields.Integer()
    positions = fields.List(fields.Nested(Position))


class Account(Standing):
    """One investor's account."""

    kind = fields.String(metadata={"enum": ["investor", "house"]})
    peak_equity = Number()
    current_drawdown = Number()
    total_profit = Number()
    total_loss = Number()
    net_profit = Number()
    win_rate = Number()
    total_trades = fields.Integer()
    winning_trades = fields.Integer()
    unrealized_profit = Number()
    opened_at = Time()
    close_requested_at = Time(allow_none=True)
    closed_at = Time(allow_none=True, metadata={"description": "all of its money was paid out; it is not used again"})


class Health(AnswerSchema):
    """The process answers."""

    status = fields.String(metadata={"enum": ["up"]})
    agents_running = fields.Integer(allow_none=True, metadata={"description": "null while the book is out of reach"})


class Condition(AnswerSchema):
    """How one dependency is."""

    status = fields.String(metadata={"enum": ["up", "down", "unknown"]})
    detail = fields.String(allow_none=True, metadata={"description": "what is wrong, or what is there"})
    checked_at = Time()


class Readiness(AnswerSchema):
    """Whether the service can do its work."""

    status = fields.String(metadata={"enum": ["ready", "not ready"]})
    dependencies = fields.Dict(
        keys=fields.String(),
        values=fields.String(metadata={"enum": ["up", "down", "unknown"]}),
        metadata={"description": "database, redis, exchange, ml_engine, worker, beat, clock"},
    )
    details = fields.Dict(
        keys=fields.String(), values=fields.Nested(Condition), metadata={"description": "the same, with reasons"}
    )


def page_of(item: type[Schema], name: str) -> type[Schema]:
    """The schema of a page of ``item``s, the newest first; ``name`` is how the documentation calls it."""
    page: type[Schema] = AnswerSchema.from_dict(
        {
            "items": fields.List(fields.Nested(item)),
            "next_cursor": fields.String(
                allow_none=True, metadata={"description": "pass it as `cursor` for the next page; null: no more"}
            ),
        },
        name=name,
    )
    return page
