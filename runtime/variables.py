"""Reading single variables of an environment that is handed in: each checked, each error names the variable."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from urllib.parse import urlsplit

TRUE_WORDS = {"true", "1", "yes", "on"}
FALSE_WORDS = {"false", "0", "no", "off"}


class SettingsError(Exception):
    """A setting is missing or contradicts another; the message names the variable and what is allowed."""


def required(env: Mapping[str, str], name: str) -> str:
    """The variable's value, without blanks around it.

    Raises:
        SettingsError: it is missing or empty.
    """
    value = env.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def words(text: str) -> tuple[str, ...]:
    """What a text lists, separated by commas or blanks."""
    return tuple(text.replace(",", " ").split())


def url(env: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    """An address that must be there, with one of ``schemes``.

    Raises:
        SettingsError: it is missing, or begins otherwise.
    """
    value = required(env, name)
    if urlsplit(value).scheme not in schemes:
        raise SettingsError(f"{name} must begin with one of {', '.join(s + '://' for s in schemes)}")
    return value


def port(value: str) -> int:
    """PORT: where to listen.

    Raises:
        SettingsError: it is no number from 1 to 65535.
    """
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise SettingsError(f"PORT must be a number from 1 to 65535, not {value!r}")
    return int(value)


def seconds(env: Mapping[str, str], name: str) -> Decimal | None:
    """A duration from half a second to a day; None if the variable is empty.

    Raises:
        SettingsError: it is none.
    """
    text = env.get(name, "").strip()
    if not text:
        return None
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        raise SettingsError(f"{name} must be a number of seconds, not {text!r}") from None
    if not (seconds.is_finite() and Decimal("0.5") <= seconds <= 86400):
        raise SettingsError(f"{name} must be from 0.5 to 86400 seconds")
    return seconds


def fraction(env: Mapping[str, str], name: str, *, default: str) -> Decimal:
    """A number above 0 and at most 1.

    Raises:
        SettingsError: it is none.
    """
    text = env.get(name, "").strip() or default
    if not re.fullmatch(r"0?\.\d{1,8}|1(\.0*)?", text) or not Decimal(text):
        raise SettingsError(f"{name} must be above 0 and at most 1, like {default}, not {text!r}")
    return Decimal(text)


def flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    """True or false, in any usual word.

    Raises:
        SettingsError: it is neither.
    """
    text = env.get(name, "").strip().lower()
    if not text:
        return default
    if text not in TRUE_WORDS | FALSE_WORDS:
        raise SettingsError(f"{name} must be true or false, not {text!r}")
    return text in TRUE_WORDS


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def rate(env: Mapping[str, str], name: str, *, default: str) -> str:
    """A number of requests per second, minute or hour, like ``600/minute``.

    Raises:
        SettingsError: it is none.
    """
    text = env.get(name, "").strip() or default
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour)", text):
        raise SettingsError(f"{name} must be like {default}, per second, minute or hour, not {text!r}")
    return text


def one_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...], *, default: str) -> str:
    """One of a few words, in capitals or not.

    Raises:
        SettingsError: it is none of them.
    """
    text = env.get(name, "").strip().upper() or default
    if text not in allowed:
        raise SettingsError(f"{name} must be one of {', '.join(allowed)}, not {text!r}")
    return text
