"""Delete an item."""

from __future__ import annotations

from trestle.store.records import key_of, state_condition
from trestle.store.writes import Cancelled, Write, perform, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity


def delete(entity: Entity, context: Context, item_id: str, expected: Sequence[tuple[str, int]] | None) -> None:
    """Delete an item.

    Raises NotFound, and Changed if it is in none of the expected states (createdAt, version).
    """
    try:
        perform(context, deletion(entity, context.owner, item_id, expected))
    except Cancelled as cancelled:
        raise refusal(entity, cancelled) from None


def deletion(entity: Entity, owner: str, item_id: str, expected: Sequence[tuple[str, int]] | None) -> Write:
    """Return the write that deletes an owner's item in one of the expected states; None allows any."""
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    payload: dict[str, Any] = {
        "Key": key_of(item_id, owner),
        "ConditionExpression": state_condition(entity, expected, names, values),
    }
    if names:
        payload["ExpressionAttributeNames"] = names
    if values:
        payload["ExpressionAttributeValues"] = values
    return Write("DeleteItem", entity, payload)
