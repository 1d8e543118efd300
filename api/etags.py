"""ETag and If-Match: a change can be made to depend on the state that its caller has seen (RFC 9110, section 13.1.1).

A tag stands for what control calls change: of an agent as a whole its state and those of its accounts, of an account
its state and its money as flows move it, of the switch all of it. It does not stand for what the market changes, such
as equity; so no answer is ever 304.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import request

from api.errors import ApiError
from journal.preconditions import Precondition, whatever_it_was

HEADER = "If-Match"


@dataclass(frozen=True, slots=True)
class Tagged:
    """What a tag stands for: the kind of thing, and its name."""

    kind: str
    name: str = ""

    def at(self, number: int) -> str:
        """The tag after the change of this number, without quotes."""
        return ":".join(part for part in (self.kind, self.name, str(number)) if part)

    def header(self, number: int) -> Mapping[str, str]:
        """The header of an answer that shows it so."""
        return {"ETag": f'"{self.at(number)}"'}

    def as_expected(self) -> Precondition:
        """What the present request demands of it before it is changed; nothing without the header.

        The precondition raises ApiError: it has changed meanwhile, or it does not exist: 412, with its present tag.
        """
        if HEADER not in request.headers:
            return whatever_it_was
        expected = request.if_match

        def check(number: int | None) -> None:
            if number is None:
                raise ApiError(HTTPStatus.PRECONDITION_FAILED, f"{self.kind} {self.name} does not exist yet")
            # Compared strongly: a weak tag, W/"…", never matches.
            if not expected.contains(self.at(number)):
                raise ApiError(
                    HTTPStatus.PRECONDITION_FAILED,
                    f"{self.kind} {self.name}".strip() + " has changed since then: look again, then decide",
                    headers=self.header(number),
                )

        return check


SWITCH = Tagged("trading")


def of(agent: str, account_id: str | None) -> Tagged:
    """The account that a call names, or the agent as a whole."""
    return of_account(account_id) if account_id is not None else Tagged("agent", agent)


def of_account(account_id: str) -> Tagged:
    """An account, whichever agent serves it."""
    return Tagged("account", account_id)


def of_view(view: Mapping[str, Any], account_id: str | None) -> Mapping[str, str]:
    """The header of an answer about what a call named.

    Args:
        view: an agent or an account as :mod:`journal.queries` gives it.
        account_id: the account that the call named, if it did.
    """
    number = view["agent_revision"] if account_id is None else view["account_version"]
    return of(view["agent"], account_id).header(number)
