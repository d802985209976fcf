"""The table's records of items: the server's attributes and the client's object, `doc`."""

from __future__ import annotations

import time

from trestle.errors import Changed, NotFound, QuotableError
from trestle.item import Item, join_key, split_key
from trestle.store.attributes import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trestle.entity import Entity

CHANGED = "The item has changed. Read it again, and send its current ETag."

# The attributes of every record, with their DynamoDB types.
ENVELOPE = {"id": "S", "createdAt": "S", "updatedAt": "S", "version": "N", "doc": "M"}
# The table's time to live: when an item expires, in seconds since 1970.
EXPIRES = "expires"
_NO_TIME = "has a createdAt that is no time"


class InvalidRecordError(QuotableError):
    """A record of the table is not an item, because another program has written it.

    reason: what is wrong with it, such as "lacks doc". It quotes only the record's types.
    """

    def __init__(self, entity: Entity, item_id: str, reason: str) -> None:
        super().__init__(f"The record {item_id} of {entity.name} is not an item: it {reason}. Repair or delete it.")
        self.reason = reason


def key_of(item_id: str, owner: str) -> dict[str, Any]:
    """Return the table's key of an item."""
    return {"id": {"S": join_key(owner, item_id)}}


def item_of(entity: Entity, record: Mapping[str, Any]) -> Item:
    """Return the item that a record holds. Raise InvalidRecordError."""
    item_id = split_key(record["id"]["S"])[1]
    try:
        created_at: str = record["createdAt"]["S"]
        if not (created_at.isascii() and created_at.isprintable() and '"' not in created_at):
            raise ValueError(_NO_TIME)  # the entity tag, which is a header, contains it
        doc = decode({"M": record["doc"]["M"]})
        return Item(item_id, doc, created_at, record["updatedAt"]["S"], int(record["version"]["N"]))
    except Exception as error:  # InvalidRequest too, since the caller sent nothing wrong
        raise InvalidRecordError(entity, item_id, _fault_of(record, error)) from error


def _fault_of(record: Mapping[str, Any], error: Exception) -> str:
    """Return what is wrong with a record that is not an item."""
    if missing := ENVELOPE.keys() - record.keys():
        return f"lacks {' and '.join(sorted(missing))}"
    types = [
        f"{name} as {'/'.join(record[name])} instead of {type_}"
        for name, type_ in ENVELOPE.items()
        if type_ not in record[name]
    ]
    if types:
        return f"has {' and '.join(types)}"
    if error.args == (_NO_TIME,):
        return _NO_TIME
    return "holds a value that JSON does not have, or a version that is no whole number"


def request_of(record: Mapping[str, Any]) -> str:
    """Return the identity of the request that created a record, "" if it has none."""
    request: str = record.get("request", {}).get("S", "")
    return request


def has_expired(entity: Entity, record: Mapping[str, Any]) -> bool:
    """Return whether an item has expired, so that the API hides it. Only a number is an expiry time."""
    expires = record.get(EXPIRES, {}).get("N") if entity.ttl else None
    return expires is not None and float(expires) <= time.time()


def time_values(entity: Entity) -> dict[str, Any]:
    """Return the expression values that this module's conditions compare expiry times with."""
    return {":seconds": {"N": str(int(time.time()))}} if entity.ttl else {}


def free_condition(entity: Entity) -> str:
    """Return the condition that an id is free. An expired item counts as deleted, which DynamoDB does days later."""
    return "attribute_not_exists(id) OR expires<=:seconds" if entity.ttl else "attribute_not_exists(id)"


def state_condition(
    entity: Entity, expected: Sequence[tuple[str, int]] | None, names: dict[str, str], values: dict[str, Any]
) -> str:
    """Return the condition that an item is in one of the expected states (createdAt, version); None allows any.

    An empty sequence gives a condition that no item meets. Adds the condition's names and values to `names` and
    `values`.
    """
    values |= time_values(entity)
    condition = "attribute_exists(id)"
    if entity.ttl:
        condition += " AND (attribute_not_exists(expires) OR expires>:seconds)"
    if expected is None:
        return condition
    names["#version"] = "version"
    clauses = []
    for index, (created_at, version) in enumerate(expected or (("", 0),)):
        values[f":c{index}"] = {"S": created_at}
        values[f":v{index}"] = {"N": str(version)}
        clauses.append(f"createdAt=:c{index} AND #version=:v{index}")
    return f"{condition} AND ({' OR '.join(clauses)})"


def refusal(entity: Entity, record: Mapping[str, Any]) -> NotFound | Changed:
    """Return the refusal of a write whose condition failed on this record."""
    if record and not has_expired(entity, record):
        return Changed(CHANGED)
    return NotFound("There is no item with this id.")
