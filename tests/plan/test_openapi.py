"""The OpenAPI document of each committed var-file: valid for two validators, and consistent with the methods."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30WriteValidator
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests import npm
from tests.plan import documents, inventory
from tests.plan.planner import REGION, ROOT, Plan, Values
from tests.plan.test_api import headers, mocks, names
from tools.contract import LIMITS
from tools.terraform import OF_VARIABLES, Terraform, environment

pytestmark = pytest.mark.xdist_group("environments")  # one worker makes the plans these tests share

REDOCLY = "@redocly/cli@2.77.0"
SPECTRAL = "@stoplight/spectral-cli@6.16.3"


def document(plan: Plan) -> Values:
    """Return the document that the gateway will serve."""
    response = mocks(plan, "aws_api_gateway_integration_response")["GET /openapi.json"]
    template = response["response_templates"]["application/json"]
    found: Values = json.loads(template[template.index("{") :])
    return found


def resolve(value: Values, whole: Values) -> Values:
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
                parameters = [resolve(parameter, found) for parameter in own]
                yield path, method.upper(), {**operation, "parameters": parameters}


Evaluate = Callable[[list[str], Values, Values], list[Any]]


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Evaluates an entity and its schema's part of build.py's manifest, without a provider."""
    for name in ("contract", *OF_VARIABLES):
        (tmp_path / Path(name).name).symlink_to(ROOT / name)
    for name in ("dist", "schemas"):
        (tmp_path / name).mkdir()
    (tmp_path / "schemas" / "odd.json").write_text('{"type": "object"}')
    terraform = Terraform(tmp_path, environment("", REGION))

    def evaluate(asked: list[str], entity: Values, manifest: Values) -> list[Any]:
        (tmp_path / "dist" / "manifest.json").write_text(json.dumps(manifest))
        variables = {"name": "shop", "environment": "dev", "entities": {"odd": entity}}
        (tmp_path / "odd.tfvars.json").write_text(json.dumps(variables))
        text = terraform.evaluate(f"jsonencode([{', '.join(asked)}])", [f"-var-file={tmp_path / 'odd.tfvars.json'}"])
        found: list[Any] = json.loads(text)
        return found

    return evaluate


@pytest.fixture(scope="module", params=sorted(inventory.VAR_FILES))
def planned_document(request: pytest.FixtureRequest, var_files: dict[str, Plan]) -> tuple[Plan, Values]:
    plan = var_files[request.param]
    return plan, document(plan)


def test_models_leave_formats_to_the_functions(planned_document: tuple[Plan, Values]) -> None:
    models = [model["schema"] for model in planned_document[0].all("aws_api_gateway_model").values()]
    assert [model for model in models if '"format":"' in model] == []


def test_document_is_valid(planned_document: tuple[Plan, Values]) -> None:
    OpenAPIV30SpecValidator(planned_document[1]).validate()


def test_document_has_the_planned_methods_and_no_others(planned_document: tuple[Plan, Values]) -> None:
    plan, found = planned_document
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


def test_operations_say_what_the_methods_ask_for(planned_document: tuple[Plan, Values]) -> None:
    plan, found = planned_document
    by_id = {operation["operationId"]: (method, operation) for _, method, operation in operations(found)}
    by_route = {f"{method} {path}": (method, operation) for path, method, operation in operations(found)}
    routes = {
        address.partition('"')[2].rpartition('"')[0]: method
        for address, method in plan.all("aws_api_gateway_method").items()
        if ".route[" in address
    }
    assert len(routes) == len(by_id)
    for key, route in routes.items():
        if key in by_route:  # of an own function
            method, operation = by_route[key]
        else:
            entity, name = key.split(".")
            called = entity if name == "list" else entity.removesuffix("s")
            method, operation = by_id[name + called.title().replace("-", "")]
        assert method == route["http_method"]
        scheme = (
            "api_key" if route["api_key_required"] else
            {"AWS_IAM": "iam", "COGNITO_USER_POOLS": "cognito", "CUSTOM": "jwt", "NONE": None}[route["authorization"]]
        )  # fmt: skip
        assert operation["security"] == ([{scheme: []}] if scheme else [])
        assert ("401" in operation["responses"]) == (scheme in ("cognito", "jwt"))
        assert ("403" in operation["responses"]) == bool(scheme)
        places = {"path": "path", "query": "querystring", "header": "header"}
        said = {f"{places[p['in']]}.{p['name']}" for p in operation["parameters"]}
        assert said == {p.removeprefix("method.request.") for p in route["request_parameters"]}


def test_generators_find_types_where_they_look_for_them(planned_document: tuple[Plan, Values]) -> None:
    """swagger-typescript-api skips the body of a referenced response; others treat an untyped branch as any."""
    found = planned_document[1]
    for _, _, operation in operations(found):
        (success,) = (answer for status, answer in operation["responses"].items() if status.startswith("2"))
        assert "description" in success, operation["operationId"]
    for name, parameter in found["components"]["parameters"].items():
        assert all("type" in branch for branch in parameter["schema"].get("anyOf", [])), name


def test_filters_name_the_property_their_bounds_are_of(planned_document: tuple[Plan, Values]) -> None:
    for _, _, operation in operations(planned_document[1]):
        parameters = operation["parameters"]
        sorts = {parameter["x-sorted-by"] for parameter in parameters if "x-sorted-by" in parameter}
        assert sorts == {p["name"].rpartition(".")[0] for p in parameters if "." in p["name"]}


def security_by_operation(found: Values) -> dict[str, Values]:
    """Return the security requirements of each operation, by its name."""
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
    assert security_by_operation(found) == {
        "createTodo": {"cognito": ["shop-test/import"]},
        "deleteTodo": {"cognito": []},
        "getTodo": {"cognito": []},
        "listTodos": {"cognito": ["https://api.example.com/todos.read"]},
        "mergeTodo": {"cognito": []},
    }
    said = {o["operationId"]: o["description"] for _, _, o in operations(found)}
    assert said["deleteTodo"].endswith(" For members of the group admins.")
    assert said["createTodo"].endswith(" For tokens with the scope shop-test/import.")


def test_pool_there_is_says_itself_how_to_sign_in(systems: dict[str, Plan]) -> None:
    found = document(systems["existing_pool"])
    OpenAPIV30SpecValidator(found).validate()
    scheme = found["components"]["securitySchemes"]["cognito"]
    issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Abc123"
    assert scheme["type"] == "openIdConnect"
    assert scheme["openIdConnectUrl"] == f"{issuer}/.well-known/openid-configuration"
    assert security_by_operation(found) == {
        "createTodo": {"cognito": ["shop-test/import"]},
        "listTodos": {"cognito": []},
    }


def test_tokens_from_elsewhere_are_bearers(systems: dict[str, Plan]) -> None:
    scheme = document(systems["signed_in"])["components"]["securitySchemes"]["cognito"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_rows_are_items(planned_document: tuple[Plan, Values]) -> None:
    found = planned_document[1]
    lists = {o["operationId"]: o for _, _, o in operations(found) if o["operationId"].startswith("list")}
    assert lists
    for name, operation in lists.items():
        page = resolve(operation["responses"]["200"]["content"]["application/json"]["schema"], found)
        assert page["properties"]["items"]["items"] == {"$ref": f"#/components/schemas/{name[4:]}Item"}
        item = resolve(page["properties"]["items"]["items"], found)
        assert {"createdAt", "id", "updatedAt", "version"} <= set(item["required"])


def test_nothing_is_left_unsaid(planned_document: tuple[Plan, Values]) -> None:
    found = planned_document[1]
    sent = [o["requestBody"]["content"] for _, _, o in operations(found) if "requestBody" in o]
    schemas = [each["application/json"]["schema"] for each in sent]
    bodies = {schema["$ref"].rpartition("/")[2] for schema in schemas if schema}  # a route's may be any value
    for name, schema in found["components"]["schemas"].items():
        if name.endswith(("Body", "Item", "Patch", "Replacement")):
            assert schema["additionalProperties"] is True, "the schemas of the examples are open"
        if name not in bodies:
            assert "default" not in json.dumps(schema), "an answer has no defaults"
        if schema["type"] == "integer":
            assert "format" in schema


@pytest.mark.parametrize("put", ["replace", "merge"])
@pytest.mark.parametrize("ids", ["server", "client"])
def test_bodies_take_the_servers_properties_as_the_functions_do(folder: Path, ids: str, put: str) -> None:
    """tests/unit/test_crud.py tests the functions' part."""
    found = documents.document(folder, entities={"todos": {"ids": ids, "put": put}})
    own: Values = {"createdAt": None, "updatedAt": 1, "version": "x"}
    ids_sent: dict[str, Values] = {"": {}, "valid": {"id": "zz"}, "null": {"id": None}, "number": {"id": 5}}
    for _, method, operation in operations(found):
        if "requestBody" not in operation:
            continue
        sent = resolve(operation["requestBody"]["content"]["application/json"]["schema"], found)
        takes = {
            text: OAS30WriteValidator(sent | {"components": found["components"]}).is_valid(
                {"title": "a", **own, **each}
            )
            for text, each in ids_sent.items()
        }
        if method == "POST" and ids == "server":
            expected = {"": True, "valid": True, "null": True, "number": True}
        else:
            expected = {"": True, "valid": method == "POST", "null": False, "number": False}
        assert takes == expected, method


@pytest.mark.parametrize("put", ["replace", "merge"])
def test_clients_read_what_they_cannot_write(folder: Path, put: str) -> None:
    """tests/unit/test_read_only.py tests the functions' part."""
    found = documents.document(folder, entities={"products": {"put": put, "schema": "schemas/product.json"}})
    schemas = found["components"]["schemas"]
    assert schemas["ProductsItem"]["properties"]["rating"]["readOnly"] is True
    sent = [name for name in schemas if name.endswith(("Body", "Patch", "Replacement"))]
    assert len(sent) == 3 - (put == "merge")
    for name in sent:
        assert "rating" not in schemas[name]["properties"]
        validator = OAS30WriteValidator(schemas[name] | {"components": found["components"]})
        assert all(validator.is_valid({"name": "cup", **each}) for each in ({}, {"rating": 5}, {"rating": "best"}))
    # To keep it, PUT reads the item first, and other writers may win each time.
    replace = found["paths"]["/products/{id}"]["put"]
    assert "409" in replace["responses"]


@pytest.mark.parametrize(
    ("schema", "hooks", "shape"),
    [
        ({}, [], "item"),
        ({"read_only": "top"}, [], "item"),
        ({"read_only": "top", "unfilled": "{}"}, [], "unfilled"),
        ({"read_only": "top", "unfilled": "{}"}, ["before_update", "present"], "unfilled"),
        ({"read_only": "top", "unfilled": "{}"}, ["before_create"], "item"),
        ({"read_only": "nested", "unfilled": "{}"}, ["before_create"], "unfilled"),
        ({"read_only": "nested", "unfilled": "{}"}, ["before_create", "before_update"], "item"),
    ],
)
def test_what_nothing_fills_in_may_be_missing_in_answers(
    evaluate: Evaluate, schema: Values, hooks: list[str], shape: str
) -> None:
    entity: Values = {"schema": "schemas/odd.json", "hooks": {"code": "odd"}}
    manifest = {"schemas": {"schemas/odd.json": schema}, "app": {"odd": {"hooks": hooks}}}
    replace = "local.entity_operations.odd.replace"
    asked = ["local.item_shapes.odd", f"{replace}.actions", f"{replace}.body"]
    actions = ["GetItem", "UpdateItem"] if schema else ["UpdateItem"]
    assert evaluate(asked, entity, manifest) == [shape, actions, "Replacement"]


def test_patterns_are_the_rules_of_the_functions(folder: Path) -> None:
    found = documents.document(folder, entities={"todos": {"ids": "client", "path": "/"}})
    assert found["components"]["schemas"]["TodosBody"]["properties"]["id"]["not"] == {
        "enum": ["openapi.json", "ping", "sping"]
    }
    used = {parameter["name"]: parameter["schema"] for parameter in found["components"]["parameters"].values()}
    known = {name: limit["pattern"] for name, limit in LIMITS.items() if "pattern" in limit}
    assert resolve(used["id"], found)["pattern"] == known["id"]
    assert {used["If-Match"]["pattern"], used["If-None-Match"]["pattern"]} == {known["entity_tags"]}
    assert (used["cursor"]["pattern"], used["fields"]["pattern"]) == (known["cursor"], known["fields"])
    assert used["Idempotency-Key"]["pattern"] == known["idempotency_key"]


# The singular name of each entity.
SINGULARS = {
    "todos": "Todo", "movies": "Movie", "categories": "Category", "people": "Person", "children": "Child",
    "addresses": "Address", "statuses": "Status", "boxes": "Box", "matches": "Match", "houses": "House",
    "caches": "Cache", "heroes": "Hero", "shoes": "Shoe", "shelves": "Shelf", "analyses": "Analysis",
    "news": "News", "data": "Data", "apis": "Api", "menus": "Menu", "gps": "Gps", "s": "S",
    "orders-v2": "OrdersV2", "campus": "Campus", "stock": "Stock", "moves": "Move", "olives": "Olive",
    "women": "Woman", "user-addresses": "UserAddress",
}  # fmt: skip
# Entities whose singular, or letters, are those of another entity keep their own names.
ALIKE = {
    "todo": "Todo", "todos": "Todos", "person": "Person", "people": "People", "persons": "Persons",
    "a-b": "A_B", "ab": "Ab", "line-item": "LineItem", "line-items": "Line_Items", "lineitems": "Lineitems",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return documents.folder_for_documents(tmp_path_factory.mktemp("documents"))


@pytest.mark.parametrize("names", [SINGULARS, ALIKE], ids=["plain", "alike"])
def test_operations_are_of_one_item(folder: Path, names: dict[str, str]) -> None:
    found = documents.document(folder, entities={name: {} for name in names})
    ids = [(o["tags"][0], o["operationId"]) for _, _, o in operations(found)]
    assert len({name.lower() for _, name in ids}) == len(ids), "whatever entities are called"
    assert {entity: name[3:] for entity, name in ids if name.startswith("get")} == names
    plurals = {entity: name[4:] for entity, name in ids if name.startswith("list")}
    assert {entity: name.replace("_", "").lower() for entity, name in plurals.items()} == {
        name: name.replace("-", "") for name in names
    }


# Routes with and without what they may declare.
ROUTED: Values = {
    "payments": {
        "routes": {
            "POST /orders/{id}/pay": {
                "access": "cognito:group=staff",
                "answers": {"200": "schemas/todo.json", "404": "schemas/todo.json"},
                "body": "schemas/order.json",
                "call": "pay",
            },
            "GET /orders/latest": {"call": "latest", "query": "schemas/order.json"},
            "GET /v2/orders": {"call": "latest", "access": "iam"},
            "POST /hooks/{sender}": {"accepts": ["text/csv", "application/*"], "access": "open", "call": "webhook"},
        }
    }
}

# For an existing pool, operations name scopes that the document cannot list. Spectral accepts only
# scopes of OAuth 2 flows, although OpenAPI allows scopes of OpenID Connect.
LINTERS: dict[str, Values] = {
    ".spectral.yaml": {
        "extends": ["spectral:oas"],
        "overrides": [{"files": ["existing_pool.json"], "rules": {"oas3-operation-security-defined": "off"}}],
    },
    "redocly.yaml": {"extends": ["recommended-strict"]},
}


@pytest.fixture(scope="module")
def document_folder(folder: Path, systems: dict[str, Plan], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the document of each var-file and of two systems with sign-in, and the linters' settings."""
    found = {name: documents.document(folder, ROOT / file) for name, file in inventory.VAR_FILES.items()}
    found |= {name: document(systems[name]) for name in ("existing_pool", "with_scopes")}
    found["routes"] = documents.document(folder, entities={"orders": {}}, functions=ROUTED)
    written = tmp_path_factory.mktemp("written")
    for name, content in [*LINTERS.items(), *((f"{name}.json", content) for name, content in found.items())]:
        (written / name).write_text(json.dumps(content, indent=2))
    return written


def lint(written: Path, package: str, program: str, option: str) -> subprocess.CompletedProcess[str]:
    """Run a linter from npm on all documents; skip the test where npm cannot install it."""
    try:
        installed = npm.install_packages(package)
    except AssertionError as error:
        pytest.skip(str(error))
    files = sorted(file.name for file in written.glob("*.json"))
    return subprocess.run(
        [installed / "node_modules" / ".bin" / program, "lint", option, *files],
        cwd=written, capture_output=True, text=True, check=False,
        env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
    )  # fmt: skip


def test_linter_finds_nothing(document_folder: Path) -> None:
    done = lint(document_folder, REDOCLY, "redocly", "--format=stylish")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"validating {file.name}" in done.stderr for file in document_folder.glob("*.json"))


@pytest.mark.slow
def test_second_linter_finds_nothing(document_folder: Path) -> None:
    done = lint(document_folder, SPECTRAL, "spectral", "--fail-severity=hint")
    found = (done.returncode, done.stdout.strip())
    assert found == (0, "No results with a severity of 'hint' or higher found!"), done.stderr


def test_the_document_says_whose_items_are_meant(systems: dict[str, Plan]) -> None:
    found = document(systems["shared"])
    operations = {
        call["operationId"]: call
        for path in found["paths"].values()
        for name, call in path.items()
        if name != "parameters"
    }
    assert len(operations) == 6
    taken = {
        name for name, call in operations.items() if {"$ref": "#/components/parameters/owner"} in call["parameters"]
    }
    assert taken == operations.keys()
    told = {
        name for name, call in operations.items()
        for answer in call["responses"].values() if "Item-Owner" in answer.get("headers", {})
    }  # fmt: skip
    assert told == {"createTodo", "getTodo", "replaceTodo", "mergeTodo"}
    assert "409" in operations["getTodo"]["responses"]
    page = found["components"]["schemas"]["TodosPage"]
    assert (page["properties"]["owners"]["type"], page["required"]) == ("array", ["count", "items", "next"])
    others = document(systems["owned"])
    assert "owners" not in others["components"]["schemas"]["TodosPage"]["properties"]
    assert "querystring.owner" not in json.dumps(others)
