"""Read one page of the collection."""

from __future__ import annotations

from trestle.config import CONFIG
from trestle.store import table
from trestle.store.records import item_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.item import Item


def page(
    limit: int, after: list[str] | None, *, descending: bool = False, deadline: float | None = None
) -> tuple[list[Item], list[str] | None]:
    """Up to `limit` items after a place, in the order of createdAt, or in none for an unordered list.

    Returns the items and the place of the last, None when nothing comes after it. A place is the id, then the
    createdAt that an ordered list goes by.
    """
    ordered = CONFIG.list == "created"
    collection = {"S": CONFIG.entity}
    payload: dict[str, Any] = {"Limit": limit + 1}  # one more tells whether this page is the last
    if ordered:
        payload |= {
            "IndexName": "created",
            "KeyConditionExpression": "#collection=:collection",
            "ExpressionAttributeNames": {"#collection": "collection"},
            "ExpressionAttributeValues": {":collection": collection},
            "ScanIndexForward": not descending,
        }
    if after:
        payload["ExclusiveStartKey"] = {"id": {"S": after[0]}}
        if ordered:
            payload["ExclusiveStartKey"] |= {"collection": collection, "createdAt": {"S": after[1]}}
    records: list[dict[str, Any]] = []
    while True:
        reply = table.call("Query" if ordered else "Scan", payload, deadline).body
        records += reply["Items"]
        payload["ExclusiveStartKey"] = reply.get("LastEvaluatedKey")
        if not payload["ExclusiveStartKey"] or len(records) > 1:
            break
    items = [item_of(record) for record in records]
    # DynamoDB also stops at 1 MB, perhaps with nothing to follow: the last item is left for the next page, so
    # that one is never empty.
    if payload["ExclusiveStartKey"] or len(items) > limit:
        items = items[: min(limit, len(items) - 1)]
        return items, [items[-1].id, items[-1].created_at] if ordered else [items[-1].id]
    return items, None
