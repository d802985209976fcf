"""Test what every function does around its endpoint: logging, CORS, reading the environment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.api import Api
from tests.unit.conftest import Make

EXPOSED = "ETag, Location, Link, Retry-After, Idempotency-Replayed, Item-Owner"


def test_one_line_per_request_without_its_payload(make_api: Make, capsys: pytest.CaptureFixture[str]) -> None:
    api = make_api(AWS_LAMBDA_FUNCTION_VERSION="7")
    answer = api.request("POST", "/items", {"secret": "s3cr3t"}, request_id="r1")
    api.request("POST", "/items", '{"secret": s3cr3t', request_id="r2")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    durations = [line.pop("durationMs") for line in lines]
    assert all(0 <= duration < 5000 for duration in durations)
    common = {
        "level": "INFO",
        "lambdaRequestId": "52fdfc07-2182-454f-963f-5f0f9a621d72",
        "functionVersion": "7",
        "environment": "test",
        "entity": "items",
        "operation": "create",
        "sourceIp": "192.0.2.1",
        "userAgent": "curl/8.7.1",
    }
    made = {"status": 201, "coldStart": True, "databaseRequests": 1, "consumedCapacity": 1}
    refused = {"status": 400, "coldStart": False, "databaseRequests": 0, "problem": "invalid-request"}
    assert lines == [{**common, "requestId": "r1", **made}, {**common, "requestId": "r2", **refused}]
    assert answer.json["id"] not in json.dumps(lines)


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 2), ("INFO", 2), ("WARNING", 1), ("ERROR", 1), ("", 2)])
def test_log_level(make_api: Make, capsys: pytest.CaptureFixture[str], level: str, lines: int) -> None:
    api = make_api(LOG_LEVEL=level)
    api.request("GET", "/items/a")
    api.invoke("get", {})
    assert len(capsys.readouterr().err.splitlines()) == lines


def test_an_unknown_log_level_stops_the_function(make_api: Make) -> None:
    with pytest.raises(KeyError, match="LOUD"):
        make_api(LOG_LEVEL="LOUD")


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({}, None),
        ({"identity": {"apiKeyId": "key1"}}, "no-store"),
        ({"claims": {"sub": "u1", "token_use": "access"}}, "no-store"),
        ({"identity": {"userArn": "arn:aws:iam::123456789012:role/reader"}}, "no-store"),
    ],
)
def test_responses_for_a_caller_are_not_cached(api: Api, parts: Any, told: str | None) -> None:
    made = api.request("POST", "/items", {}, **parts)
    path = f"/items/{made.json['id']}"
    seen = api.request("GET", path, **parts)
    known = {"headers": {"If-None-Match": seen.headers["ETag"]}}
    for answer in (
        made,
        seen,
        api.request("GET", path, **parts, **known),
        api.request("GET", "/items/no", **parts),
    ):
        assert answer.headers.get("Cache-Control") == told, answer.status


def test_any_origin_is_allowed_by_default(make_api: Make) -> None:
    for origins in ("*", "", "https://a.example *"):
        for headers in ({}, {"Origin": "https://b.example"}):
            answer = make_api(CORS_ORIGINS=origins).request("GET", "/items", headers=headers)
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.headers["Access-Control-Expose-Headers"] == EXPOSED


@pytest.mark.parametrize(
    ("method", "path", "body"), [("GET", "/items", None), ("GET", "/items/a", None), ("POST", "/items", "{")]
)
def test_only_configured_origins_are_allowed(make_api: Make, method: str, path: str, body: Any) -> None:
    api = make_api(CORS_ORIGINS="https://a.example https://b.example")
    for origin in ("https://a.example", "https://b.example"):
        headers = api.request(method, path, body, headers={"origin": origin}).headers
        assert headers["Access-Control-Allow-Origin"] == origin
        assert headers["Access-Control-Expose-Headers"] == EXPOSED
        assert headers["Vary"] == "Origin"
    for other in ({}, {"Origin": "https://c.example"}, {"Origin": ""}):
        headers = api.request(method, path, body, headers=other).headers
        assert "Access-Control-Allow-Origin" not in headers
        assert headers["Vary"] == "Origin"


def test_cors_headers_for_an_unknown_event(make_api: Make) -> None:
    headers = make_api(CORS_ORIGINS="https://a.example").invoke("get", {}).headers
    assert headers["Vary"] == "Origin"


def test_headers_and_parameters_may_be_absent(api: Api) -> None:
    sent = {"requestContext": {"requestId": "r", "path": "/test/items"}, "multiValueHeaders": None}
    assert api.invoke("list", sent).status == 200
    assert api.invoke("create", {**sent, "body": '{"a":1}'}).status == 201
