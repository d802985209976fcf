"""Store a new item."""

from __future__ import annotations

from trestle.item import join_key
from trestle.store import table
from trestle.store.attributes import encode
from trestle.store.derived import derivation_of
from trestle.store.records import free_condition, key_of, time_values
from trestle.store.writes import Cancelled, Write, perform, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item


def put(entity: Entity, context: Context, item: Item, request: str = "") -> tuple[str, str] | None:
    """Store a new item, with `request` as the identity of the request that creates it.

    Returns None if the item was created, otherwise (request, createdAt) of the existing item with the id, "" for
    missing attributes.
    """
    try:
        perform(context, creation(entity, context.owner, item, request))
    except Cancelled as cancelled:
        if cancelled.kind == "conflict":
            raise refusal(entity, cancelled) from None
        return _text(cancelled.record, "request"), _text(cancelled.record, "createdAt")
    return None


def creation(entity: Entity, owner: str, item: Item, request: str = "") -> Write:
    """Return the write that creates an owner's item if the id is free."""
    token = table.write_token()
    record: dict[str, Any] = {
        **key_of(item.id, owner),
        **place_of(entity, owner, item.id),
        "createdAt": {"S": item.created_at},
        "updatedAt": {"S": item.updated_at},
        "version": {"N": str(item.version)},
        "write": {"S": token},
        "doc": encode(item.doc),
        **{name: value for name, value in derivation_of(entity).of(item.doc, owner).items() if value},
    }
    if owner:
        record["owner"] = {"S": owner}  # for people who read the table; the API uses the keys
    if request:
        record["request"] = {"S": request}
    payload: dict[str, Any] = {"Item": record, "ConditionExpression": free_condition(entity)}
    if values := time_values(entity):
        payload["ExpressionAttributeValues"] = values
    return Write("PutItem", entity, payload, token)


def place_of(entity: Entity, owner: str, item_id: str) -> dict[str, Any]:
    """Return the index attributes of an owner's item, for lists and for callers who reach the items of others."""
    place = {"collection": {"S": join_key(owner, entity.name)}}
    if owner and entity.sees_all:
        place["everyone"] = {"S": entity.name}
    if owner and entity.is_shared:
        place["bareId"] = {"S": item_id}
    return place


def _text(record: dict[str, Any], name: str) -> str:
    text: str = record.get(name, {}).get("S", "")
    return text
