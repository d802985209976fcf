"""Load functions of app/ in this process, with queues under moto, and build their events as AWS sends them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import boto3

from tests.unit.conftest import ENVIRONMENT
from tools.testing.functions import LambdaContext, load_handler

ACCOUNT = "123456789012"
STREAM = "arn:aws:dynamodb:us-west-2:123456789012:table/test-items/stream/2026-01-01T00:00:00.000"
QUEUE_ARN = f"arn:aws:sqs:us-west-2:{ACCOUNT}:deliver"
SEEN = "from trestle.app import *\nseen = []\n"


class Deployed:
    """A function: its handler, and its module in app/."""

    def __init__(self, handler: Callable[[Any, Any], Any], folder: Path) -> None:
        self.handler = handler
        self._folder = folder

    def __call__(self, event: Any, millis: int = 60_000) -> Any:
        """Return the function's result for an event."""
        answer = self.handler(event, LambdaContext(millis))
        json.dumps(answer)  # as in Lambda's runtime
        return answer

    @property
    def code(self) -> Any:
        """Return the module with its code."""
        return sys.modules["app.own"]


def deploy(folder: Path, source: str, config: Mapping[str, Any], **environment: str) -> Deployed:
    """Load a function whose code is app/own.py, as in a cold start. config: FUNCTION without name and code."""
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app" / "own.py").write_text(f"{SEEN}{source}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "app"]:
        del sys.modules[name]
    settings = {"name": "own", "code": "own", **config}
    variables = {
        "ENVIRONMENT": "test", "LOG_LEVEL": "INFO", "FUNCTION": json.dumps(settings),
        "LAMBDA_TASK_ROOT": str(folder), **environment,
    }  # fmt: skip
    with mock.patch.object(sys, "path", [str(folder), *sys.path]):
        return Deployed(load_handler("app", "index.py", variables), folder)


def sqs() -> Any:
    """An SQS client under moto."""
    return boto3.client("sqs", region_name=ENVIRONMENT["AWS_REGION"])


def new_queue(name: str) -> str:
    """Create a queue; return its URL."""
    url: str = sqs().create_queue(QueueName=name)["QueueUrl"]
    return url


def messages(url: str) -> list[Any]:
    """Receive and delete a queue's messages; return their bodies."""
    found: list[Any] = []
    client = sqs()
    while received := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in received:
            found.append(json.loads(each["Body"]))
            client.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return found


def lines(text: str) -> list[dict[str, Any]]:
    """Return the lines of a function's log without own code's output."""
    return [line for line in map(json.loads, text.splitlines()) if "durationMs" in line]


def image(item_id: str, version: int, doc: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a table's record as DynamoDB JSON; doc: attribute values."""
    return {
        "id": {"S": item_id},
        "createdAt": {"S": "2026-01-01T00:00:00.000001Z"},
        "updatedAt": {"S": f"2026-01-01T00:00:00.00000{version}Z"},
        "version": {"N": str(version)},
        "collection": {"S": "items"},
        "write": {"S": f"0011{version}"},
        "doc": {"M": dict(doc)},
        **more,
    }


def record(number: int, new: Any, old: Any, *, stream: str = STREAM, **more: Any) -> dict[str, Any]:
    """Return a stream record as Lambda sends it; new, old: the images, or None."""
    data: dict[str, Any] = {
        "ApproximateCreationDateTime": 1_767_225_600.0,
        "Keys": {"id": (new or old)["id"]},
        "SequenceNumber": f"{number:021}",
        "SizeBytes": 100,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    data |= {name: each for name, each in (("NewImage", new), ("OldImage", old)) if each is not None}
    return {
        "eventID": f"event-{number}",
        "eventName": "REMOVE" if new is None else "INSERT" if old is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-west-2",
        "dynamodb": data,
        "eventSourceARN": stream,
        **more,
    }


def message(body: Any, *, number: int = 1, received: int = 1, receipt: str = "receipt") -> dict[str, Any]:
    """Return a queue's message as Lambda sends it; a body that is not a string is sent as JSON."""
    return {
        "messageId": f"059f36b4-87a3-44ab-83d2-66197{number:07}",
        "receiptHandle": receipt,
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {
            "ApproximateReceiveCount": str(received),
            "SentTimestamp": "1767225600123",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1767225600200",
        },
        "messageAttributes": {},
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
        "awsRegion": "us-west-2",
    }
