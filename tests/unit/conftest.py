"""Tables and functions for the unit tests."""

from __future__ import annotations

import copy
import functools
import importlib
import json
import os
import pkgutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient, ClientCreator
from botocore.endpoint import Endpoint
from botocore.loaders import JSONFileLoader
from moto import mock_aws
from moto.core import models
from moto.core.models import MockAWS

import trestle
from tests.unit.api import OPERATIONS, TABLE, Api
from tests.untraced import leave_untraced
from tools.contract import ITEMS
from trestle import app
from trestle.own.function import Function
from trestle.store import boto3_client, credentials, dynamodb
from trestle.store.derived import hash_name, sort_name

ENVIRONMENT = {
    "TABLE_NAME": TABLE,
    "ENTITY": "items",
    "ENVIRONMENT": "test",
    "LOG_LEVEL": "INFO",
    "CORS_ORIGINS": "*",
    "DYNAMODB_CLIENT": "boto3",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-west-2",
    "AWS_DEFAULT_REGION": "us-west-2",
}
KEYS = json.loads((Path(__file__).parent / "table.json").read_text())

Make = Callable[..., Api]
Hooked = Callable[..., Api]
Own = Callable[..., Function]


def create_table(client: Any, keys: Mapping[str, Any], name: str = TABLE) -> None:
    """Create a table with the keys and indexes of a CreateTable request."""
    client.create_table(TableName=name, **keys)


def with_filters(options: Mapping[str, Any], numeric: Sequence[str] = ()) -> dict[str, Any]:
    """Return the table's keys and the indexes of an entity's filters; numeric: the sort properties that are numbers."""
    keys: dict[str, Any] = copy.deepcopy(KEYS)
    attributes = {each["AttributeName"]: each["AttributeType"] for each in keys["AttributeDefinitions"]}
    for name, each in options.get("filters", {}).items():
        sort = each.get("sort", "createdAt")
        hashed, ranged = hash_name(name), sort_name(sort, sort in numeric)
        attributes |= {hashed: "S", ranged: "N" if sort in numeric else "S"}
        keys["GlobalSecondaryIndexes"].append(
            {
                "IndexName": hashed,
                "KeySchema": [
                    {"AttributeName": hashed, "KeyType": "HASH"},
                    {"AttributeName": ranged, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        )
    for index in [ITEMS["everyone_index"]] * ("sees_all" in options) + [ITEMS["id_index"]] * (
        "sees_all" in options or "acts_for" in options
    ):
        attributes |= {index["hash"]: "S", index["range"]: "S"}
        keys["GlobalSecondaryIndexes"].append(
            {
                "IndexName": index["name"],
                "KeySchema": [
                    {"AttributeName": index["hash"], "KeyType": "HASH"},
                    {"AttributeName": index["range"], "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": index["projection"]},
            }
        )
    keys["AttributeDefinitions"] = [{"AttributeName": name, "AttributeType": kind} for name, kind in attributes.items()]
    return keys


@pytest.fixture(scope="session", autouse=True)
def _models_read_once() -> Iterator[None]:
    """Cache botocore's service models: to read them again in each session takes a seventh of the suite's time."""
    read = functools.cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        yield


def pytest_collection_finish() -> None:
    """Import the whole package while coverage traces.

    Tests other than the unit tests run untraced. A module that one of them imports first, in the same process, would
    count as never imported.
    """
    for module in pkgutil.walk_packages(trestle.__path__, "trestle."):
        importlib.import_module(module.name)


@pytest.fixture(scope="session", autouse=True)
def _cheap_mocks() -> Iterator[None]:
    """Turn off the parts of moto and botocore that cost time in each test and prove nothing.

    moto intercepts botocore's requests with an event. Each time it starts it would also register a thousand URLs
    for other HTTP clients, and these tests use none. `_needs_retry` stays traced: it calls our code.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "RESPONSES_METHODS", [])
        leave_untraced(patch, MockAWS, "start", "stop")
        leave_untraced(patch, ClientCreator, "create_client")
        leave_untraced(patch, Endpoint, "create_request", "_get_response")
        leave_untraced(patch, BaseClient, "_convert_to_request_dict", "_resolve_endpoint_ruleset")
        yield


@pytest.fixture
def make_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return a factory of an entity's functions on an empty table: make_api(options, schemas, LOG_LEVEL="ERROR")."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def make(
        options: Mapping[str, Any] | None = None,
        schemas: Mapping[str, Any] | None = None,
        *,
        functions: Sequence[str] = (),
        numeric: Sequence[str] = (),
        code: Mapping[str, str] | None = None,
        **environment: str,
    ) -> Api:
        chosen = {**ENVIRONMENT, **environment}
        if options:
            chosen["ENTITY_OPTIONS"] = json.dumps(options)
        api = Api(chosen, schemas, functions or tuple(OPERATIONS.values()), code)
        if chosen["TABLE_NAME"] not in api.client.list_tables()["TableNames"]:
            create_table(api.client, with_filters(options or {}, numeric), chosen["TABLE_NAME"])
        return api

    with mock_aws():
        yield make


@pytest.fixture
def api(make_api: Make) -> Api:
    """An entity's functions with default options."""
    return make_api()


@pytest.fixture
def unconnected(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process without a connection to DynamoDB, with its own credentials and region."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "DYNAMODB_", "SSL_CERT"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setattr(dynamodb, "_connections", {})
    monkeypatch.setattr(dynamodb, "_clock_offset", 0.0)
    monkeypatch.setattr(credentials, "_cached", None)
    boto3_client.shared_client.cache_clear()
    yield
    boto3_client.shared_client.cache_clear()
    for each in dynamodb._connections.values():
        each.close()


@pytest.fixture(params=["signed", "boto3"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, unconnected: None) -> str:
    """Run the test once per transport."""
    monkeypatch.setenv("DYNAMODB_CLIENT", request.param)
    return str(request.param)


# --- Own code


@pytest.fixture
def hooked(make_api: Make) -> Hooked:
    """Return a factory of an entity's functions with hooks from source code.

    options, schema: the entity's. uses: other entities, as {"nights": {"operations": [...], "options": ...}}, with
    the source of their hooks under "source". Each table has its entity's name.
    """

    def make(
        source: str,
        *,
        options: Any = None,
        schema: Any = None,
        uses: Any = None,
        imports: str = "from trestle.app import *",
        **more: Any,
    ) -> Api:
        schemas = {} if schema is None else {"items": schema}
        code = {"rules": f"{imports}\n{textwrap.dedent(source)}"}
        entities = {}
        for name, each in (uses or {}).items():
            own = dict(each.get("options", {}))
            if "schema" in each:
                schemas[name] = each["schema"]
                own["schema"] = name
            entities[name] = {"table": f"test-{name}", "options": own, "operations": each["operations"]}
            if "source" in each:
                code[name] = f"{imports}\n{textwrap.dedent(each['source'])}"
                entities[name]["hooks"] = name
            if name != "items":
                make_api(own, schemas, TABLE_NAME=f"test-{name}", numeric=each.get("numeric", ()))
        if "items" in entities:
            entities["items"]["table"] = "test-items"
        chosen = {"hooks": "rules", **(options or {}), **({"schema": "items"} if schema else {})}
        more = {"functions": ["entity"], **more}  # loads once, not six times
        if entities:
            more["ENTITIES"] = json.dumps(entities)
        return make_api(chosen, schemas, code=code, **more)

    return make


@pytest.fixture
def own(make_api: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Own]:
    """Return a factory of a function "payments" from source code, whose `handle` is called.

    used: {"orders": {"operations": [...], "options": ..., "schema": ..., "source": hooks}}. The other arguments go
    into its configuration.
    """

    def make(source: str, *, used: Any = None, kind: str = "job", environment: Any = None, **config: Any) -> Function:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        (folder / "app").mkdir(parents=True)
        (folder / "schemas").mkdir()
        code = {"payments": source}
        entities = {}
        for name, each in (used or {}).items():
            options = dict(each.get("options", {}))
            if "schema" in each:
                (folder / "schemas" / f"{name}.json").write_text(json.dumps(each["schema"]))
                options["schema"] = name
            entities[name] = {"table": f"test-{name}", "options": options, "operations": each["operations"]}
            if "source" in each:
                code[name] = each["source"]
                entities[name]["hooks"] = name
            make_api(
                options={**each.get("options", {})},
                numeric=["price"],
                functions=["get"],
                TABLE_NAME=f"test-{name}",
                ENTITY=name,
            )
        for name, text in code.items():
            (folder / "app" / f"{name}.py").write_text(f"from trestle.app import *\n{textwrap.dedent(text)}")
        for name in [name for name in sys.modules if name.partition(".")[0] == "app"]:
            del sys.modules[name]
        monkeypatch.syspath_prepend(str(folder))
        variables = {
            **ENVIRONMENT,
            "LAMBDA_TASK_ROOT": str(folder),
            "FUNCTION": json.dumps({"name": "payments", "kind": kind, "code": "payments", **config}),
            **(environment or {}),
        }
        if entities:
            variables["ENTITIES"] = json.dumps(entities)
        return Function.from_environment(variables)

    yield make
    app._register(None)
