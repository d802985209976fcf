"""Change an item by a JSON merge patch (RFC 7396)."""

from __future__ import annotations

from trestle.errors import Changed, Conflict
from trestle.operations.validation import validator_of
from trestle.store.get import get
from trestle.store.update import MAX_PROPERTIES, patch, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item

_ATTEMPTS = 4


def merge(
    entity: Entity,
    context: Context,
    item_id: str,
    changes: dict[str, Any],
    expected: Sequence[tuple[str, int]] | None = None,
) -> Item:
    """Change an item.

    expected: the states, (created_at, version), that the item may be in, None for any. Takes one request if each
    changed property can be validated and written by itself. Otherwise it reads the item, and writes it on
    condition that it has not changed meanwhile. Raises InvalidItem, NotFound, Changed, and Conflict when other
    writers won every attempt.
    """
    validator = validator_of(entity)
    if (
        validator.is_separable
        and len(changes) <= MAX_PROPERTIES
        and not any(isinstance(value, dict) for value in changes.values())
    ):
        validator.check_properties(changes)
        return patch(entity, context, item_id, changes, expected)
    for _ in range(_ATTEMPTS):
        item = get(entity, context, item_id)
        if expected is not None and item.state not in expected:
            break
        doc = apply_merge_patch(item.doc, changes)
        validator.check(doc)
        try:
            return replace(entity, context, item_id, doc, [item.state])
        except Changed:
            continue
    if expected is not None:
        raise Changed("The item has changed: read it again and send its current ETag.")
    raise Conflict("Other requests keep changing the item. Try again.")


def apply_merge_patch(target: Any, changes: Any) -> Any:
    """Return a target merged with changes (RFC 7396, section 2), and change neither."""
    if not isinstance(changes, dict):
        return changes
    whole = dict(target) if isinstance(target, dict) else {}
    for name, value in changes.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = apply_merge_patch(whole.get(name), value)
    return whole
