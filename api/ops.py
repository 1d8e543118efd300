"""Routes for those who run the service: liveness, readiness, metrics."""

import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from flask import Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from api import answers
from api.blueprint import Blueprint
from api.services import services
from journal import gauge_queries
from journal.database import Book

REGISTRY = "prometheus"
RUNNING_AGENTS = "running-agents"
UP = "up"
PATIENCE_SECONDS = 1.0
"""Probes usually wait longer than this, and not much longer."""

blueprint = Blueprint("operations", __name__, description="Probes and metrics")
logger = logging.getLogger(__name__)


class RunningAgents:
    """How many agents run, asked of the book in a thread of its own: a book that hangs must not hang the probe.

    Args:
        book: where to ask.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._asking = ThreadPoolExecutor(1, "health")
        self._answer: Future[int] | None = None

    def count(self) -> int | None:
        """The number, or None if the book does not answer within ``PATIENCE_SECONDS``."""
        if self._answer is None or self._answer.done():
            self._answer = self._asking.submit(self._ask)
        try:
            return self._answer.result(PATIENCE_SECONDS)
        except (SQLAlchemyError, TimeoutError) as error:
            logger.warning("health answered without the book: %r", error)
            return None

    def _ask(self) -> int:
        with self._book.reading() as session:
            return gauge_queries.agents_running(session)


@blueprint.route("/health")
@blueprint.needs(None)
@blueprint.response(200, answers.Health)
def health() -> Mapping[str, Any]:
    """The process is alive; it says so even while the book is out of reach."""
    running: RunningAgents = current_app.extensions[RUNNING_AGENTS]
    return {"status": UP, "agents_running": running.count()}


@blueprint.route("/ready")
@blueprint.needs(None)
@blueprint.response(200, answers.Readiness)
@blueprint.alt_response(503, schema=answers.Readiness, description="Something it needs is missing")
def ready() -> tuple[Mapping[str, Any], int]:
    """Whether everything the service needs answers, each by name."""
    dependencies = {"database": _database(), "redis": _redis()}
    if all(state == UP for state in dependencies.values()):
        return {"status": "ready", "dependencies": dependencies}, HTTPStatus.OK
    return {"status": "not ready", "dependencies": dependencies}, HTTPStatus.SERVICE_UNAVAILABLE


@blueprint.route("/metrics")
@blueprint.response(200, description="Prometheus text")
def metrics() -> Response:
    """Figures for Prometheus. They show money, so they need a token like all the rest."""
    registry: CollectorRegistry = current_app.extensions[REGISTRY]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _database() -> str:
    try:
        with services().book.reading() as session:
            gauge_queries.agents_running(session)
    except SQLAlchemyError as error:
        logger.warning("not ready, the book: %s", error)
        return "out of reach or not migrated"
    return UP


def _redis() -> str:
    try:
        services().state.client.ping()
    except RedisError as error:
        logger.warning("not ready, Redis: %s", error)
        return "out of reach"
    return UP
