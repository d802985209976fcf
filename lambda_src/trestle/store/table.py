"""Calls on the entity's table, with DynamoDB's errors in the domain's terms."""

from __future__ import annotations

import os
import time

from trestle.calls import CALLS, Call
from trestle.config import CONFIG
from trestle.errors import TooLarge, Unavailable
from trestle.store import dynamodb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def call(action: str, payload: dict[str, Any], deadline: float | None) -> dynamodb.Reply:
    """Call DynamoDB on the entity's table, and note the call; deadline is a value of time.monotonic().

    Raises Unavailable, TooLarge, and dynamodb.ServiceError for what the caller knows how to read.
    """
    began = time.time()
    whole = {"TableName": CONFIG.table, "ReturnConsumedCapacity": "TOTAL", **payload}
    try:
        reply = dynamodb.call(action, whole, deadline=deadline)
    except dynamodb.ServiceError as error:
        made = Call(action, began, time.time(), error.retries, error.request_id)
        made.status, made.code, made.throttled = error.status, error.code, error.code in dynamodb.THROTTLED
        CALLS.append(made)
        if isinstance(error, dynamodb.ServiceUnavailable):
            raise Unavailable("The database can not answer now. Try again in a moment.") from error
        if error.code == "ValidationException" and "Item size" in error.message:
            raise TooLarge("The item would be over the 400 KB that the database keeps of one.") from error
        raise
    made = Call(action, began, time.time(), reply.retries, reply.request_id)
    made.units = (reply.body.get("ConsumedCapacity") or {}).get("CapacityUnits")
    CALLS.append(made)
    return reply


def write_token() -> str:
    """A fresh mark of one write: a write that is sent again after a lost answer knows itself by it."""
    return os.urandom(12).hex()
