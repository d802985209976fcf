"""Test bad requests: each gets a response that says what is wrong."""

from __future__ import annotations

import json

import pytest

from tests.local.api import Api

NOT_AN_ITEM = {
    "empty": b"",
    "blank": b"  ",
    "malformed": b'{"a": }',
    "cut short": b'{"a": 1',
    "two values": b"{} {}",
    "an array": b"[1]",
    "a string": b'"text"',
    "null": b"null",
    "repeated name": b'{"a": 1, "a": 2}',
    "repeated name inside": b'{"a": {"b": 1, "b": 2}}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "too precise": b'{"a": 123456789012345678901234567890123456789}',
    "too large a number": b'{"a": 1e126}',
    "too deep": b'{"a":' * 33 + b"1" + b"}" * 33,
    "lone surrogate": rb'{"a": "\ud800"}',
}


@pytest.mark.parametrize("body", NOT_AN_ITEM.values(), ids=NOT_AN_ITEM.keys())
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_invalid_body_is_400(items: Api, method: str, body: bytes) -> None:
    problem = items(method, "" if method == "POST" else "/any", body, Content_Type="application/json").problem(
        400, "invalid-request"
    )
    assert "Traceback" not in json.dumps(problem)


def test_faults_have_pointers(items: Api) -> None:
    problem = items("POST", body=b'{"a": {"b": [1, 1e999]}}', Content_Type="application/json").problem(
        400, "invalid-request"
    )
    assert [error["pointer"] for error in problem["errors"]] == ["/a/b/1"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_another_content_type_is_415(items: Api, content_type: str) -> None:
    items("POST", body=b'{"a": 1}', Content_Type=content_type).problem(415, "unsupported-media-type")


def test_a_body_over_the_limit_is_413(items: Api) -> None:
    items("POST", body={"a": "x" * 401 * 1024}).problem(413, "content-too-large")


def test_an_item_over_the_databases_limit_is_413(items: Api) -> None:
    made = items.create({"a": "x" * 300 * 1024})
    items("PATCH", made.location, {"b": "x" * 200 * 1024}).problem(413, "content-too-large")
    assert set(items("GET", made.location).json) == {"a", "id", "createdAt", "updatedAt", "version"}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("item_id", ["a%20b", "a%00b", "x" * 129, "%C3%BC", "a:b"])
def test_an_invalid_id_is_400(items: Api, method: str, item_id: str) -> None:
    body: object = {} if method in ("PUT", "PATCH") else None
    problem = items(method, f"/{item_id}", body).problem(400, "invalid-request")
    assert [error["parameter"] for error in problem["errors"]] == ["id"]


QUERIES = {
    "limit=0": "limit", "limit=101": "limit", "limit=ten": "limit", "limit=": "limit",
    "limit=1&limit=2": "limit", "cursor=nonsense": "cursor", "cursor=": "cursor", "order=up": "order",
    "fields=": "fields", "sort=name": "sort", "status=open": "status", "Limit=1": "Limit",
}  # fmt: skip


@pytest.mark.parametrize(("query", "parameter"), QUERIES.items())
def test_an_invalid_query_is_400_and_names_the_parameter(items: Api, query: str, parameter: str) -> None:
    problem = items("GET", f"?{query}").problem(400, "invalid-request")
    assert [error["parameter"] for error in problem["errors"]] == [parameter]


def test_a_cursor_belongs_to_its_list(items: Api, drafts: Api) -> None:
    for number in range(2):
        items.create({"n": number})
        drafts.create({"n": number})
    cursor = items("GET", "?limit=1").json["next"]
    assert items("GET", f"?limit=1&cursor={cursor}").status == 200
    items("GET", f"?limit=1&order=desc&cursor={cursor}").problem(400, "invalid-request")
    drafts("GET", f"?limit=1&cursor={cursor}").problem(400, "invalid-request")
    forged = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")
    items("GET", f"?limit=1&cursor={forged}").problem(400, "invalid-request")


@pytest.mark.parametrize("key", ["", "x" * 256, "ü"])
def test_an_invalid_idempotency_key_is_400(items: Api, key: str) -> None:
    items("POST", body={}, Idempotency_Key=key).problem(400, "invalid-request")
