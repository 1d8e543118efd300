"""What the service says about itself: valid, complete, and the same as the file that clients build on."""

from difflib import unified_diff
from pathlib import Path
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from api.openapi import written

SNAPSHOT = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"


def test_it_is_valid_openapi_3_1(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(described).iter_errors()] == []


def test_the_contract_changes_only_on_purpose(described: dict[str, Any]) -> None:
    kept = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    present = written(described).splitlines()
    difference = "\n".join(unified_diff(kept, present, "docs/openapi.json", "the application", lineterm="", n=2))
    assert not difference, f"The contract has changed. If that is meant: make openapi, and commit it.\n{difference}"
