"""Rules for the values callers send, beyond marshmallow's own, and the type of numbers in answers."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

LARGEST_AMOUNT = Decimal(10) ** 12
AMOUNT_DECIMALS = 8
SMALLEST_AMOUNT = Decimal(1).scaleb(-AMOUNT_DECIMALS)


class AnswerSchema(Schema):
    """Base of everything callers get: every field is always there, unless its metadata says ``optional``.

    The document promises what this says. Fields may be added to an answer, so it never promises that there are no others.
    """

    class Meta:
        """Options."""

        unknown = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[object]) -> None:  # noqa: ARG002 - the library's own
        """Mark the field as the document shall have it; for answers nothing else asks whether it is required."""
        field_obj.required = not field_obj.metadata.get("optional", False)


class Number(fields.Raw):
    """A number in an answer."""


class Time(fields.AwareDateTime):
    """A moment in an answer: ISO 8601 with its offset, in UTC. The platform's own tables may have times without one."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: object, **kwargs: Any) -> str | float | None:  # noqa: ANN401 - the library's own
        if value is not None:
            value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return super()._serialize(value, attr, obj, **kwargs)


class QueryNumber(fields.Decimal):
    """A number in a query, written as JSON writes numbers: no underscores, spaces, exotic digits, NaN."""

    def _validated(self, value: object) -> Decimal:
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", str(value)):
            raise self.make_error("invalid")
        return super()._validated(value)


class QueryInteger(fields.Integer):
    """A whole number in a query, in plain digits."""

    def _validated(self, value: object) -> int:
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", str(value)):
            raise self.make_error("invalid")
        return super()._validated(value)


class Whole(validate.Validator):
    """A pattern that the whole string must match, a trailing line break included.

    Args:
        pattern: what is allowed.
        meaning: the same in words.
    """

    def __init__(self, pattern: str, meaning: str) -> None:
        self.pattern = pattern
        # The name under which the documentation looks for a pattern.
        self.regex = re.compile(f"^{pattern}$")
        self.meaning = meaning

    def __call__(self, value: str) -> str:
        """Let ``value`` pass or say what is allowed."""
        if self.regex.fullmatch(value) is None:
            raise ValidationError(f"must be {self.meaning}")
        return value


AGENT = Whole("[a-z0-9_-]{1,32}", "1 to 32 of a-z, 0-9, _ and -")
ACCOUNT_ID = Whole("[A-Za-z0-9_-]{1,64}", "1 to 64 of A-Z, a-z, 0-9, _ and -")
SYMBOL = Whole("[A-Z0-9]{2,20}", "2 to 20 of A-Z and 0-9, like BTCUSDT")
SIGNAL_ID = Whole("[A-Za-z0-9_.:-]{1,64}", "1 to 64 of A-Z, a-z, 0-9, _ . : and -")
CODE = Whole("[a-z0-9_]{1,64}", "1 to 64 of a-z, 0-9 and _")
CLIENT_ORDER_ID = Whole("[A-Za-z0-9_.:-]{1,36}", "1 to 36 of A-Z, a-z, 0-9, _ . : and -")
REASON = Whole("[^\\x00-\\x1f]{1,500}", "1 to 500 characters without line breaks or control characters")
ROW_ID = Whole("([0-9A-Za-z]{1,64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})", "one that this list gave")


def check_amount(value: object) -> None:
    """Money a caller names: a JSON number above 0, at most 1e12, with at most 8 decimals.

    Raises:
        ValidationError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValidationError("must be a number")
    amount = Decimal(value)
    if not amount.is_finite():
        raise ValidationError("must be a finite number")
    if not 0 < amount <= LARGEST_AMOUNT:
        raise ValidationError(f"must be above 0 and at most {LARGEST_AMOUNT}")
    if amount != amount.quantize(Decimal(1).scaleb(-AMOUNT_DECIMALS)):
        raise ValidationError(f"must have at most {AMOUNT_DECIMALS} decimals")


def check_flag(value: object) -> None:
    """True or false, and nothing that merely resembles them.

    Raises:
        ValidationError: it is neither.
    """
    if not isinstance(value, bool):
        raise ValidationError("must be true or false")
