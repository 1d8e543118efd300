"""Every error has one shape, whatever raised it."""

from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from agents import errors as tree
from agents.errors import (
    BookError,
    ConflictError,
    ExchangeBusyError,
    ExchangeError,
    InvalidEntriesError,
    InvalidInputError,
    NotEnoughCashError,
    NotFoundError,
    ProfileError,
    RefusedEntriesError,
    SignalSourceError,
    StaleStateError,
    TradingError,
)
from api import errors
from api.numbers import DecimalJSONProvider

CASES: list[tuple[Exception, int, str]] = [
    (InvalidInputError("price", "must be above 0"), 422, "price: must be above 0"),
    (InvalidEntriesError("accounts", {1: "is there twice"}), 422, "accounts: "),
    (RefusedEntriesError("accounts", {0: "it runs already"}), 409, "accounts: "),
    (NotFoundError("no such account"), 404, "no such account"),
    (ConflictError("it is stopped"), 409, "it is stopped"),
    (StaleStateError("it changed"), 409, "it changed"),
    (NotEnoughCashError("5 is free", Decimal(5)), 409, "5 is free"),
    (BookError("balance of account 7 is negative"), 500, ""),
    (ExchangeError("https://user:password@example"), 500, ""),
    (ExchangeBusyError("https://user:password@example"), 500, ""),
    (ProfileError("[secret] max_position: must be at most 1"), 500, ""),
    (SignalSourceError("secret"), 500, ""),
    (OperationalError("SELECT secret", {}, Exception("password")), 503, "the database is out of reach"),
    (ZeroDivisionError("secret"), 500, ""),
]


@pytest.mark.parametrize(("error", "status", "message"), CASES, ids=lambda value: type(value).__name__)
def test_errors_become_answers_of_one_shape(error: Exception, status: int, message: str) -> None:
    app = Flask("test")
    app.json = DecimalJSONProvider(app)
    errors.register(app)

    @app.get("/")
    def view() -> str:
        raise error

    answer = app.test_client().get("/")
    body = answer.get_json()
    assert (answer.status_code, body["code"]) == (status, status)
    assert set(body) - {"errors"} == {"code", "status", "message"}
    assert body["message"].startswith(message)
    assert not {"secret", "password", "negative"} & set(body["message"].split())
    assert ("errors" in body) == isinstance(error, InvalidInputError)


def test_every_error_of_the_tree_is_tried_above() -> None:
    known = {kind for kind in vars(tree).values() if isinstance(kind, type) and issubclass(kind, TradingError)}
    assert known - {TradingError} == {type(error) for error, _, _ in CASES} & known
