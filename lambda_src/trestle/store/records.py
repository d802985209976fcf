"""Items as records of the table: an envelope of the server's attributes round the client's object, `doc`."""

from __future__ import annotations

import time

from trestle.config import CONFIG
from trestle.errors import Changed, NotFound, QuotableError
from trestle.item import Item, owned, parted
from trestle.store.attributes import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.store.dynamodb import ServiceError

_EXISTS = "attribute_exists(id)"
# What makes an item one that the API has: DynamoDB deletes those that have expired only days later.
_LIVES = f"{_EXISTS} AND (attribute_not_exists(expires) OR expires>:seconds)" if CONFIG.ttl else _EXISTS
# The condition under which an id is free.
FREE = "attribute_not_exists(id) OR expires<=:seconds" if CONFIG.ttl else "attribute_not_exists(id)"


class InvalidRecordError(QuotableError):
    """What the table holds is no item of ours: somebody else has written it."""


def key_of(item_id: str, owner: str) -> dict[str, Any]:
    """The table's key of an item."""
    return {"id": {"S": owned(item_id, owner)}}


def item_of(record: dict[str, Any]) -> Item:
    """The item that a record holds. Raises InvalidRecordError."""
    item_id = parted(record["id"]["S"])[1]
    try:
        made_at: str = record["createdAt"]["S"]
        if not (made_at.isascii() and made_at.isprintable() and '"' not in made_at):
            raise ValueError("createdAt")  # it goes into a header, as the entity tag
        doc = decode({"M": record["doc"]["M"]})
        return Item(item_id, doc, made_at, record["updatedAt"]["S"], int(record["version"]["N"]))
    except Exception as error:  # whatever it is, and InvalidRequest among it: the caller sent nothing wrong
        text = f"The record {item_id} of {CONFIG.entity} is no item: repair or delete it."
        raise InvalidRecordError(text) from error


def has_expired(record: dict[str, Any]) -> bool:
    """Return whether an item's time is over, so that for the API it is gone; only a number is a time."""
    expires = record.get("expires", {}).get("N") if CONFIG.ttl else None
    return expires is not None and float(expires) <= time.time()


def seconds() -> dict[str, Any]:
    """The values that _LIVES and FREE compare with."""
    return {":seconds": {"N": str(int(time.time()))}} if CONFIG.ttl else {}


def in_state(expected: Sequence[tuple[str, int]] | None, names: dict[str, str], values: dict[str, Any]) -> str:
    """The condition that the item is in one of the expected states, (createdAt, version), or in any for None.

    No state at all gives a condition that no item meets. Adds what the condition uses to names and values.
    """
    values |= seconds()
    if expected is None:
        return _LIVES
    names["#version"] = "version"
    clauses = []
    for index, (created_at, version) in enumerate(expected or (("", 0),)):
        values[f":c{index}"] = {"S": created_at}
        values[f":v{index}"] = {"N": str(version)}
        clauses.append(f"createdAt=:c{index} AND #version=:v{index}")
    return f"{_LIVES} AND ({' OR '.join(clauses)})"


def held(error: ServiceError) -> dict[str, Any]:
    """The record that a failed condition met, empty when there was none; any other error is raised again."""
    if error.code != "ConditionalCheckFailedException":
        raise error
    record: dict[str, Any] = error.body.get("Item") or {}
    return record


def refused(record: dict[str, Any]) -> NotFound | Changed:
    """Why a write on an item failed, from the record it met."""
    if record and not has_expired(record):
        return Changed("The item has changed: read it again and send its current ETag.")
    return NotFound("There is no item with this id.")
