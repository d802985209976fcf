"""Read an item."""

from __future__ import annotations

from trestle.store import table
from trestle.store.records import has_expired, item_of, key_of, refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.item import Item


def get(item_id: str, owner: str, *, deadline: float | None = None) -> Item:
    """Read an owner's item, strongly consistent. Raises NotFound."""
    reply = table.call("GetItem", {"Key": key_of(item_id, owner), "ConsistentRead": True}, deadline)
    record = reply.body.get("Item")
    if not record or has_expired(record):
        raise refused({})
    return item_of(record)
