"""Ten thousand webhooks that must not get in: through the whole application, on a real book."""

import hashlib
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from api.app import LARGEST_BODY
from journal.database import Book
from tests.integration.api.conftest import SECRET

ATTEMPTS = 10_000
URL = "/webhooks/ml-signals"
TABLES = "SELECT count(*) FROM trading.{}"
WATCHED = ("signals", "decisions", "orders", "accounts", "audit_log", "events")

Rng = random.Random


@dataclass
class Attempt:
    """One request that must be refused, with one of these codes."""

    body: bytes
    headers: Mapping[str, str]
    codes: set[int] = field(default_factory=lambda: {401})


def sign(body: bytes, key: str = SECRET) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def stamped(body: bytes, timestamp: str, key: str = SECRET) -> dict[str, str]:
    return {"X-ML-Timestamp": timestamp, "X-ML-Signature": sign(timestamp.encode("utf-8") + b"." + body, key)}


def a_signal(rng: Rng) -> dict[str, Any]:
    """One that would be taken in, were it signed."""
    return {
        "symbol": rng.choice(["BTCUSDT", "ETHUSDT", "SOLUSDT"]),
        "action": rng.choice(["buy", "sell", "hold"]),
        "confidence": rng.randint(0, 100) / 100,
        "price": rng.randint(1, 60_000),
    }


def a_body(rng: Rng) -> bytes:
    return json.dumps({"agent_name": "atlas", "signal": a_signal(rng), "salt": rng.getrandbits(64)}).encode()


def signed(body: bytes, codes: set[int]) -> Attempt:
    """The right signature over something else than a signal."""
    return Attempt(body, {"X-ML-Signature": sign(body)}, codes)


def wrong_key(rng: Rng) -> Attempt:
    body = a_body(rng)
    keys = ("", " ", SECRET + " ", SECRET[:-1], SECRET.upper(), "None", "secret", str(rng.getrandbits(128)))
    return Attempt(body, {"X-ML-Signature": sign(body, rng.choice(keys))})


def truncated(rng: Rng) -> Attempt:
    body = a_body(rng)
    return Attempt(body, {"X-ML-Signature": sign(body)[: rng.randrange(64)]})


def bit_flipped(rng: Rng) -> Attempt:
    body = a_body(rng)
    digest = bytearray(bytes.fromhex(sign(body)))
    digest[rng.randrange(32)] ^= 1 << rng.randrange(8)
    return Attempt(body, {"X-ML-Signature": digest.hex()})


def of_another_body(rng: Rng) -> Attempt:
    return Attempt(a_body(rng), {"X-ML-Signature": sign(a_body(rng))})


def changed_after_signing(rng: Rng) -> Attempt:
    body = bytearray(a_body(rng))
    signature = sign(bytes(body))
    body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    return Attempt(bytes(body), {"X-ML-Signature": signature})


def otherwise_written(rng: Rng) -> Attempt:
    body = a_body(rng)
    right = sign(body)
    given = rng.choice(
        [right.upper(), f"sha256={right}", f"0x{right}", f'"{right}"', f"{right},{right}", f"{right}\x00", right * 2]
    )
    return Attempt(body, {"X-ML-Signature": given})


def without_ascii(rng: Rng) -> Attempt:
    body = a_body(rng)
    odd = "".join(chr(rng.randrange(0x80, 0x100)) for _ in range(rng.choice([1, 64, 1000])))
    name = rng.choice(["X-ML-Signature", "X-ML-Timestamp"])
    return Attempt(body, {"X-ML-Signature": sign(body)} | {name: odd})


def in_another_header(rng: Rng) -> Attempt:
    body = a_body(rng)
    name = rng.choice(["X-Signature", "X-ML-Signature-256", "Authorization", "X-Hub-Signature", "X-ML-Signatur"])
    return Attempt(body, {name: sign(body)})


def method_overridden(rng: Rng) -> Attempt:
    headers = {"X-HTTP-Method-Override": "GET", "X-Forwarded-For": "127.0.0.1", "X-Original-URL": "/health"}
    return Attempt(a_body(rng), headers)


def old_or_new(rng: Rng) -> Attempt:
    body, age = a_body(rng), rng.choice([-1, 1]) * rng.randrange(305, 10**9)
    return Attempt(body, stamped(body, str(int(time.time()) + age)))


def at_an_absurd_time(rng: Rng) -> Attempt:
    body = a_body(rng)
    times = ("", " ", "0", "-1", "1e9", "NaN", "inf", "9" * 400, "0x10", "1_000", "+1", f"{time.time()}", "\xb2\xb3")
    return Attempt(body, stamped(body, rng.choice(times)))


def with_an_unsigned_time(rng: Rng) -> Attempt:
    body = a_body(rng)
    return Attempt(body, {"X-ML-Timestamp": str(int(time.time())), "X-ML-Signature": sign(body)})


def with_a_time_taken_away(rng: Rng) -> Attempt:
    body = a_body(rng)
    return Attempt(body, {"X-ML-Signature": stamped(body, str(int(time.time())))["X-ML-Signature"]})


def no_json(rng: Rng) -> Attempt:
    body = a_body(rng)
    broken = rng.choice([body[: rng.randrange(len(body))], body + b"}", rng.randbytes(40) + b"{", b"{'signal': 1}"])
    return signed(broken, {400})


def deep(rng: Rng) -> Attempt:
    depth = rng.choice([2_000, 10_000, 30_000])
    opening, closing = rng.choice([(b"[", b"]"), (b'{"signal":', b"}")])
    return signed((opening * depth + b"1" + closing * depth)[: LARGEST_BODY - 1], {400, 422})


def badly_encoded(rng: Rng) -> Attempt:
    text_ = json.dumps({"signal": a_signal(rng)})
    odd = rng.choice(
        [text_.encode("utf-16"), text_.encode("utf-32"), b"\xff" + text_.encode(), b'{"signal":"\xc3\x28"}']
    )
    return signed(odd, {400})


def named_twice(rng: Rng) -> Attempt:
    inner = json.dumps(a_signal(rng))[1:]
    doubled = rng.choice(
        [f'{{"signal":{{{inner},"signal":{{{inner}}}', f'{{"signal":{{"action":"buy",{inner}}}', '{"\\u0061":1,"a":2}']
    )
    return signed(doubled.encode(), {400})


def nul(rng: Rng) -> Attempt:
    name = rng.choice(["symbol", "action", "id"])
    fields = a_signal(rng) | {name: f"BTC{chr(0)}USDT"}
    body = {"agent_name": rng.choice(["atlas", f"at{chr(0)}las"]), "signal": fields}
    return signed(json.dumps(body).encode(), {404, 422})


def huge(rng: Rng) -> Attempt:
    number = rng.choice(["9" * 5_000, "1e999999999", "-1e400", "NaN", "Infinity", "0." + "1" * 4_000])
    name = rng.choice(["confidence", "price"])
    fields = {key: value for key, value in a_signal(rng).items() if key != name}
    return signed(f'{{"signal":{{"{name}":{number},{json.dumps(fields)[1:]}}}'.encode(), {422})


def of_the_wrong_type(rng: Rng) -> Attempt:
    wrong: object = rng.choice([None, True, [], {}, [1], "", "x" * 1_000, -1, 2**70])
    name = rng.choice(["symbol", "action", "confidence", "price"])
    wrong = {} if name == "price" and wrong == 2**70 else wrong
    body: object = {"signal": a_signal(rng) | {name: wrong}}
    body = rng.choice([body, wrong, {"signal": wrong}, {"agent_name": wrong, "signal": a_signal(rng) | {name: wrong}}])
    return signed(json.dumps(body).encode(), {404, 422})


def oversized(rng: Rng) -> Attempt:
    body = b'{"signal":' + b" " * LARGEST_BODY + json.dumps(a_signal(rng)).encode() + b"}"
    return signed(body, {413})


MAKERS: tuple[Callable[[Rng], Attempt], ...] = (
    wrong_key,
    truncated,
    bit_flipped,
    of_another_body,
    changed_after_signing,
    otherwise_written,
    without_ascii,
    in_another_header,
    method_overridden,
    old_or_new,
    at_an_absurd_time,
    with_an_unsigned_time,
    with_a_time_taken_away,
    no_json,
    deep,
    badly_encoded,
    named_twice,
    nul,
    huge,
    of_the_wrong_type,
    oversized,
)


def rows(book: Book) -> dict[str, int]:
    with book.reading() as session:
        return {table: session.scalar(text(TABLES.format(table))) or 0 for table in WATCHED}


def test_ten_thousand_forged_and_malformed_webhooks_are_refused_and_none_leaves_a_trace(
    app: Flask, book: Book, start: Callable[..., object]
) -> None:
    start("atlas")
    before = rows(book)
    # Without the comparison of every answer with its description, which takes longer than the answer.
    client = FlaskClient(app, app.response_class, use_cookies=False)
    rng = random.Random(20_261_122)
    refused: Counter[int] = Counter()

    for number in range(ATTEMPTS):
        make = MAKERS[number % len(MAKERS)]
        attempt = make(rng)
        answer = client.post(URL, data=attempt.body, headers=attempt.headers, content_type="application/json")
        assert answer.status_code in attempt.codes, (make.__name__, answer.status_code, attempt.body[:200])
        shape = answer.get_json()
        assert {"code", "status", "message"} <= set(shape), (make.__name__, shape)
        refused[answer.status_code] += 1

    assert sum(refused.values()) == ATTEMPTS
    assert {400, 401, 404, 413, 422} == set(refused)
    assert rows(book) == before


def test_the_same_attempts_get_in_with_the_right_signature(
    client: FlaskClient, book: Book, start: Callable[..., object]
) -> None:
    """Or else the ten thousand were refused for something that is wrong with all of them."""
    start("atlas")
    body = a_body(random.Random(1))
    now = str(int(time.time()))

    for headers in ({"X-ML-Signature": sign(body)}, stamped(body, now)):
        assert client.post(URL, data=body, headers=headers).status_code == 200
    assert rows(book)["signals"] == 1
