"""Routes for money in and out of accounts: deposits, withdrawals, closing."""

from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from agents.errors import BookError, NotEnoughCashError, NotFoundError
from api import etags
from api import flow_schemas as schemas
from api.answers import page_of
from api.auth import actor
from api.blueprint import Blueprint
from api.control import announce
from api.paging import page
from api.services import services
from journal import flows, queries, withdrawal_queries, withdrawals
from journal.flows import FlowRequest
from journal.tokens import Scope

blueprint = Blueprint("flows", __name__, url_prefix="/accounts", description="Money in and out of accounts")

Answer = Mapping[str, Any]


@blueprint.errorhandler(NotEnoughCashError)  # type: ignore[untyped-decorator]  # the library ships no types
def _answer_not_enough_cash(error: NotEnoughCashError) -> ResponseReturnValue:
    """The one shape of all errors, and how much is free."""
    status = HTTPStatus.CONFLICT
    return {"code": status.value, "status": status.phrase, "message": str(error), "free": error.free}, status


@blueprint.route("/<account:account_id>/deposits", methods=["POST"])
@blueprint.needs(Scope.TRADE)
@blueprint.arguments(schemas.DepositBody)
@blueprint.response(200, schemas.DepositAnswer)
def deposit(body: Answer, account_id: str) -> ResponseReturnValue:
    """Book money that came in, once per `reference_id`; the same call again gives the same answer."""
    with services().book.unit_of_work() as session:
        tagged = etags.of_account(account_id)
        flow = flows.deposit(session, _request(body, account_id), actor=actor(), precondition=tagged.as_expected())
        session.flush()
        answer = {
            "status": "completed",
            "account_id": account_id,
            "reference_id": flow.reference_id,
            "amount": flow.amount,
            "balance_before": flow.balance_after - flow.amount if flow.balance_after is not None else None,
            "balance_after": flow.balance_after,
            "created_at": flow.created_at,
        }
        return answer, HTTPStatus.OK, tagged.header(flows.version_of(session, account_id))


@blueprint.route("/<account:account_id>/withdrawals", methods=["POST"])
@blueprint.needs(Scope.TRADE)
@blueprint.arguments(schemas.WithdrawalBody)
@blueprint.response(200, schemas.Withdrawal)
@blueprint.alt_response(202, schema=schemas.Withdrawal, description="Pending: something is sold first")
@blueprint.alt_response(409, schema=schemas.NotEnoughCashError, description="Not as much is free, or it failed")
def withdraw(body: Answer, account_id: str) -> ResponseReturnValue:
    """Pay out of an account, once per `reference_id`.

    If the free cash is enough, it is paid at once. If not, `liquidate: true` has the agent's next ticks sell what is
    needed, also of a paused or stopped agent, and then pays by itself; until then the account enters nothing new.
    """
    with services().book.unit_of_work() as session:
        request = _request(body, account_id)
        expected = etags.of_account(account_id).as_expected()
        withdrawals.withdraw(session, request, liquidate=body["liquidate"], actor=actor(), precondition=expected)
        session.flush()
        asked = _known(session, account_id, request.reference_id)
    return _answer(asked)


@blueprint.route("/<account:account_id>/close", methods=["POST"])
@blueprint.needs(Scope.TRADE)
@blueprint.arguments(schemas.ReferenceBody)
@blueprint.response(200, schemas.Withdrawal)
@blueprint.alt_response(202, schema=schemas.Withdrawal, description="Pending: something is sold first")
def close(body: Answer, account_id: str) -> ResponseReturnValue:
    """Stop an account, sell all it holds, pay out all its money, and never use it again; once."""
    with services().book.unit_of_work() as session:
        expected = etags.of_account(account_id).as_expected()
        withdrawals.close(session, account_id, body["reference_id"], actor=actor(), precondition=expected)
        session.flush()
        asked = _known(session, account_id, body["reference_id"])
    return _answer(asked)


@blueprint.route("/<account:account_id>/withdrawals")
@blueprint.arguments(schemas.WithdrawalsQuery, location="query")
@blueprint.response(200, page_of(schemas.Withdrawal, "Withdrawals"))
def list_withdrawals(query: Answer, account_id: str) -> Answer:
    """An account's withdrawals, and its closing."""
    with services().book.reading() as session:
        if queries.account_view(session, account_id) is None:
            raise NotFoundError(f"there is no account {account_id}")
        return page(
            lambda limit: [
                _with_url(view)
                for view in withdrawal_queries.withdrawals(session, account_id, before=query.get("cursor"), limit=limit)
            ],
            query["limit"],
            "id",
        )


@blueprint.route("/<account:account_id>/withdrawals/<string:reference_id>")
@blueprint.response(200, schemas.Withdrawal)
def withdrawal(account_id: str, reference_id: str) -> Answer:
    """One withdrawal, or the account's closing."""
    found = None
    if schemas.REFERENCE.regex.fullmatch(reference_id):
        with services().book.reading() as session:
            found = withdrawal_queries.withdrawal(session, account_id, reference_id)
    if found is None:
        raise NotFoundError(f"account {account_id} has no such withdrawal")
    return _with_url(found)


def _request(body: Answer, account_id: str) -> FlowRequest:
    return FlowRequest(account_id, Decimal(body["amount"]), body["reference_id"])


def _known(session: Session, account_id: str, reference_id: str) -> queries.View:
    asked = withdrawal_queries.withdrawal(session, account_id, reference_id)
    account = queries.account_view(session, account_id)
    if asked is None or account is None:
        raise BookError(f"withdrawal {reference_id} of {account_id} vanished")
    return {**asked, "agent": account["agent"], "account_version": account["account_version"]}


def _answer(asked: queries.View) -> ResponseReturnValue:
    """The withdrawal as it stands. What is not final needs the agent's ticks, and a closing withdraws its orders."""
    pending = asked["status"] == "pending"
    told = announce(asked["agent"]) if pending or asked["kind"] == flows.CLOSING else {}
    answer = {**_with_url(asked), **told}
    headers = etags.of_view(asked, asked["account_id"])
    if not pending:
        return answer, HTTPStatus.OK, headers
    return answer, HTTPStatus.ACCEPTED, {**headers, "Location": answer["status_url"]}


def _with_url(view: queries.View) -> dict[str, Any]:
    url = url_for("flows.withdrawal", account_id=view["account_id"], reference_id=view["reference_id"])
    return {**view, "status_url": url}
