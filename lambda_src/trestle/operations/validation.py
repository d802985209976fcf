"""Validation of items against their entity's schema; an entity without one takes any object."""

from __future__ import annotations

from functools import cache

from trestle.errors import InvalidItem
from trestle.strict_json import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.entity import Entity

# With one of these at the top of the schema, whether a property is valid can depend on the others.
_COMBINING = ("allOf", "anyOf", "oneOf", "not", "enum", "const", "minProperties", "maxProperties")


class Validator:
    """Validates items, and fills in defaults.

    is_separable: whether each property can be validated without the others.
    """

    __slots__ = ("_fill", "_schema", "_validate", "_validate_property", "is_separable")

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self.is_separable = not any(keyword in schema for keyword in _COMBINING)
        if schema:
            # Imported here, while Lambda starts the function: an entity without a schema does without.
            from trestle.schema.defaults import fill
            from trestle.schema.validation import validate, validate_property

            self._fill, self._validate, self._validate_property = fill, validate, validate_property

    def complete(self, doc: dict[str, Any]) -> dict[str, Any]:
        """Return a whole object with the schema's defaults. Raise InvalidItem with every fault."""
        if not self._schema:
            return doc
        doc = self._fill(doc, self._schema)
        self.check(doc)
        return doc

    def check(self, doc: dict[str, Any]) -> None:
        """Raise InvalidItem with every fault of a whole object."""
        if self._schema:
            _refuse(self._validate(doc, self._schema))

    def check_properties(self, changes: dict[str, Any]) -> None:
        """Raise InvalidItem with every fault of properties by themselves, None for one that is removed."""
        if not self._schema:
            return
        faults: list[dict[str, str]] = []
        for name, value in changes.items():
            if value is not None:
                self._validate_property(name, value, self._schema, "", faults)
            elif name in self._schema.get("required", ()):
                faults.append({"pointer": pointer("", name), "detail": "Is required"})
        _refuse(faults)


@cache
def validator_of(entity: Entity) -> Validator:
    """Return the entity's validator, which is made once."""
    return Validator(entity.schema)


def _refuse(faults: list[dict[str, str]]) -> None:
    if faults:
        raise InvalidItem("The item does not fit its schema.", faults)
