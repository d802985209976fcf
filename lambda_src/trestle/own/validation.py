"""Validate items that own code writes, against the whole schema. Own code may set readOnly properties."""

from __future__ import annotations

from functools import cache

from trestle.operations.validation import Validator, refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity


class OwnValidator(Validator):
    """Validates the writes of own code, as Validator does those of clients.

    If a hook follows, properties that it may still set are not required yet; `check` and `check_changed` require them.
    """

    __slots__ = ("_first",)

    def __init__(
        self,
        schema: dict[str, Any],
        optional: frozenset[str] = frozenset(),
        unknown: frozenset[str] = frozenset(),
        *,
        has_hook: bool,
    ) -> None:
        super().__init__(schema, optional, unknown)
        self._first = self._clients if has_hook else self._schema
        if not has_hook:  # readOnly properties need no further checks, and none are kept
            self.has_read_only = False
            self.keeps = bool(optional)

    @property
    def is_own_code(self) -> bool:
        """Whether it validates the writes of own code."""
        return True

    def client_changes(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return the changes, including those of readOnly properties."""
        return changes

    def complete(self, doc: dict[str, Any], *, is_new: bool = False) -> dict[str, Any]:
        """Return an object with the schema's defaults. Raise InvalidItem with every fault."""
        doc = self.filled(doc)
        self._check_first(doc)
        return doc

    def keep(self, doc: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """Return the object, in which own code has set the readOnly properties."""
        self._check_conditions(doc, self._whole_conditions)
        return doc

    def is_flat(self, changes: dict[str, Any]) -> bool:
        """Return whether a merge patch can be validated and written without the stored object."""
        return self.is_separable and not any(isinstance(value, dict) for value in changes.values())

    def check_patch(self, changes: dict[str, Any]) -> None:
        """Raise InvalidItem with every fault of the properties of a flat merge patch; None removes one."""
        self._check_properties(
            {name: value for name, value in changes.items() if value is not None}, changes, self._schema
        )

    def merged(self, doc: dict[str, Any], stored: dict[str, Any], changes: Iterable[str]) -> dict[str, Any]:
        """Return the patched object. Raise InvalidItem with every fault, like Validator.merged."""
        self.check_merged(doc, changes)
        return self.keep(doc, stored)

    def check_merged(self, doc: dict[str, Any], changes: Iterable[str]) -> None:
        """Raise InvalidItem with every fault of a patched object, like Validator.check_merged."""
        if self.is_separable:
            self._check_properties(doc, changes, self._schema)
        else:
            self._check_first(doc)

    def _check_first(self, doc: dict[str, Any]) -> None:
        if self._schema:
            refuse(self._validate(doc, self._first))


@cache
def own_validator_of(entity: Entity, unreadable: frozenset[str] = frozenset(), *, has_hook: bool) -> OwnValidator:
    """Return the validator for the writes of own code to an entity. It is made once.

    unreadable: the properties that the caller may not read. has_hook: whether a hook follows.
    """
    return OwnValidator(entity.schema, entity.restricted | unreadable, unreadable, has_hook=has_hook)


def own_validator_for(entity: Entity, context: Context, *, has_hook: bool) -> Validator:
    """Return the validator for the writes of own code in a context. has_hook: whether a hook follows."""
    if not entity.fields:
        return own_validator_of(entity, has_hook=has_hook)
    from trestle.operations.fields import fields_validator_for  # most entities do not need it

    found: Validator = fields_validator_for(
        entity, context, lambda unreadable: own_validator_of(entity, unreadable, has_hook=has_hook)
    )
    return found
