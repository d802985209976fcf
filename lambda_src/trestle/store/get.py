"""Read an item."""

from __future__ import annotations

from trestle.store import table
from trestle.store.records import has_expired, item_of, key_of, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item


def get(entity: Entity, context: Context, item_id: str) -> Item:
    """Read an item, strongly consistent. Raises NotFound."""
    request = {"Key": key_of(item_id, context.owner), "ConsistentRead": True}
    record = table.call(entity, context, "GetItem", request).body.get("Item")
    if not record or has_expired(entity, record):
        raise refusal(entity, {})
    return item_of(entity, record)
