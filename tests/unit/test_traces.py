"""Test the segments that a function sends to X-Ray's daemon, through a UDP socket on the loopback interface."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.api import TABLE, Api, error, lose_request
from tests.unit.conftest import Make
from tools.testing.events import event
from tools.testing.functions import LambdaContext
from trestle.context import Context
from trestle.entity import Entity
from trestle.http.handler import handler
from trestle.http.requests import Request
from trestle.http.responses import Response
from trestle.item import Item
from trestle.store.dynamodb import Reply, ServiceError
from trestle.store.put import creation
from trestle.store.transaction import commit

ROOT = "1-67891233-abcdef012345678912345678"
PARENT = 4 * "5a9c"
SAMPLED = f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=1:a87bd80c:0"
THROTTLED = error("ThrottlingException")


class Daemon:
    """A fake daemon that records the segments it receives."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"

    def received(self) -> list[dict[str, Any]]:
        """Return the segment documents since the last call."""
        documents: list[dict[str, Any]] = []
        while True:
            try:
                header, _, document = self.socket.recv(65536).partition(b"\n")
            except BlockingIOError:
                return documents
            assert json.loads(header) == {"format": "json", "version": 1}
            documents.append(json.loads(document))


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon, and the environment of a request that X-Ray sampled."""
    daemon = Daemon()
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", daemon.address)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", SAMPLED)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    # The tests share a client, and its retry quota would run out.
    monkeypatch.setattr("botocore.retries.quota.RetryQuota.acquire", lambda *_: True)
    yield daemon
    daemon.socket.close()


def check_documents(documents: list[dict[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Check documents against X-Ray's format; return the request's and its calls' without the varying parts."""
    request, *calls = documents
    assert (request["trace_id"], request["parent_id"]) == (ROOT, PARENT)
    ids = [document["id"] for document in documents]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in ids)
    for each in calls:
        assert request["start_time"] <= each["start_time"] <= each["end_time"] <= request["end_time"]
    for document in documents:
        assert document.pop("type") == "subsegment"
        assert document.pop("trace_id") == ROOT
        start, end = document.pop("start_time"), document.pop("end_time")
        assert time.time() - 60 < start <= end <= time.time()
    for call in calls:
        assert call.pop("parent_id") == request["id"]
        assert call.pop("id")
    request.pop("parent_id")
    assert request.pop("id")
    return request, calls


def call(operation: str, retries: int = 0, status: int = 200, **more: Any) -> dict[str, Any]:
    """Return the expected subsegment of a DynamoDB call; moto gives every request the same id."""
    return {
        "name": "DynamoDB",
        "namespace": "aws",
        "aws": {
            "operation": operation,
            "region": "us-west-2",
            "table_name": TABLE,
            "request_id": "",
            "retries": retries,
        },
        **({"http": {"response": {"status": status}}} if status else {}),
        **more,
    }


def without_ids(calls: list[dict[str, Any]], *, some: bool) -> list[dict[str, Any]]:
    """Return the calls without their request ids; some: whether they must have one."""
    for each in calls:
        assert bool(each["aws"]["request_id"]) == some
        each["aws"]["request_id"] = ""
        for exception in each.get("cause", {}).get("exceptions", []):
            assert re.fullmatch("[0-9a-f]{16}", exception.pop("id"))
    return calls


def test_a_request_and_its_calls_are_sent(api: Api, daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    created = api.create({"a": {"b": 1}}, request_id="r1")
    request, calls = check_documents(daemon.received())
    annotations = {"requestId": "r1", "entity": "items", "operation": "create", "status": 201}
    http = {"response": {"status": 201}}
    assert request == {"name": "items.create", "annotations": annotations, "http": http}
    assert without_ids(calls, some=True) == [call("PutItem")]
    assert api.request("PATCH", f"/items/{created['id']}", {"a": {"c": 2}}).status == 200
    request, calls = check_documents(daemon.received())
    assert request["name"] == "items.merge"
    assert without_ids(calls, some=True) == [call("GetItem"), call("UpdateItem")]
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["xrayTraceId"] for line in lines] == [ROOT, ROOT]


class Pair:
    """An endpoint that writes to two tables in one transaction."""

    operation = "pair"

    def __init__(self, entity: Entity) -> None:
        self.entities = [entity, Entity("nights", "test-nights")]

    def __call__(self, request: Request, context: Context) -> Response:
        now = "2026-01-02T03:04:05.000006Z"
        commit(context, [creation(entity, "", Item("a", {}, now, now, 1)) for entity in self.entities])
        return Response(204)


@pytest.mark.parametrize(
    ("consumed", "units"),
    [
        ([{"TableName": TABLE, "CapacityUnits": 4.0}, {"TableName": "test-nights", "CapacityUnits": 2.0}], 6.0),
        ([], None),
    ],
)
def test_a_transaction_is_one_call_on_several_tables(
    api: Api,
    daemon: Daemon,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    consumed: list[Any],
    units: float | None,
) -> None:
    reply = Reply({"ConsumedCapacity": consumed}, 1, "R1")
    monkeypatch.setattr("trestle.store.table.send", lambda *_, **__: reply)
    answer = handler(Pair)(event("POST", "/items"), LambdaContext())
    assert answer["statusCode"] == 204
    line = json.loads(capsys.readouterr().err)
    assert (line["databaseRequests"], line.get("consumedCapacity")) == (2, units)
    _, calls = check_documents(daemon.received())
    expected = call("TransactWriteItems", retries=1)
    expected["aws"] |= {"table_names": [TABLE, "test-nights"]}
    del expected["aws"]["table_name"]
    assert without_ids(calls, some=True) == [expected]


def test_no_part_of_the_payload_is_sent(api: Api, daemon: Daemon) -> None:
    caller = {"identity": {"apiKeyId": "k", "apiKey": "s3cr3t"}, "headers": {"X-Api-Key": "s3cr3t"}}
    api.request("POST", "/items", {"a": "s3cr3t"}, **caller)
    api.request("GET", "/items/s3cr3t", query={"s3cr3t": "s3cr3t"})
    api.request("GET", "/items/s3cr3t")
    api.request("POST", "/items", "s3cr3t")
    received = daemon.received()
    assert len(received) == 6
    assert "s3cr3t" not in json.dumps(received)


@pytest.mark.parametrize(
    ("method", "path", "status", "calls"),
    [
        ("GET", "/items?limit=0", 400, []),
        ("GET", "/items/none", 404, [call("GetItem")]),
        (
            "DELETE", "/items/none", 404,
            [
                call(
                    "DeleteItem", status=400, error=True,
                    cause={"exceptions": [{"type": "ConditionalCheckFailedException", "remote": True}]},
                )
            ],
        ),
    ],
)  # fmt: skip
def test_a_callers_mistake_is_an_error(
    api: Api, daemon: Daemon, method: str, path: str, status: int, calls: list[dict[str, Any]]
) -> None:
    path, _, query = path.partition("?")
    answer = api.request(method, path, query=dict([query.split("=")]) if query else None)
    assert answer.status == status
    request, sent = check_documents(daemon.received())
    assert (request["error"], request["annotations"]["status"]) == (True, status)
    assert not {"fault", "throttle", "cause"} & set(request)
    assert without_ids(sent, some=True) == calls


def test_a_throttled_request_is_sent_with_its_cause(api: Api, daemon: Daemon) -> None:
    with api.fault("GetItem", THROTTLED, THROTTLED, THROTTLED):
        assert api.request("GET", "/items/a").status == 503
    request, calls = check_documents(daemon.received())
    assert (request["fault"], request["throttle"], request["annotations"]["status"]) == (True, True, 503)
    assert "error" not in request
    cause = {"exceptions": [{"type": "ThrottlingException", "remote": True}]}
    throttled = call("GetItem", retries=2, status=400, throttle=True, error=True, cause=cause)
    assert without_ids(calls, some=False) == [throttled]
    exceptions = request["cause"]["exceptions"]
    assert [each["type"] for each in exceptions] == ["Unavailable", "ServiceUnavailable", "ThrottlingException"]
    assert [each.get("cause") for each in exceptions] == [*(each["id"] for each in exceptions[1:]), None]
    assert exceptions[0]["message"] == "The database cannot answer now. Try again in a moment."
    innermost = exceptions[0]["stack"][-1]
    assert (innermost["path"].rpartition("/")[2], innermost["label"]) == ("table.py", "request")
    assert innermost["line"] > 0


def test_a_fault_is_sent_with_its_cause(api: Api, daemon: Daemon) -> None:
    with api.fault("GetItem", error("InternalServerError", 500), lose_request, lose_request):
        assert api.request("GET", "/items/a").status == 503
    request, calls = check_documents(daemon.received())
    assert request["fault"]
    assert "throttle" not in request
    cause = {"exceptions": [{"type": "ReadTimeoutError", "remote": True}]}
    assert without_ids(calls, some=False) == [call("GetItem", retries=2, status=0, fault=True, cause=cause)]
    with api.fault("GetItem", error("AccessDeniedException")):
        assert api.request("GET", "/items/a").status == 500
    request, _ = check_documents(daemon.received())
    assert request["fault"]
    assert request["cause"]["exceptions"][0]["type"] == "ServiceError"


def test_an_event_without_an_operation_is_sent_too(make_api: Make, daemon: Daemon) -> None:
    assert make_api(functions=["entity"]).invoke("entity", {}).status == 500
    request, calls = check_documents(daemon.received())
    assert (request["name"], calls) == ("items", [])
    assert set(request["annotations"]) == {"requestId", "entity", "status"}


@pytest.mark.parametrize(
    "header",
    [
        None, "", SAMPLED.replace("Sampled=1", "Sampled=0"), f"Root={ROOT};Parent={PARENT}",
        f"Root={ROOT};Sampled=1", f"Parent={PARENT};Sampled=1", "Sampled=1", ";;Sampled=1;x",
    ],
)  # fmt: skip
def test_unsampled_requests_are_not_sent(
    api: Api,
    daemon: Daemon,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    header: str | None,
) -> None:
    if header is None:
        monkeypatch.delenv("_X_AMZN_TRACE_ID")
    else:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    assert api.request("GET", "/items").status == 200
    assert daemon.received() == []
    assert "xrayTraceId" not in json.loads(capsys.readouterr().err)


@pytest.mark.parametrize(
    "address",
    [None, "", "nowhere", "localhost:2000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000"],
)
def test_requests_succeed_without_a_daemon(
    api: Api, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    if address is None:
        monkeypatch.delenv("AWS_XRAY_DAEMON_ADDRESS")
    else:
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
    assert api.request("GET", "/items").status == 200
    assert daemon.received() == []


def test_requests_succeed_after_the_daemon_is_gone(api: Api, daemon: Daemon) -> None:
    daemon.socket.close()
    for _ in range(3):
        assert api.request("GET", "/items").status == 200


def test_a_segment_too_large_for_a_datagram_blocks_no_other(api: Api, daemon: Daemon) -> None:
    assert api.request("GET", "/items", request_id="x" * 70_000).status == 200
    assert [document["name"] for document in daemon.received()] == ["DynamoDB"]


def test_a_fault_is_cut_to_the_documents_limit(api: Api, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(left: int = 60) -> None:
        if not left:
            raise ServiceError("AccessDeniedException", "\u20ac" * 70_000, 400, {}, 0)
        deep(left - 1)

    def fail(*_: Any, left: int = 6, **__: Any) -> None:
        try:
            if left:
                fail(left=left - 1)
        finally:
            deep()

    monkeypatch.setattr("trestle.store.table.send", fail)
    assert api.request("GET", "/items/a").status == 500
    request, call = daemon.received()
    assert call["name"] == "DynamoDB"
    exceptions = request["cause"]["exceptions"]
    assert [len(each["message"]) for each in exceptions] == 5 * [500]
    assert [len(each["stack"]) for each in exceptions] == 5 * [50]
    assert {each["stack"][-1]["label"] for each in exceptions} == {"deep"}, "the frames nearest to the error are kept"
