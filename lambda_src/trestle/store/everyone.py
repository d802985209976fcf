"""Read the items of all owners in order, and find an item's owners, by the indexes for `sees_all` and `acts_for`."""

from __future__ import annotations

from trestle.item import split_key
from trestle.store import table
from trestle.store.page import Index, read
from trestle.store.records import item_of, key_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item

# Two owners besides the caller, who may be one of them, show that an id is ambiguous.
_OWNERS = 3


def page_of_everyone(
    entity: Entity, context: Context, limit: int, after: list[str] | None, *, descending: bool
) -> tuple[list[tuple[str, Item]], list[str] | None]:
    """Return at most `limit` items with their owners, ordered by createdAt, and the position of the last one.

    after: the position after which the page starts, None for the first page. A position is an item's id, createdAt and
    owner. The returned position is None on the last page. Raises InvalidPositionError.
    """
    index = Index("everyone", ("everyone", {"S": entity.name}), ("createdAt", "S"), descending=descending)
    payload = {"Limit": limit + 1, **index.request}
    if after:
        item_id, created_at, owner = after
        payload["ExclusiveStartKey"] = key_of(item_id, owner) | index.start_key(created_at)
    records, is_last = read(entity, context, limit, payload, index)
    found = [(split_key(record["id"]["S"])[0], item_of(entity, record)) for record in records]
    if is_last:
        return found, None
    owner, item = found[-1]
    return found, [item.id, item.created_at, owner]


def owners_of(entity: Entity, context: Context, item_id: str) -> list[str]:
    """Return at most three owners of items with this id. The index is eventually consistent."""
    payload = {
        "IndexName": "ids",
        "KeyConditionExpression": "bareId=:id",
        "ExpressionAttributeValues": {":id": {"S": item_id}},
        "Limit": _OWNERS,
    }
    reply = table.call(entity, context, "Query", payload).body
    return [split_key(record["id"]["S"])[0] for record in reply["Items"]]
