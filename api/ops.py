"""Routes for those who run the service: liveness, readiness, metrics."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from adapters.presence import Presence
from api import answers, readiness
from api.blueprint import Blueprint
from api.patience import Question
from api.readiness import Readiness
from journal import gauge_queries
from journal.database import Book
from runtime.bootstrap import ControlServices

REGISTRY = "prometheus"
RUNNING_AGENTS = "running-agents"
READINESS = "readiness"
PATIENCE_SECONDS = 1.0
"""Probes usually wait longer than this, and not much longer."""

blueprint = Blueprint("operations", __name__, description="Probes and metrics")
logger = logging.getLogger(__name__)


def register(app: Flask, at_hand: ControlServices) -> None:
    """Give the probes what they ask; nothing is asked before the first probe."""
    app.extensions[RUNNING_AGENTS] = Question(partial(_count_running, at_hand.book), "health")
    app.extensions[READINESS] = Readiness(at_hand.book, Presence(at_hand.state.client))


@blueprint.route("/health")
@blueprint.needs(None)
@blueprint.response(200, answers.Health)
def health() -> Mapping[str, Any]:
    """The process is alive; it says so even while the book is out of reach."""
    return {"status": readiness.UP, "agents_running": _agents_running()}


@blueprint.route("/ready")
@blueprint.needs(None)
@blueprint.response(200, answers.Readiness)
@blueprint.alt_response(503, schema=answers.Readiness, description="Something it needs is missing")
def ready() -> tuple[Mapping[str, Any], int]:
    """Whether everything the service needs works, each by name."""
    judge: Readiness = current_app.extensions[READINESS]
    conditions = judge.conditions()
    now = datetime.now(UTC)
    is_ready = all(condition.status == readiness.UP for condition in conditions.values())
    answer = {
        "status": "ready" if is_ready else "not ready",
        "dependencies": {name: condition.status for name, condition in conditions.items()},
        "details": {
            name: {"status": c.status, "detail": c.detail, "checked_at": now - c.age} for name, c in conditions.items()
        },
    }
    return answer, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE


@blueprint.route("/metrics")
@blueprint.response(200, {"type": "string"}, content_type="text/plain", description="Prometheus text")
def metrics() -> Response:
    """Figures for Prometheus. They show money, so they need a token like all the rest."""
    registry: CollectorRegistry = current_app.extensions[REGISTRY]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _agents_running() -> int | None:
    """None if the book does not answer in time: one that hangs must not hang the probe."""
    question: Question[int] = current_app.extensions[RUNNING_AGENTS]
    try:
        return question.put().result(PATIENCE_SECONDS)
    except (SQLAlchemyError, TimeoutError) as error:
        logger.warning("health answered without the book: %r", error)
        return None


def _count_running(book: Book) -> int:
    with book.reading() as session:
        return gauge_queries.agents_running(session)
