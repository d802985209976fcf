"""A write: one conditional action on one record, which goes by itself or in a transaction with others."""

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

    payload: its parameters in DynamoDB's terms: the key or the item, the expressions, their names and values.
    token: the `write` attribute of the record that it leaves, "" for a DeleteItem and a ConditionCheck.
    """

    __slots__ = ("action", "entity", "payload", "token")

    def __init__(self, action: Action, entity: Entity, payload: dict[str, Any], token: str = "") -> None:
        self.action = action
        self.entity = entity
        self.payload = payload
        self.token = token

    def sign(self, writer: str) -> None:
        """Let the record that the write leaves tell who wrote it: its token becomes "WRITER/<token>"."""
        if not self.token or self.token.startswith(f"{writer}/"):
            return
        self.token = f"{writer}/{self.token}"
        if self.action == "PutItem":
            self.payload["Item"]["write"] = {"S": self.token}
        else:
            self.payload["ExpressionAttributeValues"][":write"] = {"S": self.token}


class Cancelled(Exception):  # noqa: N818 - an outcome, not a failure of the program
    """DynamoDB has carried out none of the writes.

    index: the position of the write that stopped them. kind: "condition" if its condition failed, "conflict" if
    a transaction of somebody else was changing its record. record: the record that the condition met, empty if
    there is none or DynamoDB does not say.
    """

    def __init__(self, index: int, kind: Kind, record: dict[str, Any]) -> None:
        super().__init__(index, kind)
        self.index = index
        self.kind = kind
        self.record = record


def perform(context: Context, write: Write) -> dict[str, Any]:
    """Carry out one write in a request of its own; return the record that an UpdateItem leaves.

    A write that finds itself carried out, since the answer to an earlier attempt was lost, has succeeded.
    Tries again while a transaction of somebody else is changing the record. Raises Cancelled.
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
    """Return whether a record is what a write leaves, so that the write was carried out before."""
    return bool(write.token) and record.get("write") == {"S": write.token}


def is_deleted(write: Write, record: Mapping[str, Any]) -> bool:
    """Return whether a write deletes and its record is missing, perhaps because of an earlier attempt."""
    return write.action == "DeleteItem" and not record


def refusal(entity: Entity, cancelled: Cancelled) -> Refusal:
    """Return why a request is refused if its only write was cancelled."""
    if cancelled.kind == "conflict":
        return Unavailable("A transaction is changing the item. Try again in a moment.")
    return records.refusal(entity, cancelled.record)
