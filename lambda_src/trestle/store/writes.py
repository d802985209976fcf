"""A write: one conditional action on one record, carried out alone or in a transaction."""

from __future__ import annotations

import time

from trestle.errors import Unavailable
from trestle.store import dynamodb, records, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.errors import Refusal

    Action = Literal["PutItem", "UpdateItem", "DeleteItem", "ConditionCheck"]
    Kind = Literal["condition", "conflict"]


class Write:
    """One conditional action on one record.

    payload: DynamoDB's parameters: the key or the item, the expressions, their names and values. token: the `write`
    attribute of the resulting record, "" for a DeleteItem and a ConditionCheck.
    """

    __slots__ = ("action", "entity", "payload", "token")

    def __init__(self, action: Action, entity: Entity, payload: dict[str, Any], token: str = "") -> None:
        self.action = action
        self.entity = entity
        self.payload = payload
        self.token = token

    def sign(self, writer: str) -> None:
        """Record the writer in the resulting record: its token becomes "WRITER/<token>"."""
        if not self.token or self.token.startswith(f"{writer}/"):
            return
        self.token = f"{writer}/{self.token}"
        if self.action == "PutItem":
            self.payload["Item"]["write"] = {"S": self.token}
        else:
            self.payload["ExpressionAttributeValues"][":write"] = {"S": self.token}


class Cancelled(Exception):  # noqa: N818 - an outcome, not a failure of the program
    """DynamoDB carried out none of the writes.

    index: the position of the write that failed. kind: "condition" if its condition failed, "conflict" if another
    transaction was changing its record. record: the existing record, empty if there is none or DynamoDB did not send
    it.
    """

    def __init__(self, index: int, kind: Kind, record: dict[str, Any]) -> None:
        super().__init__(index, kind)
        self.index = index
        self.kind = kind
        self.record = record


def perform(context: Context, write: Write) -> dict[str, Any]:
    """Carry out one write. Return the record after an UpdateItem.

    If an earlier attempt carried out the write and only its answer was lost, the write has succeeded. A conflict with
    another transaction is retried. Raises Cancelled.
    """
    if context.writer:
        write.sign(context.writer)
    payload = {**write.payload, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    if write.action == "UpdateItem":
        payload["ReturnValues"] = "ALL_NEW"
    uncertain = False
    for attempt in range(dynamodb.ATTEMPTS):
        if attempt:
            time.sleep(dynamodb.pause("TransactionConflictException", attempt - 1))
        try:
            reply = table.call(write.entity, context, write.action, payload)
        except dynamodb.ServiceError as error:
            uncertain = uncertain or error.uncertain
            if error.code == "TransactionConflictException":
                continue
            if error.code != "ConditionalCheckFailedException":
                raise
            record: dict[str, Any] = error.body.get("Item") or {}
            if not (is_left_by(write, record) or (uncertain and is_deleted(write, record))):
                raise Cancelled(0, "condition", record) from None
        else:
            record = reply.body.get("Attributes", {})
        return record
    raise Cancelled(0, "conflict", {})


def is_left_by(write: Write, record: Mapping[str, Any]) -> bool:
    """Return whether a record is the result of a write, so that an earlier attempt carried it out."""
    return bool(write.token) and record.get("write") == {"S": write.token}


def is_deleted(write: Write, record: Mapping[str, Any]) -> bool:
    """Return whether a write is a deletion whose record is missing, perhaps because of an earlier attempt."""
    return write.action == "DeleteItem" and not record


def refusal(entity: Entity, cancelled: Cancelled) -> Refusal:
    """Return the refusal of a request whose only write was cancelled."""
    if cancelled.kind == "conflict":
        return Unavailable("A transaction is changing the item. Try again in a moment.")
    return records.refusal(entity, cancelled.record)
