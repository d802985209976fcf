"""Read an item, and write it if it has not changed since then (optimistic locking)."""

from __future__ import annotations

from trestle.errors import Changed, Conflict
from trestle.store.get import get
from trestle.store.records import CHANGED
from trestle.store.update import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item

_ATTEMPTS = 4


def rewrite(
    entity: Entity,
    context: Context,
    item_id: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    expected: Sequence[tuple[str, int]] | None = None,
) -> Item:
    """Replace an item's object by the result of `change`, and return the item.

    change: gets the item's object, which it must not modify, and returns the new one. expected: the states
    (created_at, version) that the item may be in; None allows any. Raises what `change` raises, NotFound, Changed, and
    Conflict if concurrent writers won every attempt.
    """
    for _ in range(_ATTEMPTS):
        item = get(entity, context, item_id)
        if expected is not None and item.state not in expected:
            break
        doc = change(item.doc)
        try:
            return replace(entity, context, item_id, doc, [item.state])
        except Changed:
            continue
    if expected is not None:
        raise Changed(CHANGED)
    raise Conflict("Other requests keep changing the item. Try again.")
