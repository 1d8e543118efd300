"""Routes that tell how agents and accounts perform."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from agents.errors import NotFoundError
from api import measure_answers, schemas
from api.blueprint import Blueprint
from api.control import view_of
from api.kept import kept
from api.services import services
from journal import equity, metrics, queries
from runtime.picture import equity_picture

blueprint = Blueprint("measures", __name__, description="How agents and accounts perform")

Answer = Mapping[str, Any]
CURVE = "The curve, or with `format=svg` its picture"
PICTURE = {"type": "string"}
MOST_SECONDS = 10
"""Metrics count the time since the start, too: so old may they be while nothing else changes."""


@blueprint.route("/agents/<agent:agent>/metrics")
@kept(MOST_SECONDS)
@blueprint.arguments(schemas.AccountQuery, location="query")
@blueprint.response(200, measure_answers.Metrics)
def agent_metrics(query: Answer, agent: str) -> Answer:
    """What an agent or one of its accounts has earned and lost, and at what risk.

    What is not defined, such as a ratio to a loss that never was, is null.
    """
    with services().book.reading() as session:
        return metrics.metrics(session, view_of(session, agent, query.get("account_id")))


@blueprint.route("/agents/<agent:agent>/equity")
@blueprint.arguments(schemas.AgentEquityQuery, location="query")
@blueprint.response(200, measure_answers.Equity, description=CURVE)
@blueprint.alt_response(200, schema=PICTURE, content_type="image/svg+xml", description=CURVE)
def agent_equity(query: Answer, agent: str) -> Answer | Response:
    """Equity of an agent or one of its accounts over time: daily closes, and points since the beginning of yesterday."""
    with services().book.reading() as session:
        return _equity(session, view_of(session, agent, query.get("account_id")), query)


@blueprint.route("/accounts/<account:account_id>/equity")
@blueprint.arguments(schemas.EquityQuery, location="query")
@blueprint.response(200, measure_answers.Equity, description=CURVE)
@blueprint.alt_response(200, schema=PICTURE, content_type="image/svg+xml", description=CURVE)
def account_equity(query: Answer, account_id: str) -> Answer | Response:
    """Equity of an account over time: daily closes, and points since the beginning of yesterday."""
    with services().book.reading() as session:
        view = queries.account_view(session, account_id)
        if view is None:
            raise NotFoundError(f"there is no account {account_id}")
        return _equity(session, view, query)


def _equity(session: Session, view: queries.View, query: Answer) -> Answer | Response:
    curve = equity.curve(session, view, query["days"])
    if query["format"] == "svg":
        subject = f"account {view['account_id']}" if "account_id" in view else f"agent {view['agent']}"
        return Response(_picture(curve, f"Equity of {subject}"), mimetype="image/svg+xml")
    return {
        **view,
        "closes": [asdict(close) for close in curve.closes],
        "points": [asdict(point) for point in curve.points],
    }


def _picture(curve: equity.Curve, title: str) -> str:
    """Daily closes, each at the midnight that ends its day, and from the last of them on the points."""
    closes = [
        (datetime.combine(close.date + timedelta(days=1), time(), UTC), close.equity, close.drawdown)
        for close in curve.closes
    ]
    drawn = closes + [
        (point.at, point.equity, point.drawdown) for point in curve.points if not closes or point.at > closes[-1][0]
    ]
    return equity_picture([(at, worth) for at, worth, _ in drawn], title, drawdowns=[fall for *_, fall in drawn])
