"""What an item must be, by its entity's schema; an entity without one takes any object."""

from __future__ import annotations

from trestle.config import CONFIG
from trestle.errors import InvalidItem
from trestle.strict_json import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

if CONFIG.schema:
    from trestle.schema.defaults import fill
    from trestle.schema.files import load
    from trestle.schema.validation import validate, validate_property

    SCHEMA = load(CONFIG.schema)
else:
    SCHEMA = {}

# With one of these a property may be valid or not depending on the others.
_TOGETHER = ("allOf", "anyOf", "oneOf", "not", "enum", "const", "minProperties", "maxProperties")
# Whether each property of an item can be validated without the others.
SEPARABLE = not any(keyword in SCHEMA for keyword in _TOGETHER)


def complete(doc: dict[str, Any]) -> dict[str, Any]:
    """A whole object with the schema's defaults filled in. Raises InvalidItem with every fault."""
    if not SCHEMA:
        return doc
    doc = fill(doc, SCHEMA)
    check(doc)
    return doc


def check(doc: dict[str, Any]) -> None:
    """Validate a whole object. Raises InvalidItem with every fault."""
    if SCHEMA:
        _refuse(validate(doc, SCHEMA))


def check_properties(changes: dict[str, Any]) -> None:
    """Validate properties by themselves, None for one that is removed. Raises InvalidItem with every fault."""
    if not SCHEMA:
        return
    faults: list[dict[str, str]] = []
    for name, value in changes.items():
        if value is not None:
            validate_property(name, value, SCHEMA, "", faults)
        elif name in SCHEMA.get("required", ()):
            faults.append({"pointer": pointer("", name), "detail": "Is required"})
    _refuse(faults)


def _refuse(faults: list[dict[str, str]]) -> None:
    if faults:
        raise InvalidItem("The item does not fit its schema.", faults)
