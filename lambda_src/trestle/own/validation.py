"""Validation of the items that own code writes: by the whole schema, and readOnly properties may be set."""

from __future__ import annotations

from functools import cache

from trestle.operations.validation import Validator, refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from trestle.entity import Entity


class OwnValidator(Validator):
    """Validates what own code writes, where Validator has what clients send.

    If a hook follows, what it may still set is not required before: then `check` and `check_changed` do.
    """

    __slots__ = ("_first", "_hides")

    is_own_code = True

    def __init__(self, schema: dict[str, Any], *, has_hook: bool) -> None:
        super().__init__(schema)
        self._first = self._clients if has_hook else schema
        self._hides = self.has_read_only
        if not has_hook:
            self.has_read_only = False  # nothing is left to be checked, or to be kept

    def client_part(self, doc: dict[str, Any]) -> dict[str, Any]:
        """Return what makes two calls with one idempotency key the same: what clients could send, too."""
        return self._drop(doc, self._place) if self._hides else doc

    def client_changes(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return the changes, all of them."""
        return changes

    def complete(self, doc: dict[str, Any]) -> dict[str, Any]:
        """Return an object with the schema's defaults. Raise InvalidItem with every fault."""
        doc = self.filled(doc)
        self._check_first(doc)
        return doc

    def keep(self, doc: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """Return the object: own code says what becomes of readOnly properties."""
        return doc

    def is_flat(self, changes: dict[str, Any]) -> bool:
        """Return whether a merge patch can be validated and written without the stored object."""
        return self.is_separable and not any(isinstance(value, dict) for value in changes.values())

    def check_patch(self, changes: dict[str, Any]) -> None:
        """Raise InvalidItem with every fault of the properties of a flat merge patch; None removes one."""
        self._check_properties(
            {name: value for name, value in changes.items() if value is not None}, changes, self._schema
        )

    def merged(self, doc: dict[str, Any], _: dict[str, Any], changes: Iterable[str]) -> dict[str, Any]:
        """Return the object that a merge patch made. Raise InvalidItem with every fault, as Validator.merged."""
        if self.is_separable:
            self._check_properties(doc, changes, self._schema)
        else:
            self._check_first(doc)
        return doc

    def _check_first(self, doc: dict[str, Any]) -> None:
        if self._schema:
            refuse(self._validate(doc, self._first))


@cache
def own_validator_of(entity: Entity, *, has_hook: bool) -> OwnValidator:
    """Return the validator of what own code writes to an entity; has_hook: whether a hook follows."""
    return OwnValidator(entity.schema, has_hook=has_hook)
