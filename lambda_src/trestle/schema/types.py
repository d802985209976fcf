"""The types that a JSON Schema gives to an object's properties."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def property_type(schema: dict[str, Any], name: str) -> str:
    """Return the type of a property's values: the first but null in its schema, "string" if there is none."""
    declared = schema.get("properties", {}).get(name, {}).get("type", "string")
    types = declared if isinstance(declared, list) else [declared]
    return next((kind for kind in types if kind != "null"), "string")


def is_numeric(schema: dict[str, Any], name: str) -> bool:
    """Return whether a property's values are numbers."""
    return property_type(schema, name) in ("integer", "number")
