"""The exchange as a process of its own, for the launcher and for tests that want a real server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import requests

from sandbox.exchange.server import READY
from sandbox.exchange.settings import PREFIX, Settings

START_SECONDS = 60.0
STOP_SECONDS = 5.0
_POLL_SECONDS = 0.02
_CALL_SECONDS = 10.0
_ROOT = Path(__file__).parents[2]


class ExchangeProcess:
    """A running sandbox exchange.

    Attributes:
        base_url: Root of the server, such as ``http://127.0.0.1:9001``; the API is below ``/api/v3``.
        data_dir: Folder of its database and of its log, ``exchange.log``.
    """

    def __init__(self, data_dir: Path, environment: Mapping[str, str]) -> None:
        """Describe a process; use :meth:`start`."""
        self.data_dir = data_dir
        self.base_url = ""
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, data_dir: Path, port: int | None = None, **settings: object) -> Self:
        """Start an exchange and wait until it answers.

        Args:
            data_dir: Where its state lives; an earlier one's state is continued.
            port: Port on 127.0.0.1; ``None`` takes a free one.
            settings: Fields of ``Settings`` in the form their environment variables take.

        Raises:
            TypeError: There is no such setting.
            RuntimeError: It did not come up; the message holds the end of its log.
        """
        unknown = set(settings) - {field.name for field in fields(Settings)}
        if unknown:
            raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
        environment = {PREFIX + name.upper(): str(value) for name, value in settings.items()}
        exchange = cls(data_dir, os.environ | environment)
        exchange._launch(port or 0)
        return exchange

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.base_url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running().pid

    def stop(self) -> None:
        """Stop it cleanly; stopping what is stopped does nothing."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        process = self._running()
        process.send_signal(signal.SIGKILL)
        process.wait()
        self._process = None

    def restart(self) -> None:
        """Start it again on the same port, data and settings, after :meth:`stop` or :meth:`kill`."""
        self._launch(self.port)

    def pin_price(self, symbol: str, price: object) -> None:
        """Fix a symbol's price until :meth:`unpin_price`."""
        self._call("POST", "/sandbox/price", {"symbol": symbol, "price": str(price)})

    def unpin_price(self, symbol: str) -> None:
        """Give a symbol's price back to the price process."""
        self._call("DELETE", f"/sandbox/price/{symbol}")

    def add_fault(self, kind: str, **options: object) -> int:
        """Switch a fault on and return its number; see ``faults.Fault`` for the options."""
        fault = self._call("POST", "/sandbox/faults", {"kind": kind, **options})
        return int(fault["fault_id"])

    def struck(self) -> dict[int, int]:
        """Return how often each fault has struck since the process started, by the fault's number."""
        return {int(number): times for number, times in self._call("GET", "/sandbox/faults")["struck"].items()}

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self._call("DELETE", "/sandbox/faults")

    def set_balances(self, **free: object) -> None:
        """Replace the free balances of some assets."""
        self._call("POST", "/sandbox/balances", {asset: str(amount) for asset, amount in free.items()})

    def wipe(self) -> None:
        """Forget orders and trades and start with fresh balances."""
        self._call("POST", "/sandbox/faults", {"kind": "wipe"})

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        reply = requests.request(method, self.base_url + path, json=body, timeout=_CALL_SECONDS)
        reply.raise_for_status()
        answer: dict[str, Any] = reply.json()
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the sandbox exchange is not running")
        return self._process

    def _launch(self, port: int) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        log = self.data_dir / "exchange.log"
        with log.open("ab") as output:
            position = output.tell()
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "sandbox.exchange",
                    "--port",
                    str(port),
                    "--data",
                    str(self.data_dir.absolute()),
                ],
                cwd=_ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.base_url = self._await_ready(self._process, log, position)

    def _await_ready(self, process: subprocess.Popen[bytes], log: Path, position: int) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            said = log.read_bytes()[position:].decode(errors="replace")
            for line in said.splitlines(keepends=True):
                if line.startswith(READY) and line.endswith("\n"):
                    return line.removeprefix(READY).strip()
            if process.poll() is not None:
                break
            time.sleep(_POLL_SECONDS)
        self.stop()
        raise RuntimeError(
            f"the sandbox exchange did not start: {log.read_bytes()[position:].decode(errors='replace')[-2000:]}"
        )
