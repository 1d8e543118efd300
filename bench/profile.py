"""Where the time of one signal goes: ``python -m bench.profile [accounts]`` prints every long statement and what is in it.

Each statement is first run under EXPLAIN ANALYZE and taken back, then in earnest; so the figures are a little too large.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import event

from bench.world import World, servers, world
from journal.direct import Direct
from tasks.deciding import decide

ACCOUNTS = 100_000
LEAST_MS = 20.0
EXPLAIN = "EXPLAIN (ANALYZE, WAL, FORMAT JSON) "


def main() -> None:
    """Profile an entry and its exit."""
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else ACCOUNTS
    # An intent whose statements are explained first takes longer than it may.
    patience = patch("tasks.execution.SEND_WITHIN", timedelta(minutes=5))
    direct = patch.object(Direct, "rows", _timed)
    with servers() as running, world(running, accounts) as book, patience, direct:
        _explain_statements(book)
        for number, action in enumerate(("buy", "sell")):
            sys.stdout.write(f"{action}, {accounts:,} accounts\n")
            decide(book.services, book.push(number, action))
        book.check()


def _explain_statements(book: World) -> None:
    @event.listens_for(book.services.book.engine, "before_cursor_execute")
    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:  # noqa: ANN401 - the library's
        if not statement.lstrip().startswith(("WITH", "INSERT", "UPDATE")):
            return
        driver = connection.connection.driver_connection
        if driver.autocommit:
            return
        with driver.cursor() as cursor:
            cursor.execute("SAVEPOINT explained")
            cursor.execute(EXPLAIN + statement, parameters)
            plan = cursor.fetchone()[0][0]
            cursor.execute("ROLLBACK TO explained")
        if plan["Execution Time"] >= LEAST_MS:
            sys.stdout.write("\n".join(_lines(" ".join(statement.split())[:60], plan)) + "\n")
            sys.stdout.flush()


SEND_DIRECTLY = Direct.rows


def _timed(direct: Direct, statement: str, parameters: Mapping[str, object]) -> list[Any]:
    """What is sent past SQLAlchemy calls functions, into which EXPLAIN does not look: how long it takes, no more."""
    begun = time.perf_counter()
    found = SEND_DIRECTLY(direct, statement, parameters)
    took = (time.perf_counter() - begun) * 1000
    if took >= LEAST_MS:
        sys.stdout.write(f"{took:9.0f} ms  {' '.join(statement.split())[:60]}\n")
    return found


def _lines(name: str, plan: Mapping[str, Any]) -> Iterator[str]:
    log = plan["Plan"].get("WAL Bytes", 0) / 1e6
    yield f"{plan['Execution Time']:9.0f} ms  {name}  ({log:.0f} MB of log)"
    for node in _writes(plan["Plan"]):
        below = sum(
            part["Actual Total Time"] for part in node.get("Plans", ()) if part["Parent Relationship"] == "Outer"
        )
        yield f"{node['Actual Total Time'] - below:9.0f} ms    {node['Operation'].lower()} {node['Relation Name']}"
    for trigger in plan.get("Triggers", ()):
        yield f"{trigger['Time']:9.0f} ms    {trigger.get('Constraint Name', trigger['Trigger Name'])}"


def _writes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if node["Node Type"] == "ModifyTable":
        yield node
    for part in node.get("Plans", ()):
        yield from _writes(part)


if __name__ == "__main__":
    main()
