"""What callers get about performance. Ratios are fractions: 0.01 is one percent."""

from marshmallow import fields

from api.fields import AnswerSchema, Number, Time


def _number(description: str) -> Number:
    return Number(metadata={"description": description})


def _number_or_null(description: str) -> Number:
    return Number(allow_none=True, metadata={"description": description})


def _date_or_null(description: str) -> fields.Date:
    return fields.Date(allow_none=True, metadata={"description": description})


class Metrics(AnswerSchema):
    """Results of an agent as a whole, or of one account."""

    agent = fields.String()
    account_id = fields.String(metadata={"optional": True, "description": "only if the answer is about one account"})
    total_profit = _number("sum of all winning trades, 0 or more")
    total_loss = _number("sum of all losing trades, 0 or more")
    net_profit = _number("after all fees")
    win_rate = _number("0 to 1; 0 without trades")
    total_trades = fields.Integer()
    winning_trades = fields.Integer()
    losing_trades = fields.Integer(metadata={"description": "a trade that brings nothing is neither"})
    average_win = _number_or_null("profit per winning trade")
    average_loss = _number_or_null("loss per losing trade, 0 or more")
    profit_factor = _number_or_null("total profit over total loss")
    payoff_ratio = _number_or_null("average win over average loss")
    expectancy = _number_or_null("what a trade brings on average")
    best_trade = _number_or_null("the highest profit of one account's trade")
    worst_trade = _number_or_null("the lowest")
    current_streak = fields.Integer(metadata={"description": "wins in a row, or, negative, losses"})
    longest_winning_streak = fields.Integer(
        metadata={"description": "of an agent as a whole, one sale for all accounts is one result"}
    )
    longest_losing_streak = fields.Integer()
    average_holding_seconds = _number_or_null("from entry to exit")
    exposure = _number("open positions at the market's bid")
    exposure_time = _number_or_null("share of the time since the start in which something was held, 0 to 1")
    fees = _number("paid to the exchange, whatever the asset")
    traded_value = _number("value of all buys and sales")
    turnover = _number_or_null("the lesser of buys and sales over average equity")
    current_drawdown = _number("0 to 1, from the highest equity at any tick")
    drawdown_since = _date_or_null("the day of the last peak; null at a peak")
    max_drawdown = _number("0 to 1, between closes")
    max_drawdown_from = _date_or_null("the day of the peak")
    max_drawdown_to = _date_or_null("the day of the lowest point")
    max_drawdown_recovered = _date_or_null("null if not yet")
    days = fields.Integer(metadata={"description": "days that are over, of which the ratios below are made"})
    return_day = _number_or_null("time-weighted, since the last daily close")
    return_week = _number_or_null("the last 7 days with today")
    return_month = _number_or_null("the last 30 days with today")
    return_total = _number_or_null("since the start")
    cagr = _number_or_null("compound annual growth rate; a year has 365 days")
    volatility = _number_or_null("annualised")
    sharpe = _number_or_null("annualised, riskless interest being zero")
    sortino = _number_or_null("annualised, from zero")
    calmar = _number_or_null("growth rate over the deepest drawdown")
    unrealized_profit = Number()
    equity = Number()
    balance = Number()
    open_positions = fields.Integer()


class Close(AnswerSchema):
    """A day that is over."""

    date = fields.Date()
    equity = _number("at the day's close")
    net_flows = _number("deposits less withdrawals")
    profit_loss = _number("of the day, marked to market")
    growth = _number("time-weighted return since the start")
    drawdown = _number("0 to 1, fall from the highest close, flows taken out")


class Point(AnswerSchema):
    """A moment between closes."""

    at = Time()
    equity = Number()
    drawdown = _number("0 to 1, from the peak so far, flows taken out")


class Equity(AnswerSchema):
    """Equity over time, the oldest first."""

    agent = fields.String()
    account_id = fields.String(metadata={"optional": True, "description": "only if the answer is about one account"})
    equity = _number("now")
    current_drawdown = _number("0 to 1, from the highest equity at any tick")
    closes = fields.List(fields.Nested(Close))
    points = fields.List(fields.Nested(Point), metadata={"description": "since the beginning of yesterday, until now"})
