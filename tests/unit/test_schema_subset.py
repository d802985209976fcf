"""Test the subset of JSON Schema that entities' schemas may use."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tools import shapes
from tools.schemas import KEYWORDS, faults, item_faults, query_faults

# Every keyword of the subset, each with an effect.
WHOLE: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "title": "Order",
    "description": "What somebody bought.",
    "type": "object",
    "required": ["lines", "status"],
    "minProperties": 1,
    "maxProperties": 50,
    "additionalProperties": False,
    "properties": {
        "lines": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10,
            "uniqueItems": True,
            "items": {
                "type": "object",
                "properties": {"count": {"type": "integer", "default": 1, "minimum": 1, "maximum": 99}},
                "additionalProperties": {"type": "string"},
            },
        },
        "price": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "multipleOf": 0.01},
        "paid": {"type": "boolean", "readOnly": True, "default": False},
        "share": {"type": "number", "maximum": 1, "exclusiveMaximum": True},
        "status": {"type": "string", "enum": ["open", "paid"], "default": "open"},
        "code": {"type": "string", "minLength": 3, "maxLength": 9, "pattern": r"^[*+?}]+\+(?:-\\A|(?=b)c)$"},
        "email": {"anyOf": [{"type": "string", "format": "email"}, {"enum": [None]}]},
        "place": {"oneOf": [{"type": "string"}, {"type": "integer"}], "not": {"enum": [0]}},
    },
    "allOf": [{"required": ["price"]}],
    "x-title": "code",
}


def schema_faults(schema: Any) -> list[tuple[str, str]]:
    return faults(json.dumps(schema).encode())


def keywords(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(keywords, schema))
    if not isinstance(schema, dict):
        return set()
    inner = set().union(*(keywords(v) for k, v in schema.items() if k not in ("properties", "default")))
    return set(schema) | inner | set().union(*map(keywords, schema.get("properties", {}).values()))


def test_the_whole_subset_is_accepted() -> None:
    assert schema_faults(WHOLE) == []
    assert keywords(WHOLE) == {*KEYWORDS, "$schema"}


def test_the_subset_lies_within_draft_4() -> None:
    """Except OpenAPI's readOnly and our x-title, which the gateway's models leave out."""
    jsonschema.Draft4Validator.check_schema(WHOLE)
    of_the_draft = set(jsonschema.Draft4Validator.META_SCHEMA["properties"])
    assert set(KEYWORDS) - of_the_draft == {"readOnly", "x-title"}


# A property's schema and its faults.
REFUSED: list[tuple[Any, dict[str, str]]] = [
    (
        {"type": "string", "minLenght": 3},
        {"/minLenght": "minLenght is not a keyword of the subset: write minLength"},
    ),
    ({"zzz": 1}, {"/zzz": f"zzz is not a keyword of the subset: write one of {', '.join(KEYWORDS)}"}),
    ({"$ref": "#/x"}, {"/$ref": "$ref is not a keyword of the subset: write the schema itself in this place"}),
    ({"const": 1}, {"/const": "const is not a keyword of the subset: write enum with that one value"}),
    (
        {"type": "string", "nullable": True},
        {
            "/nullable": "nullable is not a keyword of the subset: leave the property out of required: an "
            "item omits a property instead of null"
        },
    ),
    (
        {"type": ["string", "null"]},
        {"/type": "OpenAPI 3.0 allows only one type: write one, or anyOf with a schema for each type"},
    ),
    ({"type": "strng"}, {"/type": "strng is not a type of the subset: write string"}),
    ({"type": 1}, {"/type": "type must be a string, not an integer"}),
    ({"type": "string", "format": "e-mail"}, {"/format": "e-mail is not a format of the subset: write email"}),
    (
        {"type": "integer", "minLength": 1},
        {"/minLength": "minLength does not apply to the type integer: remove it or correct the type"},
    ),
    ({"minLength": "1"}, {"/minLength": "minLength must be an integer, not a string"}),
    ({"maxItems": -1}, {"/maxItems": "maxItems must be at least 0"}),
    ({"multipleOf": 0}, {"/multipleOf": "multipleOf must be more than 0"}),
    (
        {"minimum": 1, "exclusiveMinimum": 1},
        {"/exclusiveMinimum": "exclusiveMinimum must be a boolean, not an integer"},
    ),
    ({"exclusiveMaximum": True}, {"/exclusiveMaximum": "exclusiveMaximum needs maximum: write maximum, too"}),
    (
        {"minLength": 3, "maxLength": 2},
        {"/minLength": "minLength is more than maxLength, so nothing is valid: write a smaller one"},
    ),
    ({"enum": []}, {"/enum": "enum must have at least 1 element"}),
    ({"enum": [1, 1.0]}, {"/enum": "enum must not repeat an element"}),
    (
        {"type": "integer", "enum": [1, "2"]},
        {
            "/enum/1": "the schema refuses its own value (Must be an integer, not a string): write "
            "another, or correct the schema"
        },
    ),
    (
        {"type": "string", "maxLength": 2, "default": "abc"},
        {
            "/default": "the schema refuses its own default (Must have at most 2 characters): write "
            "another, or correct the schema"
        },
    ),
    (
        {"type": "array", "items": {"type": "string"}, "default": ["a", 1]},
        {
            "/default/1": "the schema refuses its own default (Must be a string, not an integer): write "
            "another, or correct the schema"
        },
    ),
    ({"pattern": "^a{,3}$"}, {"/pattern": "{,3} counts from 0 only in Python: write {0,3}"}),
    ({"pattern": 5}, {"/pattern": "pattern must be a string, not an integer"}),
    ({"type": "array"}, {"": "OpenAPI requires the schema of an array's elements: write items"}),
    ({"items": [{}]}, {"/items": "items must be an object, not an array"}),
    ({"items": {"default": 1}}, {"/items/default": "only properties have defaults: remove it"}),
    (
        {"oneOf": [{"properties": {"a": {"default": 1}}}]},
        {"/oneOf/0/properties/a/default": "a default has no effect here: write it under the item's own properties"},
    ),
    ({"readOnly": "yes"}, {"/readOnly": "readOnly must be a boolean, not a string"}),
    ({"items": {"readOnly": True}}, {"/items/readOnly": "only properties can be readOnly: write it for a property"}),
    (
        {"additionalProperties": {"readOnly": True}},
        {"/additionalProperties/readOnly": "only properties can be readOnly: write it for a property"},
    ),
    (
        {"anyOf": [{"readOnly": True}, {"properties": {"a": {"readOnly": False}}}]},
        {
            "/anyOf/0/readOnly": "only properties can be readOnly: write it for a property",
            "/anyOf/1/properties/a/readOnly": "readOnly has no effect here: write it under the item's own properties",
        },
    ),
    ({"items": {"properties": {"a": {"readOnly": True, "default": 1}}}}, {}),
    ({"anyOf": [True]}, {"/anyOf/0": "anyOf must be an object, not a boolean"}),
    ({"not": {"typo": 1}}, {"/not/typo": "typo is not a keyword of the subset: write type"}),
    ({"properties": []}, {"/properties": "properties must be an object, not an array"}),
    (
        {"properties": {"a/b": {"typ": 1}}},
        {"/properties/a~1b/typ": "typ is not a keyword of the subset: write type"},
    ),
    ({"required": "a"}, {"/required": "required must be an array, not a string"}),
    (
        {"additionalProperties": False, "properties": {"title": {}}, "required": ["titel"]},
        {"/required": "titel is required, but additionalProperties is false and properties lacks it: write title"},
    ),
    (
        {"additionalProperties": False, "required": ["title"]},
        {
            "/required": "title is required, but additionalProperties is false and properties lacks it: "
            "write it under properties"
        },
    ),
]


@pytest.mark.parametrize(("rule", "expected"), REFUSED, ids=lambda value: json.dumps(value)[:50])
def test_refused_schemas_of_a_property(rule: Any, expected: dict[str, str]) -> None:
    schema = {"type": "object", "properties": {"a": rule}}
    assert dict(schema_faults(schema)) == {f"/properties/a{where}": why for where, why in expected.items()}


ROOTS: list[tuple[bytes, dict[str, str]]] = [
    (b"{", {"": "Not valid JSON at line 1, column 2"}),
    (b'{"type": "object", "title": "a", "title": "b"}', {"/title": "The name is repeated"}),
    (b"\xff", {"": "the file is not UTF-8 (byte 0xff in line 1): save it as UTF-8"}),
    ("{}".encode("utf-16"), {"": "the file is in UTF-16: save it as UTF-8"}),
    ("{}".encode("utf-16-le"), {"": "the file is in UTF-16 or UTF-32, or not a text at all: save it as UTF-8"}),
    (b'{"a": "\0"}', {"": "the file has a NUL byte in line 1: remove it, or save the text again as UTF-8"}),
    (
        "{}".encode("utf-8-sig"),
        {"": "the file begins with a byte order mark, which is not JSON: save it as UTF-8 without one"},
    ),
    *(
        (
            text,
            {"": "the file has combining accents, which Terraform would change: save it in Unicode's normal form NFC"},
        )
        for text in (
            '{"type": "object", "properties": {"e\u0301": {}}}'.encode(),
            rb'{"type": "object", "properties": {"a": {"enum": ["e\u0301"]}}}',
        )
    ),
    ('{"type": "object", "properties": {"\u00e9": {}}}'.encode(), {}),
    (b"[]", {"": 'the outermost value must be an object: write {"type": "object"} and more'}),
    (
        b'{"type": "object", "default": {}}',
        {"/default": "the top level cannot have a default: write defaults for properties"},
    ),
    (
        b'{"type": "object", "readOnly": true}',
        {"/readOnly": "the top level cannot be readOnly: write it for each property that clients cannot write"},
    ),
    (
        b'{"type": "object", "$schema": "https://json-schema.org/draft/2020-12/schema"}',
        {
            "/$schema": "only draft 4 of JSON Schema is supported: write http://json-schema.org/draft-04/schema#, "
            "or leave it out"
        },
    ),
    *(
        (
            json.dumps({"properties": {"title": {}, "done": {"type": "boolean"}}, "x-title": title}).encode(),
            {"/x-title": fault} if fault else {},
        )
        for title, fault in (
            ("title", ""),
            (["title"], ""),
            ("titel", 'the schema has no property "titel": write title'),
            (["title", "x"], 'the schema has no property "x": write one of title, done'),
            ("done", "done has the type boolean, which cannot be a title: name a property with text or numbers"),
            *(
                (title, "x-title must be the name of a property, or a non-empty array of different names")
                for title in (None, [], [1], ["title", "title"])
            ),
        )
    ),
    (b'{"x-title": "a"}', {"/x-title": 'the schema has no property "a": write it under properties'}),
    (
        b'{"type": "string", "x-title": "a"}',
        {"/x-title": "x-title does not apply to the type string: remove it or correct the type"},
    ),
    (
        b'{"properties": {"a": {"properties": {"b": {}}, "x-title": "b"}}}',
        {"/properties/a/x-title": "only items have titles: write x-title at the top of the schema, or remove it"},
    ),
]


@pytest.mark.parametrize(("content", "expected"), ROOTS)
def test_refused_schemas_of_the_whole_object(content: bytes, expected: dict[str, str]) -> None:
    assert dict(faults(content)) == expected


ITEMS: list[tuple[Any, dict[str, str]]] = [
    ({}, {"": 'an item is an object: write "type": "object"'}),
    ({"type": "array", "items": {}}, {"/type": 'an item is an object: write "object"'}),
    (
        {"type": "object", "properties": {"id": {}}, "required": ["version"]},
        {
            "/properties/id": "the server sets id itself: remove it",
            "/required": "the server sets version itself: remove it",
        },
    ),
    (
        {"type": "object", "allOf": [{"properties": {"createdAt": {}}}]},
        {"/allOf/0/properties/createdAt": "the server sets createdAt itself: remove it"},
    ),
]


@pytest.mark.parametrize(("schema", "expected"), ITEMS)
def test_schemas_that_only_routes_can_have(schema: Any, expected: dict[str, str]) -> None:
    assert schema_faults(schema) == []
    assert dict(item_faults(schema)) == expected
    where, fault = next(iter(expected.items()))
    assert shapes.texts(json.dumps(schema).encode())["item_fault"] == f"#{where}: {fault}"


QUERIES: list[tuple[Any, dict[str, str]]] = [
    ({"type": "array", "items": {}}, {"/type": "a query is an object", "/items": "items cannot be used"}),
    ({"properties": {}}, {"/type": "a query is an object of its parameters"}),
    ({"minProperties": 1}, {"/minProperties": "minProperties cannot be used in a query's schema, which"}),
    ({"anyOf": [{"required": ["a"]}]}, {"/anyOf": "anyOf cannot be used"}),
    ({"additionalProperties": True}, {"/additionalProperties": "a query has only the parameters in properties"}),
    ({"properties": {"a": {}}}, {"/properties/a/type": "a parameter of a query is a string: write one of boolean,"}),
    ({"properties": {"a/b": {"type": "object"}}}, {"/properties/a~1b/type": "a parameter of a query is a string"}),
    (
        {"properties": {"a": {"type": "array", "items": {"type": "array", "items": {}}}}},
        {"/properties/a/items/type": "a parameter of a query is a string"},
    ),
    ({"properties": {"a": {"type": "string", "readOnly": True}}}, {"/properties/a/readOnly": "clients set all"}),
    (
        {
            "$schema": "http://json-schema.org/draft-04/schema#",
            "title": "a",
            "description": "b",
            "properties": {
                "a": {"type": "integer", "default": 1},
                "b": {"type": "array", "items": {"type": "number"}, "maxItems": 3},
                "id": {"type": "boolean"},
            },
            "required": ["id"],
            "additionalProperties": False,
        },
        {},
    ),
]


@pytest.mark.parametrize(("schema", "expected"), QUERIES)
def test_schemas_that_a_query_cannot_have(schema: Any, expected: dict[str, str]) -> None:
    schema = schema if "/type" in expected else {"type": "object", **schema}
    assert schema_faults(schema) == []
    found = dict(query_faults(schema))
    assert found.keys() == expected.keys()
    assert all(found[where].startswith(begin) for where, begin in expected.items())
    assert ("query_fault" in shapes.texts(json.dumps(schema).encode())) == bool(expected)


def test_a_nested_property_may_have_a_servers_name() -> None:
    inside = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    assert schema_faults({"type": "object", "properties": {"customer": inside}}) == []
