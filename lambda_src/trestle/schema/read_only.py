"""Handle properties that a schema marks `readOnly`: stored objects have them, clients' objects lack them.

Only the server writes them; values that clients send are ignored. trestle.operations.fields treats properties that a
caller may not read or write in the same way.

A place describes where these properties are in a value: READ_ONLY for such a property itself, otherwise the places of
an object's members and of an array's elements. Only members of `properties` can be readOnly, also in nested objects
and in the elements of arrays; tools/schemas.py refuses the keyword elsewhere.
"""

from __future__ import annotations

from trestle.schema.validation import comparison_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    Schema = dict[str, Any]

READ_ONLY = True


class Place:
    """The readOnly properties of an object, by member name, and of an array's elements."""

    __slots__ = ("element", "members")

    def __init__(self, members: dict[str, Place | bool], element: Place | None = None) -> None:
        self.members = members
        self.element = element


def find(schema: Schema) -> Place | None:
    """Return the place of a schema's readOnly properties, or None without any."""
    members: dict[str, Place | bool] = {}
    for name, rule in schema.get("properties", {}).items():
        if place := READ_ONLY if rule.get("readOnly") else find(rule):
            members[name] = place
    element = find(schema["items"]) if "items" in schema else None
    return Place(members, element) if members or element else None


def drop(value: Any, place: Place | bool | None, *, is_patch: bool = False) -> Any:
    """Return a value without its readOnly members.

    is_patch: whether the value is a merge patch. An object that becomes empty changes nothing, and is dropped, too.
    """
    if not isinstance(place, Place):
        return value
    if isinstance(value, list):
        return [drop(element, place.element) for element in value]
    if not isinstance(value, dict):
        return value
    rest: dict[str, Any] = {}
    for name, member in value.items():
        inner = place.members.get(name)
        if inner is READ_ONLY:
            continue
        left = drop(member, inner, is_patch=is_patch)
        if not (is_patch and member and left == {}):
            rest[name] = left
    return rest


def keep(value: Any, stored: Any, place: Place | bool | None) -> Any:
    """Return a value with the readOnly members of the stored value that it replaces.

    A nested object keeps those of the stored object at its path. An array's element keeps those of the stored element
    that is otherwise equal, at any position. A changed element counts as new.
    """
    if not isinstance(place, Place):
        return value
    if isinstance(value, list) and isinstance(stored, list):
        left: dict[Any, list[Any]] = {}
        for element in reversed(stored):
            left.setdefault(comparison_key(drop(element, place.element)), []).append(element)
        kept = []
        for element in value:
            same = left.get(comparison_key(drop(element, place.element)))
            kept.append(keep(element, same.pop(), place.element) if same else element)
        return kept
    if not isinstance(value, dict) or not isinstance(stored, dict):
        return value
    whole = dict(value)
    for name, inner in place.members.items():
        if name in stored:
            if inner is READ_ONLY:
                whole[name] = stored[name]
            elif name in value:
                whole[name] = keep(value[name], stored[name], inner)
    return whole


def with_members(place: Place | None, names: Iterable[str]) -> Place:
    """Return a place with further properties of the object itself."""
    return Place({**(place.members if place else {}), **dict.fromkeys(names, READ_ONLY)})


def before_own_code(schema: Schema, place: Place | bool | None, *, is_own: bool = True) -> Schema:
    """Return the schema for a value that still lacks its readOnly members.

    They are not required. The rules about them in anyOf, oneOf, not and the like are omitted, since their values are
    unknown, and so is uniqueItems, since they may make elements differ. Their own schemas stay. is_own: whether the
    schema describes the value itself, and is not a part of anyOf or the like.
    """
    if not isinstance(place, Place):
        return schema
    names = [name for name, inner in place.members.items() if inner is READ_ONLY]
    found = {keyword: value for keyword, value in schema.items() if keyword not in ("oneOf", "not")}
    properties: dict[str, Schema] = {}
    for name, rule in schema.get("properties", {}).items():
        if name not in names or is_own:
            properties[name] = before_own_code(rule, place.members.get(name), is_own=is_own)
    if schema.get("additionalProperties", True) is not True:
        properties |= {name: {} for name in names if name not in properties}
    if properties or "properties" in schema:
        found["properties"] = properties
    if "items" in schema:
        found["items"] = before_own_code(schema["items"], place.element, is_own=is_own)
    if place.element:
        found.pop("uniqueItems", None)
    if "required" in schema:
        found["required"] = [name for name in schema["required"] if name not in names]
        if not found["required"]:
            del found["required"]
    if schema.get("minProperties") and names:
        found["minProperties"] = max(0, schema["minProperties"] - len(names))
    if any(isinstance(value, dict) and not value.keys().isdisjoint(names) for value in schema.get("enum", ())):
        del found["enum"]
    for keyword in ("allOf", "anyOf"):
        if keyword in schema:
            found[keyword] = [before_own_code(part, place, is_own=False) for part in schema[keyword]]
    if "oneOf" in schema:
        parts = [before_own_code(part, place, is_own=False) for part in schema["oneOf"]]
        if parts == schema["oneOf"]:
            found["oneOf"] = parts
        else:  # the properties that distinguish the parts may still be missing
            found.setdefault("anyOf", parts)
    if "not" in schema and before_own_code(schema["not"], place, is_own=False) == schema["not"]:
        found["not"] = schema["not"]
    return found


def conditions(schema: Schema, place: Place) -> Iterator[tuple[set[str], Schema]]:
    """Yield a schema's rules for a whole object that `before_own_code` omits.

    Each rule comes with the readOnly properties of the object that it depends on, and can be validated once they are
    set. The validation of the whole object covers the rules that depend on nested objects.
    """
    names = {name for name, inner in place.members.items() if inner is READ_ONLY}
    nested = Place({name: inner for name, inner in place.members.items() if inner is not READ_ONLY})
    parts = [{"allOf": [part]} for part in schema.get("allOf", ())]
    parts += [{keyword: schema[keyword]} for keyword in ("anyOf", "oneOf", "not", "enum") if keyword in schema]
    parts += [{keyword: schema[keyword]} for keyword in ("minProperties", "maxProperties") if keyword in schema]
    for part in parts:
        if before_own_code(part, nested) == part:
            needed = {name for name in names if before_own_code(part, Place({name: READ_ONLY})) != part}
            if needed or "maxProperties" in part:
                yield needed, part
