"""Validation of the items that own code writes: by the whole schema, and readOnly properties may be set."""

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
    """Validates what own code writes, where Validator has what clients send.

    If a hook follows, what it may still set is not required before: then `check` and `check_changed` do.
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
        if not has_hook:  # nothing is left to be checked, or to be kept, of readOnly properties
            self.has_read_only = False
            self.keeps = bool(optional)

    @property
    def is_own_code(self) -> bool:
        """Whether it validates what own code writes."""
        return True

    def client_changes(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return the changes, all of them."""
        return changes

    def complete(self, doc: dict[str, Any], *, is_new: bool = False) -> dict[str, Any]:
        """Return an object with the schema's defaults. Raise InvalidItem with every fault."""
        doc = self.filled(doc)
        self._check_first(doc)
        return doc

    def keep(self, doc: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """Return the object: own code says what becomes of readOnly properties."""
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
        """Return the object that a merge patch made. Raise InvalidItem with every fault, as Validator.merged."""
        self.check_merged(doc, changes)
        return self.keep(doc, stored)

    def check_merged(self, doc: dict[str, Any], changes: Iterable[str]) -> None:
        """Raise InvalidItem with every fault of a patched object, as Validator.check_merged."""
        if self.is_separable:
            self._check_properties(doc, changes, self._schema)
        else:
            self._check_first(doc)

    def _check_first(self, doc: dict[str, Any]) -> None:
        if self._schema:
            refuse(self._validate(doc, self._first))


@cache
def own_validator_of(entity: Entity, unreadable: frozenset[str] = frozenset(), *, has_hook: bool) -> OwnValidator:
    """Return the validator of what own code writes to an entity, which is made once.

    unreadable: the properties that the caller may not read, for whom it writes. has_hook: whether a hook follows.
    """
    return OwnValidator(entity.schema, entity.restricted | unreadable, unreadable, has_hook=has_hook)


def own_validator_for(entity: Entity, context: Context, *, has_hook: bool) -> Validator:
    """Return the validator of what own code writes to an entity in a context; has_hook: whether a hook follows."""
    if not entity.fields:
        return own_validator_of(entity, has_hook=has_hook)
    from trestle.operations.fields import obeying  # most entities do without

    found: Validator = obeying(
        entity, context, lambda unreadable: own_validator_of(entity, unreadable, has_hook=has_hook)
    )
    return found
