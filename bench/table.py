"""The table of results: one line each in the terminal, and between two marks in docs/performance.md."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.measure import Row

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- results: written by `make bench` -->", "<!-- end of results -->"
HEAD = "| measure | floor, median (spread) | found, median (spread) | ratio | goal | met | rounds |\n|---|---|---|---|---|---|---|"
VERDICTS = {True: "yes", False: "**no**", None: "-"}


def line(row: Row) -> str:
    """One row of the table."""
    cells = (row.measure, row.floor, row.found, row.ratio, row.goal, VERDICTS[row.met], row.rounds)
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def fingerprint() -> str:
    """What it was measured on, and when."""
    load = os.getloadavg()[0]
    libraries = ", ".join(f"{name} {version(name)}" for name in ("celery", "SQLAlchemy", "psycopg2-binary", "ccxt"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors ({platform.machine()}), load {load:.1f} at the "
        f"end, Python {platform.python_version()}, {libraries}; PostgreSQL and Redis from sandbox/embedded, every commit "
        "flushed to disk (`fsync` and `synchronous_commit` on, all other settings as they come)."
    )


def keep(rows: Sequence[Row], measured_on: str) -> None:
    """Replace the page's table."""
    table = "\n".join([BEGIN, "", measured_on, "", HEAD, *(line(row) for row in rows), "", END])
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: table, page, flags=re.DOTALL), encoding="utf-8"
    )
