import json
from collections.abc import Iterator, Mapping
from typing import Any

import ccxt
import pytest
import requests
from ccxt.base.errors import error_hierarchy

from adapters.exchange_errors import PLACED_BY_CLASS, PLACED_BY_CODE, Placed, classify

SECRET = "signature=5ec2e7"


def class_names(tree: Mapping[str, Any]) -> Iterator[str]:
    for name, below in tree.items():
        yield name
        yield from class_names(below)


def body(code: int, message: str = "A reason.") -> str:
    return json.dumps({"code": code, "msg": message})


def test_every_class_of_ccxts_error_hierarchy_has_a_meaning() -> None:
    assert {error.__name__ for error in PLACED_BY_CLASS} == set(class_names(error_hierarchy))


@pytest.mark.parametrize(
    "error",
    [
        ccxt.BaseError,
        ccxt.ExchangeError,
        ccxt.OperationFailed,
        ccxt.NetworkError,
        ccxt.RequestTimeout,
        ccxt.ExchangeNotAvailable,
        ccxt.BadResponse,
        ccxt.DuplicateOrderId,
    ],
)
def test_a_class_that_tells_nothing_for_sure_may_have_placed_the_order(error: type[Exception]) -> None:
    assert PLACED_BY_CLASS[error] is Placed.MAYBE


@pytest.mark.parametrize("code", [-1013, -1021, -1022, -1100, -1106, -1111, -1120, -1121, -2010, -2014, -2015])
def test_a_refusal_by_code_counts_whatever_class_ccxt_makes_of_it(code: int) -> None:
    for error in (ccxt.ExchangeError("x"), ccxt.DDoSProtection("x"), ccxt.OperationFailed("x")):
        failure = classify(error, 400, body(code))
        assert (failure.placed, failure.code, failure.message) == (Placed.NO, str(code), "A reason.")


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1008])
def test_the_codes_of_an_engine_in_trouble_may_have_placed_the_order(code: int) -> None:
    assert classify(ccxt.BadRequest("x"), 400, body(code)).placed is Placed.MAYBE


@pytest.mark.parametrize("code", [-2011, -2013, -9999])
def test_a_code_that_says_nothing_of_placing_may_have_placed_the_order(code: int) -> None:
    assert str(code) not in PLACED_BY_CODE
    assert classify(ccxt.ExchangeError("x"), 400, body(code)).placed is Placed.MAYBE


def test_a_code_only_ccxt_knows_is_read_by_its_class() -> None:
    assert classify(ccxt.BadRequest("x"), 400, body(-1134)).placed is Placed.NO


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 524])
@pytest.mark.parametrize("text", [body(-2010), body(-1013), "<html>Bad gateway</html>", None])
def test_any_5xx_may_have_placed_the_order_whatever_its_body_says(status: int, text: str | None) -> None:
    assert classify(ccxt.InvalidOrder("x"), status, text).placed is Placed.MAYBE


def test_a_5xx_is_told_by_its_status_so_that_its_body_proves_nothing() -> None:
    failure = classify(ccxt.OrderNotFound("x"), 503, body(-2013, "Order does not exist."))
    assert (failure.code, failure.message) == ("http-503", "-2013 Order does not exist.")


def test_a_failed_handshake_is_named() -> None:
    error = ccxt.ExchangeError(SECRET)
    error.__cause__ = requests.exceptions.SSLError(SECRET)
    failure = classify(error, None, None)
    assert failure.placed is Placed.MAYBE
    assert str(failure) == "no-answer: ExchangeError after SSLError, before any answer"


def test_a_duplicate_order_means_that_the_original_is_live() -> None:
    failure = classify(ccxt.InvalidOrder("x"), 400, body(-2010, "Duplicate order sent."))
    assert failure.placed is Placed.MAYBE


@pytest.mark.parametrize("status", [403, 418, 429, 451])
def test_a_request_stopped_at_the_door_placed_nothing(status: int) -> None:
    failure = classify(ccxt.ExchangeNotAvailable("x"), status, "<html>No.</html>")
    assert (failure.placed, failure.code) == (Placed.NO, f"http-{status}")


@pytest.mark.parametrize("text", ["", "null", "[]", "7", '"code"', '{"code": "x"}', "{", "[" * 100_000, None])
def test_a_body_that_is_no_error_of_binance_leaves_the_status_to_speak(text: str | None) -> None:
    failure = classify(ccxt.ExchangeError("x"), 400, text)
    assert (failure.placed, failure.code) == (Placed.MAYBE, "http-400")


@pytest.mark.parametrize("error", [AttributeError("x"), ValueError("x"), KeyError("x")])
@pytest.mark.parametrize("status", [None, 200, 400])
def test_an_error_that_is_not_ccxts_own_may_have_placed_the_order(error: Exception, status: int | None) -> None:
    assert classify(error, status, None).placed is Placed.MAYBE


@pytest.mark.parametrize("status", [None, 200, 400, 503])
def test_ccxts_text_with_its_signed_address_is_never_repeated(status: int | None) -> None:
    for error in (ccxt.NetworkError(SECRET), ccxt.RequestTimeout(SECRET), ccxt.ExchangeError(SECRET)):
        assert SECRET not in str(classify(error, status, SECRET))
