"""Compare the shapes of bodies, items and patches with what the functions accept and return."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from tools import schemas, shapes
from trestle.errors import InvalidItem
from trestle.item import RESERVED
from trestle.operations.validation import Validator
from trestle.schema.defaults import fill
from trestle.schema.validation import is_valid

SERVERS: dict[str, Any] = {
    "id": "a", "version": 1,
    "createdAt": "2026-01-02T03:04:05.000006Z", "updatedAt": "2026-01-02T03:04:05.000006Z",
}  # fmt: skip
TEXT: dict[str, Any] = {"type": "string"}

# Schemas that are hard to describe, with values to try for their properties, by the difficulty.
SCHEMAS: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "a default for what is required": (
        {
            "properties": {"a": {"type": "string", "default": ""}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
        {"a": ["", 1, None], "b": [1, "1", None], "c": [1, None]},
    ),
    "a default in an object": (
        {"properties": {"a": {
            "type": "object", "required": ["x", "y"],
            "properties": {"x": {"type": "integer", "default": 1}, "y": TEXT},
        }}},
        {"a": [
            {}, {"y": ""}, {"x": 2}, {"x": 2, "y": ""}, {"x": "2", "y": ""}, {"y": "", "z": 1}, None, "a",
        ]},
    ),
    "a default in a list": (
        {"properties": {"a": {"type": "array", "items": {
            "type": "object", "properties": {"x": {"type": "integer", "default": 1}}, "required": ["x"],
            "additionalProperties": False,
        }}}},
        {"a": [[], [{}], [{"x": 1}, {}], [{"x": "1"}], [{"y": 1}]]},
    ),
    "no other properties": (
        {"properties": {"a": TEXT}, "additionalProperties": False},
        {"a": ["", 1, None], "c": [1], "id": ["a"], "createdAt": ["", 5], "version": [7]},
    ),
    "others of one kind": (
        {"properties": {"a": TEXT}, "additionalProperties": {"type": "integer"}},
        {"a": [""], "c": [1, "1", None], "createdAt": [""], "updatedAt": ["x"], "version": ["1"]},
    ),
    "others that are objects": (
        {"additionalProperties": {"type": "object", "properties": {"x": TEXT}, "required": ["x"]}},
        {"c": [{"x": ""}, {"x": 1}, {}, None, 1]},
    ),
    "one of two, by what they must have": (
        {"properties": {"a": TEXT, "b": TEXT}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"a": ["", 1], "b": [""], "c": [1]},
    ),
    "any of two, closed": (
        {"anyOf": [
            {"properties": {"a": TEXT}, "required": ["a"], "additionalProperties": False},
            {"properties": {"b": {"type": "integer"}}, "required": ["b"], "additionalProperties": False},
        ]},
        {"a": ["", 1], "b": [1], "c": [1], "version": [1]},
    ),
    "how many": ({"minProperties": 1, "maxProperties": 2}, {"a": [1], "b": [1], "c": [1]}),
    "how many, with a default": (
        {"properties": {"a": {"type": "integer", "default": 1}}, "minProperties": 2},
        {"a": [1], "b": [1], "c": [1]},
    ),
    "a required default in a part": (
        {"properties": {"a": {"type": "integer", "default": 1}},
         "anyOf": [{"required": ["a"]}, {"required": ["b"]}], "not": {"required": ["a", "d"]}},
        {"a": [1], "b": [1], "d": [1]},
    ),
    "none of these": ({"not": {"required": ["a", "b"]}}, {"a": [1], "b": [1], "c": [1]}),
    "these objects": ({"enum": [{"a": 1}, {"a": 1, "b": 2}]}, {"a": [1, 2], "b": [2]}),
    "values without a type": (
        {"properties": {
            "a": {"enum": ["x", 1]}, "b": {"anyOf": [TEXT, {"type": "integer"}]}, "c": {"description": "."},
        }},
        {"a": ["x", 2, None], "b": ["x", [], None], "c": [None, {}]},
    ),
    "values that may be objects": (
        {"properties": {
            "d": {"anyOf": [TEXT, {"type": "object", "properties": {"x": TEXT}, "required": ["x"]}]},
            "e": {"enum": [{"x": 1}]},
        }},
        {"d": ["", {}, {"x": ""}, None], "e": [{"x": 1}, {"x": 2}]},
    ),
    "values that are listed": (
        {
            "properties": {"f": {"type": "string", "not": {"enum": ["x"]}}, "g": {"enum": ["x"], **TEXT}},
            "required": ["g"],
        },
        {"f": ["x", "y", None], "g": ["x", "y", None]},
    ),
    "what clients cannot write": (
        {"properties": {
            "a": TEXT, "p": {"type": "integer", "readOnly": True},
            "q": {"type": "string", "default": "x", "readOnly": True}, "w": {"type": "string", "readOnly": False},
        }, "required": ["a", "p", "q"]},
        {"a": ["", 1], "p": [1, "1", None], "q": ["", 1], "w": ["", 1], "c": [1]},
    ),
    "what clients cannot write, and no other properties": (
        {"properties": {"a": TEXT, "p": {"type": "integer", "readOnly": True}}, "required": ["p"],
         "additionalProperties": False},
        {"a": ["", 1], "p": [1, "1", None], "c": [1], "version": [1, "1"]},
    ),
    "what clients cannot write, and others of one kind": (
        {"properties": {"p": {"type": "integer", "readOnly": True}}, "additionalProperties": {"type": "string"}},
        {"p": [1, "1", {}], "c": ["", 1]},
    ),
    "what clients cannot write in objects and lists": (
        {"properties": {
            "a": {"type": "object", "properties": {"x": TEXT, "p": {"type": "integer", "readOnly": True}},
                  "required": ["x", "p"], "additionalProperties": False},
            "b": {"type": "array", "uniqueItems": True, "items": {
                "type": "object", "properties": {
                    "x": TEXT, "p": {"type": "integer", "default": 1, "readOnly": True},
                }, "required": ["p"],
            }},
        }},
        {"a": [{}, {"x": ""}, {"x": "", "p": "1"}, {"x": "", "z": 1}, {"x": 1, "p": 1}, None],
         "b": [[], [{}], [{}, {}], [{"p": "1"}, {"x": ""}], [{"x": 1}], [1]]},
    ),
    "what clients cannot write, counted": (
        {"properties": {"p": {"readOnly": True}, "o": {
            "type": "object", "properties": {"p": {"readOnly": True}}, "maxProperties": 1,
        }}, "minProperties": 2},
        {"a": [1], "p": [1], "o": [{}, {"p": 1}, {"x": 1}, {"x": 1, "y": 1}]},
    ),
    "any of two, by what clients cannot write": (
        {"properties": {"a": TEXT, "b": TEXT, "p": {"type": "integer", "readOnly": True}},
         "anyOf": [{"required": ["p"]}, {"required": ["b"], "properties": {"p": {"enum": [1]}}}]},
        {"a": ["", 1], "b": [""], "p": [1, "1"]},
    ),
    "one of two, by what clients cannot write": (
        {"properties": {"a": TEXT, "b": TEXT, "p": {"type": "integer", "readOnly": True}},
         "oneOf": [{"required": ["p"]}, {"required": ["b"]}], "not": {"required": ["p", "a"]}},
        {"a": ["", 1], "b": [""], "p": [1, "1"]},
    ),
    "names that look like keywords": (
        {"properties": {
            "default": TEXT, "properties": {"type": "object"}, "title": TEXT, "readOnly": {"type": "boolean"},
            "type": {"enum": [{"type": "object"}]},
            "additionalProperties": {"type": "boolean", "default": False},
        }},
        {"readOnly": [True, 1], "default": ["", 1], "properties": [{}, {"x": 1}, 1], "title": [""],
         "type": [{"type": "object"}, 1], "additionalProperties": [True, 1]},
    ),
}  # fmt: skip

# Schemas that a shape expresses only in part: it allows more than the function does.
LOOSER = {"a required default in a part", "how many, with a default", "what clients cannot write, counted"}

NO_SHAPES = ("item_fault", "query_fault", "read_only")


def values(tried: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield objects with each of the values, and without them."""
    choices = [[{}, *({name: value} for value in some)] for name, some in tried.items()]
    for chosen in itertools.product(*choices):
        yield {name: value for member in chosen for name, value in member.items()}


def accepts(shape: dict[str, Any], value: Any) -> bool:
    """Return whether a shape, as in the OpenAPI document, accepts a value."""
    return bool(OAS30Validator(shape, format_checker=oas30_format_checker).is_valid(value))


def merge(target: Any, changes: Any) -> Any:
    """Apply a patch with the algorithm of RFC 7396, section 2."""
    if not isinstance(changes, dict):
        return changes
    whole = dict(target) if isinstance(target, dict) else {}
    for name, value in changes.items():
        whole[name] = merge(whole.get(name), value)
    return {name: value for name, value in whole.items() if changes.get(name, 0) is not None}


def stored_item(value: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return the client's properties of the item that a body creates, or None if the body is refused."""
    validator = Validator(schema)
    try:
        return validator.keep(validator.complete(own(value)), {})
    except InvalidItem:
        return None


def takes_patch(item: dict[str, Any], changes: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Return whether a merge patch of an item is accepted."""
    validator = Validator(schema)
    changes = validator.client_changes(own(changes))
    try:
        validator.merged(merge(item, changes), item, changes)
    except InvalidItem:
        return False
    return True


def own_part(body: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a body that the functions do not ignore."""
    return Validator(schema).client_part(own(body))


def own(value: dict[str, Any]) -> dict[str, Any]:
    """Return a body without the properties that the server sets."""
    return {name: member for name, member in value.items() if name not in RESERVED}


@pytest.fixture(params=SCHEMAS)
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    given, tried = SCHEMAS[request.param]
    schema = {"type": "object", "title": "Thing", **given}
    content = json.dumps(schema).encode()
    assert not list(schemas.faults(content)), "a schema that the build refuses proves nothing"
    found = {shape: json.loads(text) for shape, text in shapes.texts(content).items() if shape not in NO_SHAPES}
    return request.param, schema, found, list(values(tried))


def test_the_body_shape_is_what_the_functions_accept(case: Any) -> None:
    name, schema, found, bodies = case
    taken = [body for body in bodies if stored_item(body, schema) is not None]
    assert taken
    assert [body for body in taken if not accepts(found["body"], body)] == []
    refused = [body for body in bodies if body not in taken and accepts(found["body"], body)]
    assert bool(refused) == (name in LOOSER), refused


def test_the_request_shape_is_what_routes_accept(case: Any) -> None:
    name, schema, found, bodies = case
    for body in (*bodies, *(body | SERVERS for body in bodies[:3])):
        try:
            Validator(schema).complete(body)
        except InvalidItem:
            assert not accepts(found["request"], body) or name in LOOSER, body
        else:
            assert accepts(found["request"], body), body


def test_the_response_shape_is_what_routes_may_return(case: Any) -> None:
    _, schema, found, bodies = case
    for body in (*bodies, *(body | SERVERS for body in bodies[:3])):
        assert accepts(found["response"], body) == is_valid(body, schema), body


def test_the_gateway_shape_is_no_stricter_than_the_functions(case: Any) -> None:
    _, schema, found, bodies = case
    validator = jsonschema.Draft4Validator(found["model"])
    for body in bodies:
        if stored_item(body, schema) is not None:
            # A body may repeat the item as it was read.
            assert validator.is_valid(body)
            assert validator.is_valid(body | SERVERS)


def test_the_item_shape_is_what_the_functions_store(case: Any) -> None:
    name, schema, found, bodies = case
    answer = found.get("unfilled", found["item"])
    described = {**answer, "properties": {**answer.get("properties", {}), **{n: {} for n in SERVERS}}}
    for body in bodies:
        doc = stored_item(body, schema)
        if doc is not None:
            assert accepts(described, doc | SERVERS), body
        elif fill(own_part(body, schema), schema) == body and name != "these objects":
            assert not accepts(described, body | SERVERS), body


def test_the_patch_shape_is_no_stricter_than_the_functions(case: Any) -> None:
    _, schema, found, bodies = case
    items = [doc for body in bodies if (doc := stored_item(body, schema)) is not None]
    for patch in bodies:
        if any(takes_patch(item, patch, schema) for item in items):
            # In the functions, null for an unknown name does nothing.
            closed = schema.get("additionalProperties") is False
            assert accepts(found["patch"], patch) or (closed and None in patch.values()), patch


def test_the_patch_shape_names_the_fault_of_a_single_property() -> None:
    inner = {"type": "object", "properties": {"x": TEXT}}
    schema = {"type": "object", "properties": {"a": TEXT, "b": inner}, "required": ["a"]}
    patch = shapes.shapes(schema)["patch"]
    refused: list[dict[str, Any]] = [{"a": 1}, {"a": None}, {"b": {"x": 1}}, {"b": "x"}]
    taken: list[dict[str, Any]] = [{}, {"b": None}, {"b": {"x": None}}, {"b": {"y": 1}}, {"c": None}]
    assert [value for value in refused if accepts(patch, value)] == []
    assert [value for value in taken if not accepts(patch, value)] == []


def test_only_responses_have_properties_that_clients_cannot_write() -> None:
    schema = {
        "type": "object",
        "properties": {
            "price": {"type": "number", "readOnly": True},
            "status": {"type": "string", "default": "new", "readOnly": True},
            "lines": {"type": "array", "items": {
                "type": "object", "properties": {"cost": {"type": "number", "default": 0, "readOnly": True}},
                "required": ["cost"], "additionalProperties": False,
            }},
        },
        "required": ["price", "status"],
    }  # fmt: skip
    found = shapes.shapes(schema)
    line = {"type": "object", "properties": {"cost": {}}, "additionalProperties": False}
    for shape in ("body", "model", "patch"):
        assert list(found[shape]["properties"]) == ["lines"]
        assert found[shape]["properties"]["lines"]["items"] == line
        assert "required" not in found[shape]
        assert "readOnly" not in json.dumps(found[shape])
    item, unfilled = found["item"], found["unfilled"]
    for answer in (item, unfilled):
        assert {name: rule.get("readOnly") for name, rule in answer["properties"].items()} == {
            "price": True, "status": True, "lines": None,
        }  # fmt: skip
    # Without own code the price is never set, and a line that a patch adds has no cost.
    assert (item["required"], item["properties"]["lines"]["items"]["required"]) == (["price", "status"], ["cost"])
    assert (unfilled["required"], unfilled["properties"]["lines"]["items"].get("required")) == (["status"], None)


@pytest.mark.parametrize(
    ("properties", "depth", "has_unfilled"),
    [
        ({"a": TEXT}, None, False),
        ({"a": {"readOnly": False}}, None, False),
        ({"a": {"readOnly": True, "default": 1}}, "top", False),
        ({"a": {"readOnly": True}}, "top", True),
        ({"b": {"readOnly": True}, "a": {}}, "top", False),
        ({"a": {"properties": {"b": {"readOnly": True, "default": 1}}}}, "nested", False),
        ({"a": {"required": ["b"], "properties": {"b": {"readOnly": True, "default": 1}}}}, "nested", True),
    ],
)
def test_the_plan_lists_where_clients_cannot_write(
    properties: dict[str, Any], depth: str | None, has_unfilled: bool
) -> None:
    schema = {"type": "object", "properties": properties, "required": ["a"]}
    found = shapes.texts(json.dumps(schema).encode())
    assert (found.get("read_only"), "unfilled" in found) == (depth, has_unfilled)


def all_schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and all schemas in it."""
    yield schema
    inner = [schema[keyword] for keyword in ("items", "not", "additionalProperties") if keyword in schema]
    inner += [part for keyword in shapes.COMBINING for part in schema.get(keyword, [])]
    for part in [*inner, *schema.get("properties", {}).values()]:
        if isinstance(part, dict):
            yield from all_schemas(part)


def test_shapes_say_what_is_open_and_responses_have_no_defaults(case: Any) -> None:
    _, _, found, _ = case
    for shape, schema in found.items():
        for part in all_schemas(schema):
            assert "title" not in part
            if shape != "model" and (part.get("type") == "object" or "properties" in part):
                assert "additionalProperties" in part
            assert "default" not in part or shape in ("body", "model", "request")


def test_responses_have_the_schemas_order_of_properties() -> None:
    line = {"type": "object", "properties": {"b": {}, "a": {}}}
    schema = {
        "type": "object",
        "properties": {"name": {}, "lines": {"type": "array", "items": line}, "address": {}},
        "x-title": "name",
    }
    found = shapes.shapes(schema)
    for shape in ("item", "request", "response"):
        assert found[shape]["x-property-order"] == ["name", "lines", "address"]
        assert found[shape]["properties"]["lines"]["items"]["x-property-order"] == ["b", "a"]
    assert {shape: "x-title" in each for shape, each in found.items() if "x-title" in each} == {"item": True}
    assert "x-" not in json.dumps([found["body"], found["model"], found["patch"]])
    # Terraform sorts by name, so properties in that order need no list.
    assert "x-" not in json.dumps(shapes.shapes({"type": "object", "properties": {"A": {}, "a": {}, "\u00e4": {}}}))


def test_numbers_are_exact_and_integers_have_a_size() -> None:
    content = b"""{"type": "object", "properties": {
        "price": {"type": "number", "minimum": 0.1234567890123456789},
        "small": {"type": "integer", "minimum": 0, "maximum": 9},
        "large": {"type": "integer", "minimum": 0, "maximum": 9223372036854775807},
        "huge": {"type": "integer", "minimum": 0, "maximum": 9223372036854775808},
        "any": {"type": "integer", "minimum": 0}}}"""
    text = shapes.texts(content)["item"]
    assert '"minimum":0.1234567890123456789' in text
    assert {name: rule.get("format") for name, rule in json.loads(text)["properties"].items()} == {
        "price": None, "small": "int32", "large": "int64", "huge": None, "any": None,
    }  # fmt: skip


def test_the_model_checks_no_format() -> None:
    day, time = {"type": "string", "format": "date"}, {"type": "string", "format": "time"}
    schema = {
        "type": "object",
        "properties": {
            "format": {"type": "string", "maxLength": 40},
            "day": day,
            "days": {"type": "array", "items": day},
            "when": {"oneOf": [day, time]},
            "some": {"oneOf": [day, time], "anyOf": [{"maxLength": 40}]},
            "never": {"not": {"type": "object", "properties": {"day": day}}},
            "listed": {"enum": [{"format": "date"}]},
        },
    }
    assert shapes.shapes(schema)["model"]["properties"] == {
        "format": {"type": "string", "maxLength": 40},
        "day": TEXT,
        "days": {"type": "array", "items": TEXT},
        "when": {"anyOf": [TEXT, TEXT]},
        "some": {"anyOf": [{"maxLength": 40}]},
        "never": {},
        "listed": {"enum": [{"format": "date"}]},
    }
