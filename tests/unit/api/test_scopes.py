"""The ladder of scopes, and what a route takes."""

import pytest

from api import scopes
from journal.tokens import Scope, digest


@pytest.mark.parametrize(
    ("held", "included"),
    [
        (Scope.READ, {Scope.READ}),
        (Scope.TRADE, {Scope.READ, Scope.TRADE}),
        (Scope.ADMIN, {Scope.READ, Scope.TRADE, Scope.ADMIN}),
    ],
)
def test_a_scope_includes_itself_and_the_lower_ones(held: Scope, included: set[Scope]) -> None:
    assert {scope for scope in Scope if held.includes(scope)} == included


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "ANYTHING"])
def test_every_method_that_may_change_something_takes_admin_unless_the_route_says_less(method: str) -> None:
    def silent() -> None: ...
    def speaking() -> None: ...

    scopes.declare(speaking, Scope.TRADE)

    assert scopes.needed(silent, method) is Scope.ADMIN
    assert scopes.needed(speaking, method) is Scope.TRADE
    assert (scopes.declares(silent), scopes.declares(speaking)) == (False, True)


def test_what_is_kept_of_a_secret_is_its_sha256() -> None:
    assert digest("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
