"""Read an item."""

from __future__ import annotations

from trestle.store.get import get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.item import Item


def read(item_id: str, *, deadline: float | None = None) -> Item:
    """The item as the last write left it. Raises Missing."""
    return get(item_id, deadline=deadline)
