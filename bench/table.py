"""The tables of results, one for each measure: lines in the terminal, and between two marks in docs/performance.md, with their picture."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.measure import Row
from bench.picture import picture

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
PICTURE = PAGE.with_suffix(".svg")
END = "<!-- end of results -->"
"""Before it comes every measure's table, in the order in which they were first measured."""
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
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors ({platform.machine()}), load {load:.1f}, "
        f"Python {platform.python_version()}, {libraries}"
    )


def keep(name: str, rows: Sequence[Row], measured_on: str) -> None:
    """Replace a measure's table on the page, or add it, and draw the picture anew."""
    begin, end = f"<!-- {name}: written by `make bench` -->", f"<!-- end of {name} -->"
    table = "\n".join([begin, f"**{name}** ({measured_on})", "", HEAD, *(line(row) for row in rows), "", end])
    page = PAGE.read_text(encoding="utf-8")
    if begin in page:
        page = re.sub(f"{re.escape(begin)}.*{re.escape(end)}", lambda _: table, page, flags=re.DOTALL)
    else:
        page = page.replace(END, f"{table}\n\n{END}")
    PAGE.write_text(page, encoding="utf-8")
    PICTURE.write_text(picture(page), encoding="utf-8")
