"""Read an item."""

from __future__ import annotations

from trestle.store.get import get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.item import Item


def read(item_id: str, owner: str, *, deadline: float | None = None) -> Item:
    """An owner's item as the last write left it. Raises Missing."""
    return get(item_id, owner, deadline=deadline)
