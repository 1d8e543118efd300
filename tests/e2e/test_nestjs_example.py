"""The NestJS example: compiled as it is, and run against the whole service."""

import json

from tests import node
from tests.e2e.service import Service


def test_the_example_opens_an_account_tells_its_health_runs_the_nightly_job_and_receives_an_event(
    service: Service,
) -> None:
    node.build_client()
    node.install(node.EXAMPLE)
    node.compile_types(node.EXAMPLE)
    service.pin("BTCUSDT", 45_000)

    ran = node.run(node.EXAMPLE, "dist/demo.js", TRADING_AGENTS_URL=service.api)

    assert ran.returncode == 0, ran.stdout
    told = dict(line.split(": ", 1) for line in ran.stdout.splitlines())
    seen = {what: json.loads(text) for what, text in told.items()}
    assert seen["account opened"] == {"http": 201, "status": "open", "balance": 1000}
    assert seen["account refused"]["http"] == 422
    assert seen["opening finished that got no answer"] == "open"
    assert seen["agent status"] == "running"
    assert [position["symbol"] for position in seen["positions"]] == ["BTCUSDT"]
    assert seen["health"]["http"] == 200
    assert seen["health"]["trading-agents"]["status"] == "up"
    assert seen["health"]["trading-agents"]["agents_running"] >= 1
    assert seen["health of a service that is down"]["trading-agents"]["status"] == "down"
    assert seen["performance"]["total_trades"] == 0
    assert seen["nightly job"] == {"next": "00:00", "synced": 1}
    assert seen["metrics kept"]["open_positions"] == 1
    assert seen["account stopped"] == "stopped"
    assert seen["event received"] == "stopped"
    assert seen["forged event"] == {"http": 401}
