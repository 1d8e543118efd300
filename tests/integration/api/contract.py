"""A client that believes the OpenAPI document: every answer must be one that the document promises."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from api.openapi import document

Json = dict[str, Any]

JSON_TYPE = "application/json"
ERROR = {"$ref": "#/components/schemas/Error"}


class Contract:
    """What the application promises at ``/openapi.json``."""

    def __init__(self, app: Flask) -> None:
        self._document = document(app)

    def check(self, app: Flask, answer: TestResponse) -> None:
        """Insist that ``answer`` is documented: its status, its headers, its type and its body."""
        operation = self._operation(app, answer)
        said = f"{answer.request.method} {answer.request.path}: {answer.status_code} {answer.text[:1000]}"
        # Not of any operation: an unknown path or method, or a failure of ours that a test provokes.
        if operation is None or answer.status_code in {405, 500}:
            if answer.mimetype == JSON_TYPE and answer.status_code >= 400:
                self._validate(ERROR, answer, said)
            return
        promised = operation["responses"].get(str(answer.status_code))
        assert promised is not None, f"undocumented status of {operation['operationId']}: {said}"
        promised = self._resolved(promised)
        for name, header in promised.get("headers", {}).items():
            assert name in answer.headers or not header.get("required"), f"no header {name}: {said}"
        assert answer.mimetype in promised["content"], f"undocumented type {answer.mimetype}: {said}"
        if answer.mimetype == JSON_TYPE:
            self._validate(promised["content"][JSON_TYPE]["schema"], answer, said)

    def _operation(self, app: Flask, answer: TestResponse) -> Json | None:
        try:
            rule, _ = app.url_map.bind_to_environ(answer.request.environ).match(return_rule=True)
        except HTTPException:
            return None
        path = re.sub(r"<(?:[^:>]+:)?(\w+)>", r"{\1}", rule.rule)
        operation: Json | None = self._document["paths"].get(path, {}).get(answer.request.method.lower())
        return operation

    def _resolved(self, described: Json) -> Json:
        while reference := described.get("$ref"):
            described = self._document
            for name in str(reference).removeprefix("#/").split("/"):
                described = described[name]
        return described

    def _validate(self, schema: Json, answer: TestResponse, said: str) -> None:
        whole = {**schema, "components": self._document["components"]}
        errors = OAS31Validator(whole, format_checker=oas31_format_checker).iter_errors(answer.get_json())
        broken = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]
        assert not broken, f"breaks its schema: {broken}: {said}"


class BelievingClient(FlaskClient):
    """Checks every answer it gets against the document."""

    contract: Contract | None = None
    """One for all applications: they promise the same."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:  # noqa: ANN401 - as the library has it
        answer = super().open(*args, **kwargs)
        assert BelievingClient.contract is not None
        BelievingClient.contract.check(self.application, answer)
        return answer


def believe(app: Flask) -> Flask:
    """Have every client of ``app`` check what it is told."""
    if BelievingClient.contract is None:
        BelievingClient.contract = Contract(app)
    app.test_client_class = BelievingClient
    return app
