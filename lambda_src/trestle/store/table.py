"""Calls on the entities' tables, with DynamoDB's errors in the domain's terms."""

from __future__ import annotations

import os
import time

from trestle.context import Call
from trestle.errors import TooLarge, Unavailable
from trestle.store import dynamodb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity


NO_ANSWER = "The database can not answer now. Try again in a moment."
ITEM_TOO_LARGE = "The item would be over the 400 KB that the database keeps of one."


def call(entity: Entity, context: Context, action: str, payload: dict[str, Any]) -> dynamodb.Reply:
    """Call DynamoDB on the entity's table, as `request` does."""
    return request([entity.table], context, action, {"TableName": entity.table, **payload})


def request(tables: Sequence[str], context: Context, action: str, payload: dict[str, Any]) -> dynamodb.Reply:
    """Call DynamoDB before the context's deadline, and add the call, which is on these tables, to the context.

    Raises Unavailable, TooLarge, and dynamodb.ServiceError for what the caller knows how to read.
    """
    began = time.time()
    payload = {"ReturnConsumedCapacity": "TOTAL", **payload}
    try:
        reply = send(action, payload, deadline=context.deadline)
    except dynamodb.ServiceError as error:
        failed = _call(tables, action, began, error)
        failed.status, failed.code, failed.throttled = error.status, error.code, error.code in dynamodb.THROTTLED
        context.calls.append(failed)
        if isinstance(error, dynamodb.ServiceUnavailable):
            raise Unavailable(NO_ANSWER) from error
        if error.code == "ValidationException" and "Item size" in error.message:
            raise TooLarge(ITEM_TOO_LARGE) from error
        raise
    answered = _call(tables, action, began, reply)
    answered.units = _units(reply.body.get("ConsumedCapacity"))
    context.calls.append(answered)
    return reply


def _units(consumed: Any) -> float | None:
    """Return the capacity units of a call: on one table, or the sum over a transaction's. None if not told."""
    if isinstance(consumed, list):
        return sum(each["CapacityUnits"] for each in consumed) if consumed else None
    return consumed.get("CapacityUnits") if consumed else None


def _call(tables: Sequence[str], action: str, began: float, result: dynamodb.Reply | dynamodb.ServiceError) -> Call:
    return Call(
        action, tables,
        began=began, ended=time.time(), retries=result.retries, request_id=result.request_id,
    )  # fmt: skip


def send(action: str, payload: dict[str, Any], *, deadline: float | None = None, **where: Any) -> dynamodb.Reply:
    """Call DynamoDB, or the service in `where`, as `dynamodb.call` does.

    Goes through boto3's client if DYNAMODB_CLIENT is "boto3".
    """
    if os.environ.get("DYNAMODB_CLIENT") == "boto3":
        from trestle.store import boto3_client

        return boto3_client.call(action, payload, deadline=deadline, **where)
    return dynamodb.call(action, payload, deadline=deadline, **where)


def write_token() -> str:
    """Return a new token for one write, by which it is recognised when it is sent again after a lost answer."""
    return os.urandom(12).hex()
