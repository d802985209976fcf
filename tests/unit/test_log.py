"""Test what a request's log line contains and what it never contains."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.unit.api import Api, error
from tests.unit.conftest import Make
from tools.testing.events import event

USER = {"sub": "3f0c2f4e-9b1d-4a51-8f7e-2d6f1f0a9c11", "token_use": "access"}
ROLE = "arn:aws:iam::123456789012:role/reader"
THROTTLED = error("ThrottlingException")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    # The tests share a client, and its retry quota would run out.
    monkeypatch.setattr("botocore.retries.quota.RetryQuota.acquire", lambda *_: True)


def line_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the log line of the only request since the last call."""
    (text,) = capsys.readouterr().err.splitlines()
    line: dict[str, Any] = json.loads(text)
    return line


@pytest.mark.parametrize(
    ("parts", "caller"),
    [
        ({}, None),
        ({"identity": {"apiKeyId": "key1", "apiKey": "s3cr3t"}, "headers": {"X-Api-Key": "s3cr3t"}}, "key1"),
        ({"claims": {**USER, "name": "s3cr3t"}, "headers": {"Authorization": "Bearer s3cr3t"}}, USER["sub"]),
        ({"identity": {"userArn": ROLE, "accessKey": "s3cr3t"}}, ROLE),
        ({"identity": {"apiKeyId": "key1"}, "claims": USER}, USER["sub"]),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/items/a"), ("GET", "/items"), ("POST", "/items")])
def test_the_callers_name_in_the_log_gives_no_access(
    api: Api, capsys: pytest.CaptureFixture[str], method: str, path: str, parts: Any, caller: str | None
) -> None:
    api.request(method, path, {"a": "s3cr3t"} if method == "POST" else None, **parts)
    line = line_of(capsys)
    assert ("caller" in line) == (caller is not None)
    assert line.get("caller") == caller
    assert "s3cr3t" not in json.dumps(line)


@pytest.mark.parametrize(
    ("viewer", "told"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("2001:db8:aaaa:bbbb:cccc:dddd:192.168.100.228", "2001:db8:aaaa:bbbb:cccc:dddd:192.168.100.228"),
        ("s3cr3t", None),
        ("1" * 46, None),
        ("", None),
    ],
)
def test_callers_behind_the_console_are_logged_only_by_address(
    api: Api, capsys: pytest.CaptureFixture[str], viewer: str, told: str | None
) -> None:
    api.request("GET", "/items", headers={"X-Viewer-Address": viewer})
    line = line_of(capsys)
    assert (line.get("viewerIp"), line["sourceIp"]) == (told, "192.0.2.1")


@pytest.mark.parametrize(
    ("agent", "told"), [("x" * 300, "x" * 256), ("x" * 256, "x" * 256), ('a"\n\x1b\ud800', 'a"\n\x1b\ud800')]
)
def test_a_user_agent_is_cut_and_cannot_break_out_of_its_line(
    api: Api, capsys: pytest.CaptureFixture[str], agent: str, told: str
) -> None:
    api.request("GET", "/items", identity={"userAgent": agent, "sourceIp": "2001:db8::1"})
    line = line_of(capsys)
    assert (line["userAgent"], line["sourceIp"]) == (told, "2001:db8::1")


@pytest.mark.parametrize(
    ("identity", "authorizer"),
    [
        (None, None),
        ("text", "text"),
        ([], []),
        ({"userAgent": None}, {"claims": "text"}),
        ({}, {"claims": []}),
    ],
)
def test_an_unknown_sender_is_left_out(
    api: Api, capsys: pytest.CaptureFixture[str], identity: Any, authorizer: Any
) -> None:
    sent = event("GET", "/items")
    sent["requestContext"] |= {"identity": identity, "authorizer": authorizer}
    assert api.invoke("list", sent).status == 200
    assert not {"sourceIp", "userAgent", "caller"} & set(line_of(capsys))


def test_the_line_counts_dynamodb_requests_and_units(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    consumed: list[float] = []

    def meter(params: dict[str, Any], **_: Any) -> None:
        assert params["ReturnConsumedCapacity"] == "TOTAL"

    def note(parsed: dict[str, Any], **_: Any) -> None:
        # Fractional units, not moto's constant.
        if "Error" not in parsed:
            parsed["ConsumedCapacity"]["CapacityUnits"] = len(consumed) + 0.5
            consumed.append(len(consumed) + 0.5)

    events = api.client.meta.events
    events.register("before-parameter-build.dynamodb", meter)
    events.register("after-call.dynamodb", note)
    try:
        path = f"/items/{api.create({'a': {'b': 1}})['id']}"
        line = line_of(capsys)
        assert (line["databaseRequests"], line["consumedCapacity"]) == (1, 0.5)
        with api.fault("UpdateItem", THROTTLED, THROTTLED):
            assert api.request("PATCH", path, {"a": {"c": 2}}).status == 200
        line = line_of(capsys)
        assert (line["databaseRequests"], line["consumedCapacity"]) == (4, 1.5 + 2.5), "one read, three attempts"
        assert "throttled" not in line, "the request has succeeded"
        assert api.request("GET", "/items/none").status == 404
        line = line_of(capsys)
        assert (line["databaseRequests"], line["consumedCapacity"]) == (1, 3.5)
        assert api.request("DELETE", "/items/none").status == 404
        line = line_of(capsys)
        assert line["databaseRequests"] == 1
        assert "consumedCapacity" not in line, "DynamoDB does not return the cost of a failed condition"
        assert api.request("POST", "/items", "no JSON").status == 400
        line = line_of(capsys)
        assert line["databaseRequests"] == 0
        assert "consumedCapacity" not in line
    finally:
        events.unregister("before-parameter-build.dynamodb", meter)
        events.unregister("after-call.dynamodb", note)


def test_a_replay_is_logged(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    for replayed in (False, True):
        api.create({"a": 1}, headers={"Idempotency-Key": "k"})
        assert line_of(capsys).get("replayed", False) is replayed


@pytest.mark.parametrize(
    ("method", "path", "body", "parts", "kind"),
    [
        ("POST", "/items", '{"zebra', {}, "invalid-request"),
        ("POST", "/items", {"n": "zebra"}, {}, "invalid-item"),
        ("POST", "/items", "{}", {"headers": {"Content-Type": "zebra"}}, "unsupported-media-type"),
        ("POST", "/items", {"n": 5}, {"headers": {"Idempotency-Key": "zebra"}}, "idempotency-key-reused"),
        ("POST", "/items", "x" * 500_000, {}, "content-too-large"),
        ("POST", "/items", {"id": "zebra"}, {}, "conflict"),
        ("GET", "/items", None, {"query": {"zebra": "zebra"}}, "invalid-request"),
        ("GET", "/items/zebras", None, {}, "not-found"),
        ("PUT", "/items/zebra", {"n": 2}, {"headers": {"If-Match": '"zebra"'}}, "precondition-failed"),
    ],
)
def test_a_refusal_is_logged_by_kind_without_the_input(
    make_api: Make,
    capsys: pytest.CaptureFixture[str],
    method: str,
    path: str,
    body: Any,
    parts: Any,
    kind: str,
) -> None:
    api = make_api({"schema": "zoo", "ids": "client"}, {"zoo": SCHEMA})
    api.create({"id": "zebra", "n": 1})
    api.create({"id": "other", "n": 4}, headers={"Idempotency-Key": "zebra"})
    if kind == "idempotency-key-reused":
        body["id"] = "other"
    capsys.readouterr()
    api.request(method, path, body, **parts)
    line = line_of(capsys)
    assert (line["level"], line["problem"]) == ("INFO", kind)
    assert not {"error", "causes", "trace"} & set(line)
    assert "zebra" not in json.dumps(line)


def test_a_fault_is_logged_with_its_causes(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    with api.fault("GetItem", THROTTLED, THROTTLED, THROTTLED):
        assert api.request("GET", "/items/a").status == 503
    line = line_of(capsys)
    assert (line["level"], line["problem"], line["throttled"]) == ("ERROR", "service-unavailable", True)
    assert line["databaseRequests"] == 3
    assert line["error"] == "Unavailable: The database cannot answer now. Try again in a moment."
    reason, origin = line["causes"]
    assert reason == "ServiceUnavailable: ThrottlingException: no"
    assert origin == "ThrottlingException", "botocore's message is not repeated"
    told = [part.splitlines() for part in re.split(r"\n(?! )", line["trace"])]
    assert [part[0] for part in told] == ["Unavailable", "ServiceUnavailable", "ThrottlingException"]
    assert re.fullmatch(r"  .*/trestle/store/table\.py:[0-9]+ request", told[0][-1])
    assert "Traceback" not in line["trace"], "a traceback would repeat the errors' messages"


def test_a_suppressed_context_is_not_a_cause(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        try:
            raise KeyError("first")
        except KeyError:
            try:
                raise LookupError("second")
            except LookupError:
                raise RuntimeError("third") from None

    monkeypatch.setattr("trestle.store.table.send", fail)
    assert api.request("GET", "/items/a").status == 500
    line = line_of(capsys)
    assert (line["error"], line["problem"]) == ("RuntimeError", "internal-error")
    assert "causes" not in line


def test_an_error_met_on_the_way_is_a_cause(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        try:
            raise KeyError("first")
        except KeyError:
            raise RuntimeError("second")  # noqa: B904 - tests the implicit cause

    monkeypatch.setattr("trestle.store.table.send", fail)
    assert api.request("GET", "/items/a").status == 500
    line = line_of(capsys)
    assert (line["error"], line["causes"]) == ("RuntimeError", ["KeyError"])


def test_a_fault_that_quotes_an_item_is_logged_only_by_type_and_place(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        error = ValueError("s3cr3t")
        error.add_note("s3cr3t")
        try:
            raise KeyError("s3cr3t")
        except KeyError:
            raise error from error.__context__

    monkeypatch.setattr("trestle.store.table.send", fail)
    assert api.request("POST", "/items", {"a": "s3cr3t"}).status == 500
    line = line_of(capsys)
    assert line["error"] == "ValueError"
    assert re.search(r"test_log\.py:[0-9]+ fail", line["trace"])
    assert "s3cr3t" not in json.dumps(line)


def test_an_endless_message_is_cut(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, left: int = 9, **__: Any) -> None:
        try:
            raise RecursionError if left else KeyError
        except RecursionError:
            fail(left=left - 1)

    monkeypatch.setattr("trestle.store.table.send", fail)
    assert api.request("GET", "/items/a").status == 500
    line = line_of(capsys)
    assert (line["error"], line["causes"]) == ("KeyError", 4 * ["RecursionError"])
