"""What is logged, and what libraries may not tell."""

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.logs import AT_LEAST
from runtime.settings import log_level
from runtime.variables import SettingsError

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import logging, sys
from runtime.logs import log_plainly
log_plainly(sys.argv[1])
for name in sys.argv[2:]:
    for level in ("debug", "info", "warning"):
        getattr(logging.getLogger(name), level)(level)
"""


def logged(level: str, *names: str) -> set[str]:
    """What loggers of these names let through, as ``NAME: message``."""
    command = [sys.executable, "-c", PROGRAM, level, *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {line.split(" ", 3)[3] for line in done.stderr.splitlines()}


def test_at_debug_everybody_speaks_but_those_who_would_tell_secrets() -> None:
    seen = logged("DEBUG", "tasks.tick", "urllib3.connectionpool", "ccxt.base.exchange", "sqlalchemy.engine.Engine")

    assert seen == {
        *(f"tasks.tick: {level}" for level in ("debug", "info", "warning")),
        *(f"urllib3.connectionpool: {level}" for level in ("info", "warning")),
        *(f"ccxt.base.exchange: {level}" for level in ("info", "warning")),
        "sqlalchemy.engine.Engine: warning",
    }


def test_a_higher_level_holds_for_them_too() -> None:
    assert logged("ERROR", *AT_LEAST) == set()


def test_the_level_is_info_unless_said_otherwise() -> None:
    assert (log_level({}), log_level({"LOG_LEVEL": "debug"})) == ("INFO", "DEBUG")
    with pytest.raises(SettingsError, match="LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, not 'LOUD'"):
        log_level({"LOG_LEVEL": "loud"})
