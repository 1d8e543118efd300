"""Fixtures for everyone: real servers, one pair per pytest process, and a fresh database for each test that asks."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis

# No deadline, for machines have hiccups; no database of examples, for no run shall depend on an earlier one.
settings.register_profile("steady", deadline=None, database=None, max_examples=60)
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parent.parent
MIGRATED = "migrated"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running PostgreSQL server. A test that kills it must start it again."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data", durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A running Redis server. A test that kills it must start it again."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis") / "data") as server:
        yield server


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """URL of a fresh database without any table."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedPostgres) -> str:
    """Name of a database at the newest migration, to make copies of. Connecting to it would block the copies."""
    url = postgres_server.create_database(MIGRATED)
    upgrade = [sys.executable, "-m", "alembic", "upgrade", "head"]
    done = subprocess.run(
        upgrade, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return MIGRATED


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[str]:
    """URL of a fresh, empty, migrated database."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres_server.create_database(name, template=migrated_template)
    postgres_server.drop_database(name)


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> str:
    """URL of an empty Redis database. All 16 databases of the server are emptied first."""
    url = redis_server.url()
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url
