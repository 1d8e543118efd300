"""`make fuzz`: the complete service, and thousands of requests made up from its own OpenAPI document.

Rounds of schemathesis, each with another seed, until enough requests were sent; then the book is audited.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.e2e.service import AGENTS, ROOT, Service, wait_for
from tests.fuzz.counting import Counts

TOKEN = "fuzz-token-of-this-run-only"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
NO_LIMIT = "100000000/minute"
VARIABLES = {
    "API_TOKENS": TOKEN,
    "TICK_SECONDS": "2",
    # A limit would answer 429 to everything, and hide what there is to find.
    "RATE_LIMIT_READ": NO_LIMIT,
    "RATE_LIMIT_CONTROL": NO_LIMIT,
    "RATE_LIMIT_WEBHOOK": NO_LIMIT,
}


def main() -> int:
    """Fuzz, print what was done, and return 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="at least so many in total")
    parser.add_argument("--examples", type=int, default=60, help="of each operation and round")
    parser.add_argument("--seed", type=int, help="of the first round; the others follow")
    parser.add_argument("--keep", type=Path, help="folder for data, logs and reports; a temporary one if left out")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    counts = Counts()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary, _service(chosen.keep or Path(temporary)) as service:
        while counts.requests < chosen.requests:
            found = _round(service, seed, chosen.examples, counts)
            _say(f"seed {seed}: {counts.requests} of {chosen.requests} requests sent, {counts.failures.total()} failed")
            if found:
                break
            seed += 1
        audited = _audit(service)
    _say(counts.table())
    _say(f"The book's audit: {audited.stdout.strip() or audited.stderr.strip()}")
    return 1 if counts.failures or found or audited.returncode else 0


@contextmanager
def _service(folder: Path) -> Iterator[Service]:
    """Everything that `make run` starts, with three agents running for an account each."""
    folder.mkdir(parents=True, exist_ok=True)
    service = Service(folder / "run", **VARIABLES)
    try:
        service.authorize(TOKEN)
        service.until_ready()
        for agent in AGENTS:
            service.open_account(agent, f"alice-{agent}", 1000)
        # The one that the document's examples are about.
        service.open_account("atlas", "alice", 1000)
        wait_for(lambda: requests.get(f"{service.api}/ready", timeout=10).ok, "the service is ready", 60)
        yield service
    finally:
        service.stop()


def _round(service: Service, seed: int, examples: int, counts: Counts) -> bool:
    """One run of schemathesis, which shows its progress and what it finds; returns whether it found anything."""
    report = service.data_dir / f"fuzz-{seed}.ndjson"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run"]
    command += [f"{service.api}/openapi.json", "--header", f"Authorization: Bearer {TOKEN}"]
    command += ["--max-examples", str(examples), "--seed", str(seed), "--report-ndjson-path", str(report)]
    secret = {"FUZZ_WEBHOOK_SECRET": service.variables["ML_WEBHOOK_SECRET"]}
    finished = subprocess.run(command, cwd=ROOT, env=os.environ | secret, check=False)
    counts.add(report)
    return finished.returncode != 0


def _audit(service: Service) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "journal.audit"]
    variables = {"DATABASE_URL": service.variables["DATABASE_URL"]}
    return subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False)


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201 - the terminal is its output


if __name__ == "__main__":
    sys.exit(main())
