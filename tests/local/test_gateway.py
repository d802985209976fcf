"""Test the gateway's own responses: keys, preflights, 404 and 405."""

from __future__ import annotations

import pytest

from tests.local.api import EXPOSED, Api

KEYED = [("GET", ""), ("POST", ""), ("GET", "/any"), ("PUT", "/any"), ("PATCH", "/any"), ("DELETE", "/any")]


@pytest.mark.parametrize("key", [None, "a-key-that-nobody-was-ever-given"])
@pytest.mark.parametrize(("method", "path"), KEYED)
def test_a_missing_key_is_403(items: Api, method: str, path: str, key: str | None) -> None:
    items(method, path, {} if method[0] == "P" else None, X_Api_Key=key).problem(403, "forbidden")


def test_an_open_entity_requires_no_key(drafts: Api) -> None:
    assert drafts("GET").status == 200


METHODS = {"": "GET, OPTIONS, POST", "/any": "DELETE, GET, OPTIONS, PATCH, PUT"}


@pytest.mark.parametrize(("path", "methods"), METHODS.items())
def test_a_preflight_needs_no_key(items: Api, path: str, methods: str) -> None:
    answer = items(
        "OPTIONS", path, X_Api_Key=None, Origin="https://app.example.com",
        Access_Control_Request_Method="PUT", Access_Control_Request_Headers="x-api-key,content-type",
    )  # fmt: skip
    assert (answer.status, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == methods
    assert set(answer.headers["Access-Control-Allow-Headers"].split(", ")) == {
        "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Amz-Date",
        "X-Amz-Security-Token", "X-Api-Key",
    }  # fmt: skip
    assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) == EXPOSED
    assert "Access-Control-Allow-Credentials" not in answer.headers


WRONG_METHODS = [
    ("PUT", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("HEAD", ""),
    ("POST", "/any"),
    ("TRACE", "/any"),
]


@pytest.mark.parametrize(("method", "path"), WRONG_METHODS)
def test_a_method_that_a_path_does_not_have_is_405(items: Api, method: str, path: str) -> None:
    answer = items(method, path, X_Api_Key=None)
    assert answer.headers["Allow"] == METHODS[path]
    if method != "HEAD":
        answer.problem(405, "method-not-allowed")


def test_an_operation_that_an_entity_does_not_have_is_405(events: Api) -> None:
    answer = events("DELETE", "/any")
    answer.problem(405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, OPTIONS"


@pytest.mark.parametrize("path", ["/nowhere", "/items/a/b", "/v1", "/Items"])
def test_a_path_that_the_api_does_not_have_is_404(items: Api, path: str) -> None:
    answer = items("GET", items.url.removesuffix("/items") + path)
    problem = answer.problem(404, "not-found")
    assert problem["requestId"] == answer.headers["x-amzn-RequestId"]
