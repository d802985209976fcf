"""Delete an item."""

from __future__ import annotations

from trestle.store import table
from trestle.store.dynamodb import ServiceError
from trestle.store.records import existing_record, key_of, refusal, state_condition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity


def delete(entity: Entity, context: Context, item_id: str, expected: Sequence[tuple[str, int]] | None) -> None:
    """Delete an item.

    Raises NotFound, and Changed when it is in none of the expected (createdAt, version).
    """
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    payload: dict[str, Any] = {
        "Key": key_of(item_id, context.owner),
        "ConditionExpression": state_condition(entity, expected, names, values),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if names:
        payload["ExpressionAttributeNames"] = names
    if values:
        payload["ExpressionAttributeValues"] = values
    try:
        table.call(entity, context, "DeleteItem", payload)
    except ServiceError as error:
        record = existing_record(error)
        # Missing on a retry: our first attempt deleted it, and only its answer was lost.
        if record or not error.uncertain:
            raise refusal(entity, record) from None
