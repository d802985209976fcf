"""Test the six operations through their handlers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.api import TABLE, Api
from tests.unit.conftest import Make

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
CHANGES = [("PUT", {"a": 2}), ("PATCH", {"a": 2}), ("PATCH", {"a": {"b": 2}}), ("DELETE", None)]


def test_create_returns_the_item_and_its_location(api: Api) -> None:
    answer, requests = api.requests_of("POST", "/items", {"title": "Bridge", "tags": ["a", None]})
    item = answer.json
    assert answer.status == 201
    assert UUID.fullmatch(item["id"])
    assert STAMP.fullmatch(item["createdAt"])
    assert item == {
        "id": item["id"],
        "title": "Bridge",
        "tags": ["a", None],
        "createdAt": item["createdAt"],
        "updatedAt": item["createdAt"],
        "version": 1,
    }
    assert answer.headers["Location"] == f"items/{item['id']}"
    assert answer.headers["Content-Type"] == "application/json"
    assert requests == ["PutItem"]


@pytest.mark.parametrize(("path", "location"), [("/items/", ""), ("/", ""), ("/a/items", "items/")])
def test_location_resolves_against_the_requests_own_url(api: Api, path: str, location: str) -> None:
    answer = api.request("POST", path, {}, collection=path)
    assert answer.headers["Location"] == location + answer.json["id"]


def test_get_is_one_consistent_read(api: Api) -> None:
    created = api.request("POST", "/items", {"a": 1})
    answer, requests = api.requests_of("GET", f"/items/{created.json['id']}")
    assert (answer.status, answer.json, answer.etag) == (200, created.json, created.etag)
    assert requests == ["GetItem"]


def test_get_returns_304_for_its_tag(api: Api) -> None:
    path = f"/items/{api.create({})['id']}"
    etag = api.request("GET", path).etag
    for header in (etag, f"W/{etag}", f'"other", {etag}', "*", ['"other"', etag]):
        answer = api.request("GET", path, headers={"If-None-Match": header})
        assert (answer.status, answer.body, answer.etag) == (304, "", etag)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Content-Type" not in answer.headers
    assert api.request("GET", path, headers={"If-None-Match": '"other"'}).status == 200


def test_get_supports_if_match(api: Api) -> None:
    path = f"/items/{api.create({})['id']}"
    etag = api.request("GET", path).etag
    assert api.request("GET", path, headers={"If-Match": etag}).status == 200
    assert api.request("GET", path, headers={"If-Match": '"other"'}).status == 412


def test_clients_can_compute_the_tag_of_a_listed_item(api: Api) -> None:
    made = [api.request("POST", "/items", {}), api.request("POST", "/items", {})]
    api.request("PATCH", f"/items/{made[0].json['id']}", {"a": 1}, headers={"If-Match": made[0].etag})
    rows = api.request("GET", "/items", query={"fields": "createdAt,version"}).json["items"]
    for row in rows:
        etag = f'"{row["createdAt"]}-{row["version"]}"'
        path = f"/items/{row['id']}"
        assert api.request("GET", path).etag == etag
        assert api.request("PATCH", path, {"b": 1}, headers={"If-Match": etag}).status == 200
        assert api.request("PATCH", path, {"b": 2}, headers={"If-Match": etag}).status == 412


def test_replace_keeps_nothing_of_the_old_object(api: Api) -> None:
    item = api.create({"a": 1, "b": {"c": 2}})
    answer, requests = api.requests_of("PUT", f"/items/{item['id']}", {"b": []})
    changed = answer.json
    assert (answer.status, requests) == (200, ["UpdateItem"])
    assert changed == {
        "id": item["id"],
        "b": [],
        "createdAt": item["createdAt"],
        "updatedAt": changed["updatedAt"],
        "version": 2,
    }
    assert changed["updatedAt"] > item["updatedAt"]
    read = api.request("GET", f"/items/{item['id']}")
    assert (read.json, read.etag) == (changed, answer.etag)


def test_flat_merge_is_one_request(api: Api) -> None:
    item = api.create({"a": 1, "b": {"c": 2}, "d": "x"})
    patch = {"a": [{"n": None}], "b": 3, "d": None, "none": None, "": "new"}
    answer, requests = api.requests_of("PATCH", f"/items/{item['id']}", patch)
    assert (answer.status, requests) == (200, ["UpdateItem"])
    expected = {**item, "a": [{"n": None}], "b": 3, "": "new", "version": 2}
    del expected["d"]
    assert answer.json == expected | {"updatedAt": answer.json["updatedAt"]}
    assert api.request("GET", f"/items/{item['id']}").json == answer.json


def test_deep_merge_reads_and_writes_on_condition(api: Api) -> None:
    item = api.create({"a": {"b": 1, "c": 2}, "d": 3})
    answer, requests = api.requests_of("PATCH", f"/items/{item['id']}", {"a": {"b": None, "e": {"f": None}}})
    assert (answer.status, requests) == (200, ["GetItem", "UpdateItem"])
    assert (answer.json["a"], answer.json["d"], answer.json["version"]) == ({"c": 2, "e": {}}, 3, 2)


def test_a_merge_of_many_properties_is_still_one_write(api: Api) -> None:
    item = api.create({"p0": "old", "kept": True})
    few, requests = api.requests_of("PATCH", f"/items/{item['id']}", {f"p{n}": n for n in range(50)})
    assert requests == ["UpdateItem"]
    many, requests = api.requests_of("PATCH", f"/items/{item['id']}", {f"p{n}": -n for n in range(51)})
    assert requests == ["GetItem", "UpdateItem"]
    assert (few.json["p49"], many.json["p50"], many.json["kept"]) == (49, -50, True)


def test_an_empty_merge_is_a_write(api: Api) -> None:
    item = api.create({"a": 1})
    answer = api.request("PATCH", f"/items/{item['id']}", {})
    assert answer.json == {**item, "version": 2, "updatedAt": answer.json["updatedAt"]}


def test_delete_is_one_request(api: Api) -> None:
    path = f"/items/{api.create({})['id']}"
    answer, requests = api.requests_of("DELETE", path)
    assert (answer.status, answer.body, requests) == (204, "", ["DeleteItem"])
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert api.request("GET", path).status == 404
    assert api.request("DELETE", path).status == 404


@pytest.mark.parametrize(("method", "body"), [("GET", None), *CHANGES])
def test_a_missing_item_is_404_with_any_precondition(api: Api, method: str, body: Any) -> None:
    for headers in ({}, {"If-Match": "*"}, {"If-Match": '"2001-02-03T04:05:06.000007Z-1"'}):
        assert api.request(method, "/items/none", body, headers=headers).status == 404
    assert api.request("GET", "/items").json["items"] == []


@pytest.mark.parametrize(("method", "body"), CHANGES)
def test_if_match_lets_only_the_expected_state_be_changed(api: Api, method: str, body: Any) -> None:
    def fresh() -> tuple[str, str, str]:
        path = f"/items/{api.create({'a': 1})['id']}"
        stale = api.request("GET", path).etag
        return path, stale, api.request("PUT", path, {"a": 1}, headers={"If-Match": stale}).etag

    path, stale, current = fresh()
    for header in (
        stale,
        f"W/{current}",
        '"other"',
        '""',
        f"{stale}, W/{current}",
        f'"{"f" * 99}-1"',
        '"1-x"',
        '"1-1"',
        current.replace("-", "-+"),
        current.replace("-", "-0"),
        current.lower(),
        f'"0x{current[1:]}',
    ):
        answer = api.request(method, path, body, headers={"If-Match": header})
        assert answer.status == 412, header
        assert answer.json["type"] == "urn:trestle:problem:precondition-failed"
    assert api.request("GET", path).etag == current
    for make in (lambda s, c: c, lambda s, c: "*", lambda s, c: f"{s} , {c},", lambda s, c: [s, c]):
        path, stale, current = fresh()
        assert api.request(method, path, body, headers={"If-Match": make(stale, current)}).status in (
            200,
            204,
        )


@pytest.mark.parametrize(("method", "body"), CHANGES)
@pytest.mark.parametrize(
    "header", ["abc", "W/", "W/abc", '"abc', '"a" "b"', '*, "a"', "", ",", 'W "a"', ", ".join(['"a"'] * 51)]
)
def test_a_malformed_if_match_is_400(api: Api, method: str, body: Any, header: str) -> None:
    path = f"/items/{api.create({})['id']}"
    answer, requests = api.requests_of(method, path, body, headers={"If-Match": header})
    assert (answer.status, requests) == (400, [])
    assert "If-Match" in answer.json["detail"]


def test_fifty_entity_tags_fit(api: Api) -> None:
    created = api.request("POST", "/items", {})
    tags = [f'"2001-02-03T04:05:06.000007Z-{n}"' for n in range(49)] + [created.etag]
    properties = {f"property {n}": n for n in range(50)}
    path = f"/items/{created.json['id']}"
    assert api.request("PATCH", path, properties, headers={"If-Match": ", ".join(tags)}).status == 200


@pytest.mark.parametrize(("method", "body"), CHANGES)
def test_a_change_refuses_if_none_match(api: Api, method: str, body: Any) -> None:
    item = api.create({"a": 1})
    answer = api.request(method, f"/items/{item['id']}", body, headers={"If-None-Match": "*"})
    assert answer.status == 400
    assert api.request("GET", f"/items/{item['id']}").json == item


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_body_may_repeat_the_servers_properties(api: Api, method: str) -> None:
    item = api.create({"a": 1, "id": "mine", "createdAt": "then", "version": {"x": 1}, "updatedAt": None})
    assert item["id"] != "mine"
    assert item["version"] == 1
    body = {"id": item["id"], "a": 2, "createdAt": "then", "version": 9, "updatedAt": None}
    answer = api.request(method, f"/items/{item['id']}", body)
    assert answer.json == {**item, "a": 2, "version": 2, "updatedAt": answer.json["updatedAt"]}
    for wrong in ("other", None, 1):
        answer = api.request(method, f"/items/{item['id']}", {"id": wrong})
        assert answer.status == 400
        assert [fault["pointer"] for fault in answer.json["errors"]] == ["/id"]


def test_clients_may_choose_ids(make_api: Make) -> None:
    api = make_api({"ids": "client"})
    answer = api.request("POST", "/items", {"year": "2023", "title": "kkkg", "id": "12"})
    assert answer.status == 201
    assert answer.headers["Location"] == "items/12"
    assert api.request("GET", "/items/12").json == answer.json
    again, requests = api.requests_of("POST", "/items", {"id": "12"})
    assert (again.status, again.json["type"], requests) == (409, "urn:trestle:problem:conflict", ["PutItem"])
    assert UUID.fullmatch(api.create({"no": "id"})["id"])
    assert api.request("GET", "/items/12").json == answer.json


ODD_IDS = ["", ".", "..", "a/b", "a b", "ä", "x" * 129, 12, 0, 1.5, True, None, ["a"], {}]


@pytest.mark.parametrize("item_id", ODD_IDS)
def test_a_clients_id_is_ignored_if_the_server_chooses_ids(api: Api, item_id: Any) -> None:
    assert UUID.fullmatch(api.create({"id": item_id})["id"])


@pytest.mark.parametrize("item_id", ODD_IDS)
def test_an_id_of_other_characters_is_400(make_api: Make, item_id: Any) -> None:
    answer, requests = make_api({"ids": "client"}).requests_of("POST", "/items", {"id": item_id})
    assert (answer.status, requests) == (400, [])
    assert answer.json["errors"][0]["pointer"] == "/id"


def test_an_id_that_is_another_path_is_400(make_api: Make) -> None:
    api = make_api({"ids": "client", "reserved_ids": ["openapi.json", "v1"]})
    answer, requests = api.requests_of("POST", "/items", {"id": "v1"})
    assert (answer.status, requests) == (400, [])
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/id"]
    assert api.create({"id": "v2"})["id"] == "v2"


@pytest.mark.parametrize("item_id", ["a", "x" * 128, "A-Z.a_z~0", "...", "-"])
def test_ids_of_the_pattern_work(make_api: Make, item_id: str) -> None:
    api = make_api({"ids": "client"})
    assert api.create({"id": item_id})["id"] == item_id
    assert api.request("GET", f"/items/{item_id}").status == 200
    assert api.request("GET", f"/items/{item_id.replace('~', '%7E')}").status == 200
    assert api.request("DELETE", f"/items/{item_id}").status == 204


@pytest.mark.parametrize(("method", "body"), [("GET", None), *CHANGES])
@pytest.mark.parametrize("item_id", ["a b", "a%20b", "%", "ä", "x" * 129, "a:b"])
def test_a_path_with_an_invalid_id_is_400(api: Api, method: str, body: Any, item_id: str) -> None:
    answer, requests = api.requests_of(method, f"/items/{item_id}", body)
    assert (answer.status, requests) == (400, [])
    assert answer.json["errors"][0]["parameter"] == "id"


def test_items_of_another_program_are_items(make_api: Make) -> None:
    api = make_api({"ids": "client"})
    stamp = {"S": "2026-01-01T00:00:00.000000Z"}
    api.client.put_item(
        TableName=TABLE,
        Item={
            "id": {"S": "a"},
            "createdAt": stamp,
            "updatedAt": stamp,
            "version": {"N": "1"},
            "doc": {"M": {}},
        },
    )
    assert api.request("POST", "/items", {"id": "a"}).status == 409
    assert api.request("PUT", "/items/a", {"x": 1}, headers={"If-Match": '"other"'}).status == 412
    assert api.request("PUT", "/items/a", {"x": 1}).json["version"] == 2
    assert api.request("PATCH", "/items/a", {"y": 1}).json["version"] == 3


def test_put_may_be_a_merge(make_api: Make) -> None:
    api = make_api({"put": "merge"})
    item = api.create({"title": "a", "completed": False, "sub": {"x": 1}})
    answer, requests = api.requests_of("PUT", f"/items/{item['id']}", {"completed": True})
    assert (answer.status, requests) == (200, ["UpdateItem"])
    assert answer.json == {**item, "completed": True, "version": 2, "updatedAt": answer.json["updatedAt"]}
    deep = api.request("PUT", f"/items/{item['id']}", {"sub": {"y": 2}, "title": None}).json
    assert (deep["sub"], "title" in deep) == ({"x": 1, "y": 2}, False)
    stale = {"If-Match": '"2001-02-03T04:05:06.000007Z-1"'}
    assert api.request("PUT", f"/items/{item['id']}", {"a": 1}, headers=stale).status == 412
