"""Routes for one investor's own view: account, transactions, trades, performance."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session

from agents.errors import NotFoundError
from api import answers, etags, record_answers, schemas
from api.blueprint import Blueprint
from api.control import described
from api.paging import page, scanned_page
from api.services import profile_of, services
from journal import outward_queries, queries, record_queries

blueprint = Blueprint("accounts", __name__, url_prefix="/accounts", description="Investors' accounts")

Answer = Mapping[str, Any]


@blueprint.route("")
@blueprint.arguments(schemas.AccountsQuery, location="query")
@blueprint.response(200, answers.page_of(answers.Account, "Accounts"))
def list_accounts(query: Answer) -> Answer:
    """Accounts of all agents or of one."""
    if "agent" in query:
        profile_of(query["agent"])
    with services().book.reading() as session:
        return page(
            lambda limit: described(
                session,
                queries.account_views(
                    session,
                    agent=query.get("agent"),
                    status=query.get("status"),
                    before=query.get("cursor"),
                    limit=limit,
                ),
            ),
            query["limit"],
            "number",
        )


@blueprint.route("/<account:account_id>")
@blueprint.response(200, answers.Account)
def account(account_id: str) -> tuple[Answer, int, Mapping[str, str]]:
    """One account."""
    with services().book.reading() as session:
        view = described(session, [_known(session, account_id)])[0]
    return view, HTTPStatus.OK, etags.of_view(view, account_id)


@blueprint.route("/<account:account_id>/transactions")
@blueprint.arguments(schemas.TransactionsQuery, location="query")
@blueprint.response(200, answers.page_of(record_answers.Transaction, "Transactions"))
def transactions(query: Answer, account_id: str) -> Answer:
    """Deposits, withdrawals, profits and losses, as the platform reads them."""
    with services().book.reading() as session:
        _known(session, account_id)
        return page(
            lambda limit: outward_queries.transactions(session, account_id, before=query.get("cursor"), limit=limit),
            query["limit"],
            "id",
        )


@blueprint.route("/<account:account_id>/trades")
@blueprint.arguments(schemas.AccountTradesQuery, location="query")
@blueprint.response(200, answers.page_of(record_answers.Trade, "AccountTrades"))
def trades(query: Answer, account_id: str) -> Answer:
    """Positions it closed."""
    with services().book.reading() as session:
        _known(session, account_id)
        return scanned_page(
            lambda limit: record_queries.trades(
                session, account_id=account_id, symbol=query.get("symbol"), before=query.get("cursor"), limit=limit
            ),
            query["limit"],
            "id",
        )


@blueprint.route("/<account:account_id>/performance")
@blueprint.arguments(schemas.PerformanceQuery, location="query")
@blueprint.response(200, answers.page_of(record_answers.Snapshot, "Performance"))
def performance(query: Answer, account_id: str) -> Answer:
    """Its snapshots of days, weeks (by their Monday) or months (by their first day)."""
    with services().book.reading() as session:
        _known(session, account_id)
        return page(
            lambda limit: outward_queries.performance(
                session,
                account_id,
                period_type=query["period_type"],
                before=query.get("cursor"),
                limit=limit,
            ),
            query["limit"],
            "snapshot_date",
        )


def _known(session: Session, account_id: str) -> queries.View:
    view = queries.account_view(session, account_id)
    if view is None:
        raise NotFoundError(f"there is no account {account_id}")
    return view
