"""Change an item by a JSON merge patch (RFC 7396)."""

from __future__ import annotations

from trestle.operations.validation import validator_for
from trestle.store.update import MAX_PROPERTIES, patch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item
    from trestle.operations.validation import Validator


def merge(
    entity: Entity,
    context: Context,
    item_id: str,
    changes: dict[str, Any],
    expected: Sequence[tuple[str, int]] | None = None,
    *,
    validator: Validator | None = None,
) -> Item:
    """Apply a merge patch to an item, and return the item.

    expected: the states (created_at, version) that the item may be in; None allows any. validator: the entity's by
    default. One request to DynamoDB is enough if each changed property can be validated and written independently.
    Otherwise `merge` reads the item, and writes it if it has not changed since then. Only changed properties are
    validated, unless the schema can only validate them together. Raises InvalidItem, NotFound, Changed, and Conflict if
    concurrent writers won every attempt.
    """
    validator = validator or validator_for(entity, context)
    changes = validator.client_changes(changes)
    if len(changes) <= MAX_PROPERTIES and validator.is_flat(changes):
        validator.check_patch(changes)
        return patch(entity, context, item_id, changes, expected)

    from trestle.operations.rewrite import rewrite  # flat patches do not need it

    def change(stored: dict[str, Any]) -> dict[str, Any]:
        return validator.merged(apply_merge_patch(stored, changes), stored, changes)

    return rewrite(entity, context, item_id, change, expected)


def apply_merge_patch(target: Any, changes: Any) -> Any:
    """Return a target with changes merged into it (RFC 7396, section 2). Both arguments stay unchanged."""
    if not isinstance(changes, dict):
        return changes
    whole = dict(target) if isinstance(target, dict) else {}
    for name, value in changes.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = apply_merge_patch(whole.get(name), value)
    return whole
