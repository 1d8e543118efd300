"""``python -m bench [name …]``: measures, prints each line when it is known, and keeps the tables in docs/performance.md."""

import argparse
import sys
from collections.abc import Iterator

from bench import beat, memory, push, reads, scaling, signal, starts, sync, tick
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
    "starts": starts.run,
    "beat": beat.run,
    "scaling": scaling.run,
}


def main() -> int:
    """Measure what is named, or everything; a measure is kept once all of it is known.

    Returns:
        The exit code: 0 whether or not the goals are met, for a busy machine says little of them.
    """
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*MEASURES, []], help="what to measure; everything if none is named"
    )
    names = parser.parse_args().names or list(MEASURES)
    with servers() as running:
        for name in names:
            keep(name, list(_shown(MEASURES[name](running))), fingerprint())
    return 0


def _shown(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        sys.stdout.write(line(row) + "\n")
        sys.stdout.flush()
        yield row


if __name__ == "__main__":
    sys.exit(main())
