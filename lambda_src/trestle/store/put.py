"""Make an item."""

from __future__ import annotations

from trestle.config import CONFIG
from trestle.item import owned
from trestle.store import table
from trestle.store.attributes import encode
from trestle.store.dynamodb import ServiceError
from trestle.store.indexed import DERIVATION
from trestle.store.records import FREE, held, key_of, seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.item import Item


def put(item: Item, owner: str, request: str = "", *, deadline: float | None = None) -> tuple[str, str] | None:
    """Store a new item of an owner's; `request` is kept with it and tells which request made it.

    Returns None when the item was made, else (request, createdAt) of the item that has the id, "" for what it
    lacks.
    """
    record: dict[str, Any] = {
        **key_of(item.id, owner),
        "collection": {"S": owned(CONFIG.entity, owner)},
        "createdAt": {"S": item.created_at},
        "updatedAt": {"S": item.updated_at},
        "version": {"N": str(item.version)},
        "write": {"S": table.write_token()},
        "doc": encode(item.doc),
        **{name: value for name, value in DERIVATION.of(item.doc, owner).items() if value},
    }
    if owner:
        record["owner"] = {"S": owner}  # for whoever reads the table: the API goes by the keys
    if request:
        record["request"] = {"S": request}
    payload: dict[str, Any] = {
        "Item": record,
        "ConditionExpression": FREE,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if values := seconds():
        payload["ExpressionAttributeValues"] = values
    try:
        table.call("PutItem", payload, deadline)
    except ServiceError as error:
        holder = held(error)
        if holder.get("write") == record["write"]:
            return None
        return _text(holder, "request"), _text(holder, "createdAt")
    return None


def _text(record: dict[str, Any], name: str) -> str:
    text: str = record.get(name, {}).get("S", "")
    return text
