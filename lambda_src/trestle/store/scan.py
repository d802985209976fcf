"""Read the items of all owners by a Scan, which has no order, since the index groups items by owner."""

from __future__ import annotations

from trestle.item import split_key
from trestle.store import table
from trestle.store.page import read
from trestle.store.records import has_expired, item_of, key_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item
    from trestle.store.selections import Selection

    Owned = tuple[str, Item]


def scan_all(entity: Entity, context: Context, selection: Selection | None) -> Iterator[Owned]:
    """Yield every item, or those of a selection, with its owner, page by page."""
    payload = selection.scan_request() if selection else {}
    while True:
        reply = table.call(entity, context, "Scan", payload).body
        for record in reply["Items"]:
            if not has_expired(entity, record):
                yield _owned(entity, record)
        start = reply.get("LastEvaluatedKey")
        if not start:
            return
        payload["ExclusiveStartKey"] = start


def scan_page(
    entity: Entity, context: Context, limit: int, after: tuple[str, str] | None, selection: Selection | None
) -> tuple[list[Owned], bool]:
    """Return at most `limit` items with their owners after an (owner, id), and whether they are the last ones.

    Raises InvalidPositionError.
    """
    # A limit would count the items that a filter excludes.
    payload: dict[str, Any] = selection.scan_request() if selection else {"Limit": limit + 1}
    if after:
        owner, item_id = after
        payload["ExclusiveStartKey"] = key_of(item_id, owner)
    records, is_last = read(entity, context, limit, payload)
    return [_owned(entity, record) for record in records], is_last


def _owned(entity: Entity, record: dict[str, Any]) -> Owned:
    return split_key(record["id"]["S"])[0], item_of(entity, record)
