"""Validation of items against their entity's schema; an entity without one takes any object.

What clients send is validated first, by `complete` for a whole object and by `check_patch` or `merged` for a
merge patch: without readOnly properties, which they cannot write. Then `keep` adds what the server has stored
of those. What own code makes of the item is validated after that, by `check` or `check_changed`: with all that
the schema requires.
"""

from __future__ import annotations

from functools import cache

from trestle.errors import InvalidItem
from trestle.strict_json import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from trestle.entity import Entity

# With one of these at the top of the schema, whether a property is valid can depend on the others.
_COMBINING = ("allOf", "anyOf", "oneOf", "not", "enum", "const", "minProperties", "maxProperties")


class Validator:
    """Validates items, and fills in defaults.

    is_own_code: whether it validates what own code writes. has_read_only: whether the schema has readOnly properties.
    is_separable: whether each property can be validated without the others.
    """

    __slots__ = (
        "_clients",
        "_conditions",
        "_drop",
        "_fill",
        "_keep",
        "_place",
        "_schema",
        "_validate",
        "_validate_property",
        "has_read_only",
        "is_separable",
    )

    is_own_code = False

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = self._clients = schema
        self.is_separable = not any(keyword in schema for keyword in _COMBINING)
        self.has_read_only = _has_read_only(schema)
        # Imported here, while Lambda starts the function: entities without a schema, or without readOnly
        # properties, do without.
        if schema:
            from trestle.schema.defaults import fill
            from trestle.schema.validation import validate, validate_property

            self._fill, self._validate, self._validate_property = fill, validate, validate_property
        if self.has_read_only:
            from trestle.schema import read_only

            self._drop, self._keep = read_only.drop, read_only.keep
            place: Any = read_only.find(schema)
            self._place = place
            self._clients = read_only.before_own_code(schema, place)
            self._conditions = [*read_only.conditions(schema, place)]

    # --- What clients send

    def client_part(self, doc: dict[str, Any]) -> dict[str, Any]:
        """Return an object without its readOnly properties, nested ones too."""
        return self._drop(doc, self._place) if self.has_read_only else doc

    def client_changes(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return a merge patch without its changes of readOnly properties, nested ones too."""
        return self._drop(changes, self._place, is_patch=True) if self.has_read_only else changes

    def complete(self, doc: dict[str, Any]) -> dict[str, Any]:
        """Return the object that a client's object stands for: its own part, and the schema's defaults.

        Raise InvalidItem with every fault.
        """
        if not self._schema:
            return doc
        doc = self._fill(self.client_part(doc), self._schema)
        refuse(self._validate(doc, self._clients))
        return doc

    def keep(self, doc: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
        """Return a client's valid object with the readOnly properties of the stored one, {} for none.

        Raise InvalidItem if the object does not fit with these.
        """
        if not self.has_read_only:
            return doc
        doc = self._keep(doc, stored, self._place)
        for names, rule in self._conditions:
            if names <= doc.keys():
                refuse(self._validate(doc, rule))
        return doc

    def is_flat(self, changes: dict[str, Any]) -> bool:
        """Return whether a client's merge patch can be validated and written without the stored object."""
        return self.is_separable and not any(
            isinstance(value, dict) or (self.has_read_only and isinstance(value, list) and name in self._place.members)
            for name, value in changes.items()
        )

    def check_patch(self, changes: dict[str, Any]) -> None:
        """Raise InvalidItem with every fault of the properties of a flat merge patch; None removes one."""
        doc = {name: value for name, value in changes.items() if value is not None}
        self._check_properties(doc, changes, self._clients)

    def merged(self, doc: dict[str, Any], stored: dict[str, Any], changes: Iterable[str]) -> dict[str, Any]:
        """Return the object that a client's merge patch made of the stored one, with all that `keep` keeps.

        changes: the names of the properties that the patch has. Raise InvalidItem with every fault: of these
        alone if each property can be validated by itself.
        """
        part = self.client_part(doc)
        if self.is_separable:
            self._check_properties(part, changes, self._clients)
        else:
            refuse(self._validate(part, self._clients))
        return self.keep(doc, stored)

    # --- Whole items

    def filled(self, doc: dict[str, Any]) -> dict[str, Any]:
        """Return an object with the schema's defaults."""
        found: dict[str, Any] = self._fill(doc, self._schema) if self._schema else doc
        return found

    def check(self, doc: dict[str, Any]) -> None:
        """Raise InvalidItem with every fault of a whole item."""
        if self._schema:
            refuse(self._validate(doc, self._schema))

    def check_changed(self, doc: dict[str, Any], changes: Iterable[str]) -> None:
        """Raise InvalidItem with every fault of a whole item, of which these properties have changed.

        Faults of others are none of this change, unless the schema can only validate them together.
        """
        if self.is_separable:
            self._check_properties(doc, changes, self._schema)
        else:
            self.check(doc)

    def _check_properties(self, doc: dict[str, Any], names: Iterable[str], schema: dict[str, Any]) -> None:
        if not schema:
            return
        faults: list[dict[str, str]] = []
        for name in names:
            if name in doc:
                self._validate_property(name, doc[name], schema, "", faults)
            elif name in schema.get("required", ()):
                faults.append({"pointer": pointer("", name), "detail": "Is required"})
        refuse(faults)


@cache
def validator_of(entity: Entity) -> Validator:
    """Return the entity's validator, which is made once."""
    return Validator(entity.schema)


def _has_read_only(schema: dict[str, Any]) -> bool:
    """Return whether a schema marks a property as readOnly, in nested objects and arrays too."""
    rules: Iterable[dict[str, Any]] = schema.get("properties", {}).values()
    return any(rule.get("readOnly") or _has_read_only(rule) for rule in rules) or (
        "items" in schema and _has_read_only(schema["items"])
    )


def refuse(faults: list[dict[str, str]]) -> None:
    """Raise InvalidItem if there are faults."""
    if faults:
        raise InvalidItem("The item does not fit its schema.", faults)
