"""Calls on the entity's table, with DynamoDB's errors in the domain's terms."""

from __future__ import annotations

import os

from trestle.config import CONFIG
from trestle.errors import TooLarge, Unavailable
from trestle.store import dynamodb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def call(action: str, payload: dict[str, Any], deadline: float | None) -> dynamodb.Reply:
    """Call DynamoDB on the entity's table; deadline is a value of time.monotonic().

    Raises Unavailable, TooLarge, and dynamodb.ServiceError for what the caller knows how to read.
    """
    try:
        return dynamodb.call(action, {"TableName": CONFIG.table, **payload}, deadline=deadline)
    except dynamodb.Unavailable as error:
        raise Unavailable("The database can not answer now. Try again in a moment.") from error
    except dynamodb.ServiceError as error:
        if error.code == "ValidationException" and "Item size" in error.message:
            raise TooLarge("The item would be over the 400 KB that the database keeps of one.") from error
        raise


def write_token() -> str:
    """A fresh mark of one write: a write that is sent again after a lost answer knows itself by it."""
    return os.urandom(12).hex()
