"""Every refusal of the exchange: code, message and HTTP status as Binance documents them.

Source: Binance Spot API documentation, "Error codes" and "Limits".
"""

from collections.abc import Mapping


class ExchangeError(Exception):
    """A request that the exchange refuses.

    Attributes:
        code: Binance's negative error code.
        message: Binance's text for it.
        status: HTTP status of the reply.
        headers: Further headers of the reply, such as ``Retry-After``.
    """

    def __init__(self, code: int, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        """Describe the refusal."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.headers = dict(headers or {})


def unknown_error() -> ExchangeError:
    """Something broke inside the exchange; the outcome of the request is unknown."""
    return ExchangeError(-1000, "An unknown error occurred while processing the request.", 500)


def message_bus_error() -> ExchangeError:
    """The matching engine's answer was lost; the order may be live."""
    return ExchangeError(
        -1006, "An unexpected response was received from the message bus. Execution status unknown.", 500
    )


def backend_timeout() -> ExchangeError:
    """The matching engine did not answer in time; the order may be live."""
    return ExchangeError(
        -1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown.", 504
    )


def too_much_weight(limit: int, retry_after: int) -> ExchangeError:
    """The request weight of this minute is used up."""
    return ExchangeError(
        -1003,
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        429,
        {"Retry-After": str(retry_after)},
    )


def banned(until_ms: int, retry_after: int) -> ExchangeError:
    """The address went on after 429 and is banned for a while."""
    return ExchangeError(
        -1003,
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        418,
        {"Retry-After": str(retry_after)},
    )


def too_many_orders(limit: int, interval: str, retry_after: int) -> ExchangeError:
    """The account's count of unfilled orders is used up."""
    return ExchangeError(
        -1015,
        f"Too many new orders; current limit is {limit} orders per {interval}.",
        429,
        {"Retry-After": str(retry_after)},
    )


def filter_failure(name: str) -> ExchangeError:
    """The order breaks one of the symbol's filters."""
    return ExchangeError(-1013, f"Filter failure: {name}")


def stale_timestamp() -> ExchangeError:
    """The request arrived later than its ``recvWindow`` allows."""
    return ExchangeError(-1021, "Timestamp for this request is outside of the recvWindow.")


def early_timestamp() -> ExchangeError:
    """The request's clock runs ahead of the exchange's."""
    return ExchangeError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def bad_signature() -> ExchangeError:
    """The signature does not match what was sent."""
    return ExchangeError(-1022, "Signature for this request is not valid.")


def illegal_characters(name: str, legal: str) -> ExchangeError:
    """A parameter does not look as it must."""
    return ExchangeError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def mandatory_parameter(name: str) -> ExchangeError:
    """A parameter is missing."""
    return ExchangeError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def either_parameter(first: str, second: str) -> ExchangeError:
    """One of two parameters is needed and neither came."""
    return ExchangeError(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def parameter_not_required(name: str) -> ExchangeError:
    """A parameter came that this kind of order does not take."""
    return ExchangeError(-1106, f"Parameter '{name}' sent when not required.")


def too_much_precision(name: str) -> ExchangeError:
    """A number has more decimals than its asset."""
    return ExchangeError(-1111, f"Parameter '{name}' has too much precision.")


def bad_symbol() -> ExchangeError:
    """No such symbol."""
    return ExchangeError(-1121, "Invalid symbol.")


def order_rejected(message: str) -> ExchangeError:
    """The matching engine refuses a new order."""
    return ExchangeError(-2010, message)


def insufficient_balance() -> ExchangeError:
    """The account cannot pay for the whole order."""
    return order_rejected("Account has insufficient balance for requested action.")


def cancel_rejected() -> ExchangeError:
    """Nothing open by that id to cancel."""
    return ExchangeError(-2011, "Unknown order sent.")


def no_such_order() -> ExchangeError:
    """No order by that id."""
    return ExchangeError(-2013, "Order does not exist.")


def bad_api_key_format() -> ExchangeError:
    """The API key is missing or not a key at all."""
    return ExchangeError(-2014, "API-key format invalid.", 401)


def unknown_api_key() -> ExchangeError:
    """The API key is not this account's."""
    return ExchangeError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
