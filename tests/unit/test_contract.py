"""Compare contract/ with the copies of its facts in the functions, the console, the docs and the CI."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.unit.api import OPERATIONS, Api
from tests.unit.conftest import KEYS, Make
from tools import contract
from trestle import errors
from trestle.http import log, problems
from trestle.item import RESERVED
from trestle.store.derived import hash_name, sort_name
from trestle.store.records import ENVELOPE

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
API = (REFERENCE / "http-api.md").read_text(encoding="utf-8")
PROBLEMS = (REFERENCE / "problems.md").read_text(encoding="utf-8")
COSTS = (REFERENCE / "request-costs.md").read_text(encoding="utf-8")
LIMITS = contract.LIMITS
KINDS: dict[str, dict[str, Any]] = contract.PROBLEMS["kinds"]


def variants(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield an operation's variants: one for each value of an entity's attributes."""
    yield operation
    for choices in operation.get("variants", {}).values():
        for changes in choices.values():
            yield operation | changes


def statuses(operation: dict[str, Any]) -> set[int]:
    """Return the statuses of an operation's responses in all its variants."""
    found = {int(status) for each in variants(operation) for status in each["answers"]}
    return found | {KINDS[kind]["status"] for each in variants(operation) for kind in each["problems"]}


# --- operations


def test_every_operation_has_its_method_and_path() -> None:
    """Repeats methods and paths on purpose: a change of contract/ changes what clients have to send."""
    assert {name: (each["method"], each["path"]) for name, each in contract.OPERATIONS.items()} == {
        "create": ("POST", ""),
        "delete": ("DELETE", "{id}"),
        "get": ("GET", "{id}"),
        "list": ("GET", ""),
        "merge": ("PATCH", "{id}"),
        "replace": ("PUT", "{id}"),
    }


def test_every_operation_has_a_function() -> None:
    folder = ROOT / "lambda_src"
    files = [*folder.glob("*/index.py"), *folder.glob("*/hooked.py")]
    found = {
        f"{file.parent.name}/{file.name}": file.read_text(encoding="utf-8")
        for file in files
        if file.parent.name not in ("app", "authorizer", "trestle")  # functions of app/, and the shared modules
    }
    assert found == contract.functions(), "Run `make contract`."


@pytest.mark.parametrize("functions", [(), ("entity",)], ids=["a function each", "one function"])
def test_the_functions_know_the_operations(
    make_api: Make, capsys: pytest.CaptureFixture[str], functions: tuple[str, ...]
) -> None:
    api = make_api(functions=functions)
    capsys.readouterr()
    for (method, on_item), name in OPERATIONS.items():
        api.request(method, "/items/1" if on_item else "/items", {})
        assert json.loads(capsys.readouterr().err)["operation"] == name
    assert set(OPERATIONS.values()) == contract.OPERATIONS.keys()


def test_the_functions_take_the_parameters(make_api: Make) -> None:
    schema = {"properties": {"done": {"type": "boolean"}, "due": {"type": "string"}}, "required": ["due"]}
    api = make_api({"schema": "x", "filters": {"done": {"sort": "due"}}}, {"x": schema})
    for name, operation in contract.OPERATIONS.items():
        ((method, on_item),) = (how for how, each in OPERATIONS.items() if each == name)
        (fault,) = api.request(method, "/items/1" if on_item else "/items", {}, query={"nope": "1"}).json["errors"]
        known = set(fault["detail"].removeprefix("Is unknown; known here: ").split(", "))
        parameters = [*operation["parameters"], *filter(None, [operation.get("order_parameter")])]
        expected = {each.partition(".")[2] for each in parameters if each.startswith("querystring.")}
        if operation.get("takes_filters"):
            expected |= {"done", *(f"due.{operator}" for operator in contract.read("operations")["bounds"])}
        assert known == (expected or {"none"}), name


def test_the_operations_fit_their_schema() -> None:
    schema = json.loads((contract.FOLDER / "operations.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(contract.read("operations"), schema, jsonschema.Draft7Validator)


def test_variants_change_existing_attributes() -> None:
    for name, operation in contract.OPERATIONS.items():
        for attribute, choices in operation.get("variants", {}).items():
            # `read_only` comes from the schema, and every function gets the owner settings.
            known = [*operation["settings"], "owner_parameter", "reads", "writes"]
            assert {"read_only": "schema"}.get(attribute, attribute) in known, name
            for changes in choices.values():
                assert changes.keys() < {*operation, "id_index_actions"}, name


# --- problems


def test_the_functions_know_the_kinds_of_problems() -> None:
    refusals = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.Refusal)]
    refusals.remove(errors.Refusal)
    refusals.remove(errors.Refused)  # own code names its kind
    assert len(refusals) > 8
    for raised in (*(each("Why.") for each in refusals), RuntimeError()):
        answer = problems.problem(raised, "id")
        content = json.loads(answer.body)
        kind = KINDS[content["type"].removeprefix("urn:trestle:problem:")]
        assert (content["title"], content["status"], answer.status) == (kind["title"], kind["status"], kind["status"])
        header = contract.PROBLEMS["statuses"][str(answer.status)].get("header")
        assert answer.headers.keys() - {"Content-Type"} == {header} - {None}


def test_the_functions_count_problems() -> None:
    metrics = {name: kind["metric"] for name, kind in KINDS.items() if "metric" in kind}
    assert metrics == log._COUNTED


def test_every_status_of_a_problem_is_described() -> None:
    described = contract.PROBLEMS["statuses"]
    # Only the gateway returns 405, and the OpenAPI document lists only existing methods.
    assert described.keys() == {str(kind["status"]) for kind in KINDS.values()} - {"405"}
    assert f"over {LIMITS['body']['max'] // 1024} KiB" in described["413"]["description"]


def test_every_named_kind_exists() -> None:
    named = [kind for each in contract.OPERATIONS.values() for one in variants(each) for kind in one["problems"]]
    named += [each["kind"] for each in contract.PROBLEMS["gateway"].values()]
    named += contract.PROBLEMS["always"]
    named += [kind for mode in contract.PLATFORM["access"]["modes"].values() for kind in mode["problems"]]
    assert set(named) == KINDS.keys()


# --- limits


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def boundaries(api: Api) -> Iterator[tuple[str, int, int]]:
    """Yield each limit with the status of a request exactly at it and of a request just over it."""

    def both(name: str, method: str, path: str, made: Any, **fixed: Any) -> tuple[str, int, int]:
        most = LIMITS[name]["max"]
        kept, broken = (api.request(method, path, **(fixed | made(size))) for size in (most, most + 1))
        return name, kept.status, broken.status

    yield both("body", "POST", "/items", lambda size: {"body": f'"{"x" * (size - 2)}"'})
    yield both("depth", "POST", "/items", lambda size: {"body": nested(size)})
    yield both("digits", "POST", "/items", lambda size: {"body": {"n": int("1" * size)}})
    yield both("entity_tags", "DELETE", "/items/1", lambda size: {"headers": {"If-Match": ", ".join(['"a"'] * size)}})
    yield both("idempotency_key", "POST", "/items", lambda size: {"headers": {"Idempotency-Key": "k" * size}}, body={})
    yield both("key", "GET", "/items", lambda size: {"query": {"done": "x" * size}})
    yield both("page", "GET", "/items", lambda size: {"query": {"limit": str(size)}})
    most = LIMITS["id"]["max"]
    yield (
        "id",
        api.request("GET", f"/items/{'x' * most}").status,
        api.request("GET", f"/items/{'x' * (most + 1)}").status,
    )


def test_the_functions_know_the_limits(make_api: Make) -> None:
    api = make_api({"schema": "x", "filters": {"done": {}}}, {"x": {"properties": {"done": {"type": "string"}}}})
    assert list(boundaries(api)) == [
        ("body", 400, 413),
        ("depth", 201, 400),
        ("digits", 201, 400),
        ("entity_tags", 404, 400),
        ("idempotency_key", 201, 400),
        ("key", 200, 400),
        ("page", 200, 400),
        ("id", 404, 400),
    ]


def test_the_functions_know_the_size_of_a_page(api: Api) -> None:
    for _ in range(LIMITS["page"]["default"] + 1):
        api.create({})
    assert api.request("GET", "/items").json["count"] == LIMITS["page"]["default"]


def test_the_functions_know_the_limit_of_faults_in_a_response(api: Api) -> None:
    most = LIMITS["faults"]["max"]
    answer = api.request("GET", "/items", query={f"x{n}": "1" for n in range(most + 1)})
    assert len(answer.json["errors"]) == most


def test_the_functions_know_the_limit_of_a_single_request_patch(api: Api) -> None:
    path = f"/items/{api.create({})['id']}"
    most = LIMITS["patch"]["max"]
    for size, calls in ((most, ["UpdateItem"]), (most + 1, ["GetItem", "UpdateItem"])):
        answer, made = api.requests_of("PATCH", path, {f"x{n}": 1 for n in range(size)})
        assert (answer.status, made) == (200, calls)


def test_the_functions_have_the_pattern_of_ids(api: Api) -> None:
    for item_id in ("..", "a b", "x" * (LIMITS["id"]["max"] + 1)):
        (fault,) = api.request("GET", f"/items/{item_id}").json["errors"]
        assert fault["detail"] == LIMITS["id"]["rule"]


def test_patterns_have_the_documented_limits() -> None:
    assert f"{{0,{LIMITS['entity_tags']['max'] - 1}}}" in LIMITS["entity_tags"]["pattern"]


# --- items


def test_the_functions_know_the_servers_own_properties(api: Api) -> None:
    assert api.create({}).keys() == set(contract.SERVERS_OWN)
    assert set(contract.SERVERS_OWN) == RESERVED


def test_the_functions_know_the_attributes_of_every_record() -> None:
    assert {name: contract.ITEMS["attributes"][name] for name in (*contract.SERVERS_OWN, "doc")} == ENVELOPE


def test_a_record_has_the_attributes(make_api: Make) -> None:
    schema = {"properties": {"until": {"type": "integer"}}}
    options = {"schema": "x", "owner": "sub", "sees_all": "group=x", "ttl": "until", "signed_in": ["create"]}
    api = make_api(options, {"x": schema}).as_user("ada")
    api.create({"until": 10**10}, headers={"Idempotency-Key": "k"})
    (record,) = api.client.scan(TableName="test-items")["Items"]
    assert {name: kind for name, value in record.items() for kind in value} == contract.ITEMS["attributes"]
    assert record[contract.ITEMS["expiry"]] == {"N": str(10**10)}
    assert record[contract.ITEMS["key"]]["S"].startswith("ada#")


def test_the_list_index_is_the_planned_one() -> None:
    """table.json is the table of a plan, as tests/plan/test_table.py proves."""
    (index,) = KEYS["GlobalSecondaryIndexes"]
    names = [index["IndexName"], *(key["AttributeName"] for key in index["KeySchema"])]
    assert names == [contract.ITEMS["list_index"][part] for part in ("name", "hash", "range")]
    assert KEYS["KeySchema"] == [{"AttributeName": contract.ITEMS["key"], "KeyType": "HASH"}]


def test_the_functions_know_the_indexes_of_all_owners() -> None:
    everyone, ids = contract.ITEMS["everyone_index"], contract.ITEMS["id_index"]
    source = (ROOT / "lambda_src/trestle/store/everyone.py").read_text()
    assert f'Index("{everyone["name"]}", ("{everyone["hash"]}", ' in source
    assert f'("{everyone["range"]}", "S")' in source
    assert f'"IndexName": "{ids["name"]}",' in source
    assert f'"{ids["hash"]}=:id"' in source


def test_the_functions_know_the_names_of_indexes() -> None:
    filters = contract.ITEMS["filter_index"]
    for length, name in ((1, "x"), (filters["max_name"], "x" * filters["max_name"])):
        assert hash_name(name) == f"{filters['prefix']}{name}", length
        assert sort_name(name, False) == f"{filters['range_prefixes']['S']}{name}"
        assert sort_name(name, True) == f"{filters['range_prefixes']['N']}{name}"
    assert hash_name("x" * (filters["max_name"] + 1)).startswith(f"{filters['prefix']}..")
    assert sort_name(filters["default_range"], False) == filters["default_range"]


# --- the platform


def test_the_functions_expose_the_headers_to_scripts(api: Api) -> None:
    shown = api.request("GET", "/items").headers["Access-Control-Expose-Headers"].split(", ")
    assert sorted(shown) == contract.PLATFORM["exposed_headers"]
    answered = {
        header
        for operation in contract.OPERATIONS.values()
        for answer in operation["answers"].values()
        for header in answer.get("headers", [])
    }
    assert answered <= set(shown)


def test_the_ci_and_the_docs_name_the_runtime() -> None:
    runtime = contract.PLATFORM["runtime"]
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert f"# {runtime} is the functions' runtime" in workflow
    assert f"| in AWS | Lambda python{runtime} on arm64" in (REFERENCE / "platforms.md").read_text(encoding="utf-8")


def test_ci_may_grant_functions_what_operations_need() -> None:
    boundary = (ROOT / "bootstrap" / "boundary.tf").read_text(encoding="utf-8")
    use_items = re.search(r'Sid\s+= "UseItems".*?\]', boundary, re.DOTALL)
    assert use_items
    needed = {
        action
        for operation in contract.OPERATIONS.values()
        for each in variants(operation)
        for action in (*each["actions"], *each.get("index_actions", ()))
    }
    assert needed <= set(re.findall(r'"dynamodb:(\w+)"', use_items[0]))


def test_the_dashboard_shows_the_problems_that_are_counted() -> None:
    dashboard = (ROOT / "modules" / "monitoring" / "dashboard.tf").read_text(encoding="utf-8")
    assert {kind["metric"] for kind in KINDS.values() if "metric" in kind} <= set(re.findall(r'"(\w+)"', dashboard))


# --- the console and the docs


def test_the_console_knows_the_contract() -> None:
    text = (ROOT / "web" / "assets" / "contract.js").read_text(encoding="utf-8")
    exported = {name: json.loads(value) for name, value in re.findall(r"^export const (\w+) = (.*);$", text, re.M)}
    assert exported.pop("SERVERS_OWN").sort() is None
    assert exported == {"MAX_DEPTH": LIMITS["depth"]["max"], "MAX_DIGITS": LIMITS["digits"]["max"]}


def table(text: str, *head: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the table with this header."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if [cell.strip() for cell in line.split("|")[1:-1]] == [*head])
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.split("|")[1:-1]]


def test_the_docs_list_every_operation() -> None:
    listed = {
        request.strip("`"): {int(status) for status in re.findall(r"\b[2-4]\d\d\b", answers)}
        for request, _, answers in table(API, "request", "does", "responses")
    }
    assert listed.pop("OPTIONS` on any path") == {204}
    assert listed == {
        f"{operation['method']} {'/'.join(filter(None, ('/todos', operation['path'])))}": statuses(operation)
        for operation in contract.OPERATIONS.values()
    }


def test_the_docs_list_the_limits() -> None:
    text = " ".join((API + PROBLEMS + COSTS).split())
    limits: dict[str, Any] = {name: limit.get("max") for name, limit in LIMITS.items()}
    for said in (
        f"up to {limits['digits']} significant digits",
        f"nesting deeper than {limits['depth']}",
        f"A body is at most {limits['body'] // 1024} KiB",
        f"`errors` names each fault, up to {limits['faults']}",
        f"1 to {limits['id']} letters, digits",
        f"lists of up to {limits['entity_tags']} are taken",
        f"a text condition has up to {limits['key']} bytes",
        f"| `limit` | 1 to {limits['page']}, {LIMITS['page']['default']} by default |",
        f"`Idempotency-Key: <1 to {limits['idempotency_key']} printable",
        f"it has at most {limits['patch']} properties",
    ):
        assert said in text


def test_the_docs_list_every_kind_of_problem() -> None:
    listed = {
        kind.strip("`"): int(status)
        for row in table(PROBLEMS, "status", "type, after `urn:trestle:problem:`", "when")
        for status, kind in zip(row[0].split(", "), row[1].split(", "), strict=True)
    }
    assert listed == {name: kind["status"] for name, kind in KINDS.items()}
