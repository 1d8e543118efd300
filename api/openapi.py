"""The OpenAPI document as a file: ``python -m api.openapi docs/openapi.json``. It is the contract that clients build on."""

import json
import sys
from pathlib import Path
from typing import Any

from flask import Flask

from api.app import create_app
from runtime.bootstrap import control_services
from runtime.settings import load

NOWHERE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ML_ENGINE_URL": "http://127.0.0.1:1",
}
"""Enough to build the application, which connects to nothing before the first request."""


def document(app: Flask) -> dict[str, Any]:
    """What ``app`` says about itself at ``/openapi.json``."""
    answer = app.test_client().get("/openapi.json")
    return dict(json.loads(answer.get_data()))


def written(description: dict[str, Any]) -> str:
    """The document as the file has it: sorted and indented, so that a change shows as the lines it changes."""
    return json.dumps(description, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the document to the file that the command line names."""
    app = create_app(control_services(load(NOWHERE)))
    Path(sys.argv[1]).write_text(written(document(app)), encoding="utf-8")


if __name__ == "__main__":
    main()
