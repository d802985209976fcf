"""Test readOnly properties, which clients cannot write, in every operation with a body."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.api import TABLE, Api, succeed
from tests.unit.conftest import Make
from trestle.entity import Entity
from trestle.errors import InvalidItem
from trestle.operations.validation import Validator, validator_of
from trestle.schema.defaults import fill
from trestle.schema.validation import validate
from trestle.store.attributes import encode

TEXT: dict[str, Any] = {"type": "string"}
ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1},
        "note": {"type": "string", "default": ""},
        "price": {"type": "number", "readOnly": True},
        "status": {"enum": ["draft", "paid", "shipped"], "default": "draft", "readOnly": True},
        "address": {
            "type": "object",
            "properties": {"city": TEXT, "verified": {"type": "boolean", "readOnly": True}},
            "required": ["city", "verified"],
            "additionalProperties": False,
        },
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "sku": TEXT,
                    "quantity": {"type": "integer", "default": 1},
                    "cost": {"type": "number", "readOnly": True},
                    "state": {"type": "string", "default": "open", "readOnly": True},
                },
                "required": ["sku", "cost"],
            },
        },
        "done": {"type": "boolean", "readOnly": False},
    },
    "required": ["title", "price", "status"],
    "additionalProperties": False,
}
# Values that clients may send: of the right type, of a wrong type, and null.
TRIED: list[dict[str, Any]] = [{"price": 1, "status": "paid"}, {"price": "free", "status": {}}, {"price": None}]
LINE = {"sku": "a", "quantity": 1, "cost": 5, "state": "sent"}


@pytest.fixture(params=["each by itself", "together"])
def schema(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A schema whose properties are validated one by one, and one with a combinator at its top level."""
    return ORDER | ({"anyOf": [{"required": ["title"]}]} if request.param == "together" else {})


@pytest.fixture
def api(make_api: Make, schema: dict[str, Any]) -> Api:
    return make_api({"schema": "order"}, {"order": schema})


@pytest.fixture
def partial(make_api: Make, schema: dict[str, Any]) -> Api:
    """The same API, with a PUT that accepts partial bodies."""
    return make_api({"schema": "order", "put": "merge"}, {"order": schema})


def own_code_sets(api: Api, item: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Write properties of a stored item as own code would; return the item's object."""
    doc = {name: value for name, value in item.items() if name not in ("id", "createdAt", "updatedAt", "version")}
    api.client.update_item(
        TableName=TABLE,
        Key={"id": {"S": item["id"]}},
        UpdateExpression="SET doc=:doc",
        ExpressionAttributeValues={":doc": encode(doc | values)},
    )
    return doc | values


def doc_of(answer: Any) -> dict[str, Any]:
    assert answer.status in (200, 201), answer.body
    return {n: value for n, value in answer.json.items() if n not in ("id", "createdAt", "updatedAt", "version")}


@pytest.mark.parametrize("sent", [{}, *TRIED])
def test_create_ignores_them_and_requires_none(api: Api, sent: dict[str, Any]) -> None:
    answer = api.request("POST", "/items", {"title": "a"} | sent)
    assert doc_of(answer) == {"title": "a", "note": "", "status": "draft"}
    assert doc_of(api.request("GET", f"/items/{answer.json['id']}")) == doc_of(answer)


def test_create_ignores_them_in_objects_and_arrays(api: Api) -> None:
    sent = {"title": "a", "address": {"city": "Rome", "verified": True}, "lines": [LINE, {"sku": "b", "cost": "x"}]}
    assert doc_of(api.request("POST", "/items", sent)) == {
        "title": "a", "note": "", "status": "draft", "address": {"city": "Rome"},
        "lines": [{"sku": "a", "quantity": 1, "state": "open"}, {"sku": "b", "quantity": 1, "state": "open"}],
    }  # fmt: skip


def test_other_properties_are_validated_as_usual(api: Api) -> None:
    answer = api.request("POST", "/items", {"title": "", "price": "x", "address": {}, "lines": [{}], "done": 1, "z": 1})
    assert answer.status == 422
    assert sorted(fault["pointer"] for fault in answer.json["errors"]) == [
        "/address/city", "/done", "/lines/0/sku", "/title", "/z",
    ]  # fmt: skip


def test_idempotency_keys_ignore_them(api: Api) -> None:
    key = {"headers": {"Idempotency-Key": "k"}}
    first = api.request("POST", "/items", {"title": "a", "price": 1}, **key)
    again = api.request("POST", "/items", {"title": "a"}, **key)
    assert (again.json, again.headers["Idempotency-Replayed"]) == (first.json, "true")
    assert api.request("POST", "/items", {"title": "b"}, **key).status == 422


@pytest.mark.parametrize("sent", [{}, *TRIED])
def test_replace_keeps_stored_values(api: Api, sent: dict[str, Any]) -> None:
    item = api.create({"title": "a", "note": "old"})
    own_code_sets(api, item, {"price": 9.5, "status": "paid"})
    answer, requests = api.requests_of("PUT", f"/items/{item['id']}", {"title": "b"} | sent)
    assert doc_of(answer) == {"title": "b", "note": "", "price": 9.5, "status": "paid"}
    assert (requests, answer.json["version"]) == (["GetItem", "UpdateItem"], 2)


def test_replace_gives_older_items_the_default(api: Api) -> None:
    item = api.create({"title": "a"})
    own_code_sets(api, {"id": item["id"]}, {"title": "a"})
    assert doc_of(api.request("PUT", f"/items/{item['id']}", {"title": "b"}))["status"] == "draft"


def test_replace_keeps_them_in_an_object_that_still_exists(api: Api) -> None:
    item = api.create({"title": "a", "address": {"city": "Rome"}})
    own_code_sets(api, item, {"address": {"city": "Rome", "verified": True}})
    moved = api.request("PUT", f"/items/{item['id']}", {"title": "a", "address": {"city": "Oslo", "verified": False}})
    assert doc_of(moved)["address"] == {"city": "Oslo", "verified": True}
    assert "address" not in doc_of(api.request("PUT", f"/items/{item['id']}", {"title": "a"}))
    back = api.request("PUT", f"/items/{item['id']}", {"title": "a", "address": {"city": "Rome"}})
    assert doc_of(back)["address"] == {"city": "Rome"}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_unchanged_elements_of_an_array_keep_them(api: Api, method: str) -> None:
    item = api.create({"title": "a", "lines": [{"sku": "a"}, {"sku": "b"}, {"sku": "a"}]})
    costs = {"a": 5, "b": 7}
    lines = [line | {"cost": costs[line["sku"]], "state": str(at)} for at, line in enumerate(item["lines"])]
    own_code_sets(api, item, {"lines": lines})
    sent = [
        {"sku": "b", "quantity": 1.0},  # in another place
        {"sku": "a", "quantity": 1, "cost": 0, "state": "x"},
        {"sku": "a", "quantity": 2},  # changed
        {"sku": "a", "quantity": 1},
        {"sku": "a", "quantity": 1},  # one more than before
    ]
    answer = api.request(method, f"/items/{item['id']}", {"title": "a", "lines": sent})
    new = {"state": "open"} if method == "PUT" else {}
    assert doc_of(answer)["lines"] == [
        {"sku": "b", "quantity": 1, "cost": 7, "state": "1"},
        {"sku": "a", "quantity": 1, "cost": 5, "state": "0"},
        {"sku": "a", "quantity": 2} | new,
        {"sku": "a", "quantity": 1, "cost": 5, "state": "2"},
        {"sku": "a", "quantity": 1} | new,
    ]


@pytest.mark.parametrize("sent", TRIED)
def test_patch_ignores_them(api: Api, schema: dict[str, Any], sent: dict[str, Any]) -> None:
    item = api.create({"title": "a"})
    stored = own_code_sets(api, item, {"price": 9.5, "status": "paid"})
    answer, requests = api.requests_of("PATCH", f"/items/{item['id']}", {"title": "b"} | sent)
    assert doc_of(answer) == stored | {"title": "b"}
    assert requests == (["GetItem", "UpdateItem"] if "anyOf" in schema else ["UpdateItem"])


@pytest.mark.parametrize("sent", [{"verified": None}, {"verified": "x"}, {"verified": {"deep": 1}}])
def test_patch_ignores_them_in_objects(api: Api, sent: dict[str, Any]) -> None:
    item = api.create({"title": "a"})
    assert "address" not in doc_of(api.request("PATCH", f"/items/{item['id']}", {"address": sent}))
    own_code_sets(api, item, {"address": {"city": "Rome", "verified": True}})
    answer = api.request("PATCH", f"/items/{item['id']}", {"address": {"city": "Oslo"} | sent})
    assert doc_of(answer)["address"] == {"city": "Oslo", "verified": True}
    assert "address" not in doc_of(api.request("PATCH", f"/items/{item['id']}", {"address": None}))


def test_a_patch_that_changes_nothing_but_them_is_an_empty_one(api: Api) -> None:
    item = api.create({"title": "a"})
    answer = api.request("PATCH", f"/items/{item['id']}", {"price": 3, "address": {"verified": True}})
    assert answer.json == {**item, "version": 2, "updatedAt": answer.json["updatedAt"]}


def test_a_put_of_partial_bodies_is_a_patch(partial: Api) -> None:
    item = partial.create({"title": "a"})
    stored = own_code_sets(partial, item, {"price": 9.5, "status": "paid"})
    answer = partial.request("PUT", f"/items/{item['id']}", {"note": "n", "price": 0, "status": None})
    assert doc_of(answer) == stored | {"note": "n"}


def test_invalid_stored_values_are_not_reported_to_clients(api: Api) -> None:
    item = api.create({"title": "a"})
    spoilt = {"price": "x", "address": {"city": "Rome", "verified": "yes"}}
    own_code_sets(api, item, spoilt)
    for method, sent in (
        ("PUT", {"title": "b", "address": {"city": "Oslo"}}),
        ("PATCH", {"address": {"city": "Oslo"}}),
    ):
        doc = doc_of(api.request(method, f"/items/{item['id']}", sent))
        assert (doc["price"], doc["address"]) == ("x", {"city": "Oslo", "verified": "yes"})


def test_an_overtaken_replace_is_retried(api: Api) -> None:
    item = api.create({"title": "a"})
    path = f"/items/{item['id']}"

    def overtake(_: Any) -> None:
        api.client.update_item(
            TableName=TABLE,
            Key={"id": {"S": item["id"]}},
            UpdateExpression="SET version=version+:one, doc.price=:price",
            ExpressionAttributeValues={":one": {"N": "1"}, ":price": {"N": "7"}},
        )

    with api.fault("UpdateItem", overtake, succeed):
        answer = api.request("PUT", path, {"title": "b"})
    assert (doc_of(answer)["price"], answer.json["version"]) == (7, 3)
    with api.fault("UpdateItem", *(4 * [overtake, succeed])):
        answer = api.request("PUT", path, {"title": "c"})
    assert (answer.status, answer.json["type"]) == (409, "urn:trestle:problem:conflict")


def test_if_match_holds_for_a_replace_that_reads(api: Api) -> None:
    item = api.create({"title": "a"})
    path = f"/items/{item['id']}"
    stale = {"If-Match": '"2001-02-03T04:05:06.000007Z-1"'}
    answer, requests = api.requests_of("PUT", path, {"title": "b"}, headers=stale)
    assert (answer.status, requests) == (412, ["GetItem"])
    assert api.request("PUT", path, {"title": "b"}, headers={"If-Match": api.request("GET", path).etag}).status == 200
    assert api.request("PUT", "/items/00000000-0000-4000-8000-000000000000", {"title": "b"}).status == 404
    answer, requests = api.requests_of("PUT", path, {"title": ""})
    assert (answer.status, requests) == (422, [])


def test_filters_and_expiry_use_them(make_api: Make) -> None:
    schema = {"properties": {"state": {**TEXT, "readOnly": True, "default": "new"}, "until": {"readOnly": True}}}
    api = make_api({"schema": "s", "filters": {"state": {}}, "ttl": "until"}, {"s": schema})
    item = api.create({"a": 1, "until": 1})
    assert api.request("GET", "/items", query={"state": "new"}).json["count"] == 1
    assert api.request("PUT", f"/items/{item['id']}", {"state": "old", "until": 1}).status == 200
    assert api.request("GET", "/items", query={"state": "new"}).json["count"] == 1


# --- Schema rules on several properties

SHIPPED: dict[str, Any] = {"properties": {"status": {"enum": ["shipped"]}}, "required": ["status"]}
CONDITIONS: dict[str, dict[str, Any]] = {
    "anyOf": {"anyOf": [{"not": SHIPPED}, {"required": ["city"]}]},
    "allOf": {"allOf": [{"required": ["title"]}, {"anyOf": [{"not": SHIPPED}, {"required": ["city"]}]}]},
    "oneOf": {"oneOf": [{"not": SHIPPED}, {**SHIPPED, "required": ["status", "city"]}]},
    "not": {"not": {"allOf": [SHIPPED, {"not": {"required": ["city"]}}]}},
}


@pytest.mark.parametrize("keyword", CONDITIONS)
def test_a_rule_on_several_properties_holds_once_they_are_set(make_api: Make, keyword: str) -> None:
    properties = {"title": TEXT, "city": TEXT, "status": {**TEXT, "readOnly": True}, "paid": {"readOnly": True}}
    schema = {"type": "object", "properties": properties, "required": ["paid"], **CONDITIONS[keyword]}
    api = make_api({"schema": "s"}, {"s": schema})
    item = api.create({"title": "a", "city": "Rome", "status": "shipped"})
    path = f"/items/{item['id']}"
    assert doc_of(api.request("PUT", path, {"title": "a"})) == {"title": "a"}
    own_code_sets(api, item, {"status": "shipped"})
    for method, sent in (("PUT", {"title": "b"}), ("PATCH", {"city": None})):
        refused = api.request(method, path, sent)
        assert (refused.status, [fault["pointer"] for fault in refused.json["errors"]]) == (422, [""])
    assert doc_of(api.request("PUT", path, {"title": "b", "city": "Oslo"}))["status"] == "shipped"
    own_code_sets(api, item, {"status": "draft"})
    assert doc_of(api.request("PATCH", path, {"city": None}))["status"] == "draft"


@pytest.mark.parametrize(
    ("rules", "client", "whole"),
    [
        # per rule: a client's object that is valid before own code sets `s`; an object that only
        # the whole item may be
        ({"anyOf": [{"required": ["s"]}, {"required": ["b"]}]}, [{}, {"b": 1}], [{"b": 1}, {"s": 1}]),
        ({"oneOf": [{"required": ["s"]}, {"required": ["b"]}]}, [{}, {"b": 1}], [{"b": 1}, {"s": 1}]),
        (
            {"oneOf": [{"required": ["s"]}, {"required": ["b"]}], "anyOf": [{"required": ["a"]}]},
            [{"a": 1}], [{"a": 1, "b": 1}],
        ),
        ({"not": {"required": ["s"]}}, [{}], [{}]),
        ({"not": {"required": ["b"]}}, [{}], [{}, {"s": 1}]),
        ({"enum": [{"a": 1}, {"a": 1, "s": 1}]}, [{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 1, "s": 1}]),
        ({"enum": [{"a": 1}]}, [{"a": 1}], [{"a": 1}]),
        ({"minProperties": 2}, [{"a": 1}], [{"a": 1, "s": 1}, {"a": 1, "b": 1}]),
        ({"maxProperties": 1}, [{}, {"a": 1}], [{"a": 1}, {"s": 1}]),
        (
            {"anyOf": [{"properties": {"a": {}, "s": {}}, "additionalProperties": False}]},
            [{"a": 1}], [{"a": 1, "s": 1}],
        ),
        ({"anyOf": [{"properties": {"a": {}}, "additionalProperties": False}]}, [{"a": 1}], [{"a": 1}]),
        ({"anyOf": [{"properties": {"o": {"required": ["x"]}}}]}, [{"o": {}}], [{"o": {"x": 1}}, {}]),
    ],
)  # fmt: skip
def test_missing_properties_are_neither_faults_nor_exemptions(
    rules: dict[str, Any], client: list[Any], whole: list[Any]
) -> None:
    inner = {"type": "object", "properties": {"x": {"readOnly": True}}}
    validator = Validator({"type": "object", "properties": {"s": {"readOnly": True}, "o": inner}, **rules})
    for doc in client:
        assert validator.keep(validator.complete(doc), {}) == doc
    for doc in whole:
        validator.check(doc)


def test_the_whole_item_is_validated_with_its_required_properties() -> None:
    validator = Validator(ORDER)
    for doc, faults in (
        ({"title": "a", "status": "draft"}, ["/price"]),
        ({"title": "a", "status": "x", "price": 1, "address": {"city": "Rome"}}, ["/address/verified", "/status"]),
    ):
        with pytest.raises(InvalidItem) as refused:
            validator.check(doc)
        assert sorted(fault["pointer"] for fault in refused.value.faults) == faults
    validator.check({"title": "a", "status": "paid", "price": 1})
    validator.check_changed({"status": "paid"}, ["status", "note"])
    with pytest.raises(InvalidItem) as refused:
        validator.check_changed({"status": "x"}, ["status", "price"])
    assert [fault["pointer"] for fault in refused.value.faults] == ["/status", "/price"]
    together = Validator(ORDER | {"minProperties": 1})
    with pytest.raises(InvalidItem):
        together.check_changed({"status": "paid"}, ["status"])
    Validator({}).check_changed({"a": None}, ["a", "b"])
    Validator({}).check({"a": None})


def test_max_properties_counts_stored_properties(make_api: Make) -> None:
    schema = {"properties": {"s": {"readOnly": True}}, "maxProperties": 2}
    api = make_api({"schema": "s"}, {"s": schema})
    item = api.create({"a": 1, "s": 1, "b": 2})
    own_code_sets(api, item, {"s": 1})
    assert api.request("PUT", f"/items/{item['id']}", {"a": 1, "b": 2}).status == 422
    assert doc_of(api.request("PUT", f"/items/{item['id']}", {"a": 1})) == {"a": 1, "s": 1}


def test_a_value_may_be_of_several_kinds(make_api: Make) -> None:
    either = {"properties": {"r": {"readOnly": True}, "x": {}}, "items": {"properties": {"r": {"readOnly": True}}}}
    object_only = {"properties": {"r": {"readOnly": True}}}
    api = make_api({"schema": "s"}, {"s": {"properties": {"v": either, "w": object_only}}})
    item = api.create({"v": [{"r": 1, "y": 2}, 3]})
    path = f"/items/{item['id']}"
    assert item["v"] == [{"y": 2}, 3]
    own_code_sets(api, item, {"v": {"r": 1, "x": 2}})
    assert doc_of(api.request("PUT", path, {"v": {"x": 3}})) == {"v": {"r": 1, "x": 3}}
    assert doc_of(api.request("PUT", path, {"v": [{"r": 1}]})) == {"v": [{}]}
    assert doc_of(api.request("PUT", path, {"v": "text", "w": [{"r": 1}]})) == {"v": "text", "w": [{"r": 1}]}
    assert doc_of(api.request("PUT", path, {"w": [{"r": 1}, 2]})) == {"w": [{"r": 1}, 2]}


def test_schemas_without_them_do_not_load_their_code() -> None:
    """Such a schema loads no module for them and is not copied."""
    schema = {"properties": {"a": {"type": "array", "items": {"properties": {"b": TEXT}}}}}
    entity = Entity("items", TABLE, {}, json.loads(json.dumps(schema)))
    validator = validator_of(entity)
    doc = {"a": [{"b": "x"}]}
    assert not validator.has_read_only
    assert validator.client_part(doc) is doc
    assert validator.client_changes(doc) is doc
    assert validator.keep(doc, {}) is doc
    assert validator.complete(doc) == fill(doc, schema)
    assert validate(doc, schema) == []
