"""Test that every property name that JSON allows works in every operation."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.unit.api import TABLE, Api
from tests.unit.conftest import Make
from tests.unit.test_list import follow
from trestle.store.derived import hash_name, sort_name

NAMES = [
    *("due-date", "due date", "fällig", "a.b", "rank.gte", 'quo"te', "it's", "sl/a\\sh", "#", "$ref", ":0"),
    *("%41", "😀", "__proto__", "self", "State", "state", "a,b", "x" * 300),
]  # fmt: skip
# A list's parameters, names that no parameter can have, and DynamoDB's keywords and path syntax.
ODDER = ["", "limit", "cursor", "fields", "order", "\0", "\0a", "\u2028", "[0]", "doc", "write", "collection"]


@pytest.mark.parametrize("name", [*NAMES, *ODDER])
def test_a_property_is_created_read_changed_and_removed(api: Api, name: str) -> None:
    made = api.create({name: "made", "other": 1})
    path = f"/items/{made['id']}"
    assert made[name] == "made"
    read = api.request("GET", path)
    assert read.json == made
    patched = api.request("PATCH", path, {name: "patched"}, headers={"If-Match": read.etag})
    assert (patched.status, patched.json[name], patched.json["other"]) == (200, "patched", 1)
    assert api.request("PATCH", path, {name: None}, headers={"If-Match": read.etag}).status == 412
    nested = api.request("PATCH", path, {name: {name: [{name: 1}]}}, headers={"If-Match": patched.etag})
    assert nested.json[name] == {name: [{name: 1}]}
    replaced = api.request("PUT", path, {name: "replaced"}, headers={"If-Match": nested.etag})
    assert (replaced.status, replaced.json[name]) == (200, "replaced")
    if name:
        narrowed = api.request("GET", "/items", query={"fields": name})
        assert narrowed.json["items"] == [{"id": made["id"], name: "replaced"}]
    removed = api.request("PATCH", path, {name: None})
    assert (removed.status, name in removed.json) == (200, False)
    assert api.request("GET", "/items").json["items"] == [removed.json]
    assert api.request("DELETE", path, headers={"If-Match": removed.etag}).status == 204


# Each is a filter, and each sorts by another property, one by the property with the empty name.
SORTS = dict(zip(NAMES, [*NAMES[1:], ""], strict=True))
SCHEMA = {"properties": {name: {"type": "string"} for name in [*NAMES, ""]}}


@pytest.fixture
def filtered(make_api: Make) -> Api:
    filters = {name: {"sort": sort} for name, sort in SORTS.items()}
    return make_api({"schema": "odd", "filters": filters}, {"odd": SCHEMA})


def test_every_name_is_a_filter_a_sort_and_a_bound(filtered: Api) -> None:
    items = [filtered.create(dict.fromkeys([*NAMES, ""], value)) for value in ("a", "b", "b", "c")]
    path = f"/items/{items[3]['id']}"
    for name, sort in SORTS.items():
        found = filtered.request("PUT", path, {**dict.fromkeys([*NAMES, ""], "c"), sort: "d", name: "b"})
        assert found.status == 200, (name, found.body)

        def listed(name: str = name, **query: str) -> list[str]:
            pages = follow(filtered, **{name: "b", "limit": "1", **query})
            return [item["id"] for page in pages for item in page["items"]]

        inside = {items[1]["id"], items[2]["id"]}
        assert set(listed()) == {*inside, items[3]["id"]}
        assert listed(order="desc")[0] == items[3]["id"]
        assert set(listed(**{f"{sort}.lte": "b"})) == inside
        assert listed(**{f"{sort}.gt": "b"}) == [items[3]["id"]]
        assert set(listed(**{f"{sort}.gte": "b", f"{sort}.lt": "c"})) == inside
        assert listed(**{f"{sort}.prefix": "d"}) == [items[3]["id"]]
        assert filtered.request("PATCH", path, {name: "z"}).status == 200
        assert set(listed()) == inside
        assert filtered.request("PATCH", path, {name: None}).status == 200


def test_the_link_carries_odd_names(filtered: Api) -> None:
    for _ in range(2):
        filtered.create(dict.fromkeys([*NAMES, ""], "a"))
    for name, sort in SORTS.items():
        query = {name: "a", f"{sort}.gte": "a", "limit": "1", "fields": name}
        link = filtered.request("GET", "/items", query=query).headers["Link"]
        sent = dict(parse_qsl(urlsplit(link.partition(">")[0].strip("<")).query))
        assert sent.items() > query.items()


def test_fields_take_a_name_with_a_comma_and_its_parts(api: Api) -> None:
    item = api.create({"a": 1, "b": 2, "a,b": 3, "b,c": 4, ",": 5})
    (narrowed,) = api.request("GET", "/items", query={"fields": "a,b"}).json["items"]
    assert narrowed == {name: item[name] for name in ("id", "a", "b", "a,b")}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("dueDate", "dueDate"),
        ("due_date-2", "due_date-2"),
        ("a.b", "a.2Eb"),
        ("ü b", ".C3.BC.20b"),
        ("", ""),
        ("x" * 240, "x" * 240),
        ("x" * 241, ".." + hashlib.sha256(b"x" * 241).hexdigest()),
    ],
)
def test_names_of_keys_are_short_and_plain(name: str, key: str) -> None:
    assert hash_name(name) == f"by_{key}"
    assert (sort_name(name, False), sort_name(name, True)) == (f"sort_{key}", f"number_{key}")


def test_names_of_keys_never_collide(filtered: Api) -> None:
    keys = filtered.client.describe_table(TableName=TABLE)["Table"]["AttributeDefinitions"]
    names: list[Any] = [each["AttributeName"] for each in keys]
    assert len(set(names)) == len(names) == 2 * len(NAMES) + 3
    assert all(len(name.encode()) <= 255 for name in names)
