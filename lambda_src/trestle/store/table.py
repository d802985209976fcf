"""Calls to DynamoDB for the entities' tables. Its errors become the domain's."""

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


NO_ANSWER = "The database cannot answer now. Try again in a moment."
ITEM_TOO_LARGE = "The item would exceed the database's limit of 400 KB."


def call(entity: Entity, context: Context, action: str, payload: dict[str, Any]) -> dynamodb.Reply:
    """Call DynamoDB on the entity's table, as `request` does."""
    return request([entity.table], context, action, {"TableName": entity.table, **payload})


def request(tables: Sequence[str], context: Context, action: str, payload: dict[str, Any]) -> dynamodb.Reply:
    """Call DynamoDB before the context's deadline, and record the call in the context.

    tables: the names of the tables that the call is about. Raises Unavailable, TooLarge, and dynamodb.ServiceError for
    all other errors.
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
    """Return a call's capacity units, the sum of all tables for a transaction. None if DynamoDB did not report them."""
    if isinstance(consumed, list):
        return sum(each["CapacityUnits"] for each in consumed) if consumed else None
    return consumed.get("CapacityUnits") if consumed else None


def _call(tables: Sequence[str], action: str, began: float, result: dynamodb.Reply | dynamodb.ServiceError) -> Call:
    return Call(
        action, tables,
        began=began, ended=time.time(), retries=result.retries, request_id=result.request_id,
    )  # fmt: skip


def send(action: str, payload: dict[str, Any], *, deadline: float | None = None, **where: Any) -> dynamodb.Reply:
    """Call DynamoDB, or another service, as `dynamodb.call` does.

    where: `service` and `region` of `dynamodb.call`. DYNAMODB_CLIENT=boto3 sends the call through boto3's client.
    """
    if os.environ.get("DYNAMODB_CLIENT") == "boto3":
        from trestle.store import boto3_client

        return boto3_client.call(action, payload, deadline=deadline, **where)
    return dynamodb.call(action, payload, deadline=deadline, **where)


def write_token() -> str:
    """Return a new token for one write, which identifies the write if it is retried after a lost answer."""
    return os.urandom(12).hex()
