"""What a caller may send and get, for the OpenAPI document; ``examples.json`` holds a recorded day of one account."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RECORDED: Mapping[str, Any] = json.loads(Path(__file__).with_name("examples.json").read_text(encoding="utf-8"))
"""By operation id: ``request``, where there is a body, and ``responses`` by status."""

PARAMETERS: Mapping[str, object] = {
    "agent": "atlas",
    "account_id": "alice",
    "reference_id": "tx-1003",
    "run_id": 1,
    "subscription_id": "b24b4415-17cf-49d6-bb28-fa4b92657052",
    "event_id": "bb41c43c-7fe0-4cf1-82ed-e870583238e9",
}
"""By name of the path's parameter, those of the same day."""


def add_parameters(parameters: list[dict[str, Any]]) -> None:
    """Add an example to each parameter of a path."""
    for parameter in parameters:
        if parameter["name"] in PARAMETERS:
            parameter["example"] = PARAMETERS[parameter["name"]]


def add_bodies(operation: dict[str, Any]) -> None:
    """Add examples to what an operation takes and answers as JSON; what it answers is keyed by status."""
    recorded = RECORDED.get(operation["operationId"], {})
    if "request" in recorded:
        _add(operation["requestBody"], recorded["request"])
    for status, body in recorded.get("responses", {}).items():
        _add(operation["responses"][status], body)


def _add(described: dict[str, Any], example: object) -> None:
    described["content"]["application/json"]["example"] = example
