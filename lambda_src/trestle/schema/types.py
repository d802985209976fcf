"""What a JSON Schema says of the types of an object's properties."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def property_type(schema: dict[str, Any], name: str) -> str:
    """The type of a property's values, null aside: the first that its schema lists, "string" for none."""
    declared = schema.get("properties", {}).get(name, {}).get("type", "string")
    types = declared if isinstance(declared, list) else [declared]
    return next((kind for kind in types if kind != "null"), "string")


def is_numeric(schema: dict[str, Any], name: str) -> bool:
    """Whether a property's values are numbers."""
    return property_type(schema, name) in ("integer", "number")
