"""JSON in and out without floats: numbers are read as int or Decimal and written as plain literals."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from flask.json.provider import JSONProvider

Json = Any
"""Whatever JSON can say."""
DECIMALS = 8
"""Digits after the point in answers; the book itself keeps 18."""
_UNIT = Decimal(1).scaleb(-DECIMALS)
_LARGEST = Decimal(10) ** 19
_LONGEST_INTEGER = 40
_LONGEST_NAME = 40


class DecimalJSONProvider(JSONProvider):
    """Writes Decimals as number literals of at most eight decimals, and dates and times as ISO 8601."""

    def dumps(self, obj: Json, **kwargs: Json) -> str:
        """Serialize ``obj``; of the usual options only ``indent`` counts."""
        # Errors in a list are keyed by their index.
        option = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if kwargs.get("indent") else 0)
        return orjson.dumps(obj, default=_fragment, option=option).decode()

    def loads(self, s: str | bytes, **kwargs: Json) -> Json:
        """Parse JSON as :func:`parse_json` does; there are no options."""
        if kwargs:
            raise TypeError(f"unknown options {', '.join(kwargs)}")
        return parse_json(s)


def parse_json(text: str | bytes) -> Json:
    """Read JSON with every number exact: int, or Decimal when it has a point or an exponent.

    NaN and Infinity, which JSON does not know but many senders write, become Decimals too, so that
    the field that holds one can be named in the error.

    Raises:
        ValueError: it is not JSON, or an object has two members of one name, of which receivers read either.
    """
    try:
        document = text.decode() if isinstance(text, bytes) else text
        return json.loads(
            document,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=Decimal,
            object_pairs_hook=_members,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def plain(number: Decimal) -> str:
    """A finite number as a literal without exponent, of at most eight decimals and no trailing zeros."""
    if number.is_zero():
        return "0"
    shown = number.quantize(_UNIT) if abs(number) < _LARGEST else number
    digits = f"{shown:f}"
    trimmed = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if trimmed == "-0" else trimmed


def _fragment(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(plain(value))
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members: dict[str, Json] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"the member {name[:_LONGEST_NAME]!r} is there twice")
        members[name] = value
    return members


def _decimal(literal: str) -> Decimal:
    try:
        return Decimal(literal)
    except InvalidOperation:
        # An exponent beyond any Decimal: as good as infinite, and refused by every field.
        return Decimal("Infinity")


def _integer(literal: str) -> int | Decimal:
    return int(literal) if len(literal) <= _LONGEST_INTEGER else Decimal(literal)
