"""Run one command against empty servers: `python -m sandbox.embedded alembic upgrade head`.

The command gets DATABASE_URL and REDIS_URL; its exit code is this program's. The servers and their data are gone
afterwards.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis


def main(command: list[str]) -> int:
    """Run `command` between starting and stopping the servers, and return its exit code."""
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="trading-agents-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres", durable=False) as postgres,
        EmbeddedRedis(Path(folder) / "redis") as redis,
    ):
        servers = {"DATABASE_URL": postgres.create_database("trading"), "REDIS_URL": redis.url()}
        return subprocess.run(command, env=os.environ | servers, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
