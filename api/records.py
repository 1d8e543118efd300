"""Routes that explain: decisions, orders and trades of all agents."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from agents.errors import NotFoundError
from api import answers, record_answers, schemas
from api.blueprint import Blueprint
from api.paging import scanned_page
from api.services import profile_of, services
from journal import queries, record_queries

blueprint = Blueprint("records", __name__, description="Why it traded or did not, and what was sent")

Answer = Mapping[str, Any]


@blueprint.route("/decisions")
@blueprint.arguments(schemas.DecisionsQuery, location="query")
@blueprint.response(200, answers.page_of(record_answers.Decision, "Decisions"))
def decisions(query: Answer) -> Answer:
    """What agents did about signals, and why.

    With `account_id`, each decision says what it meant for that one account (`account_code`).
    """
    filters = _filters(query, "agent", "symbol", "account_id", "code", "signal_id")
    with services().book.reading() as session:
        _check_known(session, query)
        return scanned_page(
            lambda limit: record_queries.decisions(session, **filters, before=query.get("cursor"), limit=limit),
            query["limit"],
            "id",
        )


@blueprint.route("/orders")
@blueprint.arguments(schemas.OrdersQuery, location="query")
@blueprint.response(200, answers.page_of(record_answers.Order, "Orders"))
def orders(query: Answer) -> Answer:
    """Block orders: what was sent and what became of it."""
    filters = _filters(query, "agent", "symbol", "state", "client_order_id")
    with services().book.reading() as session:
        _check_known(session, query)
        return scanned_page(
            lambda limit: record_queries.orders(session, **filters, before=query.get("cursor"), limit=limit),
            query["limit"],
            "id",
        )


@blueprint.route("/trades")
@blueprint.arguments(schemas.TradesQuery, location="query")
@blueprint.response(200, answers.page_of(record_answers.Trade, "Trades"))
def trades(query: Answer) -> Answer:
    """Positions closed, with profit or loss after all fees."""
    filters = _filters(query, "agent", "symbol", "account_id", "client_order_id")
    with services().book.reading() as session:
        _check_known(session, query)
        return scanned_page(
            lambda limit: record_queries.trades(session, **filters, before=query.get("cursor"), limit=limit),
            query["limit"],
            "id",
        )


def _filters(query: Answer, *names: str) -> dict[str, Any]:
    return {name: query.get(name) for name in names}


def _check_known(session: Session, query: Answer) -> None:
    """An unknown agent or account is an error, not an empty list."""
    if "agent" in query:
        profile_of(query["agent"])
    if "account_id" in query and queries.account_view(session, query["account_id"]) is None:
        raise NotFoundError(f"there is no account {query['account_id']}")
