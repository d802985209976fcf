"""Check that a JSON Schema uses only the subset that Trestle supports: docs/reference/schemas.md.

Three programs read the schemas. API Gateway's models are JSON Schema draft 4 without unknown
keywords. OpenAPI 3.0 has its own dialect. The functions validate bodies with trestle.schema.
Anything that one of the three would misread is refused here, before the build. Standard library
only, since build.py imports this module.
"""

from __future__ import annotations

import codecs
import difflib
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from unicodedata import is_normalized

sys.path.append(str(Path(__file__).resolve().parent.parent / "lambda_src"))

from tools import patterns
from tools.contract import SERVERS_OWN
from tools.files import encoding_fault
from trestle.errors import InvalidRequest
from trestle.schema.formats import FORMATS
from trestle.schema.validation import validate
from trestle.strict_json import dumps, loads, pointer

Fault = tuple[str, str]  # JSON pointer (RFC 6901) into the schema; the fault there and the remedy

DRAFT = "http://json-schema.org/draft-04/schema#"

TYPES = ("array", "boolean", "integer", "number", "object", "string")

NUMBERS = ("integer", "number")

# The types that cannot be part of an item's title.
UNTITLED = ("array", "boolean", "object")

# The possible types of a query parameter or of its elements, and the keywords of a query's schema.
PARAMETERS = ("boolean", "integer", "number", "string")
QUERY_KEYWORDS = ("$schema", "additionalProperties", "description", "properties", "required", "title", "type")

COMBINING = ("allOf", "anyOf", "oneOf")

# For each keyword, the types that it applies to, and the schema of its own value.
COUNT = {"type": "integer", "minimum": 0}
NUMBER = {"type": "number"}
FLAG = {"type": "boolean"}
TEXT = {"type": "string"}
SCHEMA = {"type": "object"}
SCHEMAS = {"type": "array", "minItems": 1, "items": SCHEMA}
KEYWORDS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "title": (TYPES, TEXT),
    "description": (TYPES, TEXT),
    "default": (TYPES, {}),
    "readOnly": (TYPES, FLAG),
    "type": (TYPES, {"type": "string", "enum": list(TYPES)}),
    "enum": (TYPES, {"type": "array", "minItems": 1, "uniqueItems": True}),
    "format": (("string",), {"type": "string", "enum": sorted(FORMATS)}),
    "minLength": (("string",), COUNT),
    "maxLength": (("string",), COUNT),
    "pattern": (("string",), TEXT),
    "minimum": (NUMBERS, NUMBER),
    "maximum": (NUMBERS, NUMBER),
    "exclusiveMinimum": (NUMBERS, FLAG),
    "exclusiveMaximum": (NUMBERS, FLAG),
    "multipleOf": (NUMBERS, {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
    "items": (("array",), SCHEMA),
    "minItems": (("array",), COUNT),
    "maxItems": (("array",), COUNT),
    "uniqueItems": (("array",), FLAG),
    "properties": (("object",), {"type": "object", "additionalProperties": SCHEMA}),
    "required": (("object",), {"type": "array", "minItems": 1, "uniqueItems": True, "items": TEXT}),
    "additionalProperties": (("object",), {"anyOf": [FLAG, SCHEMA]}),
    "minProperties": (("object",), COUNT),
    "maxProperties": (("object",), COUNT),
    "allOf": (TYPES, SCHEMAS),
    "anyOf": (TYPES, SCHEMAS),
    "oneOf": (TYPES, SCHEMAS),
    "not": (TYPES, SCHEMA),
    "x-title": (("object",), {}),
}

# The remedy for keywords of other dialects.
INSTEAD = {
    "$comment": "write a description",
    "$defs": "write each schema where it is used",
    "$id": "leave it out: the file's name identifies the schema",
    "$ref": "write the schema itself in this place",
    "additionalItems": "write items with one schema for all elements",
    "const": "write enum with that one value",
    "definitions": "write each schema where it is used",
    "dependencies": "write anyOf with a schema for each case",
    "dependentRequired": "write anyOf with a schema for each case",
    "dependentSchemas": "write anyOf with a schema for each case",
    "deprecated": "write it into the description",
    "discriminator": "write oneOf without it",
    "else": "write anyOf with a schema for each case",
    "example": "write it into the description",
    "examples": "write them into the description",
    "id": "leave it out: the file's name identifies the schema",
    "if": "write anyOf with a schema for each case",
    "nullable": "leave the property out of required: an item omits a property instead of null",
    "patternProperties": "write additionalProperties with one schema for all other names",
    "prefixItems": "write items with one schema for all elements",
    "then": "write anyOf with a schema for each case",
    "writeOnly": "leave it out: `fields` in the tfvars defines who can read a property",
}

LOWER_AND_UPPER = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


def faults(content: bytes) -> list[Fault]:
    """Return the faults of a schema file. The list is empty if routes of own code can use the schema."""
    if fault := encoding_fault(content):
        return [("", f"the file {fault}")]
    if content.startswith(codecs.BOM_UTF8):
        return [("", "the file begins with a byte order mark, which is not JSON: save it as UTF-8 without one")]
    try:
        schema = loads(content.decode())
    except InvalidRequest as error:
        return [(fault["pointer"], fault["detail"]) for fault in error.faults]
    if not isinstance(schema, dict):
        return [("", 'the outermost value must be an object: write {"type": "object"} and more')]
    if not is_normalized("NFC", dumps(schema)):
        return [
            ("", "the file has combining accents, which Terraform would change: save it in Unicode's normal form NFC")
        ]
    return list(_root(schema))


def _root(schema: dict[str, Any]) -> Iterator[Fault]:
    if schema.pop("$schema", DRAFT) not in (DRAFT, DRAFT.rstrip("#")):
        yield "/$schema", f"only draft 4 of JSON Schema is supported: write {DRAFT}, or leave it out"
    if "default" in schema:
        yield "/default", "the top level cannot have a default: write defaults for properties"
    if "readOnly" in schema:
        yield "/readOnly", "the top level cannot be readOnly: write it for each property that clients cannot write"
    if "x-title" in schema:
        yield from _title(schema)
    yield from _schema(schema, "", is_items_own=True)


def _title(schema: dict[str, Any]) -> Iterator[Fault]:
    """Yield the faults of `x-title`, which names the properties of an item's title."""
    title = schema["x-title"]
    names = title if isinstance(title, list) else [title]
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        yield "/x-title", "x-title must be the name of a property, or a non-empty array of different names"
        return
    known = _members(schema.get("properties"))
    for name in names:
        if name not in known:
            yield "/x-title", f'the schema has no property "{name}": write {_nearest(name, known)}'
        elif (kind := _members(known[name]).get("type")) in UNTITLED:
            yield (
                "/x-title",
                f"{name} has the type {kind}, which cannot be a title: name a property with text or numbers",
            )


def item_faults(schema: dict[str, Any]) -> Iterator[Fault]:
    """Yield why a schema of the subset cannot be the schema of items."""
    if "type" not in schema:
        yield "", 'an item is an object: write "type": "object"'
    elif schema["type"] != "object":
        yield "/type", 'an item is an object: write "object"'
    yield from _server_property_faults(schema, "")


def query_faults(schema: dict[str, Any]) -> Iterator[Fault]:
    """Yield why a schema of the subset cannot be the schema of a query, whose parameters are strings."""
    if schema.get("type") != "object":
        yield "/type", 'a query is an object of its parameters: write "object"'
    for keyword in schema:
        if keyword not in QUERY_KEYWORDS:
            fault = f"{keyword} cannot be used in a query's schema, which validates each parameter by itself: remove it"
            yield pointer("", keyword), fault
    if schema.get("additionalProperties", False) is not False:
        yield "/additionalProperties", "a query has only the parameters in properties: remove it"
    for name, rule in schema.get("properties", {}).items():
        place = pointer("/properties", name)
        if "readOnly" in rule:
            yield f"{place}/readOnly", "clients set all parameters: remove it"
        is_array = rule.get("type") == "array"
        if (rule["items"] if is_array else rule).get("type") not in PARAMETERS:
            fault = f"a parameter of a query is a string: write one of {', '.join(PARAMETERS)}, or an array of them"
            yield f"{place}/items/type" if is_array else f"{place}/type", fault


def _server_property_faults(schema: dict[str, Any], where: str) -> Iterator[Fault]:
    """Yield the faults of an item's schema that names properties set by the server."""
    for name in SERVERS_OWN:
        if name in _members(schema.get("properties")):
            yield f"{where}/properties/{name}", f"the server sets {name} itself: remove it"
        if name in _elements(schema.get("required")):
            yield f"{where}/required", f"the server sets {name} itself: remove it"
    for keyword in COMBINING:
        for index, part in enumerate(_elements(schema.get(keyword))):
            yield from _server_property_faults(_members(part), f"{where}/{keyword}/{index}")


def _schema(schema: dict[str, Any], where: str, *, is_items_own: bool) -> Iterator[Fault]:
    """Yield the faults of one schema and of those inside it.

    is_items_own: the schema's properties belong to an item, or to an object in an item, which may be
    in an array. Only these properties can have defaults and be readOnly.
    """
    found = [fault for keyword in schema for fault in _keyword(keyword, schema, where)]
    yield from found
    for keyword, place, part in _inner(schema, where):
        if "default" in part and keyword != "properties":
            yield f"{place}/default", "only properties have defaults: remove it"
        elif "default" in part and not is_items_own:
            yield f"{place}/default", "a default has no effect here: write it under the item's own properties"
        if "readOnly" in part and keyword != "properties":
            yield f"{place}/readOnly", "only properties can be readOnly: write it for a property"
        elif "readOnly" in part and not is_items_own:
            yield f"{place}/readOnly", "readOnly has no effect here: write it under the item's own properties"
        if "x-title" in part:
            yield f"{place}/x-title", "only items have titles: write x-title at the top of the schema, or remove it"
        yield from _schema(part, place, is_items_own=is_items_own and keyword in ("properties", "items"))
    if not found:
        yield from _contradictions(schema, where)


def _inner(schema: dict[str, Any], where: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the schemas inside a schema, each with its keyword and place."""
    for keyword, value in schema.items():
        place = pointer(where, keyword)
        if keyword == "properties":
            parts = {pointer(place, name): rule for name, rule in _members(value).items()}
        elif keyword in COMBINING:
            parts = {pointer(place, index): part for index, part in enumerate(_elements(value))}
        elif keyword in ("items", "additionalProperties", "not"):
            parts = {place: value}
        else:
            continue
        yield from ((keyword, at, part) for at, part in parts.items() if isinstance(part, dict))


def _keyword(keyword: str, schema: dict[str, Any], where: str) -> Iterator[Fault]:
    """Yield the faults of one keyword by itself."""
    value, kind, place = schema[keyword], schema.get("type"), pointer(where, keyword)
    if keyword not in KEYWORDS:
        remedy = INSTEAD.get(keyword) or f"write {_nearest(keyword, KEYWORDS)}"
        yield place, f"{keyword} is not a keyword of the subset: {remedy}"
        return
    types, rule = KEYWORDS[keyword]
    if kind in TYPES and kind not in types:
        yield place, f"{keyword} does not apply to the type {kind}: remove it or correct the type"
    elif keyword == "type" and isinstance(value, list):
        yield place, "OpenAPI 3.0 allows only one type: write one, or anyOf with a schema for each type"
    elif "enum" in rule and isinstance(value, str) and value not in rule["enum"]:
        yield place, f"{value} is not a {keyword} of the subset: write {_nearest(value, rule['enum'])}"
    else:
        for fault in validate(value, rule, place):
            detail = fault["detail"]
            yield fault["pointer"], f"{keyword} {detail[0].lower()}{detail[1:]}"
    if keyword == "pattern" and isinstance(value, str):
        try:
            patterns.check(value)
        except patterns.PatternError as error:
            yield place, str(error)


def _contradictions(schema: dict[str, Any], where: str) -> Iterator[Fault]:
    """Yield the faults between keywords of one schema that are valid by themselves."""
    if schema.get("type") == "array" and "items" not in schema:
        yield where, "OpenAPI requires the schema of an array's elements: write items"
    for lower, upper in LOWER_AND_UPPER:
        if lower in schema and upper in schema and schema[lower] > schema[upper]:
            yield (
                f"{where}/{lower}",
                f"{lower} is more than {upper}, so nothing is valid: write a smaller one",
            )
    for bound in ("Minimum", "Maximum"):
        if f"exclusive{bound}" in schema and bound.lower() not in schema:
            yield (
                f"{where}/exclusive{bound}",
                f"exclusive{bound} needs {bound.lower()}: write {bound.lower()}, too",
            )
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in known and schema.get("additionalProperties") is False:
            fault = f"{name} is required, but additionalProperties is false and properties lacks it"
            yield f"{where}/required", f"{fault}: write {_nearest(name, known)}"
    inner = dict(schema)
    if "default" in inner and (refused := validate(inner.pop("default"), inner)):
        yield f"{where}/default{refused[0]['pointer']}", _refusal("default", refused)
    for index, value in enumerate(inner.pop("enum", ())):
        if refused := validate(value, inner):
            yield f"{where}/enum/{index}", _refusal("value", refused)


def _refusal(what: str, by: list[dict[str, str]]) -> str:
    return f"the schema refuses its own {what} ({by[0]['detail']}): write another, or correct the schema"


def _members(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _nearest(name: str, names: Collection[str]) -> str:
    """Return the name among `names` that was probably meant, or all names."""
    near = difflib.get_close_matches(name, names, 1)
    return near[0] if near else f"one of {', '.join(names)}" if names else "it under properties"
