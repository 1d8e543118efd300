"""What is started, in which order, with which command and which variables. Pure: nothing here starts anything."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

# What must not lie about: each is handed only to the part that needs it.
EXCHANGE_KEYS = frozenset({"BINANCE_API_KEY", "BINANCE_API_SECRET"})
SANDBOX_KEYS = frozenset({"SANDBOX_API_KEY", "SANDBOX_API_SECRET"})
API_SECRETS = frozenset({"ML_WEBHOOK_SECRET", "ML_WEBHOOK_SECRET_PREVIOUS", "API_TOKENS"})
# Where the API listens: without its tokens, other processes' settings would refuse an address open to others.
API_ADDRESS = frozenset({"HOST", "PORT"})
# A pushed signal is waited for by its caller: no tick may stand before it. Both lend a hand with the upkeep.
WORKERS = {"worker-signals": "signals,upkeep", "worker-ticks": "ticks,upkeep,events"}
# Events are delivered by one at a time: beside a subscriber that hangs, there is room for ticks.
CONCURRENCY = {"worker-signals": "1", "worker-ticks": "2"}


@dataclass(frozen=True, slots=True)
class Service:
    """One child process.

    Attributes:
        name: As shown, and the name of its log file.
        command: Program and arguments.
        environment: All of its variables.
        ready_url: Answers 200 once the service works; None when its log says so instead.
        ready_words: What its log says once it works.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    ready_url: str | None = None
    ready_words: str | None = None


def exchange(environment: Mapping[str, str], port: int, data_dir: str) -> Service:
    """The sandbox exchange."""
    command = _python("sandbox.exchange", "--port", str(port), "--data", data_dir)
    return Service(
        "exchange",
        command,
        _without(environment, EXCHANGE_KEYS | API_SECRETS),
        ready_url=f"http://127.0.0.1:{port}/api/v3/ping",
    )


def ml_engine(environment: Mapping[str, str], port: int) -> Service:
    """The demo ML engine, over the exchange that BINANCE_BASE_URL names."""
    command = _gunicorn("127.0.0.1", port, 8, "sandbox.ml_engine.app:create_app()")
    return Service(
        "ml-engine",
        command,
        _without(environment, EXCHANGE_KEYS | SANDBOX_KEYS | API_SECRETS),
        ready_url=f"http://127.0.0.1:{port}/health",
    )


def api(environment: Mapping[str, str], host: str, port: int) -> Service:
    """The control API. Its process never holds the exchange's keys."""
    command = _gunicorn(host, port, 16, "--config", "python:api.serving", "api.app:create_app()")
    own = _without(environment, EXCHANGE_KEYS | SANDBOX_KEYS) | {"HOST": host, "PORT": str(port)}
    return Service("api", command, own, ready_url=f"http://{local(host)}:{port}/health")


def worker(environment: Mapping[str, str], name: str) -> Service:
    """One of the processes of `WORKERS`; the only kind that holds the exchange's keys."""
    queues = ("--queues", WORKERS[name], "--concurrency", CONCURRENCY[name])
    command = _celery("worker", "--hostname", f"{name}@%h", *queues, "--events", "--loglevel", "INFO")
    own = _without(environment, SANDBOX_KEYS | API_SECRETS | API_ADDRESS)
    return Service(name, command, own, ready_words=" ready.")


def beat(environment: Mapping[str, str]) -> Service:
    """The scheduler."""
    command = _celery("beat", "--scheduler", "redbeat.RedBeatScheduler", "--loglevel", "INFO", "--pidfile", "")
    own = _without(environment, EXCHANGE_KEYS | SANDBOX_KEYS | API_SECRETS)
    return Service("beat", command, own, ready_words="beat: Starting")


def flower(environment: Mapping[str, str], port: int) -> Service:
    """Flower, for the eyes of this machine only."""
    command = _celery("flower", "--address=127.0.0.1", f"--port={port}")
    return Service(
        "flower",
        command,
        _without(environment, EXCHANGE_KEYS | SANDBOX_KEYS | API_SECRETS),
        ready_url=f"http://127.0.0.1:{port}/healthcheck",
    )


def migration() -> tuple[str, ...]:
    """The command that brings the database to the newest migration."""
    return _python("alembic", "upgrade", "head")


def local(host: str) -> str:
    """Return where a server that listens on `host` is reached from this machine."""
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _celery(*arguments: str) -> tuple[str, ...]:
    return _python("celery", "--app", "tasks", *arguments)


def _gunicorn(host: str, port: int, threads: int, *app: str) -> tuple[str, ...]:
    # One process with threads: its calls wait for PostgreSQL and Redis, not for the processor.
    shape = ("--worker-class", "gthread", "--workers", "1", "--threads", str(threads), "--graceful-timeout", "3")
    return _python("gunicorn", "--bind", f"{host}:{port}", *shape, "--no-control-socket", "--access-logfile", "-", *app)


def _without(environment: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in names}
