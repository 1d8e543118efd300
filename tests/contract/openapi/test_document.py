"""What the service says about itself: valid, complete, and the same as the file that clients build on."""

from difflib import unified_diff
from pathlib import Path
from typing import Any

from flask import Flask
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.examples import PARAMETERS
from api.openapi import written
from api.operations import LINKS, OPERATION_IDS

SNAPSHOT = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"


Operation = dict[str, Any]

JSON = "application/json"


def operations(described: dict[str, Any]) -> list[Operation]:
    paths = described["paths"].values()
    return [operation for path in paths for method, operation in path.items() if method != "parameters"]


def breaches(described: dict[str, Any], schema: dict[str, Any], value: object) -> list[str]:
    whole = {**schema, "components": described["components"]}
    return [error.message for error in OAS31Validator(whole, format_checker=oas31_format_checker).iter_errors(value)]


def test_it_is_valid_openapi_3_1(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(described).iter_errors()] == []


def test_the_contract_changes_only_on_purpose(described: dict[str, Any]) -> None:
    kept = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    present = written(described).splitlines()
    difference = "\n".join(unified_diff(kept, present, "docs/openapi.json", "the application", lineterm="", n=2))
    assert not difference, f"The contract has changed. If that is meant: make openapi, and commit it.\n{difference}"


def test_every_operation_has_a_name_of_its_own_that_stays_when_a_view_is_renamed(
    app: Flask, described: dict[str, Any]
) -> None:
    documentation = {"docs_asset", "api-docs.openapi_json", "api-docs.openapi_swagger_ui"}
    assert {rule.endpoint for rule in app.url_map.iter_rules()} - documentation == set(OPERATION_IDS)
    named = [operation["operationId"] for operation in operations(described)]
    assert sorted(named) == sorted(OPERATION_IDS.values())
    assert len(set(named)) == len(named)


def test_every_operation_says_what_it_does_and_what_can_go_wrong(described: dict[str, Any]) -> None:
    error = {"$ref": "#/components/schemas/Error"}
    for operation in operations(described):
        name = operation["operationId"]
        assert operation["summary"], name
        assert operation["tags"], name
        takes = {"400", "413", "415", "422"} if "requestBody" in operation else set()
        is_open = operation.get("security") == []
        assert takes | (set() if is_open else {"401", "403", "429", "503"}) <= set(operation["responses"]), name
        assert any(status.startswith("2") for status in operation["responses"]), name
    for component in described["components"]["responses"].values():
        assert component["content"][JSON]["schema"] == error


def test_every_body_has_an_example_that_fits_its_schema(described: dict[str, Any]) -> None:
    for operation in operations(described):
        answers = [answer for status, answer in operation["responses"].items() if "$ref" not in answer]
        for body in [*answers, *([operation["requestBody"]] if "requestBody" in operation else [])]:
            for media_type, content in body["content"].items():
                if media_type == JSON:
                    assert "example" in content, operation["operationId"]
                    wrong = breaches(described, content["schema"], content["example"])
                    assert not wrong, (operation["operationId"], wrong)


def test_every_parameter_of_a_path_has_an_example_that_fits_its_schema(described: dict[str, Any]) -> None:
    for path in described["paths"].values():
        for parameter in path.get("parameters", []):
            assert parameter["example"] == PARAMETERS[parameter["name"]]
            assert not breaches(described, parameter["schema"], parameter["example"])


def test_links_lead_to_operations_by_parameters_that_they_have(described: dict[str, Any]) -> None:
    known: dict[str, set[str]] = {}
    for path in described["paths"].values():
        for method, operation in path.items():
            if method != "parameters":
                parameters = [*path.get("parameters", []), *operation.get("parameters", [])]
                known[operation["operationId"]] = {parameter["name"] for parameter in parameters}
    for source, links in LINKS.items():
        for link in links:
            names = {name.removeprefix("query.") for name in link.parameters}
            assert names <= known[link.target], (source, link.target)


def test_answers_promise_no_field_that_may_be_missing_and_forbid_none_that_may_come(described: dict[str, Any]) -> None:
    for name, schema in described["components"]["schemas"].items():
        assert schema.get("additionalProperties") is not False, name
