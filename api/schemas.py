"""What callers may send. Unknown fields of a body are ignored, unknown query parameters too."""

from types import MappingProxyType

from marshmallow import EXCLUDE, Schema, fields, validate

from agents.model import Status
from agents.orders import OrderState
from api.fields import (
    ACCOUNT_ID,
    AGENT,
    CLIENT_ORDER_ID,
    CODE,
    LARGEST_AMOUNT,
    REASON,
    ROW_ID,
    SIGNAL_ID,
    SMALLEST_AMOUNT,
    SYMBOL,
    QueryInteger,
    QueryNumber,
    check_amount,
    check_flag,
)

LONGEST_WAIT = 25
MOST_PER_PAGE = 500
MOST_DAYS = 3660


AMOUNT = MappingProxyType(
    {"type": "number", "minimum": SMALLEST_AMOUNT, "maximum": int(LARGEST_AMOUNT), "example": 250}
)
"""How the document describes what :func:`check_amount` lets pass."""


class Request(Schema):
    """Base of everything callers send."""

    class Meta:
        """Options."""

        unknown = EXCLUDE


def opening_amount() -> fields.Raw:
    """The money that an account is opened with."""
    return fields.Raw(
        required=True,
        validate=check_amount,
        metadata={
            **AMOUNT,
            "description": "money to open the account with, at most 8 decimals; one that exists keeps its own",
            "example": 1000,
        },
    )


class StartRequest(Request):
    """Who starts, and with how much money if the account is new."""

    agent_name = fields.String(validate=AGENT, metadata={"description": "if given, the agent of the path"})
    initial_equity = opening_amount()
    account_id = fields.String(
        validate=ACCOUNT_ID, metadata={"description": "any id of yours; without it the agent's own house account"}
    )
    symbols = fields.List(
        fields.String(validate=SYMBOL),
        validate=validate.Length(1, 100),
        metadata={"description": "symbols to trade, all of the profile's if left out", "example": ["BTCUSDT"]},
    )


class AccountBody(Request):
    """One account instead of the agent as a whole."""

    account_id = fields.String(validate=ACCOUNT_ID)


class StopBody(AccountBody):
    """What is to be stopped and how."""

    close_positions = fields.Raw(
        load_default=False,
        validate=check_flag,
        metadata={"type": "boolean", "description": "have the agent's next ticks sell all that is held"},
    )


class ReasonBody(Request):
    """Why the switch is turned."""

    reason = fields.String(required=True, validate=REASON, metadata={"example": "exchange maintenance"})


class AccountQuery(Request):
    """One account instead of the agent as a whole."""

    account_id = fields.String(validate=ACCOUNT_ID)


class EquityQuery(Request):
    """How much of an equity curve, and in which form."""

    days = QueryInteger(
        load_default=90,
        validate=validate.Range(1, MOST_DAYS),
        metadata={"description": "daily closes at most, the newest", "default": 90},
    )
    format = fields.String(
        load_default="json",
        validate=validate.OneOf(["json", "svg"]),
        metadata={"description": "svg: a picture of it", "default": "json"},
    )


class AgentEquityQuery(AccountQuery, EquityQuery):
    """The same of an agent as a whole, or of one account."""


class WaitQuery(Request):
    """How long the answer may take."""

    wait = QueryNumber(
        load_default=10,
        validate=validate.Range(0, LONGEST_WAIT),
        metadata={"description": "seconds to wait for the outcome", "default": 10},
    )


class PageQuery(Request):
    """A page of a list."""

    limit = QueryInteger(load_default=100, validate=validate.Range(1, MOST_PER_PAGE))


class NumberedPageQuery(PageQuery):
    """A page of a list whose cursor is a number."""

    cursor = QueryInteger(
        validate=validate.Range(1, 2**63 - 1), metadata={"description": "`next_cursor` of the page before"}
    )


class AccountsQuery(NumberedPageQuery):
    """Which accounts."""

    agent = fields.String(validate=AGENT)
    status = fields.String(validate=validate.OneOf([status.value for status in Status]))


class DecisionsQuery(NumberedPageQuery):
    """Which decisions."""

    agent = fields.String(validate=AGENT)
    symbol = fields.String(validate=SYMBOL)
    account_id = fields.String(
        validate=ACCOUNT_ID,
        metadata={"description": "decisions of the agents that served this account, and its outcome"},
    )
    code = fields.String(validate=CODE, metadata={"description": "the account's outcome if `account_id` is given"})
    signal_id = fields.String(validate=SIGNAL_ID)


class OrdersQuery(NumberedPageQuery):
    """Which orders."""

    agent = fields.String(validate=AGENT)
    symbol = fields.String(validate=SYMBOL)
    state = fields.String(validate=validate.OneOf([state.value for state in OrderState]))
    client_order_id = fields.String(validate=CLIENT_ORDER_ID)


class AccountTradesQuery(PageQuery):
    """Which of an account's trades."""

    symbol = fields.String(validate=SYMBOL)
    cursor = fields.UUID(metadata={"description": "`next_cursor` of the page before"})


class TradesQuery(AccountTradesQuery):
    """Which trades."""

    agent = fields.String(validate=AGENT)
    account_id = fields.String(validate=ACCOUNT_ID)
    client_order_id = fields.String(
        validate=CLIENT_ORDER_ID, metadata={"description": "of the block order that closed them"}
    )


class TransactionsQuery(PageQuery):
    """Which transactions."""

    cursor = fields.String(
        validate=ROW_ID,
        metadata={"description": "`next_cursor` of the page before"},
    )


class PerformanceQuery(PageQuery):
    """Which snapshots."""

    period_type = fields.String(
        load_default="daily", validate=CODE, metadata={"description": "daily, weekly or monthly", "default": "daily"}
    )
    cursor = fields.Date(metadata={"description": "`next_cursor` of the page before"})


class SignalBody(Request):
    """A signal. Its fields are judged by :func:`agents.signals.parse_signal`, like those of polled ones."""

    symbol = fields.Raw(
        required=True, metadata={"type": "string", "pattern": SYMBOL.regex.pattern, "example": "BTCUSDT"}
    )
    action = fields.Raw(required=True, metadata={"type": "string", "enum": ["buy", "sell", "hold"]})
    confidence = fields.Raw(required=True, metadata={"type": "number", "minimum": 0, "maximum": 1, "example": 0.85})
    price = fields.Raw(required=True, metadata={**AMOUNT, "example": 45000.0})
    timestamp = fields.Raw(
        allow_none=True,
        metadata={"type": ["string", "number"], "description": "ISO 8601 or Unix seconds; now, if left out"},
    )
    id = fields.Raw(
        allow_none=True,
        metadata={
            "type": "string",
            "pattern": SIGNAL_ID.regex.pattern,
            "description": "the same id twice is one signal, decided once",
        },
    )


class WebhookBody(Request):
    """A pushed signal; documentation only, since the signature is checked before anything is parsed."""

    agent_name = fields.String(load_default="atlas", validate=AGENT)
    signal = fields.Nested(SignalBody, required=True)
