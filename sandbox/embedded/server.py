"""What the embedded servers share: starting a child that dies with its parent, and clearing away an orphan."""

import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ServerError(RuntimeError):
    """A server did not start; the message ends with the last lines of its log."""


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn` after which the child gets `death_signal` when the thread that started it ends.

    It covers a parent that was killed and could not clean up. Only Linux offers it; elsewhere the next start
    finds the orphan by its pid file.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def spawn(
    command: Sequence[str], *, log: Path, death_signal: signal.Signals, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, so that Ctrl-C in the terminal reaches only its parent.

    Args:
        command: The program and its arguments.
        log: File that its output is appended to.
        death_signal: What it gets when this process dies without stopping it.
        env: Its whole environment; None passes this process's own on.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
            preexec_fn=die_with_parent(death_signal),  # noqa: PLW1509 - one system call, no lock, no allocation
        )


def wait_until_ready(
    name: str, process: subprocess.Popen[bytes], answers: Callable[[], bool], *, log: Path, seconds: float
) -> None:
    """Return once `answers()` is true.

    Raises:
        ServerError: The process ended, or did not answer within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not answers():
        if process.poll() is not None:
            raise ServerError(f"{name} ended with code {process.returncode}. {log} ends with:\n{log_tail(log)}")
        if time.monotonic() > deadline:
            raise ServerError(f"{name} did not answer within {seconds:.0f} s. {log} ends with:\n{log_tail(log)}")
        time.sleep(0.02)


def stop(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn and give it its seconds to work; SIGKILL, to all its descendants too, comes last."""
    for step, seconds in steps:
        if process.poll() is not None:
            return
        process.send_signal(step)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        kill_tree(process)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all its descendants at once, as a power cut would, and wait until they are gone."""
    try:
        descendants = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        descendants = []
    process.kill()
    for descendant in descendants:
        try:
            descendant.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()
    deadline = time.monotonic() + 10
    while any(_is_alive(descendant) for descendant in descendants) and time.monotonic() < deadline:
        time.sleep(0.01)


def _is_alive(process: psutil.Process) -> bool:
    """A zombie holds nothing any more; how soon init reaps it says nothing."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def clear_orphan(pid_file: Path, data_dir: Path, *steps: tuple[signal.Signals, float]) -> None:
    """Stop the server that an earlier, killed run left working in `data_dir`, and remove its pid file.

    A pid can have been given to another program since; only a process that works in `data_dir` is an orphan.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    try:
        orphan = psutil.Process(pid)
        ours = Path(orphan.cwd()) == data_dir.resolve()
    except psutil.Error:
        ours = False
    for step, seconds in (*steps, (signal.SIGKILL, 5.0)) if ours else ():
        try:
            orphan.send_signal(step)
            orphan.wait(seconds)
        except psutil.NoSuchProcess:
            break
        except psutil.TimeoutExpired:
            continue
        break
    pid_file.unlink(missing_ok=True)


def log_tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log file, or a word where there is none."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
