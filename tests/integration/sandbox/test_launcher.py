"""`make run`: starts everything, keeps it running, stops it without a trace, and survives being killed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests
from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parents[3]
ANY_PORTS = dict.fromkeys(("PORT", "FLOWER_PORT", "ML_ENGINE_PORT", "EXCHANGE_PORT"), "0")
# One start of everything serves all tests of this file.
pytestmark = [pytest.mark.xdist_group("launcher"), pytest.mark.timeout(300)]
OURS = ("DATABASE_URL", "REDIS_URL", "ML_ENGINE_URL", "BINANCE_BASE_URL", "TICK_SECONDS", "ML_WEBHOOK_SECRET")


class Launcher:
    """One `python -m sandbox` on a data folder."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        inherited = {name: value for name, value in os.environ.items() if name not in OURS}
        environment = inherited | ANY_PORTS | {"DATA_DIR": str(data_dir), "DEMO": "0"} | variables
        self._output = data_dir.with_suffix(".out")
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox"], cwd=ROOT, env=environment, stdout=output, stderr=output
            )

    def said(self) -> str:
        return self._output.read_text()

    def until_ready(self) -> None:
        wait_for(lambda: "is ready" in self.said() or self.process.poll() is not None, seconds=90)
        assert self.process.poll() is None, self.said()

    def end(self, number: signal.Signals) -> int:
        """Send the signal, wait for the end and return the exit code; nothing may be left behind."""
        descendants = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        code = self.process.wait(30)
        wait_for(lambda: not any(map(is_alive, descendants)), seconds=15)
        return code

    def child(self, words: str) -> psutil.Process:
        return next(
            child for child in psutil.Process(self.process.pid).children() if words in " ".join(child.cmdline())
        )

    def variables(self) -> dict[str, str | None]:
        return dotenv_values(self.data_dir / "environment")

    def address(self, name: str) -> str:
        found = re.search(rf"^  {name} +(http://\S+)", self.said(), re.MULTILINE)
        assert found, self.said()
        return found[1]


@dataclass
class Killed:
    """What was seen of a run before its end."""

    launcher: Launcher
    commands: list[str]
    secret: str | None


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.05)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path_factory.mktemp("launcher") / "data")
    try:
        launcher.until_ready()
        yield launcher
    finally:
        if launcher.process.poll() is None:
            launcher.end(signal.SIGINT)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("name", "path"), [("api", "/health"), ("ml-engine", "/health"), ("exchange", "/api/v3/time"), ("flower", "/")]
)
def test_everything_that_the_table_names_answers(running: Launcher, name: str, path: str) -> None:
    assert requests.get(running.address(name) + path, timeout=10).status_code == 200


def test_both_workers_and_beat_run(running: Launcher) -> None:
    assert {running.child(words).is_running() for words in ("worker-signals@", "worker-ticks@", " beat ")} == {True}


def test_the_api_process_never_holds_the_exchange_keys(running: Launcher) -> None:
    assert not [name for name in running.child("api.app").environ() if name.startswith("BINANCE_API")]
    assert "BINANCE_API_SECRET" in running.child("worker-ticks@").environ()


def test_no_secret_is_in_the_terminal_nor_in_a_log(running: Launcher) -> None:
    variables = running.variables()
    secrets = [variables[name] or "" for name in ("ML_WEBHOOK_SECRET", "BINANCE_API_SECRET")]
    written = running.said() + "".join(log.read_text() for log in (running.data_dir / "logs").iterdir())
    assert all(secrets)
    assert not [secret for secret in secrets if secret in written]


def test_the_variables_for_a_shell_are_for_its_owner_alone(running: Launcher) -> None:
    assert (running.data_dir / "environment").stat().st_mode & 0o777 == 0o600


def test_a_second_run_on_the_same_data_says_so_and_ends(running: Launcher) -> None:
    environment = os.environ | {"DATA_DIR": str(running.data_dir)}
    second = subprocess.run(
        [sys.executable, "-m", "sandbox"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"already running on {running.data_dir} (process {running.process.pid})" in second.stdout


def test_a_killed_beat_is_started_again(running: Launcher) -> None:
    beat = running.child(" beat ")
    beat.kill()
    wait_for(lambda: "beat ended by itself; starting it again" in running.said(), seconds=15)
    assert running.child(" beat ").pid != beat.pid


def test_a_killed_database_comes_back_with_its_data(running: Launcher) -> None:
    running.child("/postgres").kill()
    wait_for(lambda: "postgres ended by itself; starting it again" in running.said(), seconds=15)
    wait_for(lambda: requests.get(running.address("api") + "/agents", timeout=10).status_code == 200, seconds=20)


def test_a_stop_in_the_middle_of_the_start_leaves_nothing_behind(data_dir: Path) -> None:
    launcher = Launcher(data_dir)
    wait_for(lambda: "redis" in launcher.said(), seconds=30)
    assert launcher.end(signal.SIGTERM) == 0


def has_line(text: str, kind: str) -> bool:
    return re.search(rf"^\d\d:\d\d:\d\d {kind} ", text, re.MULTILINE) is not None


@pytest.fixture(scope="module")
def killed(running: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """A run that was given its own Redis and exchange, after it was killed."""
    given = {name: running.variables()[name] or "" for name in ("BINANCE_BASE_URL", "REDIS_URL")}
    keys = {"BINANCE_API_KEY": "key", "BINANCE_API_SECRET": "secret"}
    launcher = Launcher(tmp_path_factory.mktemp("killed") / "data", **given, **keys)
    launcher.until_ready()
    commands = [" ".join(child.cmdline()) for child in psutil.Process(launcher.process.pid).children()]
    secret = launcher.variables()["ML_WEBHOOK_SECRET"]
    # It asserts that no process of the run lives on.
    launcher.end(signal.SIGKILL)
    return Killed(launcher, commands, secret)


def test_what_is_given_is_not_started_and_its_address_not_shown(killed: Killed) -> None:
    assert len(killed.commands) == 7
    assert not [command for command in killed.commands if "sandbox.exchange" in command or "valkey" in command]
    assert "as given in REDIS_URL" in killed.launcher.said()
    assert "redis://" not in killed.launcher.said()


def test_the_next_run_works_shows_the_demo_and_stops_within_seconds(killed: Killed) -> None:
    following = Launcher(killed.launcher.data_dir, DEMO="1")
    following.until_ready()
    kinds = ("decision", "order", "trade")
    wait_for(lambda: all(has_line(following.said(), kind) for kind in kinds), seconds=90)
    assert following.variables()["ML_WEBHOOK_SECRET"] == killed.secret
    began = time.monotonic()
    assert following.end(signal.SIGINT) == 0
    assert time.monotonic() - began < 15
    assert "Stopped. Data stays in" in following.said()


def test_a_setting_that_the_service_refuses_is_named_before_anything_starts(data_dir: Path) -> None:
    launcher = Launcher(data_dir, TICK_SECONDS="soon")
    assert launcher.process.wait(30) == 1
    assert launcher.said() == "make run: TICK_SECONDS must be a number of seconds, not 'soon'\n"
    assert not data_dir.exists()
