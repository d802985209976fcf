"""Change an item by a JSON merge patch (RFC 7396)."""

from __future__ import annotations

from trestle.errors import Changed, Conflict
from trestle.operations import rules
from trestle.store.get import get
from trestle.store.update import MAX_PROPERTIES, patch, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.item import Item

_ATTEMPTS = 4


def merge(
    item_id: str,
    owner: str,
    changes: dict[str, Any],
    expected: Sequence[tuple[str, int]] | None = None,
    *,
    deadline: float | None = None,
) -> Item:
    """Change an owner's item.

    expected: the states, (created_at, version), that the item may be in, None for any. One request when each
    changed property can be judged and written by itself; else the item is read, and written on condition that
    it has not changed meanwhile. Raises InvalidItem, NotFound, Changed, and Conflict when other writers won
    every attempt.
    """
    if (
        rules.SEPARABLE
        and len(changes) <= MAX_PROPERTIES
        and not any(isinstance(value, dict) for value in changes.values())
    ):
        rules.check_properties(changes)
        return patch(item_id, owner, changes, expected, deadline=deadline)
    for _ in range(_ATTEMPTS):
        item = get(item_id, owner, deadline=deadline)
        if expected is not None and item.state not in expected:
            break
        doc = merged(item.doc, changes)
        rules.check(doc)
        try:
            return replace(item_id, owner, doc, [item.state], deadline=deadline)
        except Changed:
            continue
    if expected is not None:
        raise Changed("The item has changed: read it again and send its current ETag.")
    raise Conflict("Other requests keep changing the item. Try again.")


def merged(target: Any, changes: Any) -> Any:
    """The merge of RFC 7396, section 2; neither argument is changed."""
    if not isinstance(changes, dict):
        return changes
    whole = dict(target) if isinstance(target, dict) else {}
    for name, value in changes.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = merged(whole.get(name), value)
    return whole
