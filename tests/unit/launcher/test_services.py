"""Each child gets its command and only the secrets that it needs."""

import pytest

from sandbox.launcher import services
from sandbox.launcher.services import Service

KEYS = {"BINANCE_API_KEY": "the-key", "BINANCE_API_SECRET": "the-secret"}
ENVIRONMENT = KEYS | {"DATABASE_URL": "postgresql://"}


@pytest.mark.parametrize(
    "service",
    [
        services.api(ENVIRONMENT, "127.0.0.1", 8003),
        services.ml_engine(ENVIRONMENT, 8004),
        services.exchange(ENVIRONMENT, 9001, "data"),
        services.beat(ENVIRONMENT),
        services.flower(ENVIRONMENT, 5555),
    ],
    ids=lambda service: service.name,
)
def test_only_workers_hold_the_exchange_keys(service: Service) -> None:
    assert dict(service.environment) == {"DATABASE_URL": "postgresql://"}


def test_a_worker_holds_them() -> None:
    assert services.worker(ENVIRONMENT, "worker-1").environment == ENVIRONMENT


def test_no_secret_is_on_a_command_line_or_in_a_repr() -> None:
    worker = services.worker(ENVIRONMENT, "worker-1")
    assert "the-secret" not in repr(worker)
    assert not set(worker.command) & set(KEYS.values())


def test_everything_but_the_api_listens_on_loopback_only() -> None:
    assert "127.0.0.1:8004" in services.ml_engine({}, 8004).command
    assert "--address=127.0.0.1" in services.flower({}, 5555).command
    assert "10.0.0.5:8003" in services.api({}, "10.0.0.5", 8003).command


def test_an_api_on_every_address_is_asked_on_loopback() -> None:
    everywhere = "0.0.0.0"  # noqa: S104 - nothing is bound here
    assert services.api({}, everywhere, 8003).ready_url == "http://127.0.0.1:8003/health"
