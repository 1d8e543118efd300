"""What the OpenAPI document says of every operation beyond its own decorators: its id, its errors, where it leads."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from apispec import APISpec, BasePlugin
from flask_smorest import Api as UntypedApi  # type: ignore[import-untyped] # ships no types
from marshmallow import fields
from werkzeug.routing import Rule

from api import examples
from api.answers import Error
from api.operations import LINKS, MORE_ERRORS, OPERATION_IDS
from api.retry_description import SafeRetries

Described = dict[str, Any]

JSON = "application/json"
PATH_PARAMETER = re.compile(r"{(\w+)}")
NAMES_THAT_MAY_BE_UNKNOWN = frozenset({"agent", "account_id"})

ERRORS: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "The body is not valid JSON",
    HTTPStatus.UNAUTHORIZED: "A valid API token is needed",
    HTTPStatus.FORBIDDEN: "The token's scope does not reach this far, or the request came from another site's page",
    HTTPStatus.NOT_FOUND: "There is no such agent, account or record",
    HTTPStatus.CONFLICT: "Not now; the message says what to do instead",
    HTTPStatus.PRECONDITION_FAILED: "It has changed since the state that `If-Match` names",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than 64 KiB",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address is longer than 4 KiB",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not sent as application/json",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A field is missing, of the wrong type or out of range; `errors` names it",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; try again after `Retry-After` seconds",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "A header is larger than 8 KiB, or there are more than a hundred",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database is out of reach or too busy; try again",
}
"""Every error that callers can meet, each a response of the one error schema."""

COMPONENTS: Mapping[HTTPStatus, str] = {status: "".join(status.name.title().split("_")) for status in ERRORS} | {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "ContentTooLarge",
    HTTPStatus.REQUEST_URI_TOO_LONG: "UriTooLong",
    HTTPStatus.UNPROCESSABLE_ENTITY: "UnprocessableContent",
}
"""Names of the error responses; newer Pythons call three of the statuses as written here."""

RETRY_AFTER = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "string", "pattern": "^[0-9]+$"}}}
HEADERS: Mapping[HTTPStatus, Described] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}}},
    HTTPStatus.CONFLICT: {
        "Retry-After": {
            "description": "only if the same call is worth another try: seconds to wait",
            "schema": {"type": "string", "pattern": "^[0-9]+$"},
        }
    },
    HTTPStatus.PRECONDITION_FAILED: {
        "ETag": {"description": "the present tag, if there is anything", "schema": {"type": "string"}}
    },
    HTTPStatus.TOO_MANY_REQUESTS: RETRY_AFTER,
    HTTPStatus.SERVICE_UNAVAILABLE: RETRY_AFTER,
}
LOCATION = {
    "Location": {
        "description": "where its outcome will be",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    }
}


class Api(UntypedApi):  # type: ignore[misc] # the library ships no types
    """flask-smorest's registry of routes, with our own description of errors in place of its own."""

    DEFAULT_ERROR_RESPONSE_NAME = None
    ERROR_SCHEMA = Error

    def _init_spec(self, **options: object) -> None:
        super()._init_spec(extra_plugins=[SafeRetries(), Completion()], **options)
        self.ma_plugin.converter.add_attribute_function(_null_among_choices)

    def _register_pagination_header(self) -> None:
        """Leave out the library's own way of pagination: ours is in the bodies."""


class Completion(BasePlugin):
    """Completes each operation after the libraries have described it from its decorators."""

    def init_spec(self, spec: APISpec) -> None:
        """Declare the error responses once, for operations to refer to."""
        super().init_spec(spec)
        for status, meaning in ERRORS.items():
            spec.components.response(
                COMPONENTS[status],
                {
                    "description": meaning,
                    "headers": HEADERS.get(status, {}),
                    "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
                },
            )

    def path_helper(
        self,
        path: str | None = None,  # noqa: ARG002 - as the library has it
        operations: Described | None = None,  # noqa: ARG002 - as the library has it
        parameters: list[Described] | None = None,
        **_given: object,
    ) -> None:
        """Add examples to the parameters of one path."""
        examples.add_parameters(parameters or [])

    def operation_helper(self, path: str | None = None, operations: Described | None = None, **given: Rule) -> None:
        """Complete the operations of one path."""
        rule = given["rule"]
        for method, operation in (operations or {}).items():
            operation["operationId"] = OPERATION_IDS.get(rule.endpoint) or _camel_case(rule.endpoint)
            errors = _errors_of_callers(operation, method) | _errors_of_input(operation, path or rule.rule)
            _complete(operation, errors.union(MORE_ERRORS.get(operation["operationId"], ())))


def _complete(operation: Described, errors: set[HTTPStatus]) -> None:
    responses: Described = {str(int(status)): response for status, response in operation["responses"].items()}
    for status in errors:
        # What the route says itself about an error says more than this.
        if isinstance(responses.get(str(status.value)), Mapping):
            continue
        responses[str(status.value)] = {"$ref": f"#/components/responses/{COMPONENTS[status]}"}
    if "202" in responses:
        responses["202"].setdefault("headers", {}).update(LOCATION)
    for link in LINKS.get(operation["operationId"], ()):
        for code in link.statuses:
            described = {"operationId": link.target, "parameters": dict(link.parameters)}
            responses[code].setdefault("links", {})[link.target] = described
    operation["responses"] = responses
    examples.add_bodies(operation)


def _errors_of_callers(operation: Described, method: str) -> set[HTTPStatus]:
    """Which errors an operation can answer, by who may call it; probes, open to all, refuse only what cannot be read."""
    errors = {HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE}
    is_open = operation.get("security") == []
    if not is_open:
        errors |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    if not is_open or method != "get":
        errors |= {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    return errors


def _errors_of_input(operation: Described, path: str) -> set[HTTPStatus]:
    """Which errors an operation can answer, by what it takes."""
    parameters = [parameter for parameter in operation.get("parameters", []) if isinstance(parameter, Mapping)]
    query = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
    headers = {parameter["name"] for parameter in parameters if parameter["in"] == "header"}
    in_path = set(PATH_PARAMETER.findall(path))
    errors: set[HTTPStatus] = set()
    if in_path or query & NAMES_THAT_MAY_BE_UNKNOWN:
        errors.add(HTTPStatus.NOT_FOUND)
    if query:
        errors.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    if "If-Match" in headers:
        errors.add(HTTPStatus.PRECONDITION_FAILED)
    if "Idempotency-Key" in headers:
        errors |= {HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
    if "requestBody" in operation:
        errors |= {
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.CONFLICT,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        }
    return errors


def _camel_case(endpoint: str) -> str:
    first, *rest = endpoint.rpartition(".")[2].split("_")
    return first + "".join(word.title() for word in rest)


def _null_among_choices(_converter: object, field: fields.Field[object], ret: Described) -> Described:
    """A field that may be null and has choices has null among them, or null would violate its own schema."""
    choices = ret.get("enum")
    return {"enum": [*choices, None]} if choices and field.allow_none and None not in choices else {}
