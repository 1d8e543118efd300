"""``python -m bench [name …]``: measures, prints each line when it is known, and keeps the table in docs/performance.md."""

import argparse
import sys
from collections.abc import Iterator

from bench import memory, push, reads, signal, sync, tick
from bench.measure import Measure, Row
from bench.table import fingerprint, keep, line
from bench.world import servers

MEASURES: dict[str, Measure] = {
    "push": push.run,
    "tick": tick.run,
    "signal": signal.run,
    "memory": memory.run,
    "sync": sync.run,
    "reads": reads.run,
}


def main() -> int:
    """Measure what is named, or everything; only a complete run is kept.

    Returns:
        The exit code: 0 whether or not the goals are met, for a busy machine says little of them.
    """
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*MEASURES, []], help="what to measure; everything if none is named"
    )
    names = parser.parse_args().names or list(MEASURES)
    rows = []
    for row in _measured(names):
        rows.append(row)
        sys.stdout.write(line(row) + "\n")
        sys.stdout.flush()
    if set(names) == set(MEASURES):
        keep(rows, fingerprint())
    return 0


def _measured(names: list[str]) -> Iterator[Row]:
    with servers() as running:
        for name in names:
            yield from MEASURES[name](running)


if __name__ == "__main__":
    sys.exit(main())
