"""Queues of SQS.

The calls carry no trace header. Lambda counts the turns of a loop by that header, and stops a function after about
16: a job that goes on by itself in turns of its own is no such loop.
"""

from __future__ import annotations

from trestle.store import endpoint
from trestle.store.services import request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context

SQS = endpoint.Service(
    "sqs", "AmazonSQS", title="SQS", version="1.0", variable="SQS",
    always_fips=("us-gov-", "us-iso-", "us-isob-east-", "us-isof-"),
)  # fmt: skip


def send_message(context: Context, url: str, body: str, *, delay: int = 0) -> None:
    """Send a message to a queue, which delivers it after `delay` seconds, 0 to 900.

    body: JSON; the two characters that SQS refuses are escaped.
    A retry after a lost answer may send the message twice. Raise Unavailable, RefusedError.
    """
    body = body.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    payload = {"QueueUrl": _reachable(url), "MessageBody": body}
    request(SQS, context, "SendMessage", payload | ({"DelaySeconds": delay} if delay else {}))


def change_visibility(context: Context, url: str, receipt: str, seconds: int) -> None:
    """Hide a received message for a number of seconds from now, 0 to 43,200.

    receipt: its receipt handle. Raise Unavailable, RefusedError.
    """
    payload = {"QueueUrl": _reachable(url), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
    request(SQS, context, "ChangeMessageVisibility", payload)


def _reachable(url: str) -> str:
    """Return a queue's URL with the endpoint from the environment, if there is one."""
    named = endpoint.named(SQS)
    return f"{named.rstrip('/')}/{url.partition('://')[2].partition('/')[2]}" if named else url
