"""What a plan says of entities that cannot be: which one, which attribute, and what to write instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plan.conftest import SMALL
from tests.plan.planner import Planner, TerraformError, Values

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

PROPERTIES: Values = {
    "any": {},
    "due": {"type": "string", "format": "date"},
    "flag": {"type": "boolean"},
    "list": {"type": "array", "items": {"type": "string"}},
    "title": {"type": "string", "minLength": 1},
}
SCHEMAS: dict[str, str] = {
    "broken.json": "{",
    "list.json": "[]",
    "own.json": json.dumps({"type": "object", "properties": {"id": {}, "version": {}}}),
    "task.json": json.dumps(
        {"type": "object", "properties": PROPERTIES, "required": ["due", "flag", "title"]}
    ),
}
TASK: Values = {"operations": ["list"], "schema": "schemas/task.json"}

# What is wrong with schemas, and with what entities make of them; each entity has one fault.
FAULTS: dict[str, tuple[Values, str]] = {
    "absent": (
        {"schema": "schemas/absent.json"},
        "entities.absent.schema: there is no schemas/absent.json. Write it, or leave the attribute out",
    ),
    "broken": ({"schema": "schemas/broken.json"}, "entities.broken.schema: schemas/broken.json is not JSON."),
    "array": ({"schema": "schemas/list.json"}, "entities.array.schema: schemas/list.json is no JSON Schema."),
    "own": (
        {"schema": "schemas/own.json"},
        "entities.own.schema: schemas/own.json declares version, which the server sets. Remove it",
    ),
    "bare": (
        {"filters": {"status": {}}},
        "entities.bare.filters.status: only a property of a schema can be filtered on. Write a schema",
    ),
    "unknown": (
        {**TASK, "filters": {"state": {}}},
        "entities.unknown.filters.state: schemas/task.json has no property state. Write one of any,",
    ),
    "untyped": (
        {**TASK, "filters": {"any": {}}},
        "entities.untyped.filters.any: the property needs one type to filter on. Write",
    ),
    "several": (
        {**TASK, "filters": {"list": {}}},
        "entities.several.filters.list: the property needs one type to filter on. Write",
    ),
    "unsorted": (
        {**TASK, "filters": {"flag": {"sort": "date"}}},
        "entities.unsorted.filters.flag: schemas/task.json has no property date to sort by. Write one",
    ),
    "optional": (
        {**TASK, "filters": {"flag": {"sort": "any"}}},
        'could not be sorted. Add it to "required" in schemas/task.json, or leave sort out',
    ),
    "orderless": (
        {**TASK, "filters": {"title": {"sort": "flag"}}},
        "entities.orderless.filters.title: flag needs one type that has an order. Write",
    ),
    "undying": (
        {**TASK, "ttl": "expiresAt"},
        "entities.undying.ttl: schemas/task.json has no property expiresAt. Write one of any, due,",
    ),
    "timeless": (
        {**TASK, "ttl": "due"},
        'entities.timeless.ttl: due is no time. Write "type": "string", "format": "date-time" in',
    ),
}

# What the variable's own validations refuse, all in one plan as well.
REFUSED: dict[str, tuple[Values, str]] = {
    "bounced": ({"operations": ["upsert"]}, "entities.bounced.operations: there is no upsert. Write any of"),
    "idle": ({"operations": []}, "entities.idle.operations: there is none. Write any of create,"),
    "private": ({"access": {"read": "open"}}, "access: there is no operation read. Write default or"),
    "secret": ({"access": {"get": "nobody"}}, 'entities.secret.access.get: nobody is "nobody". Write'),
    "crowd": ({"access": {"get": "cognito:group=a,b"}}, 'access.get: nobody is "cognito:group=a,b". Write'),
    "ownerless": (
        {"access": {"default": "cognito", "get": "open"}, "owner_scoped": True},
        'entities.ownerless.access: get is for "open", which names no owner. Write "cognito" or another',
    ),
    "scanned": (
        {"access": {"default": "cognito"}, "list": "unordered", "owner_scoped": True},
        'There is list = "unordered" in scanned.',
    ),
    "one": ({"path": "same"}, 'entities: one and other have the same path, "same". Give each a path'),
    "other": ({"path": "/same"}, "Give each a path of its own"),
    "far": ({"path": "a//b"}, 'its description. It is "a//b" in far.'),
    "clash": ({"filters": {"limit": {}}}, "than cursor, fields, limit and order, which every list takes."),
    "split": ({"functions": "each"}, '"each" in split'),
    "elsewhere": ({"schema": "todo.json"}, '"todo.json" in elsewhere'),
}  # fmt: skip


def refusal(planner: Planner, folder: Path, entities: Values) -> str:
    """Return what a plan of the entities stops with, on the schemas of this file."""
    root = planner.copy(folder / "root")
    (root / "schemas").unlink(missing_ok=True)
    (root / "schemas").mkdir()
    for name, text in SCHEMAS.items():
        (root / "schemas" / name).write_text(text)
    with pytest.raises(TerraformError) as error:
        planner.planned(root, folder.name, (), {**SMALL, "entities": entities})
    return str(error.value)


@pytest.fixture(scope="module")
def faults(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> str:
    return refusal(planner, tmp_path_factory.mktemp("faults"), {name: e for name, (e, _) in FAULTS.items()})


@pytest.fixture(scope="module")
def refusals(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> str:
    return refusal(
        planner, tmp_path_factory.mktemp("refusals"), {name: e for name, (e, _) in REFUSED.items()}
    )


@pytest.mark.parametrize("entity", FAULTS)
def test_fault_of_a_schema_is_named(faults: str, entity: str) -> None:
    assert FAULTS[entity][1] in faults


def test_each_has_one_fault(faults: str) -> None:
    assert faults.count("entities.") == len(FAULTS) + 1, "own.json declares two"
    assert "differ from those in the Lambda packages" not in faults


@pytest.mark.parametrize("entity", REFUSED)
def test_refusal_names_entity_and_remedy(refusals: str, entity: str) -> None:
    assert REFUSED[entity][1] in refusals
