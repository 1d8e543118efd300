"""The TypeScript client, run by Node against the whole service."""

from tests import node
from tests.e2e.service import Service


def test_the_client_does_what_its_methods_say_against_a_live_service(service: Service) -> None:
    node.build_client()
    service.pin("BTCUSDT", 45_000)
    tested = node.run(node.CLIENT, "--test", "test/live/*.test.ts", TRADING_AGENTS_URL=service.api)
    assert tested.returncode == 0, tested.stdout
    assert "fail 0" in tested.stdout
