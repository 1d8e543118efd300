"""The real application over a real database and a real Redis, called without a socket."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app
from journal.database import Book
from runtime.bootstrap import ControlServices, control_services
from runtime.settings import Settings, load

SECRET = "a shared secret"


@pytest.fixture
def api_settings(database_url: str, redis_url: str) -> Settings:
    return load(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "ML_ENGINE_URL": "http://127.0.0.1:1",
            "ML_WEBHOOK_SECRET": SECRET,
        }
    )


@pytest.fixture
def make_app(api_settings: Settings) -> Iterator[Callable[..., Flask]]:
    made: list[ControlServices] = []

    def make(**changes: Any) -> Flask:
        services = control_services(replace(api_settings, **changes))
        made.append(services)
        return create_app(services)

    yield make
    for services in made:
        services.book.engine.dispose()
        services.state.client.close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def book(app: Flask) -> Book:
    return app.extensions["control"].book


@pytest.fixture
def start(client: FlaskClient) -> Callable[..., dict[str, Any]]:
    """Start an agent as the platform does, and insist that it works."""

    def call(agent: str = "atlas", *, equity: object = 1000, **fields: object) -> dict[str, Any]:
        answer = client.post(f"/agents/{agent}/start", json={"initial_equity": equity, **fields})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return dict(answer.get_json())

    return call
