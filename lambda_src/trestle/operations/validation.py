"""Validate items against their entity's schema. An entity without a schema accepts any object.

Clients' input is validated first, without the readOnly properties, which clients cannot write: a whole object by
`complete`, a merge patch by `check_patch` or `merged`. Then `keep` adds the stored readOnly properties. The result of
own code is validated last, by `check` or `check_changed`, against the whole schema.

trestle.operations.fields has the validator for callers who may not read or write every property.
"""

from __future__ import annotations

from functools import cache

from trestle.errors import InvalidItem
from trestle.strict_json import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.schema.read_only import Place

    Condition = tuple[set[str], dict[str, Any]]

# With one of these keywords at the top of the schema, the validity of a property can depend on other properties.
_COMBINING = ("allOf", "anyOf", "oneOf", "not", "enum", "const", "minProperties", "maxProperties")


class Validator:
    """Validates items, and fills in defaults.

    has_read_only: whether the schema has readOnly properties. is_separable: whether each property can be validated
    without the others. keeps: whether a replaced item may keep properties of the stored object.
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
        "_whole_conditions",
        "has_read_only",
        "is_separable",
        "keeps",
    )

    def __init__(
        self,
        schema: dict[str, Any],
        optional: frozenset[str] = frozenset(),
        unknown: frozenset[str] = frozenset(),
    ) -> None:
        """Make a validator for a schema.

        optional: properties that are not required, since not every caller can write them. unknown: those among them
        whose stored values no answer may reveal.
        """
        self._schema = self._clients = schema
        self._place: Place | None = None
        # The rules for whole objects that depend on properties that may be missing, with the names of these.
        self._conditions: Sequence[Condition] = ()
        self._whole_conditions: Sequence[Condition] = ()
        self.is_separable = not any(keyword in schema for keyword in _COMBINING)
        self.has_read_only = _has_read_only(schema)
        self.keeps = self.has_read_only or bool(optional)
        # Imported here, at cold start, since entities without a schema, or whose clients may write every property, do
        # not need these modules.
        if schema:
            from trestle.schema.defaults import fill
            from trestle.schema.validation import validate, validate_property

            self._fill, self._validate, self._validate_property = fill, validate, validate_property
        if self.keeps:
            from trestle.schema import read_only

            self._drop, self._keep = read_only.drop, read_only.keep
            self._place = place = read_only.find(schema)
            if optional:
                place = read_only.with_members(None, optional)
                self._schema = read_only.before_own_code(schema, place)
                self._whole_conditions = _known(read_only.conditions(schema, place), unknown)
                place = read_only.with_members(self._place, optional)
            self._clients = read_only.before_own_code(schema, place)
            self._conditions = _known(read_only.conditions(schema, place or read_only.Place({})), unknown)

    @property
    def is_own_code(self) -> bool:
        """Whether it validates the writes of own code."""
        return False

    # --- What clients send

    def client_part(self, doc: dict[str, Any]) -> dict[str, Any]:
        """Return an object without its readOnly properties, including nested ones."""
        return self._drop(doc, self._place) if self._place else doc

    def client_changes(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return a merge patch without changes of readOnly properties, including nested ones."""
        return self._drop(changes, self._place, is_patch=True) if self._place else changes

    def complete(self, doc: dict[str, Any], *, is_new: bool = False) -> dict[str, Any]:  # noqa: ARG002 - fields need it
        """Return a client's object without readOnly properties and with the schema's defaults.

        is_new: whether it becomes a new item. Raise InvalidItem with every fault.
        """
        if not self._schema:
            return doc
        doc = self._fill(self.client_part(doc), self._schema)
        refuse(self._validate(doc, self._clients))
        return doc

    def keep(self, doc: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
        """Return a client's valid object with the readOnly properties of the stored one ({} for a new item).

        Raise InvalidItem if the object is invalid in combination with these.
        """
        if self._place:
            doc = self._keep(doc, stored, self._place)
        self._check_conditions(doc, self._conditions)
        return doc

    def is_flat(self, changes: dict[str, Any]) -> bool:
        """Return whether a client's merge patch can be validated and written without the stored object."""
        if not self.is_separable:
            return False
        for name, value in changes.items():
            if isinstance(value, dict):
                return False
            if self._place and isinstance(value, list) and name in self._place.members:
                return False
        return True

    def check_patch(self, changes: dict[str, Any]) -> None:
        """Raise InvalidItem with every fault of the properties of a flat merge patch; None removes one."""
        doc = {name: value for name, value in changes.items() if value is not None}
        self._check_properties(doc, changes, self._clients)

    def merged(self, doc: dict[str, Any], stored: dict[str, Any], changes: Iterable[str]) -> dict[str, Any]:
        """Return a patched object with the properties that `keep` adds.

        doc: the stored object with the client's merge patch applied. changes: the names of the patch's properties.
        Raise InvalidItem with every fault; if the schema is separable, only with faults of the patch's properties.
        """
        self.check_merged(self.client_part(doc), changes)
        return self.keep(doc, stored)

    def check_merged(self, doc: dict[str, Any], changes: Iterable[str]) -> None:
        """Raise InvalidItem with every fault of the client's part of a patched object, like `merged`."""
        if self.is_separable:
            self._check_properties(doc, changes, self._clients)
        else:
            refuse(self._validate(doc, self._clients))

    def visible(self, stored: dict[str, Any]) -> dict[str, Any]:
        """Return the part of a stored object that the caller may read."""
        return stored

    def with_hidden(self, doc: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - of fields
        """Return an object with the stored properties that the caller may not read and that it lacks."""
        return doc

    # --- Whole items

    @property
    def required(self) -> Collection[str]:
        """The required properties of an item."""
        names: Collection[str] = self._schema.get("required", ())
        return names

    def filled(self, doc: dict[str, Any]) -> dict[str, Any]:
        """Return an object with the schema's defaults."""
        found: dict[str, Any] = self._fill(doc, self._schema) if self._schema else doc
        return found

    def check(self, doc: dict[str, Any]) -> None:
        """Raise InvalidItem with every fault of a whole item."""
        if self._schema:
            refuse(self._validate(doc, self._schema))
            self._check_conditions(doc, self._whole_conditions)

    def check_changed(self, doc: dict[str, Any], changes: Iterable[str]) -> None:
        """Raise InvalidItem with every fault of a whole item, of which these properties have changed.

        Faults of other properties are not reported, unless the schema can only validate them together.
        """
        if self.is_separable:
            self._check_properties(doc, changes, self._schema)
        else:
            self.check(doc)

    def check_replaced(self, doc: dict[str, Any], _: Collection[str]) -> None:
        """Raise InvalidItem with every fault of a whole item that replaces another one. _: the changed properties."""
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

    def _check_conditions(self, doc: dict[str, Any], conditions: Iterable[Condition]) -> None:
        for names, rule in conditions:
            if names <= doc.keys():
                refuse(self._validate(doc, rule))


@cache
def validator_of(entity: Entity, unreadable: frozenset[str] = frozenset()) -> Validator:
    """Return the entity's validator for callers who may not read some properties. It is made once."""
    return Validator(entity.schema, entity.restricted | unreadable, unreadable)


def validator_for(entity: Entity, context: Context) -> Validator:
    """Return the validator for the writes of a request's caller."""
    if not entity.fields:
        return validator_of(entity)
    from trestle.operations.fields import fields_validator_for  # most entities do not need it

    found: Validator = fields_validator_for(entity, context, lambda unreadable: validator_of(entity, unreadable))
    return found


def _known(conditions: Iterable[Condition], unknown: frozenset[str]) -> list[Condition]:
    """Return the conditions that do not depend on unknown properties, which their results would reveal."""
    if not unknown:
        return [*conditions]
    return [each for each in conditions if unknown.isdisjoint(each[0]) and "maxProperties" not in each[1]]


def _has_read_only(schema: dict[str, Any]) -> bool:
    """Return whether a schema marks a property as readOnly, also in nested objects and arrays."""
    rules: Iterable[dict[str, Any]] = schema.get("properties", {}).values()
    return any(rule.get("readOnly") or _has_read_only(rule) for rule in rules) or (
        "items" in schema and _has_read_only(schema["items"])
    )


def refuse(faults: list[dict[str, str]]) -> None:
    """Raise InvalidItem if there are faults."""
    if faults:
        raise InvalidItem("The item does not fit its schema.", faults)
