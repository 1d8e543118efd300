"""Each child gets its command and only the secrets that it needs."""

import pytest

from adapters.queue import QUEUES
from sandbox.launcher import services
from sandbox.launcher.services import Service

KEYS = {"BINANCE_API_KEY": "the-key", "BINANCE_API_SECRET": "the-secret"}
API_SECRETS = {
    "ML_WEBHOOK_SECRET": "the-webhook-secret",
    "ML_WEBHOOK_SECRET_PREVIOUS": "the-former-secret",
    "API_TOKENS": "the-token",
}
SHARED = {"DATABASE_URL": "postgresql://"}
SANDBOX_PAIR = {"SANDBOX_API_KEY": "the-sandbox-key", "SANDBOX_API_SECRET": "the-sandbox-secret"}
ENVIRONMENT = KEYS | API_SECRETS | SHARED | SANDBOX_PAIR


@pytest.mark.parametrize(
    "service",
    [
        services.ml_engine(ENVIRONMENT, 8004),
        services.beat(ENVIRONMENT),
        services.flower(ENVIRONMENT, 5555),
    ],
    ids=lambda service: service.name,
)
def test_what_needs_no_secret_gets_none(service: Service) -> None:
    assert dict(service.environment) == SHARED


def test_the_sandbox_exchange_gets_the_pair_that_it_shall_accept_and_no_other_secret() -> None:
    assert dict(services.exchange(ENVIRONMENT, 9001, "data").environment) == SHARED | SANDBOX_PAIR


def test_the_api_gets_its_own_secrets_and_never_the_exchange_keys() -> None:
    api = services.api(ENVIRONMENT, "127.0.0.1", 8003)
    assert dict(api.environment) == SHARED | API_SECRETS | {"HOST": "127.0.0.1", "PORT": "8003"}


@pytest.mark.parametrize("name", services.WORKERS)
def test_a_worker_gets_the_exchange_keys_and_not_the_secrets_of_the_api(name: str) -> None:
    assert dict(services.worker(ENVIRONMENT, name).environment) == SHARED | KEYS


@pytest.mark.parametrize("name", services.WORKERS)
def test_where_the_api_listens_is_no_business_of_a_worker(name: str) -> None:
    """Its own settings would refuse an open address without tokens, and a port of 0."""
    told = ENVIRONMENT | {"HOST": "0.0.0.0", "PORT": "0"}  # noqa: S104 - nothing is bound here
    assert not {"HOST", "PORT"} & set(services.worker(told, name).environment)


def test_together_the_workers_serve_every_queue() -> None:
    served = {queue for queues in services.WORKERS.values() for queue in queues.split(",")}
    assert served == set(QUEUES)


def test_no_secret_is_on_a_command_line_or_in_a_repr() -> None:
    for service in (services.worker(ENVIRONMENT, "worker-ticks"), services.api(ENVIRONMENT, "127.0.0.1", 8003)):
        shown = repr(service)
        assert not [secret for secret in (*KEYS.values(), *API_SECRETS.values()) if secret in shown]


def test_everything_but_the_api_listens_on_loopback_only() -> None:
    assert "127.0.0.1:8004" in services.ml_engine({}, 8004).command
    assert "--address=127.0.0.1" in services.flower({}, 5555).command
    assert "10.0.0.5:8003" in services.api({}, "10.0.0.5", 8003).command


def test_an_api_on_every_address_is_asked_on_loopback() -> None:
    everywhere = "0.0.0.0"  # noqa: S104 - nothing is bound here
    assert services.api({}, everywhere, 8003).ready_url == "http://127.0.0.1:8003/health"
