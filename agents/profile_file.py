"""Further agents from a TOML text: one table per agent, its name in the brackets, a key per limit.

Nothing is guessed: a key that is not known, a limit that is missing or out of range refuses the whole text,
and the message names the line and the field. Durations are seconds, and their keys end in ``_seconds``.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any

from agents.errors import ProfileError
from agents.model import plain
from agents.profile_fields import LIMITS, LONGEST_TEXT, MOST_SYMBOLS, Kind, Limit
from agents.profiles import PROFILES, BreakerAction, RiskProfile
from agents.signals import SYMBOL_PATTERN

NAME = re.compile("[a-z0-9_-]{1,32}")
SECONDS_SUFFIX = "_seconds"
KEYS: Mapping[str, str] = MappingProxyType(
    {name + SECONDS_SUFFIX if limit.kind is Kind.DURATION else name: name for name, limit in LIMITS.items()}
)
"""The file's key for each field."""
NOT_ABOVE: tuple[tuple[str, str], ...] = (("max_position", "max_exposure"), ("daily_loss", "max_drawdown"))
"""Pairs of limits of which the first makes no sense above the second."""


def parse_profiles(text: str) -> dict[str, RiskProfile]:
    """The profiles of a text by agent's name, in its order.

    Raises:
        ProfileError: the first thing that is wrong, with its line and field.
    """
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"no TOML: {error}") from None
    return {name: _profile(text, name, table) for name, table in tables.items()}


def _profile(text: str, name: str, table: object) -> RiskProfile:
    if not isinstance(table, Mapping):
        raise ProfileError(f"line {_line(text, name)}, {name}: stands in no table; begin one with [an-agents-name]")
    _check_name(text, name)

    def refuse(key: str, why: str) -> ProfileError:
        return ProfileError(f"line {_line(text, name, key)}, {name}.{key}: {why}")

    for key in table:
        if key not in KEYS:
            raise refuse(key, "is not known")
    values: dict[str, Any] = {"trailing_stop": None, "max_holding": None}
    for key, field in KEYS.items():
        if key in table:
            values[field] = _value(LIMITS[field], table[key], partial(refuse, key))
        elif LIMITS[field].needed:
            raise ProfileError(f"line {_line(text, name)}, {name}.{key}: is missing")
    for smaller, larger in NOT_ABOVE:
        if values[smaller] > values[larger]:
            raise refuse(smaller, f"must not be above {larger}, {plain(values[larger])}")
    return RiskProfile(name=name, **values)


def _check_name(text: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise ProfileError(f"line {_line(text, name)}, {name}: an agent's name is 1 to 32 of a-z, 0-9, _ and -")
    if name in PROFILES:
        raise ProfileError(f"line {_line(text, name)}, {name}: is built in; choose another name")


def _value(limit: Limit, raw: object, refuse: Callable[[str], ProfileError]) -> object:
    match limit.kind:
        case Kind.TEXT:
            if not isinstance(raw, str) or not 0 < len(raw) <= LONGEST_TEXT or not raw.isprintable():
                raise refuse(f"must be text of 1 to {LONGEST_TEXT} characters")
            return raw
        case Kind.ACTION:
            if not isinstance(raw, str) or raw not in set(BreakerAction):
                raise refuse(f"must be one of {', '.join(BreakerAction)}")
            return BreakerAction(raw)
        case Kind.SYMBOLS:
            return _symbols(raw, refuse)
        case Kind.COUNT:
            if not isinstance(raw, int):
                raise refuse("must be a whole number")
            return int(_number(limit, raw, refuse))
        case Kind.DURATION:
            return timedelta(microseconds=int(_number(limit, raw, refuse) * 1_000_000))
        case Kind.FRACTION:
            return _number(limit, raw, refuse)


def _number(limit: Limit, raw: object, refuse: Callable[[str], ProfileError]) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise refuse("must be a number")
    number = Decimal(raw)
    if not (number.is_finite() and limit.least <= number <= limit.most):
        raise refuse(f"must be from {plain(limit.least)} to {plain(limit.most)} ({limit.unit})")
    return number


def _symbols(raw: object, refuse: Callable[[str], ProfileError]) -> tuple[str, ...]:
    if not isinstance(raw, list) or not 0 < len(raw) <= MOST_SYMBOLS:
        raise refuse(f"must be a list of 1 to {MOST_SYMBOLS} symbols")
    for symbol in raw:
        if not isinstance(symbol, str) or not SYMBOL_PATTERN.fullmatch(symbol):
            raise refuse("each symbol must be 2 to 20 capital letters or digits, like BTCUSDT")
    if len(set(raw)) < len(raw):
        raise refuse("names a symbol twice")
    return tuple(raw)


def _line(text: str, *path: str) -> int:
    """The line on which the value at ``path`` ends: the first up to which the text already has it."""
    lines = text.split("\n")
    return next(number for number in range(1, len(lines) + 1) if _has("\n".join(lines[:number]), path))


def _has(text: str, path: tuple[str, ...]) -> bool:
    try:
        found: object = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError:
        return False
    for key in path:
        if not isinstance(found, Mapping) or key not in found:
            return False
        found = found[key]
    return True
