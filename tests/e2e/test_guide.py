"""The platform guide's own client, end-to-end test, health indicator and nightly job, run by Node against the service."""

import subprocess
from pathlib import Path

import pytest

from tests import node
from tests.e2e.service import Service


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guide")
    node.install(node.GUIDE)
    node.compile_types(node.GUIDE, "--outDir", folder)
    return folder


def run(compiled: Path, script: str, service: Service) -> subprocess.CompletedProcess[str]:
    stubs, packages = compiled / "stubs", node.GUIDE / "node_modules"
    return node.run(
        node.GUIDE,
        compiled / "harness" / script,
        TRADING_AGENTS_URL=service.api,
        NODE_PATH=f"{stubs}:{packages}",
        FORCE_COLOR="0",
    )


def test_the_guides_own_test_passes_without_account_id_and_a_second_run_is_told_what_to_do(
    compiled: Path, service: Service
) -> None:
    first = run(compiled, "integration.js", service)
    assert first.returncode == 0, first.stdout
    assert "should create account and start agent" in first.stdout
    assert "fail 0" in first.stdout
    [position] = service.positions("atlas", account_id="house-atlas")
    assert position["symbol"] == "BTCUSDT"

    second = run(compiled, "integration.js", service)
    assert second.returncode == 1
    assert "start refused: 409" in second.stdout
    assert "pass another account_id" in second.stdout

    rest = run(compiled, "lifecycle.js", service)
    assert rest.returncode == 0, rest.stdout
