"""Calls on an entity's table, with DynamoDB's errors in the domain's terms."""

from __future__ import annotations

import os
import time

from trestle.context import Call
from trestle.errors import TooLarge, Unavailable
from trestle.store import dynamodb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity


def call(entity: Entity, context: Context, action: str, payload: dict[str, Any]) -> dynamodb.Reply:
    """Call DynamoDB on the entity's table before the context's deadline, and add the call to the context.

    Raises Unavailable, TooLarge, and dynamodb.ServiceError for what the caller knows how to read.
    """
    began = time.time()
    payload = {"TableName": entity.table, "ReturnConsumedCapacity": "TOTAL", **payload}
    try:
        reply = send(action, payload, deadline=context.deadline)
    except dynamodb.ServiceError as error:
        failed = _call(entity, action, began, error)
        failed.status, failed.code, failed.throttled = error.status, error.code, error.code in dynamodb.THROTTLED
        context.calls.append(failed)
        if isinstance(error, dynamodb.ServiceUnavailable):
            raise Unavailable("The database can not answer now. Try again in a moment.") from error
        if error.code == "ValidationException" and "Item size" in error.message:
            raise TooLarge("The item would be over the 400 KB that the database keeps of one.") from error
        raise
    answered = _call(entity, action, began, reply)
    answered.units = (reply.body.get("ConsumedCapacity") or {}).get("CapacityUnits")
    context.calls.append(answered)
    return reply


def _call(entity: Entity, action: str, began: float, result: dynamodb.Reply | dynamodb.ServiceError) -> Call:
    return Call(
        action, entity.table,
        began=began, ended=time.time(), retries=result.retries, request_id=result.request_id,
    )  # fmt: skip


def send(action: str, payload: dict[str, Any], *, deadline: float | None = None) -> dynamodb.Reply:
    """Call DynamoDB as `dynamodb.call` does, or through boto3's client if DYNAMODB_CLIENT is "boto3"."""
    if os.environ.get("DYNAMODB_CLIENT") == "boto3":
        from trestle.store import boto3_client

        return boto3_client.call(action, payload, deadline=deadline)
    return dynamodb.call(action, payload, deadline=deadline)


def write_token() -> str:
    """Return a new token for one write, by which it is recognised when it is sent again after a lost answer."""
    return os.urandom(12).hex()
