from collections.abc import Callable
from contextlib import nullcontext

import pytest

from sandbox.exchange.errors import ExchangeError
from sandbox.exchange.signing import check_key, check_signature, check_time, payload_of, signature_of

NOW = 1_790_000_000_000
# The example of Binance's documentation, "SIGNED endpoint examples for POST /api/v3/order".
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
QUERY = b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
BODY = b"quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"


def test_the_documented_examples_have_the_documented_signatures() -> None:
    whole = QUERY + b"&" + BODY
    assert signature_of(SECRET, whole) == "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert (
        signature_of(SECRET, payload_of(QUERY, BODY))
        == "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
    )


def test_the_payload_is_what_was_sent_without_the_signature_wherever_it_stands() -> None:
    assert payload_of(b"b=%20x&signature=aa&a=1", b"signature=bb&c=2") == b"b=%20x&a=1c=2"


@pytest.mark.parametrize("write", [str.lower, str.upper])
def test_the_signatures_case_does_not_matter(write: Callable[[str], str]) -> None:
    check_signature({"signature": write(signature_of(SECRET, BODY))}, SECRET, BODY)


@pytest.mark.parametrize(("signature", "code"), [("", -1102), ("00", -1022), ("ä", -1022)])
def test_a_missing_or_wrong_signature_is_refused(signature: str, code: int) -> None:
    with pytest.raises(ExchangeError) as refusal:
        check_signature({"signature": signature}, SECRET, BODY)
    assert refusal.value.code == code


@pytest.mark.parametrize(("key", "code"), [(None, -2014), ("", -2014), ("not a key", -2014), ("other", -2015)])
def test_a_missing_malformed_or_foreign_key_is_401(key: str | None, code: int) -> None:
    with pytest.raises(ExchangeError) as refusal:
        check_key(key, "mine")
    assert (refusal.value.code, refusal.value.status) == (code, 401)


@pytest.mark.parametrize(
    ("age", "window", "code"),
    [
        (0, None, None),
        (5000, None, None),
        (5001, None, -1021),
        (5000.5, "5000.5", None),
        (60_000, "60000", None),
        (-999, None, None),
        (-1000, None, -1021),
        (0, "60001", -1131),
        (0, "x", -1100),
    ],
)
def test_a_request_is_accepted_within_its_window_and_less_than_a_second_ahead(
    age: float, window: str | None, code: int | None
) -> None:
    values = {"timestamp": str(NOW - age)} | ({"recvWindow": window} if window else {})
    with nullcontext() if code is None else pytest.raises(ExchangeError) as refusal:
        check_time(values, NOW)
    assert code == (refusal.value.code if refusal else None)


def test_a_request_without_a_timestamp_is_refused() -> None:
    with pytest.raises(ExchangeError, match="Mandatory parameter 'timestamp'"):
        check_time({}, NOW)
