"""Test a request's metrics in CloudWatch's embedded metric format."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.unit.api import Api, error
from tests.unit.conftest import Make

NAMESPACE = "shop-test"
THROTTLED = error("ThrottlingException")
BROKEN = error("InternalServerError", 500)
DENIED = error("AccessDeniedException")
METRICS = {"Requests", "Faults", "ValidationFailures", "Conflicts", "Throttles", "Replays", "ColdStarts"}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    # The tests share a client, and its retry quota would run out.
    monkeypatch.setattr("botocore.retries.quota.RetryQuota.acquire", lambda *_: True)


@pytest.fixture
def api(make_api: Make, capsys: pytest.CaptureFixture[str]) -> Api:
    """An entity's functions with metrics, after their cold starts."""
    api = make_api({"ids": "client"}, METRICS_NAMESPACE=NAMESPACE)
    api.request("POST", "/items", {"id": "there"}, headers={"Idempotency-Key": "k"})
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        api.request(method, "/items/none", None if method == "GET" else {})
    api.request("GET", "/items")
    capsys.readouterr()
    return api


def log_and_metrics(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the log line of the only request since the last call, and its metrics as CloudWatch extracts them."""
    (text,) = capsys.readouterr().err.splitlines()
    line: dict[str, Any] = json.loads(text)
    assert set(line["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == (NAMESPACE, [["entity", "operation"]])
    assert all(isinstance(line[name], str) and line[name] for name in directive["Dimensions"][0])
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert len(units) == len(directive["Metrics"])
    assert units.pop("Latency") == "Milliseconds"
    assert set(units.values()) == {"Count"}
    assert type(line["Latency"]) is float
    assert {name for name in METRICS if name in line} == set(units)
    return line, {name: line[name] for name in units}


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "faults", "status", "counted"),
    [
        ("GET", "/items/there", None, {}, [], 200, set()),
        ("GET", "/items", None, {}, [], 200, set()),
        ("POST", "/items", {"id": "new"}, {}, [], 201, set()),
        ("GET", "/items/none", None, {}, [], 404, set()),
        ("POST", "/items", "{}", {"Content-Type": "text/plain"}, [], 415, set()),
        ("POST", "/items", "no JSON", {}, [], 400, {"ValidationFailures"}),
        ("GET", "/items", "limit=0", {}, [], 400, {"ValidationFailures"}),
        ("POST", "/items", {"id": "there"}, {}, [], 409, {"Conflicts"}),
        ("PUT", "/items/there", {}, {"If-Match": '"a"'}, [], 412, {"Conflicts"}),
        ("POST", "/items", {"id": "there"}, {"Idempotency-Key": "k"}, [], 201, {"Replays"}),
        ("POST", "/items", {"id": "there", "a": 1}, {"Idempotency-Key": "k"}, [], 422, set()),
        ("GET", "/items/there", None, {}, [THROTTLED] * 3, 503, {"Faults", "Throttles"}),
        ("GET", "/items/there", None, {}, [THROTTLED] * 2, 200, set()),
        ("GET", "/items/there", None, {}, [BROKEN] * 3, 503, {"Faults"}),
        ("GET", "/items/there", None, {}, [DENIED], 500, {"Faults"}),
    ],
)
def test_only_nonzero_counts_are_sent(
    api: Api, capsys: pytest.CaptureFixture[str],
    method: str, path: str, body: Any, headers: Any, faults: Any, status: int, counted: set[str],
) -> None:  # fmt: skip
    query = dict([body.split("=")]) if method == "GET" and body else None
    with api.fault("GetItem", *faults):
        answer = api.request(method, path, None if query else body, headers=headers, query=query)
    assert answer.status == status
    line, metrics = log_and_metrics(capsys)
    assert metrics == dict.fromkeys({"Requests", *counted}, 1)
    assert (line["status"], line["Latency"]) == (status, line["durationMs"])


def test_an_item_that_breaks_its_schema_is_a_validation_failure(
    make_api: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    api = make_api({"schema": "s"}, {"s": {"required": ["n"]}}, METRICS_NAMESPACE=NAMESPACE)
    api.request("POST", "/items", {"n": 1})
    capsys.readouterr()
    assert api.request("POST", "/items", {}).status == 422
    assert log_and_metrics(capsys)[1] == {"Requests": 1, "ValidationFailures": 1}


def test_each_function_counts_its_cold_start_once(make_api: Make, capsys: pytest.CaptureFixture[str]) -> None:
    api = make_api(METRICS_NAMESPACE=NAMESPACE)
    for path, operation in (("/items/a", "get"), ("/items", "list")):
        for counted in ({"Requests": 1, "ColdStarts": 1}, {"Requests": 1}, {"Requests": 1}):
            api.request("GET", path)
            line, metrics = log_and_metrics(capsys)
            assert (line["entity"], line["operation"], metrics) == ("items", operation, counted)


@pytest.mark.parametrize(("level", "status"), [("WARNING", 404), ("ERROR", 404), ("ERROR", 500)])
def test_metrics_are_sent_at_every_log_level(
    make_api: Make, capsys: pytest.CaptureFixture[str], level: str, status: int
) -> None:
    api = make_api(METRICS_NAMESPACE=NAMESPACE, LOG_LEVEL=level)
    with api.fault("GetItem", *([DENIED] if status == 500 else [])):
        assert api.request("GET", "/items/a").status == status
    line, metrics = log_and_metrics(capsys)
    counted = {"Requests": 1, "ColdStarts": 1}
    if status == 500:
        assert metrics == {**counted, "Faults": 1}
        assert line["trace"]
    else:
        assert metrics == counted
        assert set(line) == {"entity", "operation", "Latency", "_aws", *counted}


@pytest.mark.parametrize("environment", [{}, {"METRICS_NAMESPACE": ""}])
def test_no_metrics_without_a_namespace(
    make_api: Make, capsys: pytest.CaptureFixture[str], environment: dict[str, str]
) -> None:
    make_api(**environment).request("GET", "/items")
    line = json.loads(capsys.readouterr().err)
    assert not (METRICS | {"Latency", "_aws"}) & set(line)


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_events_that_are_not_requests_are_not_counted(
    make_api: Make, capsys: pytest.CaptureFixture[str], level: str
) -> None:
    api = make_api(METRICS_NAMESPACE=NAMESPACE, LOG_LEVEL=level, functions=["entity"])
    assert api.invoke("entity", {}).status == 500
    line = json.loads(capsys.readouterr().err)
    assert (line["operation"], line["level"]) == (None, "ERROR")
    assert "_aws" not in line
