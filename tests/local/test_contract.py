"""Test what docs/reference/http-api.md promises about the six operations."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.local.api import Api
from tests.local.runner import Local

SERVERS_OWN = {"id", "createdAt", "updatedAt", "version"}


def test_create_returns_the_item_its_location_and_its_tag(items: Api) -> None:
    made = items.create({"name": "lamp", "price": 12.5})
    item = made.json
    assert set(item) == {"name", "price"} | SERVERS_OWN
    assert (item["name"], item["price"], item["version"]) == ("lamp", 12.5, 1)
    assert item["createdAt"] == item["updatedAt"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", item["createdAt"])
    age = datetime.now(UTC) - datetime.fromisoformat(item["createdAt"])
    assert timedelta(0) <= age < timedelta(minutes=1)
    assert made.headers["Content-Type"] == "application/json"
    assert made.headers["Access-Control-Allow-Origin"] == "*"
    assert re.fullmatch(r'"[^"]+"', made.headers["ETag"])
    assert made.location == f"{items.url}/{item['id']}"


def test_location_works_after_a_request_with_a_trailing_slash(items: Api) -> None:
    made = items("POST", "/", {"a": 1})
    assert made.status == 201
    assert items("GET", made.location).json == made.json


def test_get_returns_the_created_item(items: Api) -> None:
    made = items.create()
    got = items("GET", made.location)
    assert (got.status, got.json, got.headers["ETag"]) == (200, made.json, made.headers["ETag"])


def test_a_missing_item_is_404(items: Api) -> None:
    for method, body in (("GET", None), ("PUT", {}), ("PATCH", {}), ("DELETE", None)):
        items(method, "/nothing", body).problem(404, "not-found")


def test_put_replaces_the_whole_item(items: Api) -> None:
    made = items.create({"a": 1, "b": 2})
    put = items("PUT", made.location, {"b": 3})
    assert put.status == 200
    assert {k: v for k, v in put.json.items() if k not in SERVERS_OWN} == {"b": 3}
    assert (put.json["id"], put.json["createdAt"]) == (made.json["id"], made.json["createdAt"])
    assert put.json["updatedAt"] > made.json["updatedAt"]
    assert put.json["version"] == 2
    assert put.headers["ETag"] != made.headers["ETag"]
    assert items("GET", made.location).json == put.json


def test_put_merges_if_configured(drafts: Api) -> None:
    made = drafts.create({"a": 1, "b": {"c": 2, "d": 3}})
    put = drafts("PUT", made.location, {"b": {"c": None}, "e": 4})
    assert put.status == 200
    assert {k: v for k, v in put.json.items() if k not in SERVERS_OWN} == {"a": 1, "b": {"d": 3}, "e": 4}


def test_patch_merges_as_in_rfc_7396(items: Api) -> None:
    made = items.create({"a": "b", "c": {"d": "e", "f": "g"}})
    patched = items("PATCH", made.location, {"a": "z", "c": {"f": None}}, Content_Type="application/merge-patch+json")
    assert patched.status == 200
    assert {k: v for k, v in patched.json.items() if k not in SERVERS_OWN} == {"a": "z", "c": {"d": "e"}}
    flat = items("PATCH", made.location, {"a": None, "n": [1, None]})
    assert {k: v for k, v in flat.json.items() if k not in SERVERS_OWN} == {"c": {"d": "e"}, "n": [1, None]}
    assert flat.json["version"] == 3


def test_a_deleted_item_is_gone(items: Api) -> None:
    made = items.create()
    gone = items("DELETE", made.location)
    assert (gone.status, gone.content, gone.headers["Access-Control-Allow-Origin"]) == (204, b"", "*")
    items("GET", made.location).problem(404, "not-found")
    items("DELETE", made.location).problem(404, "not-found")


def test_the_servers_own_properties_may_be_repeated(items: Api) -> None:
    made = items.create({"name": "lamp"})
    put = items("PUT", made.location, made.json | {"version": 99, "createdAt": "never"})
    assert (put.status, put.json["version"], put.json["createdAt"]) == (200, 2, made.json["createdAt"])
    items("PUT", made.location, made.json | {"id": "another"}).problem(400, "invalid-request")


def test_clients_choose_ids_if_configured(drafts: Api) -> None:
    made = drafts.create({"id": "A.b_c~d-1", "n": 1})
    assert (made.json["id"], made.location) == ("A.b_c~d-1", f"{drafts.url}/A.b_c~d-1")
    drafts("POST", body={"id": "A.b_c~d-1", "n": 2}).problem(409, "conflict")
    assert drafts("GET", made.location).json["n"] == 1
    drafts("POST", body={"id": "no spaces"}).problem(400, "invalid-request")
    assert len(drafts.create({}).json["id"]) == 36
    assert drafts("DELETE", made.location).status == 204


def test_the_server_chooses_ids_by_default(items: Api) -> None:
    assert items.create({"id": "mine"}).json["id"] != "mine"


def test_an_unchanged_item_is_304(items: Api) -> None:
    made = items.create()
    for tag in (made.headers["ETag"], f'"other", {made.headers["ETag"]}', f"W/{made.headers['ETag']}", "*"):
        same = items("GET", made.location, If_None_Match=tag)
        assert (same.status, same.content) == (304, b"")
        assert same.headers["ETag"] == made.headers["ETag"]
        assert same.headers["Access-Control-Allow-Origin"] == "*"
    assert items("GET", made.location, If_None_Match='"other"').status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_if_match_prevents_lost_updates(items: Api, method: str) -> None:
    made = items.create()
    body = None if method == "DELETE" else {"name": "mine"}
    changed = items("PUT", made.location, {"name": "theirs"}, If_Match=made.headers["ETag"])
    assert changed.status == 200
    items(method, made.location, body, If_Match=made.headers["ETag"]).problem(412, "precondition-failed")
    items(method, made.location, body, If_Match=f"W/{changed.headers['ETag']}").problem(412, "precondition-failed")
    items(method, made.location, body, If_Match="unquoted").problem(400, "invalid-request")
    items(method, "/nothing", body, If_Match="*").problem(404, "not-found")
    items(method, "/nothing", body, If_Match='"any"').problem(404, "not-found")
    assert items("GET", made.location).json["name"] == "theirs"
    listed = items(method, made.location, body, If_Match=f'"other", {changed.headers["ETag"]}')
    assert listed.status == (204 if method == "DELETE" else 200)


def test_if_match_star_accepts_any_state(items: Api) -> None:
    made = items.create()
    assert items("PATCH", made.location, {"a": 1}, If_Match="*").status == 200


def test_a_deleted_items_tag_is_invalid(drafts: Api) -> None:
    first = drafts.create({"id": "phoenix"})
    assert drafts("DELETE", first.location).status == 204
    second = drafts.create({"id": "phoenix"})
    assert second.json["version"] == first.json["version"]
    drafts("DELETE", second.location, If_Match=first.headers["ETag"]).problem(412, "precondition-failed")
    assert drafts("DELETE", second.location, If_Match=second.headers["ETag"]).status == 204


def test_a_repeated_post_creates_one_item(empty_items: Api) -> None:
    first = empty_items("POST", body={"n": 1}, Idempotency_Key="order-1")
    again = empty_items("POST", body={"n": 1}, Idempotency_Key="order-1")
    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json
    assert (again.location, again.headers["ETag"]) == (first.location, first.headers["ETag"])
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    empty_items("POST", body={"n": 2}, Idempotency_Key="order-1").problem(422, "idempotency-key-reused")
    assert empty_items("GET").json["count"] == 1
    assert empty_items("POST", body={"n": 1}, Idempotency_Key="order-2").json["id"] != first.json["id"]
    assert empty_items("DELETE", first.location).status == 204
    assert "Idempotency-Replayed" not in empty_items("POST", body={"n": 1}, Idempotency_Key="order-1").headers


TEXTS = ["", " ", "Grüße, 世界 👩🏽‍🚀", '\u0000\t\n"\\/\u2028', "e\u0301", "a" * 50_000]


def test_idempotency_keys_are_separate_by_caller(local: Local, items: Api) -> None:
    other = Api(items.url, local.outputs()["api_keys"]["other"])
    mine, others = (api("POST", body={"n": 1}, Idempotency_Key="shared") for api in (items, other))
    assert (mine.status, others.status) == (201, 201)
    assert mine.json["id"] != others.json["id"]
    for made, api in ((mine, items), (others, other)):
        assert api("DELETE", made.location).status == 204


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_text_survives_byte_for_byte(items: Api, text: str) -> None:
    made = items.create({"text": text, "deep": [{text[:200]: [text[:200], None, {}, []]}]})
    got = items("GET", made.location).json
    assert got["text"] == text
    assert got["deep"] == [{text[:200]: [text[:200], None, {}, []]}]


NUMBERS = [
    "0", "-1", "1.5", "0.1", "9007199254740993", "12345678901234567890123456789012345678", "-1e-130",
    "1.2345678901234567890123456789012345678", "9.99e125", "1E+2",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_keep_their_value(items: Api, number: str) -> None:
    made = items("POST", body=f'{{"n": {number}}}'.encode(), Content_Type="application/json")
    assert made.status == 201, made.content
    got = items("GET", made.location).content.decode()
    assert json.loads(got, parse_float=Decimal, parse_int=Decimal)["n"] == Decimal(number)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/ld+json", None])
def test_other_json_media_types_are_accepted(items: Api, content_type: str | None) -> None:
    assert items("POST", body=b'{"a": 1}', Content_Type=content_type).status == 201
