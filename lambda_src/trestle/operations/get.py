"""Read an item."""

from __future__ import annotations

from trestle.store import get as store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item


def get(entity: Entity, context: Context, item_id: str) -> Item:
    """Return an item in its latest state. Raise NotFound."""
    return store.get(entity, context, item_id)
