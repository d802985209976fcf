"""Change an item that exists, in one conditional UpdateItem."""

from __future__ import annotations

from trestle.clock import now
from trestle.store import table
from trestle.store.attributes import encode, encode_name
from trestle.store.derived import derivation_of
from trestle.store.dynamodb import ServiceError
from trestle.store.records import existing_record, item_of, key_of, refusal, state_condition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item

    States = Sequence[tuple[str, int]] | None

MAX_PROPERTIES = 50  # of one patch: keeps its expressions under 300 operators and 4 KB


def replace(entity: Entity, context: Context, item_id: str, doc: dict[str, Any], expected: States) -> Item:
    """Give an item another object.

    Raises NotFound, and Changed when it is in none of the expected states.
    """
    return _update(
        entity, context, item_id, expected,
        assignments=["doc=:doc"], removals=[], names={}, values={":doc": encode(doc)},
        derived=derivation_of(entity).of(doc, context.owner),
    )  # fmt: skip


def patch(entity: Entity, context: Context, item_id: str, changes: dict[str, Any], expected: States) -> Item:
    """Set properties of an item's object, at most MAX_PROPERTIES; None removes one.

    Raises as `replace`.
    """
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
    return _update(
        entity, context, item_id, expected,
        assignments=assignments, removals=removals, names=names, values=values,
        derived=derivation_of(entity).of_changes(changes, context.owner),
    )  # fmt: skip


def _update(
    entity: Entity,
    context: Context,
    item_id: str,
    expected: States,
    *,
    assignments: list[str],
    removals: list[str],
    names: dict[str, str],
    values: dict[str, Any],
    derived: Mapping[str, dict[str, Any] | None],
) -> Item:
    write = {"S": table.write_token()}
    names |= {"#version": "version", "#write": "write"}
    values |= {":now": {"S": now()}, ":one": {"N": "1"}, ":write": write}
    for index, (name, value) in enumerate(derived.items()):
        names[f"#d{index}"] = name
        if value is None:
            removals.append(f"#d{index}")
        else:
            values[f":d{index}"] = value
            assignments.append(f"#d{index}=:d{index}")
    condition = state_condition(entity, expected, names, values)
    change = f"SET {','.join(['updatedAt=:now', '#version=#version+:one', '#write=:write', *assignments])}"
    try:
        reply = table.call(
            entity,
            context,
            "UpdateItem",
            {
                "Key": key_of(item_id, context.owner),
                "UpdateExpression": f"{change} REMOVE {','.join(removals)}" if removals else change,
                # A retry after a lost answer fails here, is recognised by its token, and does not count twice.
                "ConditionExpression": f"#write<>:write AND {condition}",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
                "ReturnValues": "ALL_NEW",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        )
    except ServiceError as error:
        record = existing_record(error)
        if record.get("write") == write:
            return item_of(entity, record)
        raise refusal(entity, record) from None
    return item_of(entity, reply.body["Attributes"])
