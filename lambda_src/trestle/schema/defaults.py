"""Fill in the defaults of a JSON Schema."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def fill(value: Any, schema: dict[str, Any]) -> Any:
    """Return a value with the `default` of every missing property, also in nested objects and arrays.

    Objects inside a default are filled, too. Existing properties never change.
    """
    if isinstance(value, dict):
        properties: dict[str, Any] = schema.get("properties", {})
        whole = value | {
            name: rule["default"] for name, rule in properties.items() if "default" in rule and name not in value
        }
        return {name: fill(member, properties.get(name, {})) for name, member in whole.items()}
    if isinstance(value, list) and "items" in schema:
        return [fill(element, schema["items"]) for element in value]
    return value
