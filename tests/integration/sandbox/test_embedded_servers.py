"""The embedded servers keep what they were given, recover from a crash and outlive nobody."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis
from sqlalchemy import create_engine, text

from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis, ServerError
from sandbox.embedded.server import free_port

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as server:
        yield server


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def test_postgres_keeps_committed_rows_over_a_stop_and_over_a_crash(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_database("book")
    execute(url, "CREATE TABLE kept (n int)")
    execute(url, "INSERT INTO kept VALUES (1)")
    postgres.stop()
    postgres.start()
    execute(url, "INSERT INTO kept VALUES (2)")
    postgres.kill()
    postgres.start()
    assert execute(url, "SELECT n FROM kept ORDER BY n") == [(1,), (2,)]


def test_creating_a_database_again_keeps_its_content(postgres: EmbeddedPostgres) -> None:
    execute(postgres.create_database("book"), "CREATE TABLE kept (n int)")
    assert execute(postgres.create_database("book"), "SELECT count(*) FROM kept") == [(0,)]


def test_postgres_starts_in_a_folder_too_deep_for_a_socket_and_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    deep = closed.joinpath(*["a-rather-long-folder-name"] * 6)
    deep.mkdir(parents=True)
    with EmbeddedPostgres(deep / "postgres", durable=False) as server:
        assert execute(server.url(), "SELECT 1") == [(1,)]
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_stale_pid_file_that_names_another_program_does_not_hinder_the_start(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    postgres.kill()
    pid_file = tmp_path / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    postgres.start()
    assert execute(postgres.url(), "SELECT 1") == [(1,)]


@pytest.mark.usefixtures("postgres")
def test_an_orphaned_postgres_is_replaced_by_the_next_start(tmp_path: Path) -> None:
    orphan = int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as successor:
        assert int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0]) != orphan
        assert execute(successor.url(), "SELECT 1") == [(1,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test is already run as a normal user")
def test_postgres_works_for_a_normal_user_too() -> None:
    command = [
        sys.executable,
        "-m",
        "sandbox.embedded",
        sys.executable,
        "-c",
        "import os; print(os.environ['DATABASE_URL'])",
    ]
    # The capability lets that user reach an interpreter that lies in a closed folder of root's.
    reach = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    unprivileged = [shutil.which("setpriv") or "setpriv", "--reuid=nobody", "--clear-groups", *reach]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*unprivileged, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("postgresql+psycopg2://"), done.stderr


def test_a_folder_that_is_no_database_is_refused_with_the_servers_own_words(tmp_path: Path) -> None:
    broken = tmp_path / "postgres"
    broken.mkdir(mode=0o700)
    (broken / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServerError, match=r"PostgreSQL ended with code 2"):
        EmbeddedPostgres(broken, durable=False).start()


def test_redis_keeps_its_data_and_its_port_over_a_crash(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "redis")
    with server:
        with redis.Redis.from_url(server.url()) as client:
            client.set("kept", "yes")
        url = server.url()
        server.kill()
        assert server.start() == url
        with redis.Redis.from_url(url) as client:
            assert client.get("kept") == b"yes"


def test_redis_is_set_up_as_a_queue_must_be(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        settings = client.config_get("*")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["bind"] == "127.0.0.1"


def test_redis_says_so_when_its_port_is_taken(tmp_path: Path, redis_server: EmbeddedRedis) -> None:
    port = int(redis_server.url().rsplit(":", 1)[1].split("/")[0])
    with pytest.raises(ServerError, match=r"(?i)address already in use"):
        EmbeddedRedis(tmp_path / "redis", port).start()


def test_each_test_gets_a_redis_without_keys(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_servers_end_with_the_process_that_started_them_even_when_it_is_killed(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time; from sandbox.embedded import *; folder = pathlib.Path(sys.argv[1]);"
        "postgres = EmbeddedPostgres(folder / 'postgres', durable=False); postgres.start();"
        f"redis = EmbeddedRedis(folder / 'redis', {free_port()}); redis.start(); print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        servers = psutil.Process(parent.pid).children()
        parent.send_signal(signal.SIGKILL)
    assert len(servers) == 2
    _gone, left = psutil.wait_procs(servers, timeout=15)
    assert [process for process in left if process.status() != psutil.STATUS_ZOMBIE] == []


def test_the_command_line_gives_a_command_empty_servers_and_returns_its_exit_code() -> None:
    program = "import os, psycopg2, redis; redis.Redis.from_url(os.environ['REDIS_URL']).ping(); raise SystemExit(7)"
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.embedded", sys.executable, "-c", program], cwd=ROOT, check=False
    )
    assert done.returncode == 7


def test_nobody_connects_to_postgres_through_the_network(postgres: EmbeddedPostgres) -> None:
    assert execute(postgres.url(), "SHOW listen_addresses") == [("",)]
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(host="127.0.0.1", port=5432, user="postgres", dbname="postgres", connect_timeout=2)
