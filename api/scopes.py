"""What a route takes of its caller, said once, next to the route; a route that says nothing takes the most it could need."""

from collections.abc import Callable
from typing import Any

from journal.tokens import Scope

View = Callable[..., Any]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_ATTRIBUTE = "needed_scope"


def declare(view: View, scope: Scope | None) -> View:
    """Note that ``view`` takes ``scope``; None: no token at all."""
    setattr(view, _ATTRIBUTE, scope)
    return view


def declares(view: View) -> bool:
    """Whether ``view`` says what it takes."""
    return hasattr(view, _ATTRIBUTE)


def needed(view: View, method: str) -> Scope | None:
    """What ``view`` takes: as declared, or else read to look and admin to change something; None: no token at all."""
    default = Scope.READ if method in SAFE_METHODS else Scope.ADMIN
    scope: Scope | None = getattr(view, _ATTRIBUTE, default)
    return scope


def described(scope: Scope | None) -> list[dict[str, list[str]]]:
    """The requirement as OpenAPI 3.1 has it: the scope, or nothing where the API is open to its own machine."""
    return [] if scope is None else [{"token": [scope.value]}, {}]
