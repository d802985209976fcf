"""Derive the schemas ("shapes") of bodies, items and patches from an entity's schema.

They are part of the OpenAPI document and of API Gateway's models. A schema validates the client's
object with its defaults. A body is that object before the defaults and without readOnly properties,
an item also has the server's properties, and a merge patch (RFC 7396) is a part of the object.
Terraform has no recursion, so build.py writes the shapes into its manifest. Standard library only,
since build.py imports this module.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "lambda_src"))

from tools import schemas
from tools.contract import SERVERS_OWN
from trestle.schema import read_only
from trestle.strict_json import dumps, loads

Schema = dict[str, Any]

COMBINING = ("allOf", "anyOf", "oneOf")
ORDER = "x-property-order"
TITLE = "x-title"
INTEGERS = {"int32": 2**31, "int64": 2**63}


def texts(content: bytes) -> dict[str, str]:
    """Return the shapes of a valid schema file, as JSON with every number unchanged.

    For a schema with readOnly properties, the result has `read_only`: "nested" if some are in
    objects or arrays, else "top". If it cannot be an entity's schema, the result has `item_fault`,
    and if it cannot be a query's, `query_fault`: the first fault, to follow the file's name.
    """
    schema = loads(content.decode())
    place = read_only.find(schema)
    found = {shape: dumps(each) for shape, each in shapes(schema).items()}
    if place:
        found["read_only"] = "nested" if is_nested(place) else "top"
    for what, faults in (("item_fault", schemas.item_faults(schema)), ("query_fault", schemas.query_faults(schema))):
        for where, fault in faults:
            found.setdefault(what, f"#{where}: {fault}")
    return found


def shapes(schema: Schema) -> dict[str, Schema]:
    """Return the shapes of a schema.

    For an entity: body, of POST, and of PUT if it replaces; item, of responses; model, of bodies
    for API Gateway, in draft 4; patch, of PATCH, and of PUT if it merges. Body, model and patch
    contain readOnly properties and those of the server only if `additionalProperties` would refuse
    them: a body may repeat them with any values. unfilled: of responses without own code that fills
    in readOnly properties, if that differs from item.

    For a route: request, of its body and of its query; response, of its response.

    Items, requests and responses also list their properties in the schema's order, and items name
    their title.
    """
    given = {keyword: value for keyword, value in schema.items() if keyword not in ("$schema", TITLE)}
    title = {keyword: value for keyword, value in schema.items() if keyword == TITLE}
    clients = read_only.before_own_code(given, read_only.find(given))
    sent = without("readOnly")(writable(clients, strict=True))
    found = {
        "body": explicit(body_of(sent, strict=True)),
        "item": order_properties(explicit(item_of(given))) | title,
        "model": looser_on_formats(body_of(without("readOnly")(writable(clients, strict=False)), strict=False)),
        "patch": explicit(patch_of(sent)),
        "request": order_properties(explicit(before_defaults(without_titles(sent)))),
        "response": order_properties(explicit(without("readOnly")(without_defaults(without_titles(given))))),
    }
    may_lack = order_properties(explicit(item_of(read_only.before_own_code(given, unfilled_places(given))))) | title
    return found if may_lack == found["item"] else found | {"unfilled": may_lack}


def unfilled_places(schema: Schema) -> read_only.Place | None:
    """Return the places where items may lack readOnly properties without own code to fill them in.

    Creation fills in the defaults of an item. A patch that creates a nested object or element does
    not.
    """
    place = read_only.find(schema)
    if place:
        filled = {name for name, rule in schema.get("properties", {}).items() if "default" in rule}
        members = {
            name: inner
            for name, inner in place.members.items()
            if inner is not read_only.READ_ONLY or name not in filled
        }
        place = read_only.Place(members) if members else None
    return place


def is_nested(place: read_only.Place) -> bool:
    """Return whether some of an item's readOnly properties are in objects or arrays."""
    return any(inner is not read_only.READ_ONLY for inner in place.members.values())


def explicit(schema: Schema) -> Schema:
    """Return a schema that states which objects are open, and the size of integers.

    Without `additionalProperties: true`, generated clients drop properties that the schema does not
    name.
    """
    found = map_subschemas(schema, explicit)
    if found.get("type") == "object" or "properties" in found:
        found.setdefault("additionalProperties", True)
    if found.get("type") == "integer" and {"maximum", "minimum"} <= found.keys():
        fitting = [name for name, end in INTEGERS.items() if -end <= found["minimum"] and found["maximum"] < end]
        if fitting:
            found["format"] = fitting[0]
    return found


def order_properties(schema: Schema) -> Schema:
    """Return a schema that lists its properties in their order, if that differs from Terraform's.

    Terraform sorts the members of objects by name, also in the OpenAPI document.
    """
    found = map_subschemas(schema, order_properties)
    names = [name for name in schema.get("properties", {}) if name not in SERVERS_OWN or schema["properties"][name]]
    return found if names == sorted(names) else found | {ORDER: names}


def body_of(schema: Schema, *, strict: bool) -> Schema:
    """Return the schema of a body, which may omit defaults and repeat the server's properties.

    strict: whether to keep bounds on the whole object, which also count repeated properties of the
    server.
    """
    found = before_defaults(without_titles(schema))
    return with_servers_own(found if strict else without_totals(found))


def item_of(schema: Schema) -> Schema:
    """Return the schema of the client's part of an item in a response: complete, without defaults."""
    return beside_servers_own(with_servers_own(without_defaults(without_titles(schema))))


def patch_of(schema: Schema) -> Schema:
    """Return the schema of a merge patch: any of the properties, and null for those that an item may lack."""
    found: Schema = {
        "type": "object",
        "properties": part_of(without_defaults(without_titles(schema))).get("properties", {}),
    }
    others = schema.get("additionalProperties", True)
    if others is not True:
        found["additionalProperties"] = (
            removable(part_of(without_defaults(without_titles(others)))) if isinstance(others, dict) else False
        )
    return with_servers_own(found)


# --- the steps ---


def map_subschemas(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Return a schema with each schema directly inside it changed, except data (`enum`, `default`)."""
    found = dict(schema)
    for keyword in ("items", "not", "additionalProperties"):
        if isinstance(found.get(keyword), dict):
            found[keyword] = change(found[keyword])
    for keyword in COMBINING:
        if keyword in found:
            found[keyword] = [change(part) for part in found[keyword]]
    if "properties" in found:
        found["properties"] = {name: change(rule) for name, rule in found["properties"].items()}
    return found


def without(keyword: str) -> Callable[[Schema], Schema]:
    """Return a function that removes a keyword everywhere in a schema."""

    def change(schema: Schema) -> Schema:
        return {name: value for name, value in map_subschemas(schema, change).items() if name != keyword}

    return change


without_defaults = without("default")
# With a title, generators would give all shapes of a schema the same name.
without_titles = without("title")


def writable(schema: Schema, *, strict: bool) -> Schema:
    """Return the schema of a body with any value, or none, for each readOnly property.

    strict: whether to keep bounds on whole objects, which also count repeated readOnly properties.
    """
    found = map_subschemas(schema, lambda part: writable(part, strict=strict))
    names = [name for name, rule in schema.get("properties", {}).items() if rule.get("readOnly")]
    if names:
        rest = {name: rule for name, rule in found["properties"].items() if name not in names}
        is_open = schema.get("additionalProperties", True) is True
        found["properties"] = rest if is_open else rest | {name: {} for name in names}
        found = found if strict else without_totals(found)
    return found


def before_defaults(schema: Schema, filled: frozenset[str] = frozenset()) -> Schema:
    """Return the schema of a value before its defaults are filled in.

    filled: the properties of the same value that have a default elsewhere in the schema.
    """
    filled |= {name for name, rule in schema.get("properties", {}).items() if "default" in rule}
    found = map_subschemas({k: v for k, v in schema.items() if k not in (*COMBINING, "not")}, before_defaults)
    for keyword in COMBINING:
        if keyword in schema:
            parts = [before_defaults(part, filled) for part in schema[keyword]]
            # Without required properties that are filled in, the parts are no longer distinct.
            loosened = keyword == "oneOf" and any(needs(part, filled) for part in schema[keyword])
            found["anyOf" if loosened else keyword] = parts
    if "not" in schema and not needs(schema["not"], filled):
        found["not"] = before_defaults(schema["not"])
    if "required" in found:
        found["required"] = [name for name in found["required"] if name not in filled]
        if not found["required"]:
            del found["required"]
    if found.get("minProperties", 0) and filled:
        found["minProperties"] = max(0, found["minProperties"] - len(filled))
    return found


def needs(schema: Schema, names: Iterable[str]) -> bool:
    """Return whether a schema requires one of these properties of its value."""
    return not set(schema.get("required", [])).isdisjoint(names) or any(
        needs(part, names) for keyword in COMBINING for part in schema.get(keyword, [])
    )


def looser_on_formats(schema: Schema) -> Schema:
    """Return a schema that accepts at least as much, without formats: API Gateway is stricter."""
    found = {name: value for name, value in map_subschemas(schema, looser_on_formats).items() if name != "format"}
    if "not" in found and has_format(schema["not"]):
        del found["not"]
    if any(map(has_format, schema.get("oneOf", []))):
        parts = found.pop("oneOf")
        found.setdefault("anyOf", parts)
    return found


def has_format(schema: Schema) -> bool:
    """Return whether a schema checks a format, at any depth."""
    return without("format")(schema) != schema


def on_same_value(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Return a schema changed, together with the schemas in it for the same value, such as parts of allOf."""
    found = dict(schema)
    for keyword in COMBINING:
        if keyword in found:
            found[keyword] = [on_same_value(part, change) for part in found[keyword]]
    if "not" in found:
        found["not"] = on_same_value(found["not"], change)
    return change(found)


def with_servers_own(schema: Schema) -> Schema:
    """Return a schema that accepts the server's properties with any values, even if it refuses others."""

    def change(part: Schema) -> Schema:
        if part.get("additionalProperties", True) is True:
            return part
        return {**part, "properties": {**{name: {} for name in SERVERS_OWN}, **part.get("properties", {})}}

    return on_same_value(schema, change)


def beside_servers_own(schema: Schema) -> Schema:
    """Return a schema for the whole item, from the one for the client's part."""

    def change(part: Schema) -> Schema:
        counts = {"maxProperties", "minProperties"} & part.keys()
        return part | {keyword: part[keyword] + len(SERVERS_OWN) for keyword in counts}

    # An enumeration lists whole objects without the server's properties, so no item would match.
    if has_enum(schema):
        schema = {k: v for k, v in schema.items() if k not in ("enum", "not", *COMBINING)}
    return on_same_value(schema, change)


def without_totals(schema: Schema) -> Schema:
    """Return a schema without keywords that a repeated property of the server could violate."""
    totals = {"enum", "maxProperties", "not"}

    def counts(part: Schema) -> bool:
        return not totals.isdisjoint(part) or any(map(counts, inner(part)))

    dropped = totals | {keyword for keyword in COMBINING if any(map(counts, schema.get(keyword, [])))}
    return {keyword: value for keyword, value in schema.items() if keyword not in dropped}


def inner(schema: Schema) -> list[Schema]:
    """Return the schemas inside a schema for the same value."""
    parts = [part for keyword in COMBINING for part in schema.get(keyword, [])]
    return [*parts, *([schema["not"]] if "not" in schema else [])]


def has_enum(schema: Schema) -> bool:
    """Return whether a schema lists its allowed values."""
    return "enum" in schema or any(map(has_enum, inner(schema)))


def part_of(schema: Schema) -> Schema:
    """Return the schema of a merge patch for a value: for an object, some of its properties."""
    if not may_be_object(schema):
        return schema
    found: Schema = {keyword: schema[keyword] for keyword in ("description", "type") if keyword in schema}
    if schema.get("type") == "object":
        required = schema.get("required", [])
        found["properties"] = {
            name: part_of(rule) if name in required else removable(part_of(rule))
            for name, rule in schema.get("properties", {}).items()
        }
        if not found["properties"]:
            del found["properties"]
        others = schema.get("additionalProperties", True)
        if others is not True:
            found["additionalProperties"] = removable(part_of(others)) if isinstance(others, dict) else False
    return found


def may_be_object(schema: Schema) -> bool:
    """Return whether a schema may accept an object, which a merge patch merges by member."""
    if "type" in schema:
        return bool(schema["type"] == "object")
    if "enum" in schema:
        return any(isinstance(value, dict) for value in schema["enum"])
    if "allOf" in schema and not all(map(may_be_object, schema["allOf"])):
        return False
    choices = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    return not choices or any(map(may_be_object, choices))


def removable(schema: Schema) -> Schema:
    """Return a schema that also accepts null, with which a merge patch removes a property."""
    described = {"description": schema["description"]} if "description" in schema else {}
    rest = {keyword: value for keyword, value in schema.items() if keyword != "description"}
    if not rest:
        return schema
    if "type" not in schema or {*COMBINING, "not"} & schema.keys():
        return {**described, "anyOf": [rest, {"enum": [None]}]}
    return {**schema, "nullable": True, **({"enum": [*schema["enum"], None]} if "enum" in schema else {})}
