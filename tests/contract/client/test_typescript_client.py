"""The TypeScript client, checked by its compiler and run by Node against servers that its tests make up."""

import pytest

from tests import node

# One process has the folder to itself: nobody else builds while its tests read what is built.
pytestmark = pytest.mark.xdist_group("typescript")


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    node.build_client()


def test_its_types_are_those_of_the_contract() -> None:
    checked = node.run(node.CLIENT, node.NPM, "run", "--silent", "generate", "--", "--check")
    assert checked.returncode == 0, (
        f"The contract has changed: make client, and commit src/openapi.ts\n{checked.stdout}"
    )


def test_it_keeps_its_promises_whatever_a_server_does() -> None:
    node.compile_types(node.CLIENT)
    tested = node.run(node.CLIENT, "--test", "test/*.test.ts")
    assert tested.returncode == 0, tested.stdout
    assert "fail 0" in tested.stdout
