"""Test Idempotency-Key on POST."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api import Api
from tests.unit.conftest import Make

KEY = {"Idempotency-Key": "9b2f-1"}


def test_a_repeated_request_gets_the_first_response(api: Api) -> None:
    body = {"a": 1, "b": "x", "c": {"d": [{"e": 1.5, "f": 2}], "g": None}}
    first, requests = api.requests_of("POST", "/items", body, headers=KEY)
    assert (first.status, requests) == (201, ["PutItem"])
    assert "Idempotency-Replayed" not in first.headers
    api.request("PUT", f"/items/{first.json['id']}", {"a": "changed since"})
    reordered = {"c": {"g": None, "d": [{"f": 2, "e": 1.5}]}, "b": "x", "a": 1}
    again, requests = api.requests_of("POST", "/items", reordered, headers=KEY)
    assert (again.status, again.json, requests) == (201, first.json, ["PutItem"])
    assert again.headers == {**first.headers, "Idempotency-Replayed": "true"}
    assert api.request("GET", "/items").json["count"] == 1


@pytest.mark.parametrize("body", [{"a": 2}, {}, {"a": 1, "b": 1}, {"a": True}, {"a": "1"}])
def test_another_body_under_the_same_key_is_422(api: Api, body: Any) -> None:
    item = api.create({"a": 1}, headers=KEY)
    answer = api.request("POST", "/items", body, headers=KEY)
    assert (answer.status, answer.json["type"]) == (422, "urn:trestle:problem:idempotency-key-reused")
    assert api.request("GET", f"/items/{item['id']}").json == item


def test_deleting_the_item_frees_the_key(api: Api) -> None:
    item = api.create({"a": 1}, headers=KEY)
    api.request("DELETE", f"/items/{item['id']}")
    answer = api.request("POST", "/items", {"a": 2}, headers=KEY)
    assert (answer.status, answer.json["id"]) == (201, item["id"])
    assert "Idempotency-Replayed" not in answer.headers


def test_keys_are_separate_by_caller(api: Api) -> None:
    callers: list[dict[str, Any]] = [
        {},
        {"identity": {"apiKeyId": "key1"}},
        {"identity": {"apiKeyId": "key2"}},
        {"claims": {"sub": "user1"}},
        {"identity": {"apiKeyId": "key1"}, "claims": {"sub": "user2"}},
        {"identity": {"apiKeyId": "key1"}, "claims": {"sub": "user3"}},
        {"identity": {"userArn": "arn:aws:iam::123456789012:user/a"}},
        {"identity": {"apiKeyId": "key1", "userArn": "arn:aws:iam::123456789012:user/b"}},
    ]
    ids = {api.create({"a": 1}, headers=KEY, **caller)["id"] for caller in callers}
    assert len(ids) == len(callers)
    for caller in callers:
        assert api.request("POST", "/items", {"a": 1}, headers=KEY, **caller).headers["Idempotency-Replayed"]


def test_keys_are_separate_by_entity(make_api: Make) -> None:
    ids = {make_api(ENTITY=entity).create({}, headers=KEY)["id"] for entity in ("items", "todos")}
    assert len(ids) == 2


def test_a_client_id_takes_precedence_over_the_key(make_api: Make) -> None:
    api = make_api({"ids": "client"})
    item = api.create({"id": "a", "n": 1}, headers=KEY)
    assert item["id"] == "a"
    assert api.request("POST", "/items", {"id": "a", "n": 1}, headers=KEY).json == item
    assert api.request("POST", "/items", {"id": "a", "n": 2}, headers=KEY).status == 422
    assert api.request("POST", "/items", {"id": "a", "n": 1}, headers={"Idempotency-Key": "b"}).status == 409
    assert api.request("POST", "/items", {"id": "a", "n": 1}).status == 409
    api.create({"id": "plain"})
    assert api.request("POST", "/items", {"id": "plain"}, headers=KEY).status == 409


@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a\tb"])
def test_an_invalid_key_is_400(api: Api, key: str) -> None:
    answer, requests = api.requests_of("POST", "/items", {}, headers={"Idempotency-Key": key})
    assert (answer.status, requests) == (400, [])
