"""Read an item."""

from __future__ import annotations

from trestle.store import get as store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.item import Item


def get(item_id: str, owner: str, *, deadline: float | None = None) -> Item:
    """Return an owner's item as the last write left it. Raise NotFound."""
    return store.get(item_id, owner, deadline=deadline)
