"""The OpenAPI document of each committed var-file: sound by two judges, and true to the planned methods."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.plan import inventory
from tests.plan.planner import Plan, Planner, Values
from tests.plan.test_api import headers, mocks, names

pytestmark = pytest.mark.xdist_group("environments")  # one worker makes the plans these tests share

REDOCLY = "@redocly/cli@2.77.0"

# The recommended rules, warnings as errors. Whoever deploys decides on the licence; a component that no
# operation of a small API happens to use does no harm.
RULES = {"extends": ["recommended-strict"], "rules": {"info-license": "off", "no-unused-components": "off"}}


def document(plan: Plan) -> Values:
    """Return the document as the gateway will answer it."""
    response = mocks(plan, "aws_api_gateway_integration_response")["GET /openapi.json"]
    template = response["response_templates"]["application/json"]
    found: Values = json.loads(template[template.index("{") :])
    return found


def resolved(value: Values, whole: Values) -> Values:
    """Return what a reference refers to, or the value itself."""
    for name in value.get("$ref", "").split("/")[1:]:
        whole = value = whole[name]
    return value


def operations(found: Values) -> Iterator[tuple[str, str, Values]]:
    """Yield the document's operations: path, method, operation with the parameters of its path."""
    for path, item in found["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                own = [*item.get("parameters", []), *operation.get("parameters", [])]
                parameters = [resolved(parameter, found) for parameter in own]
                yield path, method.upper(), {**operation, "parameters": parameters}


@pytest.fixture(scope="module", params=sorted(inventory.VAR_FILES))
def described(request: pytest.FixtureRequest, planner: Planner) -> tuple[Plan, Values]:
    plan = planner(inventory.VAR_FILES[request.param])
    return plan, document(plan)


def test_document_is_valid(described: tuple[Plan, Values]) -> None:
    OpenAPIV30SpecValidator(described[1]).validate()


def test_document_has_the_planned_methods_and_no_others(described: tuple[Plan, Values]) -> None:
    plan, found = described
    responses = mocks(plan, "aws_api_gateway_integration_response")
    planned = {
        (route.removeprefix("ANY "), method)
        for route, response in responses.items()
        if route.startswith("ANY ")
        for method in names(headers(response)["Allow"])
    }
    planned = {(path, method) for path, method in planned if method != "OPTIONS" and path != "/openapi.json"}
    assert planned
    assert {(path, method) for path, method, _ in operations(found)} == planned


def test_operations_say_what_the_methods_ask_for(described: tuple[Plan, Values]) -> None:
    plan, found = described
    by_id = {operation["operationId"]: (method, operation) for _, method, operation in operations(found)}
    routes = {
        address.partition('"')[2].rpartition('"')[0]: method
        for address, method in plan.all("aws_api_gateway_method").items()
        if ".route[" in address
    }
    assert len(routes) == len(by_id)
    for key, route in routes.items():
        entity, name = key.split(".")
        method, operation = by_id[name + entity.title().replace("-", "")]
        assert method == route["http_method"]
        scheme = (
            "api_key" if route["api_key_required"] else
            {"AWS_IAM": "iam", "COGNITO_USER_POOLS": "cognito", "NONE": None}[route["authorization"]]
        )  # fmt: skip
        assert operation["security"] == ([{scheme: []}] if scheme else [])
        assert ("401" in operation["responses"]) == (scheme == "cognito")
        assert ("403" in operation["responses"]) == bool(scheme)
        places = {"path": "path", "query": "querystring", "header": "header"}
        said = {f"{places[p['in']]}.{p['name']}" for p in operation["parameters"]}
        assert said == {p.removeprefix("method.request.") for p in route["request_parameters"]}


def test_filters_name_the_property_their_bounds_are_of(described: tuple[Plan, Values]) -> None:
    for _, _, operation in operations(described[1]):
        parameters = operation["parameters"]
        sorts = {parameter["x-sorted-by"] for parameter in parameters if "x-sorted-by" in parameter}
        assert sorts == {p["name"].rpartition(".")[0] for p in parameters if "." in p["name"]}


def security(found: Values) -> dict[str, Values]:
    """Return what each operation asks for, by its name."""
    return {o["operationId"]: o["security"][0] for _, _, o in operations(found) if o["security"]}


def test_tokens_are_had_at_the_pools_domain(systems: dict[str, Plan]) -> None:
    found = document(systems["with_scopes"])
    OpenAPIV30SpecValidator(found).validate()
    scheme = found["components"]["securitySchemes"]["cognito"]
    domain = "https://shop-example.auth.us-west-2.amazoncognito.com/oauth2"
    elsewhere = {"https://api.example.com/todos.read": "For clients of other systems"}
    assert scheme["type"] == "oauth2"
    assert scheme["flows"] == {
        "authorizationCode": {
            "authorizationUrl": f"{domain}/authorize",
            "tokenUrl": f"{domain}/token",
            "scopes": {**elsewhere, "openid": "Who signed in", "shop-test/report": "Reads reports"},
        },
        "clientCredentials": {
            "tokenUrl": f"{domain}/token",
            "scopes": {
                **elsewhere,
                "shop-test/import": "Operations for the scope import",
                "shop-test/report": "Reads reports",
            },
        },
    }
    assert security(found) == {
        "createTodos": {"cognito": ["shop-test/import"]},
        "deleteTodos": {"cognito": []},
        "getTodos": {"cognito": []},
        "listTodos": {"cognito": ["https://api.example.com/todos.read"]},
        "mergeTodos": {"cognito": []},
    }
    said = {o["operationId"]: o["description"] for _, _, o in operations(found)}
    assert said["deleteTodos"].endswith(" For members of the group admins.")
    assert said["createTodos"].endswith(" For tokens with the scope shop-test/import.")


def test_pool_there_is_says_itself_how_to_sign_in(systems: dict[str, Plan]) -> None:
    found = document(systems["existing_pool"])
    OpenAPIV30SpecValidator(found).validate()
    scheme = found["components"]["securitySchemes"]["cognito"]
    issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Abc123"
    assert scheme["type"] == "openIdConnect"
    assert scheme["openIdConnectUrl"] == f"{issuer}/.well-known/openid-configuration"
    assert security(found) == {"createTodos": {"cognito": ["shop-test/import"]}, "listTodos": {"cognito": []}}


def test_tokens_from_elsewhere_are_bearers(systems: dict[str, Plan]) -> None:
    scheme = document(systems["signed_in"])["components"]["securitySchemes"]["cognito"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_linter_finds_nothing(planner: Planner, systems: dict[str, Plan], tmp_path: Path) -> None:
    npx = shutil.which("npx")
    if not npx:
        pytest.skip("there is no node on this machine, which the linter @redocly/cli needs")
    (tmp_path / "redocly.yaml").write_text(json.dumps(RULES))
    for name, var_file in inventory.VAR_FILES.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document(planner(var_file)), indent=2))
    for name in ("existing_pool", "with_scopes"):
        (tmp_path / f"{name}.json").write_text(json.dumps(document(systems[name]), indent=2))
    files = sorted(file.name for file in tmp_path.glob("*.json"))
    command = [npx, "--yes", REDOCLY, "lint", "--format=stylish", *files]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
    )  # fmt: skip
    if "npm error" in done.stderr:
        pytest.skip("npm cannot fetch the linter @redocly/cli: there is no connection to its registry")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"validating {name}" in done.stderr for name in files)
