"""Change an item that exists, in one conditional UpdateItem."""

from __future__ import annotations

from trestle.clock import now
from trestle.store import table
from trestle.store.attributes import encode, encode_name
from trestle.store.dynamodb import ServiceError
from trestle.store.indexed import DERIVATION
from trestle.store.records import held, in_state, item_of, key_of, refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trestle.item import Item

    States = Sequence[tuple[str, int]] | None

MAX_PROPERTIES = 50  # of one patch: keeps its expressions under 300 operators and 4 KB


def replace(item_id: str, owner: str, doc: dict[str, Any], expected: States, *, deadline: float | None = None) -> Item:
    """Give an owner's item another object.

    Raises NotFound, and Changed when it is in none of the expected states.
    """
    return _update(
        key_of(item_id, owner), expected, deadline,
        assignments=["doc=:doc"], removals=[], names={}, values={":doc": encode(doc)},
        derived=DERIVATION.of(doc, owner),
    )  # fmt: skip


def patch(
    item_id: str, owner: str, changes: dict[str, Any], expected: States, *, deadline: float | None = None
) -> Item:
    """Set properties of an owner's item's object, at most MAX_PROPERTIES; None removes one.

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
        key_of(item_id, owner), expected, deadline,
        assignments=assignments, removals=removals, names=names, values=values,
        derived=DERIVATION.of_changes(changes, owner),
    )  # fmt: skip


def _update(
    key: dict[str, Any],
    expected: States,
    deadline: float | None,
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
    condition = in_state(expected, names, values)
    change = f"SET {','.join(['updatedAt=:now', '#version=#version+:one', '#write=:write', *assignments])}"
    try:
        reply = table.call(
            "UpdateItem",
            {
                "Key": key,
                "UpdateExpression": f"{change} REMOVE {','.join(removals)}" if removals else change,
                # Sent again after a lost answer, the write fails and is known, and does not count twice.
                "ConditionExpression": f"#write<>:write AND {condition}",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
                "ReturnValues": "ALL_NEW",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
            deadline,
        )
    except ServiceError as error:
        record = held(error)
        if record.get("write") == write:
            return item_of(record)
        raise refused(record) from None
    return item_of(reply.body["Attributes"])
