"""One shape for every error, ``{code, status, message, errors?}``, and one place that maps errors to it."""

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from agents.errors import ConflictError, InvalidInputError, NotFoundError, StaleStateError, TradingError
from api.numbers import Json

STATUS_OF: Mapping[type[TradingError], HTTPStatus] = {
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
}
"""The errors a caller can do something about; any other is ours: 500, told to the log only."""

logger = logging.getLogger(__name__)


class ApiError(HTTPException):
    """An HTTP error of our own making.

    Args:
        status: its code.
        message: what is wrong and what to do.
        errors: by location, then by field.
        headers: to send along.
    """

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        errors: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(description=message)
        self.code = status.value
        self.data = {"message": message, "headers": headers or {}} | ({"errors": errors} if errors else {})


def register(app: Flask) -> None:
    """Have every error of ``app`` answered in the one shape."""
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(TradingError, _answer_trading_error)
    for unreachable in (OperationalError, InterfaceError, PoolTimeoutError):
        app.register_error_handler(unreachable, _answer_unreachable_book)


def malformed_json(reason: Exception) -> NoReturn:
    """Refuse a body that is not JSON."""
    raise ApiError(
        HTTPStatus.BAD_REQUEST, "the body is not valid JSON", errors={"json": [f"not valid JSON: {reason}"]}
    ) from None


def _answer_http_error(error: HTTPException) -> ResponseReturnValue:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    data: Mapping[str, Any] = getattr(error, "data", None) or {}
    # The argument parser calls its findings "messages", our own errors call them "errors".
    errors = data.get("errors") or data.get("messages")
    message = data.get("message") or ("; ".join(_sentences(errors)) if errors else error.description)
    headers = dict(data.get("headers") or {})
    if allowed := getattr(error, "valid_methods", None):
        headers["Allow"] = ", ".join(allowed)
    return _body(status, message or status.phrase, errors), status, headers


def _answer_trading_error(error: TradingError) -> ResponseReturnValue:
    status = next((status for kind, status in STATUS_OF.items() if isinstance(error, kind)), None)
    if status is None:
        logger.error("a request failed", exc_info=error)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return _body(status, status.description, None), status
    location = "query" if request.method == "GET" else "json"
    errors = {location: {error.field: [error.reason]}} if isinstance(error, InvalidInputError) else None
    headers = {"Retry-After": "1"} if isinstance(error, StaleStateError) else {}
    return _body(status, str(error), errors), status, headers


def _answer_unreachable_book(error: Exception) -> ResponseReturnValue:
    logger.error("the book is out of reach: %s", error)
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return _body(status, "the database is out of reach or too busy: try again", None), status, {"Retry-After": "1"}


def _body(status: HTTPStatus, message: str, errors: Json) -> dict[str, Any]:
    body: dict[str, Any] = {"code": status.value, "status": status.phrase, "message": message}
    return body | ({"errors": errors} if errors else {})


def _sentences(errors: Json, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Flatten ``{location: {field: [reasons]}}`` to ``field: reason``; a field in a list reads ``symbols.0``."""
    if isinstance(errors, Mapping):
        for name, inner in errors.items():
            yield from _sentences(inner, (*path, str(name)))
    elif isinstance(errors, list):
        for inner in errors:
            yield from _sentences(inner, path)
    else:
        _location, *field = path
        yield f"{'.'.join(field)}: {errors}" if field else str(errors)
