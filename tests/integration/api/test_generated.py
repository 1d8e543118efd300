"""A few hundred requests made up from the document, and every answer as it promises; `make fuzz` sends thousands more."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, settings

import tests.fuzz.hooks  # noqa: F401 - registers them
from api.app import create_app
from api.openapi import NOWHERE
from runtime.bootstrap import control_services
from runtime.settings import load
from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis

CONFIGURATION = Path(__file__).resolve().parents[2] / "fuzz" / "schemathesis.toml"


promised = schemathesis.openapi.from_wsgi(
    "/openapi.json",
    create_app(control_services(load(NOWHERE))),
    config=schemathesis.Config.from_path(CONFIGURATION),
)

# Systematic boundaries are two thousand requests more: they are for `make fuzz`.
promised.config.phases.coverage.enabled = False


@pytest.fixture(scope="module")
def app(postgres_server: EmbeddedPostgres, migrated_template: str, redis_server: EmbeddedRedis) -> Iterator[Flask]:
    """One application for all requests, with an agent running for two accounts."""
    name = f"generated_{uuid.uuid4().hex}"
    servers = {
        "DATABASE_URL": postgres_server.create_database(name, template=migrated_template),
        "REDIS_URL": redis_server.url(3),
        "ML_ENGINE_URL": "http://127.0.0.1:1",
        "ML_WEBHOOK_SECRET": "a shared secret",
    }
    services = control_services(load(servers))
    app = create_app(services)
    for account_id in ("alice", "bob"):
        body = {"initial_equity": 1000, "account_id": account_id}
        assert app.test_client().post("/agents/atlas/start", json=body).status_code == 200
    yield app
    services.book.engine.dispose()
    services.state.client.close()
    postgres_server.drop_database(name)


@pytest.fixture(autouse=True)
def no_worker_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.signals._settled_within", lambda *_: False)


@promised.parametrize()
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_promises(case: schemathesis.Case[Any], app: Flask) -> None:
    case.call_and_validate(app=app)
