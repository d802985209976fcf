"""Change an item by what it is now: read it, and write it on condition that nobody else has meanwhile."""

from __future__ import annotations

from trestle.errors import Changed, Conflict
from trestle.store.get import get
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
    """Give an item the object that `change` makes of its object, which it must leave as it is.

    expected: the states, (created_at, version), that the item may be in, None for any. Raises what `change`
    raises, NotFound, Changed, and Conflict when other writers won every attempt.
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
        raise Changed("The item has changed: read it again and send its current ETag.")
    raise Conflict("Other requests keep changing the item. Try again.")
