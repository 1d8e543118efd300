"""The exact commands and health checks of docker-compose.yml and the Dockerfile, run without containers."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis
from sandbox.embedded.server import free_port

ROOT = Path(__file__).resolve().parents[3]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
# One start of everything serves all tests of this file.
pytestmark = [pytest.mark.xdist_group("deployment"), pytest.mark.timeout(300)]
LONG_RUNNING = ("api", "worker", "beat", "flower")


def command(service: str) -> list[str]:
    if "command" in SERVICES[service]:
        return list(SERVICES[service]["command"])
    return list(json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1]))


def health_check(service: str) -> list[str]:
    if "healthcheck" not in SERVICES[service]:
        return list(json.loads(re.findall(r"^ +CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1]))
    kind, *rest = SERVICES[service]["healthcheck"]["test"]
    unescaped = [part.replace("$$", "$") for part in rest]
    return ["sh", "-c", *unescaped] if kind == "CMD-SHELL" else unescaped


class Deployment:
    """The variables of each container, with what compose would fill in."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._values = {
            "DATABASE_URL": database_url.replace("+psycopg2", "+asyncpg"),
            "REDIS_URL": redis_url,
            "ML_ENGINE_URL": "http://127.0.0.1:9",
            "API_TOKENS": "a-token",
            "ML_WEBHOOK_SECRET": "a-secret",
            "BINANCE_API_KEY": "a-key",
            "BINANCE_API_SECRET": "a-secret",
            "BINANCE_TESTNET": "true",
            "FLOWER_BASIC_AUTH": "operator:a-password",
            "FLOWER_PORT": str(free_port()),
            "PORT": str(free_port()),
        }

    def environment(self, service: str) -> dict[str, str]:
        """Nothing of this process's own environment but the path and, for the worker's name, the host's."""
        asked = SERVICES[service]["environment"]
        filled = {name: self._values.get(name, "" if "${" in value else value) for name, value in asked.items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return filled | {"PATH": path, "HOSTNAME": socket.gethostname(), "HOME": "/nonexistent"}

    def run(self, service: str, what: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            what, cwd=ROOT, env=self.environment(service), capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def deployment(postgres_server: EmbeddedPostgres, redis_server: EmbeddedRedis) -> Iterator[Deployment]:
    name = f"deployed_{os.getpid()}"
    yield Deployment(postgres_server.create_database(name), redis_server.url(15))
    postgres_server.drop_database(name)


@pytest.fixture(scope="module")
def migrated(deployment: Deployment) -> subprocess.CompletedProcess[str]:
    return deployment.run("migrate", command("migrate"))


@pytest.fixture(scope="module")
def up(
    deployment: Deployment, migrated: subprocess.CompletedProcess[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """All long-running services; yields the folder of their logs."""
    assert migrated.returncode == 0, migrated.stderr
    logs = tmp_path_factory.mktemp("logs")
    processes = []
    for service in LONG_RUNNING:
        with (logs / service).open("w") as log:
            environment = deployment.environment(service)
            processes.append(subprocess.Popen(command(service), cwd=ROOT, env=environment, stdout=log, stderr=log))
    yield logs
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(30)


def test_the_migration_ends_well_and_can_be_repeated(
    deployment: Deployment, migrated: subprocess.CompletedProcess[str]
) -> None:
    assert migrated.returncode == 0, migrated.stderr
    assert deployment.run("migrate", command("migrate")).returncode == 0


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_each_service_runs_by_its_exact_command_and_passes_its_health_check(
    deployment: Deployment, up: Path, service: str
) -> None:
    deadline = time.monotonic() + 60
    while (done := deployment.run(service, health_check(service))).returncode != 0:
        assert time.monotonic() < deadline, done.stderr + (up / service).read_text()
        time.sleep(0.2)


@pytest.mark.parametrize("service", ["api", "beat", "flower"])
@pytest.mark.usefixtures("migrated")
def test_a_health_check_fails_where_nothing_runs(deployment: Deployment, service: str) -> None:
    elsewhere = {"PORT": str(free_port()), "FLOWER_PORT": str(free_port()), "REDIS_URL": "redis://127.0.0.1:9/0"}
    environment = deployment.environment(service) | elsewhere
    done = subprocess.run(health_check(service), cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode != 0


HELD = """
import gc, json, os, sys
from api.app import create_app

app = create_app()
assert app.test_client().get("/health").status_code == 200
words = json.dumps({name: os.environ.pop(name) for name in sys.argv[1:]})

def texts():
    for owner in gc.get_objects():
        for owned in gc.get_referents(owner):
            # A tuple of nothing but texts is not among the objects that the collector knows.
            yield from owned if isinstance(owned, tuple) else [owned]

held = {text for text in texts() if isinstance(text, str) and len(text) < 100}
print(json.dumps([name for name, word in json.loads(words).items() if word in held]))
"""


@pytest.mark.usefixtures("migrated")
def test_the_api_keeps_no_exchange_key_even_if_one_lies_about_in_its_environment(deployment: Deployment) -> None:
    keys = {"BINANCE_API_KEY": "a-key-that-lies-about", "BINANCE_API_SECRET": "a-secret-that-lies-about"}
    environment = deployment.environment("api") | keys | {"API_TOKENS": "a-token-that-it-needs"}
    look = [sys.executable, "-c", HELD, "BINANCE_API_KEY", "BINANCE_API_SECRET", "API_TOKENS"]

    done = subprocess.run(look, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)

    # The token shows that whoever looks would find what is kept.
    assert json.loads(done.stdout) == ["API_TOKENS"]
