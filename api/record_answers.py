"""What callers get from lists and about signals: decisions, orders, trades, transactions, snapshots."""

from marshmallow import fields

from api.fields import AnswerSchema, Number, Time


class Decision(AnswerSchema):
    """What an agent did about a signal, and why."""

    id = fields.Integer()
    agent = fields.String()
    signal_id = fields.String()
    source = fields.String(metadata={"enum": ["poll", "webhook", "manual"]})
    symbol = fields.String(allow_none=True)
    action = fields.String(allow_none=True)
    confidence = Number(allow_none=True)
    price = Number(allow_none=True)
    signal_at = Time(allow_none=True)
    received_at = Time()
    code = fields.String(allow_none=True, metadata={"description": "null: a worker has still to decide"})
    detail = fields.String(allow_none=True)
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        allow_none=True,
        metadata={"description": "number of accounts by code"},
    )
    account_code = fields.String(
        allow_none=True,
        metadata={"description": "the outcome for the account, if `account_id` is asked for", "optional": True},
    )
    profile_version = fields.Integer(allow_none=True)
    bid = Number(allow_none=True)
    ask = Number(allow_none=True)
    created_at = Time()
    decided_at = Time(allow_none=True)
    order_ids = fields.List(fields.String())


class Order(AnswerSchema):
    """A block order."""

    client_order_id = fields.String()
    exchange_order_id = fields.String(allow_none=True)
    agent = fields.String()
    symbol = fields.String()
    side = fields.String()
    reason = fields.String()
    decision_id = fields.Integer(allow_none=True)
    quantity = Number()
    limit_price = Number()
    bid = Number()
    ask = Number()
    state = fields.String()
    executed_quantity = Number()
    executed_cost = Number()
    average_price = Number(allow_none=True)
    accounts = fields.Integer()
    error_code = fields.String(allow_none=True)
    error_message = fields.String(allow_none=True)
    created_at = Time()
    resolved_at = Time(allow_none=True)


class Trade(AnswerSchema):
    """A position closed in whole or in part; profit after all fees."""

    id = fields.UUID()
    account_id = fields.String()
    agent = fields.String()
    symbol = fields.String()
    quantity = Number()
    entry_price = Number()
    exit_price = Number()
    cost = Number()
    proceeds = Number()
    profit_loss = Number()
    reason = fields.String()
    entry_order_id = fields.String(allow_none=True, metadata={"description": "client order id"})
    exit_order_id = fields.String(metadata={"description": "client order id"})
    opened_at = Time()
    closed_at = Time()


class Transaction(AnswerSchema):
    """A row of ``investment.account_transactions``."""

    id = fields.String()
    transaction_type = fields.String()
    amount = Number()
    balance_before = Number()
    balance_after = Number()
    description = fields.String(allow_none=True)
    reference_type = fields.String(allow_none=True)
    reference_id = fields.String(allow_none=True)
    created_at = Time()


class Snapshot(AnswerSchema):
    """A row of ``investment.performance_snapshots``."""

    snapshot_date = fields.Date()
    period_type = fields.String()
    opening_balance = Number()
    closing_balance = Number()
    profit_loss = Number()
    total_trades = fields.Integer()
    winning_trades = fields.Integer()


class SignalOutcome(AnswerSchema):
    """What became of a signal."""

    signal_id = fields.String()
    decision = fields.Nested(Decision)
    orders = fields.List(fields.Nested(Order))


class SignalPending(AnswerSchema):
    """A signal whose outcome is still open."""

    signal_id = fields.String()
    status = fields.String(metadata={"enum": ["pending"]})
    status_url = fields.String(metadata={"description": "where its outcome will be"})


class SignalReceived(AnswerSchema):
    """A pushed signal is in the book; a worker does the rest."""

    status = fields.String(metadata={"enum": ["received"]})
    signal_id = fields.String()
