"""docker-compose.yml and the Dockerfile keep the promises that can be checked without a container engine."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.embedded.postgres import SETTINGS

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_the_file_follows_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, "docker-compose.yml"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_part_of_the_service_is_there() -> None:
    assert set(SERVICES) == {"migrate", "api", "worker", "beat", "flower", "postgres", "redis"}


def test_the_database_is_set_as_the_embedded_one_is() -> None:
    assert SERVICES["postgres"]["command"] == ["postgres", *(part for setting in SETTINGS for part in ("-c", setting))]


def test_the_database_has_room_for_queries_that_run_in_parallel() -> None:
    assert SERVICES["postgres"]["shm_size"] == "256mb"


def test_only_workers_hold_the_exchange_keys() -> None:
    holders = {name for name, service in SERVICES.items() if "BINANCE_API_SECRET" in str(service.get("environment"))}
    assert holders == {"worker"}
    assert not [variable for variable in SERVICES["api"]["environment"] if variable.startswith("BINANCE_")]


def test_only_the_api_holds_the_webhook_secret_and_the_tokens() -> None:
    for secret in ("ML_WEBHOOK_SECRET", "ML_WEBHOOK_SECRET_PREVIOUS", "API_TOKENS"):
        assert {name for name, service in SERVICES.items() if secret in service.get("environment", {})} == {"api"}


def test_no_secret_has_a_default_value() -> None:
    variables = [item for service in SERVICES.values() for item in service.get("environment", {}).items()]
    secret = re.compile(r"PASSWORD|SECRET|TOKENS|_KEY|BASIC_AUTH")
    values = [value for name, value in variables if secret.search(name)]
    assert values
    assert [value for value in values if not re.fullmatch(r"\$\{\w+:(\?[^}]+|-)\}", value)] == []


def test_redis_persists_its_queue_and_evicts_nothing() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--appendfsync everysec" in command
    assert "--maxmemory-policy noeviction" in command
    assert SERVICES["redis"]["volumes"] == ["redis-data:/data"]


def test_the_worker_can_be_scaled() -> None:
    assert not {"container_name", "ports", "hostname"} & set(SERVICES["worker"])


def test_the_platform_reaches_the_api_under_the_name_in_its_guide() -> None:
    assert SERVICES["api"]["networks"]["orbiquant-network"]["aliases"] == ["trading-agents"]
    assert COMPOSE["networks"]["orbiquant-network"]["name"] == "orbiquant-network"


def test_the_databases_are_not_on_the_platforms_network_nor_on_the_hosts() -> None:
    for name in ("postgres", "redis"):
        assert SERVICES[name]["networks"] == ["internal"]
        assert "ports" not in SERVICES[name]


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_what_runs_on_is_watched_and_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert "healthcheck" in SERVICES[name] or (name == "api" and "HEALTHCHECK" in DOCKERFILE)


@pytest.mark.parametrize("name", ["api", "worker", "beat", "flower"])
def test_nothing_starts_before_the_migration_is_complete(name: str) -> None:
    assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_can_change_nothing_but_their_temporary_files(name: str) -> None:
    assert OURS[name]["read_only"] is True
    assert OURS[name]["cap_drop"] == ["ALL"]
    assert OURS[name]["tmpfs"] == ["/tmp"]  # noqa: S108 - a folder in the container


@pytest.mark.parametrize("name", sorted(set(OURS) - {"api"}))
def test_every_command_is_a_program_of_the_environment(name: str) -> None:
    program = OURS[name]["command"][0]
    assert shutil.which(program, path=Path(sys.executable).parent) is not None


def test_every_variable_is_described_in_the_example_of_the_env_file() -> None:
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    described = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert used - described == set()


def test_the_image_does_not_run_as_root_and_contains_every_package_of_the_service() -> None:
    assert re.search(r"^USER [1-9]\d*$", DOCKERFILE, re.MULTILINE)
    copied = set(re.findall(r"^COPY (\w+) \w+$", DOCKERFILE, re.MULTILINE))
    assert copied == {"alembic", "agents", "adapters", "journal", "runtime", "tasks", "api"}


def test_the_build_sees_neither_env_files_nor_data_nor_the_sandbox() -> None:
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    assert not {".env", ".data", "sandbox", "tests"} & set(allowed)


def test_the_health_checks_are_python_that_compiles() -> None:
    programs = [service["healthcheck"]["test"][-1] for service in OURS.values() if "healthcheck" in service]
    written = [program for program in programs if program.startswith("import")]
    written += [text.replace('\\"', '"') for text in re.findall(r'"-c", "(import.*)"\]$', DOCKERFILE, re.MULTILINE)]
    assert len(written) == 3
    for program in written:
        compile(program, "healthcheck", "exec")


def test_the_modules_that_the_commands_name_exist() -> None:
    assert "api.app:create_app()" in DOCKERFILE
    assert importlib.util.find_spec("api.app") is not None
    assert importlib.util.find_spec("tasks.celery") is not None
