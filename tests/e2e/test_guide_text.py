"""The platform guide's code is run as it is written: only its lost indentation is restored."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parent / "guide"
BLOCKS = {
    code.splitlines()[0].removeprefix("// backend/"): code
    for code in re.findall(r"^```typescript\n(.*?)^```", (GUIDE / "guide.es.md").read_text(), re.DOTALL | re.MULTILINE)
}


@pytest.mark.parametrize("path", BLOCKS)
def test_what_runs_is_the_guides_text_but_for_its_indentation(path: str) -> None:
    restored = (GUIDE / "backend" / path).read_text()
    assert stripped(restored) == stripped(BLOCKS[path])


def test_the_guides_client_and_end_to_end_test_are_among_what_runs() -> None:
    files = {str(path.relative_to(GUIDE / "backend")) for path in (GUIDE / "backend").rglob("*.ts")}
    assert files == set(BLOCKS)
    assert {"src/services/trading-agents.client.ts", "test/e2e/trading-agents.e2e-spec.ts"} < files


def stripped(code: str) -> list[str]:
    return [line.strip() for line in code.strip().splitlines()]
