"""Test faults between a function and DynamoDB: lost responses, throttling, races, deadlines, bugs."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from tests.unit.api import TABLE, Api, error, lose_answer, lose_request, succeed
from tests.unit.conftest import Make
from trestle.store import table

THROTTLED = error("ProvisionedThroughputExceededException")
BROKEN = error("InternalServerError", 500)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    # The tests share a client, and its retry quota would run out.
    monkeypatch.setattr("botocore.retries.quota.RetryQuota.acquire", lambda *_: True)


def test_a_create_recognises_itself_after_a_lost_response(api: Api) -> None:
    with api.fault("PutItem", lose_answer):
        answer = api.request("POST", "/items", {"a": 1})
    assert answer.status == 201
    assert "Idempotency-Replayed" not in answer.headers
    assert api.request("GET", "/items").json["items"] == [answer.json]


def test_a_create_with_a_client_id_does_not_conflict_with_itself(make_api: Make) -> None:
    api = make_api({"ids": "client"})
    with api.fault("PutItem", lose_answer, lose_answer):
        assert api.request("POST", "/items", {"id": "a"}).status == 201
    with api.fault("PutItem", lose_answer):
        assert api.request("POST", "/items", {"id": "a"}).status == 409


@pytest.mark.parametrize(
    ("method", "body"), [("PUT", {"a": 2}), ("PATCH", {"a": 2}), ("PATCH", {"a": 2, "b": {"c": None}})]
)
@pytest.mark.parametrize("conditional", [False, True])
def test_a_change_counts_once_after_a_lost_response(api: Api, method: str, body: Any, conditional: bool) -> None:
    created = api.request("POST", "/items", {"a": 1})
    headers = {"If-Match": created.etag} if conditional else {}
    with api.fault("UpdateItem", lose_answer):
        answer = api.request(method, f"/items/{created.json['id']}", body, headers=headers)
    assert (answer.status, answer.json["a"], answer.json["version"]) == (200, 2, 2)
    assert api.request("GET", f"/items/{created.json['id']}").json == answer.json


def test_a_delete_succeeds_after_a_lost_response(api: Api) -> None:
    created = api.request("POST", "/items", {"a": 1})
    path = f"/items/{created.json['id']}"
    with api.fault("DeleteItem", lose_answer):
        assert api.request("DELETE", path, headers={"If-Match": created.etag}).status == 204
    assert api.request("GET", path).status == 404
    other = f"/items/{api.create({})['id']}"
    with api.fault("DeleteItem", lose_request):
        assert api.request("DELETE", other, headers={"If-Match": created.etag}).status == 412


def test_a_delete_retried_after_a_refusal_finds_nothing(api: Api) -> None:
    with api.fault("DeleteItem", THROTTLED):
        assert api.request("DELETE", "/items/none").status == 404
    with api.fault("DeleteItem", THROTTLED, THROTTLED):
        assert api.request("DELETE", f"/items/{api.create({})['id']}").status == 204
    with api.fault("DeleteItem", BROKEN):  # the first attempt may have deleted the item
        assert api.request("DELETE", "/items/none").status == 204


@pytest.mark.parametrize("fault", [THROTTLED, BROKEN, lose_request, error("ThrottlingException")])
@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("POST", "PutItem"),
        ("GET", "GetItem"),
        ("LIST", "Query"),
        ("PUT", "UpdateItem"),
        ("PATCH", "UpdateItem"),
        ("DELETE", "DeleteItem"),
    ],
)
def test_503_if_dynamodb_does_not_respond(api: Api, fault: Any, method: str, action: str) -> None:
    path = "/items" if method in ("POST", "LIST") else f"/items/{api.create({})['id']}"
    method = "GET" if method == "LIST" else method
    with api.fault(action, fault, fault):  # two failures are retried
        assert api.request(method, path, {"a": 1}).status < 300
    path = "/items" if path == "/items" else f"/items/{api.create({})['id']}"
    with api.fault(action, fault, fault, fault):
        answer = api.request(method, path, {"a": 1})
    assert answer.status == 503
    assert answer.json["type"] == "urn:trestle:problem:service-unavailable"
    assert answer.headers["Retry-After"] == "1"


def test_503_when_the_deadline_passes(api: Api) -> None:
    answer = api.request("GET", "/items/a", millis=400)
    assert answer.status == 503


def test_nothing_is_written_after_the_gateways_timeout(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = []
    send = table.send

    def call(action: str, payload: dict[str, Any], *, deadline: float) -> Any:
        seconds.append(deadline - time.monotonic())
        return send(action, payload, deadline=deadline)

    monkeypatch.setattr("trestle.store.table.send", call)
    assert api.request("GET", "/items/a", millis=900_000).status == 404
    assert len(seconds) == 1
    assert 0 < seconds[0] <= 28.5


def overtake(api: Api, path: str) -> Any:
    """Make another request change the item first."""

    def change(_: Any) -> None:
        api.client.update_item(
            TableName=TABLE,
            Key={"id": {"S": path.rpartition("/")[2]}},
            UpdateExpression="SET #v = #v + :one, doc.#r = :one",
            ExpressionAttributeNames={"#v": "version", "#r": "rival"},
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    return change


def test_an_overtaken_patch_is_retried(api: Api) -> None:
    path = f"/items/{api.create({'a': {'b': 1}})['id']}"
    change = overtake(api, path)
    faults = [step for _ in range(3) for step in (change, succeed)]
    with api.fault("UpdateItem", *faults):
        answer, requests = api.requests_of("PATCH", path, {"a": {"c": 2}})
    assert answer.status == 200
    assert (answer.json["a"], answer.json["rival"], answer.json["version"]) == ({"b": 1, "c": 2}, 1, 5)
    assert requests.count("GetItem") == 4


def test_a_patch_that_loses_every_race_is_409(api: Api) -> None:
    path = f"/items/{api.create({'a': {'b': 1}})['id']}"
    change = overtake(api, path)
    faults = [step for _ in range(4) for step in (change, succeed)]
    with api.fault("UpdateItem", *faults):
        answer = api.request("PATCH", path, {"a": {"c": 2}})
    assert (answer.status, answer.json["type"]) == (409, "urn:trestle:problem:conflict")
    assert api.request("GET", path).json["a"] == {"b": 1}


def test_a_conditional_patch_that_is_overtaken_is_412(api: Api) -> None:
    created = api.request("POST", "/items", {"a": {"b": 1}})
    path = f"/items/{created.json['id']}"
    with api.fault("UpdateItem", overtake(api, path), succeed):
        answer = api.request("PATCH", path, {"a": {"c": 2}}, headers={"If-Match": created.etag})
    assert answer.status == 412


def test_a_patch_of_an_item_deleted_meanwhile_is_404(api: Api) -> None:
    path = f"/items/{api.create({'a': {}})['id']}"

    def go(_: Any) -> None:
        api.client.delete_item(TableName=TABLE, Key={"id": {"S": path.rpartition("/")[2]}})

    with api.fault("UpdateItem", go):
        assert api.request("PATCH", path, {"a": {"c": 2}}).status == 404


@pytest.mark.parametrize(
    ("code", "quoted"),
    [
        ("AccessDeniedException", True),
        ("ResourceNotFoundException", True),
        ("SerializationException", False),
        ("ValidationException", False),
    ],
)
@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("POST", "/items", "PutItem"),
        ("GET", "/items", "Query"),
        ("GET", "/items/a", "GetItem"),
        ("PUT", "/items/a", "UpdateItem"),
        ("DELETE", "/items/a", "DeleteItem"),
    ],
)
def test_other_errors_are_500_and_logged_with_their_cause(
    api: Api, capsys: pytest.CaptureFixture[str], code: str, quoted: bool, method: str, path: str, action: str
) -> None:
    message = "role arn:aws:iam::123456789012:role/r may not touch test-items"
    if not quoted:
        message = "The parameter cannot be converted to a numeric value: s3cr3t"
    with api.fault(action, error(code, message=message)):
        answer = api.request(method, path, {"secret": "s3cr3t"})
    assert answer.status == 500
    assert answer.json["requestId"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    line = json.loads(capsys.readouterr().err)
    assert line["requestId"] == answer.json["requestId"]
    assert (line["level"], line["status"], line["error"]) == (
        "ERROR",
        500,
        f"ServiceError: {code}: {message}" if quoted else f"ServiceError: {code}",
    )
    assert "/trestle/store/" in line["trace"]
    assert "s3cr3t" not in json.dumps(line)


@pytest.mark.parametrize(
    "change",
    [
        {"doc": {"M": {"a": {"BS": [b"x"]}}}},
        {"doc": {"M": {"a": {"L": [{"M": {"b": {"B": b"x"}}}]}}}},
        {"createdAt": {"N": "1"}},
        {"version": {"N": "1.5"}},
        {"doc": {"M": {"a": {"N": "1e126"}}}},
        {"doc": {"M": {"a": {"B": b""}}}},
        {"doc": {"S": "text"}},
        {"doc": None},
        {"version": {"S": "1"}},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/items/a"), ("GET", "/items"), ("PATCH", "/items/a")])
def test_a_broken_record_is_an_internal_error_that_names_it(
    make_api: Make, capsys: pytest.CaptureFixture[str], change: dict[str, Any], method: str, path: str
) -> None:
    api = make_api({"ids": "client"})
    api.create({"id": "a", "a": "s3cr3t"})
    (record,) = api.client.scan(TableName=TABLE)["Items"]
    changed = {name: value for name, value in {**record, **change}.items() if value}
    api.client.put_item(TableName=TABLE, Item=changed)
    capsys.readouterr()
    answer = api.request(method, path, {"b": {"c": 1}} if method == "PATCH" else None)
    line = json.loads(capsys.readouterr().err)
    assert (answer.status, line["level"], line["problem"]) == (500, "ERROR", "internal-error")
    reason = r"(lacks doc|has .* as . instead of .|holds a value that JSON does not have, or .*)"
    told = rf"InvalidRecordError: The record a of items is not an item: it {reason}. Repair or delete it\."
    assert re.fullmatch(told, line["error"])
    assert "s3cr3t" not in json.dumps(line)


@pytest.mark.parametrize(
    "event", [None, {}, {"requestContext": None}, {"requestContext": {"requestId": "r"}, "body": 1}]
)
@pytest.mark.parametrize("operation", ["create", "get", "list", "replace", "merge", "delete"])
def test_an_unknown_event_is_500(api: Api, operation: str, event: Any) -> None:
    if operation == "list" and event and event["requestContext"]:
        return  # an empty event requests the first page
    answer = api.invoke(operation, event)
    assert answer.status == 500
    assert answer.json["type"] == "urn:trestle:problem:internal-error"
