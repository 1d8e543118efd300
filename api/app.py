"""The application: ``gunicorn -w 2 --threads 8 -k gthread 'api.app:create_app()'``. Nothing connects before the first request."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask_swagger_ui  # type: ignore[import-untyped] # ships no types
from flask import Flask, Response, send_from_directory
from prometheus_client import CollectorRegistry

from api import (
    accounts,
    accounts_opening,
    agents,
    audit,
    auth,
    errors,
    flows,
    headers,
    idempotency,
    kept,
    limits,
    measures,
    ops,
    reconciliation,
    records,
    signals,
    subscriptions,
    trading,
    webhooks,
)
from api.blueprint import register_converters
from api.description import Api
from api.fields import Number
from api.numbers import DecimalJSONProvider
from api.prometheus import BookCollector
from api.scopes import described
from api.services import EXTENSION
from journal.tokens import Scope
from runtime import settings
from runtime.bootstrap import ControlServices, control_services
from runtime.logs import log_plainly

LARGEST_BODY = 64 * 1024
DOCS_ASSETS = "/docs/assets/"
CONFIGURATION = {
    "API_TITLE": "Trading Agents",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.1.1",
    "API_SPEC_OPTIONS": {"servers": [{"url": "/", "description": "The service that gave this document"}]},
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "OPENAPI_SWAGGER_UI_PATH": "/docs",
    "OPENAPI_SWAGGER_UI_URL": DOCS_ASSETS,
    "MAX_CONTENT_LENGTH": LARGEST_BODY,
}

logger = logging.getLogger(__name__)


class _Application(Flask):
    """Flask that does not ask of every function, at every request, whether it is a coroutine: none is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself."""
        return func


def create_app(services: ControlServices | None = None) -> Flask:
    """Build the application.

    Args:
        services: what its views use; wired from the environment when omitted.

    Raises:
        SettingsError: a setting is missing or contradicts another.
    """
    at_hand = services or _from_environment()
    app = _Application("api", static_folder=None)
    app.config.update(CONFIGURATION)
    # No other path than the one asked for: "//" is a mistake of the caller's, not a detour.
    app.url_map.merge_slashes = False
    app.json = DecimalJSONProvider(app)
    app.extensions[EXTENSION] = at_hand
    headers.register(app)
    ops.register(app, at_hand)
    app.extensions[ops.REGISTRY] = _registry(at_hand)
    auth.identify(app, at_hand.settings.api_tokens, auth.TokenReader(at_hand.book))
    limits.register(app, at_hand.settings)
    auth.guard(app)
    accounts_opening.register(app)
    idempotency.register(app)
    kept.register(app, at_hand.book)
    _register_routes(app)
    errors.register(app)
    if not at_hand.settings.api_tokens:
        logger.warning(
            "no API_TOKENS are set: the API is open to everyone on this machine until there is a token in the database"
        )
    return app


def _from_environment() -> ControlServices:
    found = settings.load()
    log_plainly(found.log_level)
    return control_services(found)


def _register_routes(app: Flask) -> None:
    api = Api(app)
    register_converters(app, api)
    api.register_field(Number, "number", None)
    api.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    api.spec.options["security"] = described(Scope.READ)
    for module in (
        agents,
        accounts_opening,
        trading,
        signals,
        webhooks,
        accounts,
        measures,
        flows,
        records,
        reconciliation,
        subscriptions,
        audit,
        ops,
    ):
        api.register_blueprint(module.blueprint)
    app.add_url_rule(f"{DOCS_ASSETS}<path:name>", "docs_asset", _docs_asset)


def _docs_asset(name: str) -> Response:
    return send_from_directory(Path(flask_swagger_ui.__file__).parent / "dist", name)


def _registry(at_hand: ControlServices) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(BookCollector(at_hand.book))
    return registry
