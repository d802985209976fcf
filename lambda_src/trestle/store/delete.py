"""Delete an item."""

from __future__ import annotations

from trestle.store import table
from trestle.store.dynamodb import ServiceError
from trestle.store.records import held, in_state, key_of, refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def delete(
    item_id: str,
    owner: str,
    expected: Sequence[tuple[str, int]] | None,
    *,
    deadline: float | None = None,
) -> None:
    """Delete an owner's item.

    Raises NotFound, and Changed when it is in none of the expected (createdAt, version).
    """
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    payload: dict[str, Any] = {
        "Key": key_of(item_id, owner),
        "ConditionExpression": in_state(expected, names, values),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if names:
        payload["ExpressionAttributeNames"] = names
    if values:
        payload["ExpressionAttributeValues"] = values
    try:
        table.call("DeleteItem", payload, deadline)
    except ServiceError as error:
        record = held(error)
        # Gone when it was sent again and the first try may have done it: it has, its answer was lost.
        if record or not error.uncertain:
            raise refused(record) from None
