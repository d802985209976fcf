"""Compare the signed transport with boto3's client: the same calls, responses and attempts."""

from __future__ import annotations

import binascii
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from tests.unit.loopback import (
    Behaviour,
    Request,
    Server,
    answers,
    closed_port,
    drops,
    fails,
    hanging,
    resets,
    sends,
    wait_until,
)
from trestle.store import boto3_client, connection, dynamodb, endpoint, table
from trestle.store.queues import SQS
from trestle.store.secrets import SECRETS_MANAGER

ITEM = {"id": {"S": "a"}, "doc": {"M": {"n": {"N": "1"}, "t": {"S": "é€😀"}, "l": {"L": [{"NULL": True}]}}}}
OK = answers({"Item": ITEM})


pytestmark = pytest.mark.usefixtures("unconnected")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the pauses between attempts without sleeping."""
    asked: list[float] = []
    monkeypatch.setattr("trestle.store.dynamodb.time", _Clock(asked))
    monkeypatch.setattr("botocore.endpoint.time", _Clock(asked))
    return asked


class _Clock:
    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    def __init__(self, asked: list[float]) -> None:
        self.sleep = asked.append


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Return a function that starts a scripted server in place of DynamoDB."""
    servers: list[Server] = []

    def start(*script: Behaviour) -> Server:
        server = Server(*script)
        servers.append(server)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
        return server

    yield start
    for server in servers:
        server.__exit__()


def get(deadline: float | None = None) -> dynamodb.Reply:
    return table.send("GetItem", {"TableName": "t", "Key": {"id": {"S": "a"}}}, deadline=deadline)


def get_error(**how: Any) -> dynamodb.ServiceError:
    with pytest.raises(dynamodb.ServiceError) as caught:
        get(**how)
    return caught.value


# --- Both transports on a DynamoDB ---


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


CONDITION = {
    "ConditionExpression": "attribute_not_exists(id)",
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}
PUT_B = {"Put": {"TableName": "t", "Item": {**ITEM, "id": {"S": "b"}}, **CONDITION}}
CHECK_A = {"TableName": "t", "Key": {"id": {"S": "a"}}, "ConditionExpression": "attribute_exists(id)"}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("PutItem", {"Item": ITEM, **CONDITION}),
    ("PutItem", {"Item": ITEM, **CONDITION}),
    ("GetItem", {"Key": {"id": {"S": "a"}}, "ConsistentRead": True}),
    ("GetItem", {"Key": {"id": {"S": "none"}}}),
    (
        "UpdateItem",
        {
            "Key": {"id": {"S": "a"}},
            "UpdateExpression": "SET #doc.#k = :v",
            "ExpressionAttributeNames": {"#doc": "doc", "#k": "new"},
            "ExpressionAttributeValues": {":v": {"BOOL": False}},
            "ReturnValues": "ALL_NEW",
        },
    ),
    (
        "Query",
        {
            "KeyConditionExpression": "id = :id",
            "ExpressionAttributeValues": {":id": {"S": "a"}},
            "Limit": 1,
        },
    ),
    ("Scan", {"Limit": 5}),
    ("DeleteItem", {"Key": {"id": {"S": "a"}}, "ReturnValues": "ALL_OLD"}),
    ("DeleteItem", {"Key": {"id": {"S": "a"}}, "ConditionExpression": "attribute_exists(id)"}),
    ("TransactWriteItems", {"TransactItems": [PUT_B, {"ConditionCheck": CHECK_A}]}),
    ("TransactWriteItems", {"TransactItems": [PUT_B], "ReturnConsumedCapacity": "TOTAL"}),
    ("TransactWriteItems", {"TransactItems": [PUT_B, {"ConditionCheck": {**CHECK_A, **CONDITION}}]}),
    ("GetItem", {"Key": {"wrong": {"S": "a"}}}),
    ("GetItem", {"TableName": "no-such-table", "Key": {"id": {"S": "a"}}}),
]


def outcomes(name: str) -> list[Any]:
    found: list[Any] = []
    for action, payload in CALLS:
        try:
            where = {} if action == "TransactWriteItems" else {"TableName": name}
            reply = table.send(action, {**where, **payload})
            found.append((reply.body, reply.retries))
        except dynamodb.ServiceError as error:
            found.append((type(error), error.code, error.message, error.status, error.body, error.retries))
    return found


def test_the_same_calls_get_the_same_responses(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    found = {}
    for name in ("signed", "boto3"):
        monkeypatch.setenv("DYNAMODB_CLIENT", name)
        boto3_client.shared_client().create_table(
            TableName="t",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        found[name] = outcomes("t")
        boto3_client.shared_client().delete_table(TableName="t")
    assert found["signed"] == found["boto3"]
    assert found["signed"][1][1] == "ConditionalCheckFailedException"
    assert found["signed"][1][4]["Item"] == ITEM
    assert found["signed"][2] == ({"Item": ITEM}, 0)
    none, failed = {"Code": "None"}, {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    cancelled, done, again = found["signed"][9:12]
    assert cancelled[4] == {"CancellationReasons": [none, failed]}
    assert done[1] == 0
    assert again[4] == {"CancellationReasons": [{**failed, "Item": PUT_B["Put"]["Item"]}, none]}
    assert [outcome[1] for outcome in found["signed"][-2:]] == [
        "ValidationException",
        "ResourceNotFoundException",
    ]


def test_requests_and_signatures_are_the_same(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    server = serve(OK)
    get()
    monkeypatch.setenv("DYNAMODB_CLIENT", "boto3")
    get()
    ours, theirs = server.requests
    assert (ours.method, ours.path) == (theirs.method, theirs.path) == ("POST", "/")
    assert json.loads(ours.body) == json.loads(theirs.body)
    for name in ("host", "content-type", "x-amz-target", "x-amz-security-token"):
        assert ours.headers[name] == theirs.headers[name]
    parts = [re.split("[ ,=]+", each.headers["authorization"]) for each in (ours, theirs)]
    assert parts[0][:5] == parts[1][:5]  # algorithm, scope, signed headers


def test_responses_have_the_aws_request_id(transport: str, serve: Callable[..., Server]) -> None:
    serve(answers({}, x_amzn_requestid="R1"), fails("ValidationException", x_amzn_requestid="R2"), OK)
    assert get().request_id == "R1"
    assert get_error().request_id == "R2"
    assert get().request_id == ""


# --- Retries ---

THROTTLING = sorted(dynamodb.THROTTLED)
TRANSIENT = sorted(dynamodb.TRANSIENT - {"InternalServerError"})


@pytest.mark.parametrize("code", [*THROTTLING, *TRANSIENT])
def test_transient_errors_are_retried(
    transport: str, serve: Callable[..., Server], pauses: list[float], code: str
) -> None:
    server = serve(fails(code), answers({}))
    reply = table.send("PutItem", {"TableName": "t", "Item": ITEM})
    assert (reply.body, reply.retries) == ({}, 1)
    assert len(server.requests) == 2
    assert len(pauses) == 1


def test_a_transaction_is_repeated_with_its_token(
    transport: str, serve: Callable[..., Server], pauses: list[float]
) -> None:
    reasons = [{"Code": "TransactionConflict", "Message": "Ongoing."}, {"Code": "None"}]
    cancelled = {"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": "Cancelled."}
    server = serve(
        drops, fails("TransactionInProgressException"), answers({**cancelled, "CancellationReasons": reasons}, 400)
    )
    payload = {"ClientRequestToken": "token", "TransactItems": [PUT_B, {"ConditionCheck": CHECK_A}]}
    with pytest.raises(dynamodb.ServiceError) as caught:
        table.send("TransactWriteItems", payload)
    assert [json.loads(request.body) for request in server.requests] == 3 * [payload]
    error = caught.value
    assert not isinstance(error, dynamodb.ServiceUnavailable)
    assert (error.code, error.message, error.body) == (
        "TransactionCanceledException",
        "Cancelled.",
        {"CancellationReasons": reasons},
    )
    assert (error.retries, error.uncertain) == (2, True)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_transient_statuses_are_retried(
    transport: str, serve: Callable[..., Server], pauses: list[float], status: int
) -> None:
    server = serve(answers(b"<html>", status), fails("SomeError", status), OK)
    assert get().retries == 2
    assert len(server.requests) == 3


def test_too_many_requests_is_retried(serve: Callable[..., Server], pauses: list[float]) -> None:
    """By its status only, as in botocore from 1.44 on."""
    serve(answers(b"<html>", 429), OK)
    assert get().retries == 1


@pytest.mark.parametrize(
    "code", ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"]
)
def test_three_attempts_and_no_more(
    transport: str, serve: Callable[..., Server], pauses: list[float], code: str
) -> None:
    server = serve(fails(code, message="Too fast."))
    error = get_error()
    assert isinstance(error, dynamodb.ServiceUnavailable)
    assert (error.code, error.message, error.status, error.retries) == (code, "Too fast.", 400, 2)
    assert len(server.requests) == 3
    assert len(pauses) == 2


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ValidationException", ""),
        ("AccessDeniedException", ": No."),
        ("ConditionalCheckFailedException", ": No."),
        ("TransactionCanceledException", ": No."),
        ("TransactionConflictException", ": No."),
        ("IdempotentParameterMismatchException", ": No."),
    ],
)
def test_permanent_errors_are_not_retried(transport: str, serve: Callable[..., Server], code: str, said: str) -> None:
    server = serve(fails(code))
    error = get_error()
    assert not isinstance(error, dynamodb.ServiceUnavailable)
    assert (error.code, error.status, error.retries) == (code, 400, 0)
    assert (str(error), error.message) == (f"{code}{said}", "No.")
    assert len(server.requests) == 1


def test_retries_are_counted_if_the_last_response_is_an_error(
    transport: str, serve: Callable[..., Server], pauses: list[float]
) -> None:
    serve(drops, fails("ConditionalCheckFailedException"))
    assert get_error().retries == 1


@pytest.mark.parametrize(
    ("first", "uncertain"),
    [
        ([], False),
        ([fails("ThrottlingException")], False),
        ([fails("ThrottlingException", 503)], False),
        ([fails("InternalServerError", 500)], True),
        ([answers(b"<html>", 503)], True),
        ([drops], True),
        ([resets], True),
        ([drops, fails("ThrottlingException")], True),
        ([fails("ThrottlingException"), drops], True),
    ],
)
def test_an_earlier_attempt_is_uncertain_if_its_response_was_lost(
    transport: str, serve: Callable[..., Server], pauses: list[float], first: list[Behaviour], uncertain: bool
) -> None:
    serve(*first, fails("ConditionalCheckFailedException"))
    error = get_error()
    assert (error.code, error.uncertain) == ("ConditionalCheckFailedException", uncertain)


def test_an_attempt_that_was_never_sent_is_not_uncertain(
    transport: str, serve: Callable[..., Server], pauses: list[float]
) -> None:
    server = serve(sends(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"))
    get()  # an earlier request, which was sent
    server.__exit__()
    assert not get_error().uncertain


@pytest.mark.parametrize("behaviour", [drops, resets])
def test_broken_connections_are_retried(
    transport: str, serve: Callable[..., Server], pauses: list[float], behaviour: Behaviour
) -> None:
    server = serve(behaviour, OK)
    reply = get()
    assert (reply.body, reply.retries) == ({"Item": ITEM}, 1)
    assert len(server.requests) == 2


def test_truncated_responses_are_retried(serve: Callable[..., Server], pauses: list[float]) -> None:
    """Unlike botocore, the transport does not accept a truncated response."""
    serve(sends(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}"), OK)
    assert get().retries == 1


def test_a_refused_connection_is_retried(transport: str, monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port()}")
    error = get_error()
    assert isinstance(error, dynamodb.ServiceUnavailable)
    assert (error.status, error.retries, len(pauses)) == (0, 2, 2)


def test_each_attempt_times_out(
    transport: str, serve: Callable[..., Server], pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb, "ATTEMPT_SECONDS", 0.2)
    with hanging() as hangs:
        server = serve(hangs)
        error = get_error()  # the server sends nothing
    assert isinstance(error, dynamodb.ServiceUnavailable)
    assert (error.status, error.retries) == (0, 2)
    wait_until(lambda: len(server.requests) == 3)


def test_pauses_grow_and_are_jittered(serve: Callable[..., Server], pauses: list[float]) -> None:
    serve(answers(b"", 500))
    for _ in range(120):  # enough for some near both ends
        get_error()
    firsts, seconds = pauses[::2], pauses[1::2]
    assert 0 <= min(firsts) < 0.006 < 0.019 < max(firsts) <= 0.025
    assert 0 <= min(seconds) < 0.012 < 0.038 < max(seconds) <= 0.05


def test_throttled_pauses_are_longer_but_limited(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)
    assert [dynamodb.pause("ThrottlingException", retries) for retries in (0, 1, 5)] == [1, 2, 20]
    assert dynamodb.pause("InternalServerError", 0) == 0.025


# --- The kept connection ---


def test_the_connection_is_reused(transport: str, serve: Callable[..., Server]) -> None:
    server = serve(OK)
    for _ in range(3):
        assert get().retries == 0
    assert server.connections == 1


def test_a_closed_connection_is_replaced_without_a_retry(transport: str, serve: Callable[..., Server]) -> None:
    content = json.dumps({"Item": ITEM}).encode()
    closing = sends(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(content), content))
    server = serve(closing, OK)
    get()
    wait_until(lambda: server.closed == 1)
    reply = get()
    assert (reply.retries, server.connections, len(server.requests)) == (0, 2, 2)


def test_a_connection_that_breaks_during_a_request_counts_as_a_retry(
    transport: str, serve: Callable[..., Server], pauses: list[float]
) -> None:
    server = serve(OK, drops, OK)
    get()
    assert (get().retries, server.connections) == (1, 2)


def test_unexpected_bytes_end_the_connection(serve: Callable[..., Server]) -> None:
    content = b"{}"
    server = serve(sends(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n" + content + b"HTTP/1.1 200", keep=True), OK)
    get()
    assert get().body == {"Item": ITEM}
    assert server.connections == 2


def test_a_long_idle_connection_is_replaced(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(OK)
    get()
    monkeypatch.setattr(connection, "IDLE_SECONDS", -1.0)
    get()
    assert server.connections == 2


@pytest.mark.parametrize("kind", ["on-demand", "provisioned-concurrency"])
def test_the_connection_is_opened_while_lambda_starts(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
    server = serve(OK)
    dynamodb.connect()
    wait_until(lambda: server.connections == 1)
    assert server.requests == []
    get()
    assert server.connections == 1


def test_importing_in_lambda_opens_the_connection(serve: Callable[..., Server]) -> None:
    server = serve(OK)
    environment = os.environ | {
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "PYTHONPATH": str(Path(dynamodb.__file__).parents[2]),
    }
    subprocess.run([sys.executable, "-c", "import trestle.store.dynamodb"], env=environment, check=True)
    wait_until(lambda: server.closed == 1)
    assert (server.connections, server.requests) == (1, [])


@pytest.mark.parametrize("kind", [None, "snap-start", "boto3"])
def test_no_connection_is_opened_early_elsewhere(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, kind: str | None
) -> None:
    if kind == "boto3":
        monkeypatch.setenv("DYNAMODB_CLIENT", "boto3")
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    elif kind:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
    server = serve(OK)
    dynamodb.connect()
    # This is the first connection that the server accepts.
    socket.create_connection(("127.0.0.1", server.port)).close()
    wait_until(lambda: server.closed == 1)
    assert server.connections == 1


def test_failing_to_open_early_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port()}")
    dynamodb.connect()
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    dynamodb.connect()


# --- HTTP/1.1 ---

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n4;x=y\r\n{"a"\r\n3\r\n:1}\r\n0\r\nTrailer: x\r\n\r\n',
        HEAD + b'\r\n{"a":1}',
        HEAD + b'\r\n{"a":1}' + b" " * 200_000,
        HEAD + b'Connection: close\r\nContent-Length: 7\r\n\r\n{"a":1}',
        b'HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}',
    ],
    ids=["chunked", "until the end", "long until the end", "closing", "1.0"],
)
def test_ways_to_send_a_body(transport: str, serve: Callable[..., Server], answer: bytes) -> None:
    if transport == "boto3":
        answer = answer.replace(b'{"a":1}', b"{}     ").replace(b'{"a"', b"{   ").replace(b":1}", b"  }")
    server = serve(sends(answer), OK)
    assert get().body == ({} if transport == "boto3" else {"a": 1})
    wait_until(lambda: server.closed == 1)
    assert get().retries == 0
    assert server.connections == 2


def test_chunked_connection_is_kept(serve: Callable[..., Server]) -> None:
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    server = serve(sends(chunked, keep=True), OK)
    get()
    get()
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        HEAD + b"Content-Length: many\r\n\r\n{}",
        HEAD + b"Content-Length: 9999999\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nfour\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"100\r\n" * 1 + b" " * 256 + b"\r\n" + b"100\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"100\r\n" + b" " * 256 + b"\r\n") * 5 + b"0\r\n\r\n",
        HEAD + b"X: " + b"x" * 2000,
        HEAD + b"\r\n" + b" " * 200_000,
        HEAD + b"Connection: close\r\nContent-Length: 4\r\n\r\nnull",
        HEAD + b"Connection: close\r\nContent-Length: 4\r\n\r\n{,,}",
        HEAD + b"Connection: close\r\nContent-Length: 2\r\nx-amz-crc32: 1\r\n\r\n{}",
    ],
)
def test_invalid_responses_are_refused(
    serve: Callable[..., Server], pauses: list[float], monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(connection, "MAX_HEAD_BYTES", 1000)
    monkeypatch.setattr(connection, "MAX_BODY_BYTES", 1000)
    serve(sends(answer))
    error = get_error()
    assert isinstance(error, dynamodb.ServiceUnavailable)
    assert (error.code, error.message, error.status) == ("BrokenAnswerError", "DynamoDB gave no answer.", 0)
    assert error.retries == 2


def test_the_responses_checksum_is_verified(serve: Callable[..., Server], pauses: list[float]) -> None:
    right = str(binascii.crc32(json.dumps({"Item": ITEM}).encode()))
    serve(answers({"Item": ITEM}, x_amz_crc32="1"), answers({"Item": ITEM}, x_amz_crc32=right))
    assert get().retries == 1


def test_error_without_a_type_has_its_status_as_code(serve: Callable[..., Server]) -> None:
    serve(answers(b"[]", 413))
    error = get_error()
    assert (error.code, error.message, error.status, error.body) == ("413", "", 413, {})


# --- Deadlines ---


def test_deadline_ends_a_call(transport: str, serve: Callable[..., Server]) -> None:
    with hanging() as hangs:
        server = serve(hangs)
        error = get_error(deadline=time.monotonic() + 0.3)  # the server sends nothing
    assert isinstance(error, dynamodb.ServiceUnavailable)
    assert (error.code, error.status) == ("TimeoutError", 0)
    assert len(server.requests) <= 1


def test_no_pause_runs_past_the_deadline(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    # Only this call's pauses: threads of earlier tests of boto3's deadlines may still retry.
    pauses: list[float] = []
    monkeypatch.setattr("trestle.store.dynamodb.time", _Clock(pauses))
    monkeypatch.setattr(dynamodb, "THROTTLED_PAUSE_SECONDS", dynamodb.LONGEST_PAUSE_SECONDS)
    monkeypatch.setattr("random.random", lambda: 1.0)
    server = serve(fails("ThrottlingException"))
    error = get_error(deadline=time.monotonic() + dynamodb.LONGEST_PAUSE_SECONDS - 5)
    assert pauses == []
    assert (error.code, error.retries, len(server.requests)) == ("ThrottlingException", 0, 1)


def test_nothing_is_sent_after_the_deadline(transport: str, serve: Callable[..., Server]) -> None:
    server = serve(OK)
    assert isinstance(get_error(deadline=time.monotonic() - 1), dynamodb.ServiceUnavailable)
    assert server.requests == []


def test_a_response_before_the_deadline(transport: str, serve: Callable[..., Server]) -> None:
    serve(OK, fails("ValidationException"))
    assert get(deadline=time.monotonic() + 60).body == {"Item": ITEM}
    assert get_error(deadline=time.monotonic() + 60).code == "ValidationException"


# --- The clock ---


def respond_with_skewed_clock(seconds: float, code: str = "InvalidSignatureException") -> Behaviour:
    """Return an error behaviour with a skewed clock, read when it responds, long after test collection."""

    def behave(connected: socket.socket, request: Request) -> bool:
        return fails(code, date=formatdate(time.time() + seconds, usegmt=True))(connected, request)

    return behave


@pytest.mark.parametrize("code", dynamodb.CLOCK_CODES)
def test_a_wrong_clock_is_corrected_by_the_servers(
    serve: Callable[..., Server], pauses: list[float], code: str
) -> None:
    server = serve(respond_with_skewed_clock(3600, code), OK)
    assert get().retries == 1
    assert get().retries == 0
    dates = [request.headers["x-amz-date"] for request in server.requests]
    seconds = [time.mktime(time.strptime(date, "%Y%m%dT%H%M%SZ")) for date in dates]
    assert all(3599 <= later - seconds[0] < 7200 for later in seconds[1:])


@pytest.mark.parametrize(
    "answer",
    [
        respond_with_skewed_clock(10),
        fails("InvalidSignatureException"),
        fails("InvalidSignatureException", date="today"),
    ],
)
def test_a_refused_signature_with_a_correct_clock_is_final(serve: Callable[..., Server], answer: Behaviour) -> None:
    server = serve(answer)
    error = get_error()
    assert (type(error), error.code) == (dynamodb.ServiceError, "InvalidSignatureException")
    assert len(server.requests) == 1


# --- Credentials ---


def key_of(server: Server, index: int = -1) -> str:
    found = re.search("Credential=([^/]+)/", server.requests[index].headers["authorization"])
    assert found
    return found[1]


def test_keys_are_read_at_each_signing(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(OK)
    get()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "second")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    get()
    assert [key_of(server, 0), key_of(server, 1)] == ["first", "second"]
    assert server.requests[1].headers["x-amz-security-token"] == "token"


def keys(name: str, lasts: float, **changes: Any) -> Behaviour:
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + lasts))
    whole = {"AccessKeyId": name, "SecretAccessKey": "s", "Token": "t", "Expiration": ends}
    return answers({key: value for key, value in (whole | changes).items() if value is not None})


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Return a function that starts a scripted credential endpoint in place of the keys in the environment."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    servers: list[Server] = []

    def start(*script: Behaviour) -> Server:
        server = Server(*script)
        servers.append(server)
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/keys")
        return server

    yield start
    for server in servers:
        server.__exit__()


def test_keys_of_the_credential_endpoint(
    transport: str,
    serve: Callable[..., Server],
    container: Callable[..., Server],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret-token")
    server, endpoint = serve(OK), container(keys("held", 3600))
    get()
    get()
    assert [key_of(server, 0), key_of(server, 1)] == ["held", "held"]
    assert server.requests[0].headers["x-amz-security-token"] == "t"
    (asked,) = endpoint.requests
    assert (asked.method, asked.path) == ("GET", "/keys")
    assert asked.headers["authorization"] == "secret-token"


def test_keys_are_renewed_before_they_expire(
    transport: str, serve: Callable[..., Server], container: Callable[..., Server]
) -> None:
    server, endpoint = serve(OK), container(keys("old", 60), keys("new", 3600))
    for _ in range(3):
        get()
    assert key_of(server) == "new"
    assert len(endpoint.requests) == 2


def test_token_file_is_read_each_time(
    serve: Callable[..., Server],
    container: Callable[..., Server],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    file = tmp_path / "token"
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(file))
    endpoint = container(keys("brief", 60))
    serve(OK)
    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        get()
    assert [request.headers["authorization"] for request in endpoint.requests] == ["one", "two"]


def test_old_keys_serve_while_the_endpoint_fails(
    serve: Callable[..., Server], container: Callable[..., Server]
) -> None:
    server, endpoint = serve(OK), container(keys("old", 60), answers({}, 500))
    get()
    get()
    assert key_of(server) == "old"
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        answers({}, 500),
        answers(b"keys"),
        answers([]),
        keys("k", 3600, Token=None),
        keys("k", 3600, Expiration="soon"),
        keys("k", 3600, Expiration=7),
        drops,
    ],
)
def test_the_endpoint_returns_no_keys(
    serve: Callable[..., Server],
    container: Callable[..., Server],
    pauses: list[float],
    answer: Behaviour,
) -> None:
    server, endpoint = serve(OK), container(answer)
    error = get_error()
    assert isinstance(error, dynamodb.ServiceUnavailable)
    assert (error.code, error.status, error.retries) == ("CredentialEndpointError", 0, 2)
    assert (len(endpoint.requests), server.requests) == (3, [])


def test_a_failing_credential_endpoint_is_a_transient_error(
    transport: str,
    serve: Callable[..., Server],
    container: Callable[..., Server],
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    server = serve(OK)
    container(answers({}, 500))
    assert isinstance(get_error(), dynamodb.ServiceUnavailable)
    assert server.requests == []


def test_expired_keys_are_not_used(
    serve: Callable[..., Server], container: Callable[..., Server], pauses: list[float]
) -> None:
    serve(OK)
    container(keys("old", -1), answers({}, 500))
    get()
    assert get_error().code == "CredentialEndpointError"


def test_keys_are_not_requested_over_plain_http_from_another_machine(
    container: Callable[..., Server], serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(OK)
    container(OK)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/keys")
    assert get_error().code == "CredentialsError"


def test_token_with_a_line_break_is_refused(
    container: Callable[..., Server], serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(OK)
    endpoint = container(keys("k", 3600))
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nhost: b")
    assert get_error().code == "CredentialsError"
    assert endpoint.requests == []


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_missing_keys(
    transport: str, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    server = serve(OK)
    monkeypatch.delenv(missing)
    error = get_error()
    assert (error.code, error.status, error.retries) == ("CredentialsError", 0, 0)
    assert "secret" not in error.message
    assert server.requests == []


# --- Endpoints ---


def every_region() -> list[str]:
    data = botocore.session.get_session().get_data("partitions")
    return sorted(region for each in data["partitions"] for region in each["regions"] if not region.endswith("-global"))


@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("service", [endpoint.DYNAMODB, SQS, SECRETS_MANAGER], ids=lambda service: service.name)
def test_every_regions_endpoint_equals_botocores(
    monkeypatch: pytest.MonkeyPatch, service: endpoint.Service, fips: bool
) -> None:
    session = botocore.session.get_session()
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", str(fips).lower())
    regions = every_region()
    assert len(regions) > 40
    config = Config(use_fips_endpoint=fips)
    clients = {name: session.create_client(service.name, region_name=name, config=config) for name in regions}
    expected = {name: client.meta.endpoint_url for name, client in clients.items()}
    assert {name: endpoint.url(name, service) for name in regions} == expected


def test_endpoint_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all:1")
    assert endpoint.url("us-west-2") == "http://all:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://ours:1")
    assert endpoint.url("us-west-2") == "http://ours:1"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert endpoint.url("us-west-2") == "https://dynamodb.us-west-2.amazonaws.com"


def test_region_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert endpoint.region() == "us-west-2"
    monkeypatch.delenv("AWS_REGION")
    assert endpoint.region() == "eu-west-1"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ValueError, match="Set AWS_REGION"):
        endpoint.region()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "https://dynamodb.us-west-2.amazonaws.com",
            (True, "dynamodb.us-west-2.amazonaws.com", 443, None, "/"),
        ),
        ("http://127.0.0.1:8000/", (False, "127.0.0.1", 8000, "127.0.0.1:8000", "/")),
        ("https://h:443", (True, "h", 443, "h", "/")),
        ("http://h:80/a/b", (False, "h", 80, "h", "/a/b")),
        ("http://[::1]:8000", (False, "::1", 8000, "[::1]:8000", "/")),
        ("https://[::1]", (True, "::1", 443, "[::1]", "/")),
    ],
)
def test_parsed_urls(url: str, expected: tuple[bool, str, int, str | None, str]) -> None:
    found = endpoint.Endpoint(url)
    tls, host, port, authority, path = expected
    assert (found.tls, found.host, found.port, found.path) == (tls, host, port, path)
    assert found.authority == (authority or host)


@pytest.mark.parametrize("url", ["h:8000", "ftp://h", "http://", "http://u:p@h", "http://h:x", "http://é", "http://:8"])
def test_invalid_urls(url: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        endpoint.Endpoint(url)
