"""Change an existing item in one conditional UpdateItem."""

from __future__ import annotations

from trestle.clock import now
from trestle.store import table
from trestle.store.attributes import encode, encode_name
from trestle.store.derived import derivation_of
from trestle.store.records import item_of, key_of, state_condition
from trestle.store.writes import Cancelled, Write, perform, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item

    States = Sequence[tuple[str, int]] | None

MAX_PROPERTIES = 50  # the limit of one patch keeps its expressions under 300 operators and 4 KB


def replace(entity: Entity, context: Context, item_id: str, doc: dict[str, Any], expected: States) -> Item:
    """Replace an item's object.

    Raises NotFound, and Changed if it is in none of the expected states.
    """
    return _update(context, replacement(entity, context.owner, item_id, doc, expected))


def patch(entity: Entity, context: Context, item_id: str, changes: dict[str, Any], expected: States) -> Item:
    """Set at most MAX_PROPERTIES properties of an item's object. None removes a property.

    Raises like `replace`.
    """
    return _update(context, patching(entity, context.owner, item_id, changes, expected))


def replacement(
    entity: Entity, owner: str, item_id: str, doc: dict[str, Any], expected: States, *, at: str = ""
) -> Write:
    """Return the write that replaces the object of an owner's item. at: the new updatedAt, now by default."""
    return _write(
        entity, owner, item_id, expected, at,
        assignments=["doc=:doc"], removals=[], names={}, values={":doc": encode(doc)},
        derived=derivation_of(entity).of(doc, owner),
    )  # fmt: skip


def patching(
    entity: Entity, owner: str, item_id: str, changes: dict[str, Any], expected: States, *, at: str = ""
) -> Write:
    """Return the write that sets properties of an owner's item. at: the new updatedAt, now by default."""
    assignments: list[str] = []
    removals: list[str] = []
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    for index, (name, value) in enumerate(changes.items()):
        names[f"#{index}"] = encode_name(name)
        if value is None:
            removals.append(f"doc.#{index}")
        else:
            values[f":{index}"] = encode(value, 2)
            assignments.append(f"doc.#{index}=:{index}")
    return _write(
        entity, owner, item_id, expected, at,
        assignments=assignments, removals=removals, names=names, values=values,
        derived=derivation_of(entity).of_changes(changes, owner),
    )  # fmt: skip


def _write(
    entity: Entity,
    owner: str,
    item_id: str,
    expected: States,
    at: str,
    *,
    assignments: list[str],
    removals: list[str],
    names: dict[str, str],
    values: dict[str, Any],
    derived: Mapping[str, dict[str, Any] | None],
) -> Write:
    token = table.write_token()
    names |= {"#version": "version", "#write": "write"}
    values |= {":now": {"S": at or now()}, ":one": {"N": "1"}, ":write": {"S": token}}
    for index, (name, value) in enumerate(derived.items()):
        names[f"#d{index}"] = name
        if value is None:
            removals.append(f"#d{index}")
        else:
            values[f":d{index}"] = value
            assignments.append(f"#d{index}=:d{index}")
    condition = state_condition(entity, expected, names, values)
    change = f"SET {','.join(['updatedAt=:now', '#version=#version+:one', '#write=:write', *assignments])}"
    payload = {
        "Key": key_of(item_id, owner),
        "UpdateExpression": f"{change} REMOVE {','.join(removals)}" if removals else change,
        # A retry after a lost answer fails this condition. The record's token then shows that the write succeeded.
        "ConditionExpression": f"#write<>:write AND {condition}",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
    return Write("UpdateItem", entity, payload, token)


def _update(context: Context, write: Write) -> Item:
    try:
        return item_of(write.entity, perform(context, write))
    except Cancelled as cancelled:
        raise refusal(write.entity, cancelled) from None
