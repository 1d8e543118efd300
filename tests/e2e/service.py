"""The complete service as `make run` starts it, and the calls that tests make from outside."""

import base64
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import psutil
import requests
from dotenv import dotenv_values
from sqlalchemy import create_engine, text

ROOT = Path(__file__).resolve().parents[2]
ANY_PORTS = dict.fromkeys(("PORT", "FLOWER_PORT", "ML_ENGINE_PORT", "EXCHANGE_PORT"), "0")
OURS = re.compile(
    r"(DATABASE_URL|REDIS_URL|ML_|BINANCE_|SANDBOX_|API_TOKENS|TICK_SECONDS|DEMO|DATA_DIR|HOST$|ALERT_URLS|FLOWER_|LOG_LEVEL|RATE_LIMIT_|SERVICE_)"
)

AGENTS = ("atlas", "orion", "nova")

Json = dict[str, Any]
T = TypeVar("T")


def wait_for(look: Callable[[], T], what: str, seconds: float = 20) -> T:
    """Look until something true is seen, and return it."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return seen


class Service:
    """One `python -m sandbox`: PostgreSQL, Redis, exchange, ML engine, API, two workers, beat, Flower."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        self._given = variables
        inherited = {name: value for name, value in os.environ.items() if not OURS.match(name)}
        environment = inherited | ANY_PORTS | {"DATA_DIR": str(data_dir), "DEMO": "0"} | variables
        self.terminal = data_dir.with_suffix(".terminal")
        with self.terminal.open("w") as output:
            command = [sys.executable, "-m", "sandbox"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        self._session = requests.Session()
        self._cleanup = ExitStack()
        self._cleanup.callback(self._session.close)

    def until_ready(self) -> None:
        wait_for(lambda: "is ready" in self.said() or self.process.poll() is not None, "the service is ready", 90)
        assert self.process.poll() is None, self.said()
        made = {name: value or "" for name, value in dotenv_values(self.data_dir / "environment").items()}
        self.variables = self._given | made
        self.api = self.address("api")
        self.exchange = self.variables["BINANCE_BASE_URL"]
        self.flower = self.address("flower")
        self._book = create_engine(self.variables["DATABASE_URL"])
        self._cleanup.callback(self._book.dispose)

    def authorize(self, token: str) -> None:
        """Send a token with every call from now on."""
        self._session.headers["Authorization"] = f"Bearer {token}"

    def said(self) -> str:
        """What stands in the terminal so far."""
        return self.terminal.read_text()

    def address(self, part: str) -> str:
        found = re.search(rf"^  {part} +(http://\S+)", self.said(), re.MULTILINE)
        assert found, self.said()
        return found[1]

    def child(self, words: str) -> psutil.Process:
        """The process whose command line has these words."""
        return next(c for c in psutil.Process(self.process.pid).children() if words in " ".join(c.cmdline()))

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self) -> int:
        """Stop it as an operator would, and see that no process is left behind."""
        self._cleanup.close()
        if self.process.poll() is not None:
            return self.process.returncode
        started = self.descendants()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        wait_for(lambda: not any(map(is_alive, started)), "every process has ended", 15)
        return code

    def get(self, path: str, **query: str | int) -> Json:
        answer = self._session.get(self.api + path, params=query, timeout=30)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def post(self, path: str, body: Mapping[str, object] | None = None, *, status: int = 200) -> Json:
        answer = self._session.post(self.api + path, json=body, timeout=40)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    def items(self, path: str, **query: str | int) -> list[Json]:
        return list(self.get(path, **query)["items"])

    def open_account(self, agent: str, account_id: str, equity: object, **more: object) -> Json:
        return self.post(f"/agents/{agent}/start", {"account_id": account_id, "initial_equity": equity, **more})

    def signal(self, agent: str, symbol: str, action: str, price: float, **more: object) -> Json:
        """Post a signal, and return what became of it."""
        body = {"symbol": symbol, "action": action, "price": price, "confidence": 0.9, **more}
        return self.post(f"/agents/{agent}/signals?wait=25", body)

    def positions(self, agent: str, **query: str | int) -> list[Json]:
        return list(self.get(f"/agents/{agent}/positions", **query)["positions"])

    def is_flat(self, agent: str) -> bool:
        return not self.positions(agent)

    def rows(self, statement: str, **values: object) -> list[Json]:
        """What the book has, by SQL."""
        with self._book.connect() as connection:
            return [dict(row) for row in connection.execute(text(statement), values).mappings()]

    def pin(self, symbol: str, price: object) -> None:
        """Hold a symbol's price on the exchange."""
        body = {"symbol": symbol, "price": str(price)}
        requests.post(f"{self.exchange}/sandbox/price", json=body, timeout=10).raise_for_status()

    def unpin(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            requests.delete(f"{self.exchange}/sandbox/price/{symbol}", timeout=10).raise_for_status()

    def add_fault(self, kind: str, **options: object) -> None:
        """Have the exchange misbehave."""
        body = {"kind": kind, **options}
        requests.post(f"{self.exchange}/sandbox/faults", json=body, timeout=10).raise_for_status()

    def clear_faults(self) -> None:
        requests.delete(f"{self.exchange}/sandbox/faults", timeout=10).raise_for_status()

    def written(self) -> str:
        """Everything that the run has written for people to read: the terminal and all logs."""
        logs = (self.data_dir / "logs").iterdir()
        return self.said() + "".join(log.read_text(errors="replace") for log in logs)


def unpacked(text: str) -> str:
    """A text, and whatever in it may be base64: Celery writes its messages so."""
    coded = (word for word in re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text) if len(word.rstrip("=")) % 4 != 1)
    return text + "".join(base64.b64decode(word + "===").decode(errors="replace") for word in coded)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
