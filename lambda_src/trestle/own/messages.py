"""The queue messages of jobs."""

from __future__ import annotations

import os

from trestle import app
from trestle.clock import now
from trestle.errors import QuotableError
from trestle.operations.ids import uuid
from trestle.own.values import plain
from trestle.strict_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_MESSAGE_BYTES = 256 * 1024
MAX_DELAY_SECONDS = 900


class MessageError(QuotableError, ValueError):
    """A queue cannot accept the message."""


def job_message(body: Any, *, turn: int = 0) -> str:
    """Return the message of a new job.

    body: a JSON value with numbers as int or Decimal. turn: the number of times that Again has continued the job. Raise
    FloatError, ValueTypeError or UnkeepableError, which name the first invalid place, and MessageError for a message
    over 256 KiB.
    """
    if isinstance(body, float):
        raise app.FloatError("The body is a float. Use int or Decimal.")
    message = dumps({"id": uuid(os.urandom(16)), "at": now(), "body": plain(body), "turn": turn})
    if len(message.encode()) > MAX_MESSAGE_BYTES:
        raise MessageError(
            f"The body is over the {MAX_MESSAGE_BYTES // 1024} KiB that a queue accepts. Store it, and send its id."
        )
    return message


def check_delay(delay: Any) -> None:
    """Raise MessageError for a delay that a queue does not accept."""
    if type(delay) is not int or not 0 <= delay <= MAX_DELAY_SECONDS:
        raise MessageError(f"delay is {delay!r}. Use whole seconds, 0 to {MAX_DELAY_SECONDS}.")
