"""Read an item."""

from __future__ import annotations

from trestle.store import table
from trestle.store.records import has_expired, item_of, refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.item import Item


def get(item_id: str, *, deadline: float | None = None) -> Item:
    """Read an item, strongly consistent. Raises Missing."""
    reply = table.call("GetItem", {"Key": {"id": {"S": item_id}}, "ConsistentRead": True}, deadline)
    record = reply.body.get("Item")
    if not record or has_expired(record):
        raise refused({})
    return item_of(record)
