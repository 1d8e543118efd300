"""The TypeScript client, run by Node against the whole service."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import node
from tests.e2e.service import Service


@pytest.fixture
def service_at_45000(service: Service) -> Service:
    node.build_client()
    service.pin("BTCUSDT", 45_000)
    return service


def test_the_client_does_what_its_methods_say_against_a_live_service(service_at_45000: Service) -> None:
    tested = node.run(node.CLIENT, "--test", "test/live/*.test.ts", TRADING_AGENTS_URL=service_at_45000.api)
    assert tested.returncode == 0, tested.stdout
    assert "fail 0" in tested.stdout


@pytest.fixture
def readme() -> Iterator[Path]:
    """The code of the client's README as one script, where the client's name leads to it."""
    blocks = re.findall(r"^```ts\n(.*?)^```", (node.CLIENT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    script = node.CLIENT / "dist" / "readme.mjs"
    script.parent.mkdir(exist_ok=True)
    script.write_text("\n".join(blocks))
    yield script
    script.unlink()


def test_the_code_of_the_readme_runs_as_it_is_written(service_at_45000: Service, readme: Path) -> None:
    ran = node.run(node.CLIENT, readme, TRADING_AGENTS_URL=service_at_45000.api)
    assert ran.returncode == 0, ran.stdout
    assert "earned 0\n1250\n409 account investor-" in ran.stdout
