"""Read an item."""

from __future__ import annotations

from trestle.store import table
from trestle.store.records import has_expired, item_of, key_of, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item


def find(entity: Entity, context: Context, item_id: str) -> dict[str, Any] | None:
    """Read an item's record with strong consistency. Return None if it does not exist."""
    request = {"Key": key_of(item_id, context.owner), "ConsistentRead": True}
    record: dict[str, Any] = table.call(entity, context, "GetItem", request).body.get("Item") or {}
    return record if record and not has_expired(entity, record) else None


def get(entity: Entity, context: Context, item_id: str) -> Item:
    """Read an item with strong consistency. Raises NotFound."""
    record = find(entity, context, item_id)
    if record is None:
        raise refusal(entity, {})
    return item_of(entity, record)
