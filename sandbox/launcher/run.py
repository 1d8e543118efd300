"""One run from start to stop: `python -m sandbox`."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Never

from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis, ServerError
from sandbox.exchange.settings import DEMO_API_KEY, DEMO_API_SECRET
from sandbox.launcher import services
from sandbox.launcher.children import Process, Server
from sandbox.launcher.demo import Demo
from sandbox.launcher.settings import PORTS, WAS_READY, LauncherError, Settings, read, webhook_secret
from sandbox.launcher.single import claim_port, only_run
from sandbox.launcher.supervisor import Supervisor
from sandbox.launcher.terminal import board, say

ROOT = Path(__file__).resolve().parents[2]
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _StopRequest(Exception):  # noqa: N818 - no error: the person at the terminal is done
    """Ctrl-C, or the signal of whoever runs this."""


def main() -> int:
    """Run until told to stop; the exit code is 0 then, and 1 when something could not be started."""
    for number in _STOP_SIGNALS:
        signal.signal(number, _request_stop)
    try:
        settings = read(os.environ, ROOT)
        with only_run(settings.data_dir), ExitStack() as cleanup:
            Run(settings, cleanup).until_stopped()
    except _StopRequest:
        return 0
    except (LauncherError, ServerError) as error:
        say(f"make run: {error}")
        return 1


class Run:
    """Everything that one run starts, and the addresses under which its parts find each other.

    Args:
        settings: What was asked for.
        cleanup: Takes what must be undone at the end, whatever happens.
    """

    def __init__(self, settings: Settings, cleanup: ExitStack) -> None:
        self._began = time.monotonic()
        self._settings = settings
        self._data_dir = settings.data_dir
        self._logs_dir = _fresh_logs(settings.data_dir)
        self._shown: dict[str, str] = {}
        self._environment = dict(settings.environment) | {
            "BINANCE_TESTNET": "true",
            "ML_WEBHOOK_SECRET": webhook_secret(settings),
            "PYTHONUNBUFFERED": "1",
        }
        self._supervisor = Supervisor(say)
        self._cleanup = cleanup

    def until_stopped(self) -> Never:
        """Start everything, then tend it until a signal ends the run.

        Raises:
            LauncherError: A port is taken or the migration failed.
            ServerError: A part does not work.
        """
        ports = self._claim_ports()
        self._cleanup.callback(self._stop)
        say("Starting (first the databases and the exchange, then the service)...")
        self._start_databases()
        self._start_outside(ports)
        self._migrate()
        self._start_service(ports)
        self._write_environment()
        say(board(self._shown, self._data_dir, time.monotonic() - self._began))
        self._begin_demo(f"http://{services.local(self._settings.host)}:{ports['api']}")
        while True:
            self._supervisor.tend()
            time.sleep(0.3)

    def _begin_demo(self, api: str) -> None:
        mark_complete = (self._data_dir / WAS_READY).touch
        if not self._settings.demo:
            mark_complete()
            return
        demo = Demo(api, self._settings.token, say, mark_complete)
        self._cleanup.callback(demo.end)
        demo.begin()

    def _claim_ports(self) -> dict[str, int]:
        needed = dict(self._settings.ports)
        if self._settings.given("BINANCE_BASE_URL"):
            del needed["exchange"]
        if self._settings.given("ML_ENGINE_URL"):
            del needed["ml-engine"]
        hosts = {"api": self._settings.host}
        return {
            purpose: claim_port(hosts.get(purpose, "127.0.0.1"), port, PORTS[purpose][0])
            for purpose, port in needed.items()
        }

    def _start_databases(self) -> None:
        if not self._is_given("DATABASE_URL", "postgres"):
            log = self._logs_dir / "postgres.log"
            postgres = EmbeddedPostgres(self._data_dir / "postgres", log=log)
            self._supervisor.start(Server("postgres", log, postgres))
            self._set("DATABASE_URL", "postgres", postgres.create_database("trading"))
        if not self._is_given("REDIS_URL", "redis"):
            log = self._logs_dir / "redis.log"
            redis = EmbeddedRedis(self._data_dir / "redis", log=log)
            self._supervisor.start(Server("redis", log, redis))
            self._set("REDIS_URL", "redis", redis.url())

    def _start_outside(self, ports: Mapping[str, int]) -> None:
        """Start what stands for the outside world: the exchange and the ML engine that watches it."""
        outside = []
        if not self._is_given("BINANCE_BASE_URL", "exchange"):
            # The sandbox's own pair, even where real keys lie about in the environment: those never reach it.
            self._environment |= {"BINANCE_API_KEY": DEMO_API_KEY, "BINANCE_API_SECRET": DEMO_API_SECRET}
            self._environment |= {"SANDBOX_API_KEY": DEMO_API_KEY, "SANDBOX_API_SECRET": DEMO_API_SECRET}
            self._set("BINANCE_BASE_URL", "exchange", f"http://127.0.0.1:{ports['exchange']}")
            folder = str(self._data_dir / "exchange")
            outside.append(services.exchange(self._environment, ports["exchange"], folder))
        if not self._is_given("ML_ENGINE_URL", "ml-engine"):
            self._set("ML_ENGINE_URL", "ml-engine", f"http://127.0.0.1:{ports['ml-engine']}")
            outside.append(services.ml_engine(self._environment, ports["ml-engine"]))
        self._start(*outside)

    def _migrate(self) -> None:
        log = self._logs_dir / "migration.log"
        with log.open("ab") as output:
            done = subprocess.run(
                services.migration(), cwd=ROOT, env=self._environment, stdout=output, stderr=output, check=False
            )
        if done.returncode:
            raise LauncherError(f"the database could not be migrated: see {log}")

    def _start_service(self, ports: Mapping[str, int]) -> None:
        host = self._settings.host
        workers = [services.worker(self._environment, name) for name in services.WORKERS]
        beat = services.beat(self._environment)
        flower = services.flower(self._environment, ports["flower"])
        self._start(services.api(self._environment, host, ports["api"]), *workers, beat, flower)
        api = f"http://{services.local(host)}:{ports['api']}"
        self._shown |= {"api": f"{api} (documentation: {api}/docs)", "flower": f"http://127.0.0.1:{ports['flower']}"}

    def _start(self, *started: services.Service) -> None:
        self._supervisor.start(*(Process(service, self._logs_dir) for service in started))

    def _is_given(self, variable: str, name: str) -> bool:
        given = self._settings.given(variable) is not None
        if given:
            # The value may hold a password.
            self._shown[name] = f"as given in {variable}"
        return given

    def _set(self, variable: str, name: str, value: str) -> None:
        self._environment[variable] = value
        self._shown[name] = value

    def _write_environment(self) -> None:
        """Write what a shell needs to talk to this run, readable for this user alone."""
        path = self._data_dir / "environment"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        added = {name: value for name, value in self._environment.items() if os.environ.get(name) != value}
        path.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(added.items())))

    def _stop(self) -> None:
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        say("\nStopping...")
        self._supervisor.stop()
        (self._data_dir / "environment").unlink(missing_ok=True)
        say(f"Stopped. Data stays in {self._data_dir}.")


def _fresh_logs(data_dir: Path) -> Path:
    """Make the folder of logs, with the last run's logs set aside as `NAME.log.1`."""
    logs = data_dir / "logs"
    logs.mkdir(exist_ok=True)
    for log in logs.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))
    return logs


def _request_stop(_number: int, _frame: FrameType | None) -> Never:
    raise _StopRequest
