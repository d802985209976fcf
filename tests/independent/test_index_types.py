"""The functions on dynalite, which enforces the types of indexes' keys as DynamoDB does.

A write whose sort property has another type than the index's key fails there, and in AWS, while the plan is
empty: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests import npm
from tests.plan import inventory
from tests.plan.conftest import SMALL, SYSTEMS
from tests.plan.planner import REGION, Plan, Planner, Values
from tests.plan.test_rights import SCHEMAS, requests_of
from tests.plan.test_table import create_table_arguments
from tests.unit.api import Api
from tests.unit.conftest import ENVIRONMENT
from tools.laptop.emulator import free_port
from trestle.store import boto3_client

DYNALITE = "dynalite@4.0.0"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("environments"),  # one worker makes the plans these tests share
]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An empty DynamoDB."""
    port = free_port()
    program = npm.install_packages(DYNALITE) / "node_modules" / ".bin" / "dynalite"
    process = subprocess.Popen([program, "--port", str(port), "--createTableMs", "0"])
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def database(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The database's client. The functions use the same database."""
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    boto3_client.shared_client.cache_clear()
    yield boto3.client("dynamodb", region_name=REGION)
    boto3_client.shared_client.cache_clear()


def planned_entities(plan: Plan) -> Iterator[tuple[str, Values, dict[str, Values]]]:
    """Yield each entity of a plan with its table and its functions by operation or package."""
    for address, table in plan.all("aws_dynamodb_table").items():
        entity = address.split('"')[1]
        functions = {
            a.split('"')[1].split(".")[1]: f
            for a, f in plan.all("aws_lambda_function").items()
            if a.split('"')[1].startswith(f"{entity}.")
        }
        yield entity, table, functions


def operation_answers(function: Values, operation: str, item: str) -> list[tuple[str, int, str]]:
    """Return the responses of an operation's planned function to requests that reach each of its branches."""
    variables = {**ENVIRONMENT, **function["environment"][0]["variables"]}
    options = json.loads(variables.get("ENTITY_OPTIONS", "{}"))
    package = Path(function["filename"]).stem
    user = {"sub": "somebody", "cognito:groups": ",".join(options.get("groups", {}).values())}
    api = Api(variables, SCHEMAS, [package]).as_user(**user)
    found = []
    for method, path, body, parts in requests_of(operation, options, item):
        answer = api.request(method, path, body, **parts)
        found.append((f"{method} {path} {body}", answer.status, answer.body))
    return found


def server_errors(name: str, table: Values, functions: dict[str, Values], database: Any) -> list[Any]:
    """Create an entity's table, call each of its functions, and return the responses that are server errors."""
    database.create_table(TableName=table["name"], **{k: v for k, v in create_table_arguments(table).items() if v})
    refused = []
    names = ("create", "list", "get", "replace", "merge", "delete")
    item = "none"
    for operation in (o for o in names if o in functions or "entity" in functions):
        for request, status, body in operation_answers(
            functions.get(operation, functions.get("entity", {})), operation, item
        ):
            if operation == "create" and status == 201:
                item = json.loads(body)["id"]
            if status >= 500:
                refused.append((name, request, status, body))
    assert item != "none" or "create" not in functions, f"{name}: nothing could be created"
    return refused


@pytest.mark.parametrize("name", ["movies", "notes", "shop", "todos"])
def test_writes_and_lists_pass_typed_indexes(planner: Planner, name: str, database: Any) -> None:
    plan = planner(inventory.VAR_FILES[name])
    entities = list(planned_entities(plan))
    assert entities
    assert [f for each in entities for f in server_errors(*each, database)] == []


@pytest.fixture(scope="module")
def numeric_plan(planner: Planner) -> Plan:
    """A plan whose filter sorts by a number."""
    return planner.systems("numeric", {"filtered": {**SMALL, **SYSTEMS["filtered"]}})["filtered"]


def test_numbers_are_keys_of_their_type(numeric_plan: Plan, database: Any) -> None:
    assert [f for each in planned_entities(numeric_plan) for f in server_errors(*each, database)] == []


def test_a_key_of_another_type_is_noticed(numeric_plan: Plan, database: Any) -> None:
    name, table, functions = next(
        each for each in planned_entities(numeric_plan) if any(a["type"] == "N" for a in each[1]["attribute"])
    )
    texts = [{**a, "type": "S"} for a in table["attribute"]]
    wrong = {**table, "name": f"{table['name']}-wrong", "attribute": texts}
    functions = {
        operation: {
            **f,
            "environment": [{"variables": {**f["environment"][0]["variables"], "TABLE_NAME": wrong["name"]}}],
        }
        for operation, f in functions.items()
    }
    with pytest.raises(AssertionError, match="nothing could be created"):
        server_errors(name, wrong, functions, database)
