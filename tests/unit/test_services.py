"""Test SQS and Secrets Manager through both transports: the requests, and how each response is handled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.unit.loopback import Behaviour, Server, answers, fails, sends
from trestle.context import Context
from trestle.errors import Unavailable
from trestle.http.traces import _call_segment
from trestle.store import dynamodb
from trestle.store.queues import change_visibility, send_message
from trestle.store.secrets import BinarySecretError, secret_value
from trestle.store.services import RefusedError

pytestmark = pytest.mark.usefixtures("unconnected")

QUEUE = "https://sqs.us-west-2.amazonaws.com/123456789012/shop-deliver-prod"
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-AbCdEf"
TEXT, BYTES = "a value", "eA=="


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trestle.store.dynamodb.time.sleep", lambda _: None)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Return a function that starts a scripted server in place of all AWS services."""
    servers: list[Server] = []

    def start(*script: Behaviour) -> Server:
        servers.append(Server(*script))
        monkeypatch.setenv("AWS_ENDPOINT_URL", servers[-1].url)
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__()


def test_a_message_is_sent(transport: str, serve: Callable[..., Server]) -> None:
    server = serve(answers({"MessageId": "m", "MD5OfMessageBody": "5d41402abc4b2a76b9719d911017c592"}))
    send_message(Context(), QUEUE, "hello", delay=900)
    send_message(Context(), QUEUE, "hello")
    first, second = server.requests
    url = f"{server.url}/123456789012/shop-deliver-prod"
    assert json.loads(first.body) == {"QueueUrl": url, "MessageBody": "hello", "DelaySeconds": 900}
    assert json.loads(second.body) == {"QueueUrl": url, "MessageBody": "hello"}
    assert first.headers["x-amz-target"] == "AmazonSQS.SendMessage"
    assert first.headers["content-type"] == "application/x-amz-json-1.0"
    assert "/us-west-2/sqs/aws4_request" in first.headers["authorization"]
    # Lambda detects recursive loops by this header.
    assert "x-amzn-trace-id" not in first.headers


def test_a_queues_own_url_is_kept_on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def send(action: str, payload: Any, **where: Any) -> dynamodb.Reply:
        asked.append((action, payload["QueueUrl"], where["service"].name, where["region"]))
        return dynamodb.Reply({}, 0)

    monkeypatch.setattr("trestle.store.table.send", send)
    send_message(Context(), QUEUE, "hello")
    assert asked == [("SendMessage", QUEUE, "sqs", "")]


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_message_is_hidden(transport: str, serve: Callable[..., Server], body: bytes) -> None:
    """SQS responds to this action with an empty body."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    server = serve(sends(head.encode() + body))
    change_visibility(Context(), QUEUE, "handle", 43_200)
    (asked,) = server.requests
    assert asked.headers["x-amz-target"] == "AmazonSQS.ChangeMessageVisibility"
    sent = json.loads(asked.body)
    assert (sent["ReceiptHandle"], sent["VisibilityTimeout"]) == ("handle", 43_200)


def test_a_secret_is_read_in_its_region(transport: str, serve: Callable[..., Server]) -> None:
    server = serve(answers({"SecretString": TEXT}))
    assert secret_value(Context(), ARN) == TEXT
    (asked,) = server.requests
    assert json.loads(asked.body) == {"SecretId": ARN}
    assert asked.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert asked.headers["content-type"] == "application/x-amz-json-1.1"
    assert "/eu-west-1/secretsmanager/aws4_request" in asked.headers["authorization"]


def test_calls_are_noted_for_the_trace_and_hold_no_value(transport: str, serve: Callable[..., Server]) -> None:
    context = Context()
    serve(answers({"SecretString": TEXT}), fails("ResourceNotFoundException"))
    secret_value(context, ARN)
    with pytest.raises(RefusedError):
        secret_value(context, ARN)
    read, refused = map(_call_segment, context.calls)
    assert (read["name"], read["aws"]["operation"], read["http"]) == (
        "Secrets Manager", "GetSecretValue", {"response": {"status": 200}},
    )  # fmt: skip
    assert set(read["aws"]) == {"operation", "region", "request_id", "retries"}
    assert (refused["error"], refused["http"]) == (True, {"response": {"status": 400}})
    assert refused["cause"]["exceptions"][0]["type"] == "ResourceNotFoundException"
    assert TEXT not in json.dumps([read, refused])


def test_a_secret_of_bytes(transport: str, serve: Callable[..., Server]) -> None:
    serve(answers({"SecretBinary": BYTES}))
    with pytest.raises(BinarySecretError, match=r"^The secret is binary\. Store it as text, as SecretString\.$"):
        secret_value(Context(), ARN)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "DecryptionFailure"])
def test_a_refused_call(transport: str, serve: Callable[..., Server], code: str) -> None:
    server = serve(fails(code))
    with pytest.raises(RefusedError, match=rf"^Secrets Manager refused GetSecretValue with {code}\.$") as error:
        secret_value(Context(), ARN)
    assert error.value.code == code
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        (fails("InternalServiceError", 500), 3),
        (fails("ThrottlingException"), 3),
        (fails("KmsThrottled"), 1),
    ],
)
def test_an_unavailable_service(transport: str, serve: Callable[..., Server], answer: Behaviour, requests: int) -> None:
    server = serve(answer)
    with pytest.raises(Unavailable, match=r"^SQS cannot answer now\. Try again in a moment\.$"):
        send_message(Context(), QUEUE, "hello")
    assert len(server.requests) == requests


def test_nothing_is_sent_after_the_deadline(transport: str, serve: Callable[..., Server]) -> None:
    server = serve(answers({}))
    with pytest.raises(Unavailable):
        send_message(Context(deadline=0.0), QUEUE, "hello")
    assert server.requests == []


def test_both_services_against_moto(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto takes AWS's place: it implements the protocols but checks no signatures."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        sqs = boto3.client("sqs")
        url = sqs.create_queue(QueueName=f"jobs-{transport}")["QueueUrl"]
        queue = f"https://sqs.us-west-2.amazonaws.com/123456789012/jobs-{transport}"
        send_message(Context(), queue, '{"body":"é"}')
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        assert message["Body"] == '{"body":"é"}'
        change_visibility(Context(), queue, message["ReceiptHandle"], 0)
        assert sqs.receive_message(QueueUrl=url)["Messages"][0]["MessageId"] == message["MessageId"]
        with pytest.raises(RefusedError, match=r"^SQS refused SendMessage with "):
            send_message(Context(), f"{queue}-not", "hello")
        secrets = boto3.client("secretsmanager", region_name="eu-west-1")
        arn = secrets.create_secret(Name=f"stripe-{transport}", SecretString=TEXT)["ARN"]
        assert secret_value(Context(), arn) == TEXT
        with pytest.raises(RefusedError, match="with ResourceNotFoundException"):
            secret_value(Context(), arn.replace("stripe", "paypal"))
    finally:
        server.stop()
