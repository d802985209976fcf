"""Test `fields`: which callers may read and write a property, in every operation, by their access token."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.api import OPERATIONS, TABLE, Api, modules
from tests.unit.conftest import ENVIRONMENT, Hooked, Make, Own
from tests.unit.test_functions import EVERYTHING, call
from tests.unit.test_list import follow
from trestle.errors import Refused
from trestle.operations.fields import Fields
from trestle.own.function import Function
from trestle.store.attributes import decode, encode

TEXT: dict[str, Any] = {"type": "string"}
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "salary": {"type": "number", "minimum": 1},  # only hr reads and writes it
        "grade": {"enum": ["a", "b"], "type": "string", "default": "a"},  # all read it, hr writes it
        "pin": {"type": "string", "minLength": 4},  # all write it, nobody reads it
        "mood": {"type": "string", "default": "fine"},  # all write it, the scope reads it
        "memo": {"type": "object", "properties": {"a": TEXT, "b": TEXT}, "additionalProperties": False},
        "state": {"type": "string", "default": "new", "readOnly": True},  # the server writes it, hr reads it
        "team": TEXT,
    },
    "required": ["name", "salary", "pin"],
    "additionalProperties": False,
}
HR = {"read": "group=hr", "write": "group=hr"}
FIELDS: dict[str, Any] = {
    "salary": HR,
    "grade": {"write": "group=hr"},
    "pin": {"read": "nobody"},
    "mood": {"read": "scope=test/moods"},
    "memo": {"read": "nobody"},
    "state": {"read": "group=hr"},
}
OPTIONS: dict[str, Any] = {
    "schema": "person",
    "signed_in": list(OPERATIONS.values()),
    "fields": FIELDS,
    "filters": {"team": {}, "grade": {"sort": "salary"}, "mood": {}, "salary": {}},
}
BODY = {"name": "Ann", "pin": "1234", "team": "x"}
STAMPS = ("id", "createdAt", "updatedAt", "version")


@pytest.fixture(params=["each by itself", "together"])
def schema(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A schema whose properties are validated one by one, and one with a combinator at its top level."""
    return PERSON | ({"anyOf": [{"required": ["name"]}]} if request.param == "together" else {})


@pytest.fixture(params=["cognito", "jwt"])
def make(make_api: Make, schema: dict[str, Any], request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return a factory of callers: people(**options) returns a function from groups and scopes to a caller's Api."""

    def made(**options: Any) -> Callable[..., Api]:
        api = make_api(OPTIONS | options, {"person": schema}, numeric=["salary"])

        def caller(*groups: str, scopes: tuple[str, ...] = (), sub: str = "ann") -> Api:
            if request.param == "jwt":
                return api.as_issued(sub, groups=groups, scopes=scopes)
            return api.as_user(sub, **{"cognito:groups": [*groups], "scope": " ".join(scopes)})

        return caller

    return made


@pytest.fixture
def people(make: Callable[..., Callable[..., Api]]) -> Callable[..., Api]:
    return make()


def doc_of(answer: Any) -> dict[str, Any]:
    assert answer.status in (200, 201), answer.body
    return {name: value for name, value in answer.json.items() if name not in STAMPS}


def stored_object(api: Api) -> dict[str, Any]:
    """Return the object of the table's only item."""
    (record,) = api.client.scan(TableName=TABLE)["Items"]
    found: dict[str, Any] = decode(record["doc"])
    return found


def store(api: Api, values: dict[str, Any]) -> None:
    """Write properties of the only item directly, as a job would."""
    (record,) = api.client.scan(TableName=TABLE)["Items"]
    api.client.update_item(
        TableName=TABLE,
        Key={"id": record["id"]},
        UpdateExpression="SET doc=:doc",
        ExpressionAttributeValues={":doc": encode(stored_object(api) | values)},
    )


# --- Rules


@pytest.mark.parametrize(
    ("rule", "groups", "scopes", "is_owner", "allowed"),
    [
        ("group=hr", ["hr"], [], False, True),
        ("group=hr", ["HR", "hr2", "h", "hr "], ["hr"], True, False),
        ("group=Human Resources", ["Human Resources"], [], False, True),
        ("group=Human Resources", ["Human", "Resources"], [], False, False),
        ("group=a=b", ["a=b"], [], False, True),
        ("group=a=b", ["a"], [], False, False),
        ("scope=pay", [], ["pay"], False, True),
        ("scope=pay", ["pay"], ["shop/pay", ""], False, False),
        ("scope=shop/pay pay", [], ["pay"], False, True),
        ("scope=shop/pay pay", [], ["shop/pay"], False, True),
        ("scope=shop/pay pay", [], ["shop/pay pay", "shop/"], False, False),
        ("owner", ["owner"], ["owner"], False, False),
        ("owner", [], [], True, True),
        ("nobody", ["nobody"], ["nobody"], True, False),
        ("", [""], [""], True, False),  # an unknown rule denies
        ("groups=hr", ["hr"], [], True, False),
    ],
)
def test_a_rule_allows_the_named_callers(
    rule: str, groups: list[str], scopes: list[str], is_owner: bool, allowed: bool
) -> None:
    fields = Fields({"a": {"read": rule}, "b": {"write": rule}, "c": {}})
    assert fields.unreadable(groups, scopes, is_owner=is_owner) == (set() if allowed else {"a"})
    assert fields.unwritable(groups, scopes, is_owner=is_owner) == (set() if allowed else {"b"})


# --- Responses


def test_no_response_has_properties_hidden_from_the_caller(people: Callable[..., Api]) -> None:
    anybody, hr = people(), people("hr")
    made = anybody.request("POST", "/items", BODY)
    seen = {"name": "Ann", "grade": "a", "team": "x"}
    path = f"/items/{made.json['id']}"
    assert doc_of(made) == seen
    full = {**seen, "salary": 5, "state": "new"}
    assert doc_of(hr.request("PATCH", path, {"salary": 5})) == full
    assert doc_of(people("hr", scopes=("test/moods",)).request("GET", path)) == {**full, "mood": "fine"}
    for api, view in (
        (anybody, seen),
        (people("staff", "h"), seen),
        (people(scopes=("hr", "moods")), seen),
        (hr, full),
    ):
        assert doc_of(api.request("GET", path)) == view
        (listed,) = api.request("GET", "/items").json["items"]
        assert {name: value for name, value in listed.items() if name not in STAMPS} == view
        (listed,) = api.request("GET", "/items", query={"team": "x"}).json["items"]
        assert {name: value for name, value in listed.items() if name not in STAMPS} == view
        wanted = {"fields": "salary,pin,state,memo,name"}
        (listed,) = api.request("GET", "/items", query=wanted).json["items"]
        assert listed.keys() == {"id", *(name for name in wanted["fields"].split(",") if name in view)}
        assert doc_of(api.request("PATCH", path, {"team": "x"})) == view
        assert doc_of(api.request("PATCH", path, {"memo": {"a": "1"}})) == view
        body = {"name": "Ann", "team": "x"} | ({"salary": 5} if api is hr else {})
        assert doc_of(api.request("PUT", path, body)) == view


def test_no_byte_of_a_response_has_a_property_hidden_from_all(people: Callable[..., Api]) -> None:
    """Includes error responses: about state, faults, keys and sizes."""
    canary, path = "c4n4ry", ""
    api, hr = people(), people("hr")
    sent = {**BODY, "pin": canary, "memo": {"a": canary}, "mood": canary}
    key = {"headers": {"Idempotency-Key": "k"}}
    answers = [api.request("POST", "/items", sent, **key)]
    path = f"/items/{answers[0].json['id']}"
    again = api.request("POST", "/items", sent, **key)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    answers += [again, api.request("POST", "/items", {**sent, "pin": "other"}, **key)]
    for method, body in (
        ("GET", None), ("PUT", BODY), ("PATCH", {"team": "y"}), ("PATCH", {"memo": {"b": "1"}}), ("PUT", {}),
        ("PATCH", {"pin": "1"}), ("PATCH", {"memo": {"c": 1}}), ("PATCH", {"team": "z" * 500_000}),
        ("PATCH", {"salary": 1}), ("PATCH", {"name": 1}), ("DELETE", None),
    ):  # fmt: skip
        for headers in ({"If-Match": '"x"'}, {"If-None-Match": '"x"'}, {}):
            caller = hr if method == "DELETE" else api
            answers.append(caller.request(method, path, body, headers=headers))
    answers.append(api.request("GET", "/items", query={"mood": "x"}))
    answers.append(api.request("GET", "/items", query={"order": "desc"}))
    assert {answer.status for answer in answers} >= {200, 201, 204, 400, 403, 412, 413, 422}
    for answer in answers:
        assert canary not in f"{answer.body}{answer.headers}"


def test_a_caller_without_a_token_sees_only_public_properties(make: Callable[..., Any]) -> None:
    """API keys, IAM identities and anonymous callers have no access token, so they are in no group."""
    people = make(signed_in=[])
    people("hr").create(BODY | {"salary": 5})
    api = people()
    for claims in (
        None,
        {"sub": "ann", "token_use": "id", "cognito:groups": ["hr"]},  # not an access token
        {"sub": "a#b", "token_use": "access", "cognito:groups": ["hr"]},
        {"cognito:groups": ["hr"], "token_use": "access"},
    ):
        stranger = api.as_user("-")
        stranger._claims = claims
        for identity in ({}, dict.fromkeys(["apiKeyId"], "hr"), {"userArn": "arn:aws:iam::1:user/hr"}):
            (item,) = stranger.request("GET", "/items", identity=identity).json["items"]
            assert "salary" not in item
            assert item["grade"] == "a"
            answer = stranger.request("POST", "/items", BODY | {"salary": 1}, identity=identity)
            assert (answer.status, [each["pointer"] for each in answer.json["errors"]]) == (403, ["/salary"])


def test_no_304_if_callers_see_different_properties(people: Callable[..., Api]) -> None:
    """A caller who joins a group sees more of an unchanged item."""
    made = people("hr").request("POST", "/items", BODY | {"salary": 5})
    path, match = f"/items/{made.json['id']}", {"If-None-Match": made.etag}
    assert "salary" not in people().request("GET", path, headers=match).json
    assert people("hr").request("GET", path, headers=match).json["salary"] == 5


def test_an_entity_whose_properties_everybody_reads_returns_304(make_api: Make) -> None:
    api = make_api({"schema": "person", "fields": {"grade": {"write": "nobody"}}}, {"person": PERSON})
    made = api.request("POST", "/items", BODY | {"salary": 1})
    answer = api.request("GET", f"/items/{made.json['id']}", headers={"If-None-Match": made.etag})
    assert answer.status == 304


# --- Lists


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"salary": "5"}, "salary"),
        ({"grade": "a"}, "grade"),
        ({"grade": "a", "order": "desc"}, "grade"),
        ({"grade": "a", "salary.gte": "3", "salary.lt": "9"}, "grade"),
        ({"mood": "fine"}, "mood"),
    ],
)
def test_a_list_is_not_filtered_or_sorted_by_hidden_properties(
    people: Callable[..., Api], query: dict[str, str], parameter: str
) -> None:
    everything = people("hr", scopes=("test/moods",))
    everything.create(BODY | {"salary": 5})
    assert everything.request("GET", "/items", query=query).json["count"] == 1
    answer, requests = people("staff").requests_of("GET", "/items", query=query)
    assert (answer.status, answer.json["type"], requests) == (403, "urn:trestle:problem:forbidden", [])
    assert [each["parameter"] for each in answer.json["errors"]] == [parameter]


def test_a_cursor_gives_no_access_to_a_forbidden_list(people: Callable[..., Api]) -> None:
    hr = people("hr")
    for salary in (1, 2, 3):
        hr.create(BODY | {"salary": salary})
    page = hr.request("GET", "/items", query={"grade": "a", "limit": "1"}).json
    for query in ({"grade": "a", "limit": "1"}, {"team": "x"}, {}):
        answer = people().request("GET", "/items", query=query | {"cursor": page["next"]})
        assert answer.status == (403 if "grade" in query else 400)
    assert [len(each["items"]) for each in follow(people(), team="x", limit="1")] == [1, 1, 1]
    assert [len(each["items"]) for each in follow(hr, grade="a", limit="1")] == [1, 1, 1]


# --- Bodies


@pytest.mark.parametrize("value", [5, 0, None, "free", {"a": None}, [1]])
def test_properties_that_the_caller_may_not_write_are_refused_with_their_place(
    people: Callable[..., Api], value: Any
) -> None:
    """With any value, including the stored one and null."""
    hr, api = people("hr"), people("staff")
    made = hr.create(BODY | {"salary": 5})
    before = stored_object(api)
    for method, path, body in (
        ("POST", "/items", BODY), ("PUT", f"/items/{made['id']}", BODY), ("PATCH", f"/items/{made['id']}", {})
    ):  # fmt: skip
        answer, requests = api.requests_of(method, path, body | {"salary": value, "grade": value, "zz": 1})
        assert (answer.status, answer.json["type"], requests) == (403, "urn:trestle:problem:forbidden", [])
        assert answer.json["errors"] == [
            {"pointer": "/salary", "detail": "Only members of the group hr may write it"},
            {"pointer": "/grade", "detail": "Only members of the group hr may write it"},
        ]
    assert stored_object(api) == before


def test_a_put_that_merges_obeys_the_rules(make: Callable[..., Any]) -> None:
    people = make(put="merge")
    made = people("hr").create(BODY | {"salary": 5})
    path = f"/items/{made['id']}"
    assert people().request("PUT", path, {"salary": 6}).status == 403
    assert people().request("PUT", path, {"team": "y", "salary": None}).status == 403
    assert doc_of(people().request("PUT", path, {"team": "y"})) == {"name": "Ann", "grade": "a", "team": "y"}
    assert stored_object(people())["salary"] == 5


def test_a_create_requires_only_writable_properties_and_fills_in_defaults(people: Callable[..., Api]) -> None:
    assert people().request("POST", "/items", {"name": "Ann"}).json["errors"] == [
        {"pointer": "/pin", "detail": "Is required"}
    ]
    people().create(BODY)
    assert stored_object(people()) == BODY | {"grade": "a", "mood": "fine", "state": "new"}


def test_a_property_that_some_cannot_write_is_never_required(people: Callable[..., Api]) -> None:
    """So items without it exist, and callers who may write it can still change them."""
    made = people().create(BODY)
    for body in ({"team": "y"}, {"memo": {"a": "1"}}, {"salary": 7}, {"salary": None}):
        assert people("hr").request("PATCH", f"/items/{made['id']}", body).status == 200
    assert "salary" not in people("hr").request("PUT", f"/items/{made['id']}", BODY).json


def test_an_item_keeps_properties_that_a_put_cannot_contain(people: Callable[..., Api]) -> None:
    hr = people("hr")
    made = hr.create(BODY | {"salary": 5, "grade": "b", "mood": "sad", "memo": {"a": "1"}})
    store(hr, {"state": "old"})
    path = f"/items/{made['id']}"
    answer, requests = people().requests_of("PUT", path, {"name": "Bea"})
    assert doc_of(answer) == {"name": "Bea", "grade": "b"}
    assert requests == ["GetItem", "UpdateItem"]
    kept = {"salary": 5, "grade": "b", "pin": "1234", "mood": "sad", "memo": {"a": "1"}, "state": "old"}
    assert stored_object(hr) == {"name": "Bea", **kept}
    # A property that they may write but not read stays unless the body has it.
    people().request("PUT", path, {"name": "Bea", "pin": "9999", "memo": {"b": "2"}, "state": "mine"})
    assert stored_object(hr) == {"name": "Bea", **kept, "pin": "9999", "memo": {"b": "2"}}
    # For a caller who reads and writes it, PUT replaces it as usual; a missing property gets its
    # default.
    assert doc_of(hr.request("PUT", path, {"name": "Cid"})) == {"name": "Cid", "grade": "a", "state": "old"}
    assert stored_object(hr) == {
        "name": "Cid", "grade": "a", "mood": "sad", "state": "old", "pin": "9999", "memo": {"b": "2"},
    }  # fmt: skip


def test_a_put_of_an_older_item_fills_in_defaults_and_requires_no_hidden_property(
    people: Callable[..., Api],
) -> None:
    made = people().create(BODY)
    (record,) = people().client.scan(TableName=TABLE)["Items"]
    for doc in ({}, {"name": "old"}):
        people().client.put_item(TableName=TABLE, Item=record | {"doc": encode(doc)})
        answer = people().request("PUT", f"/items/{made['id']}", {"name": "Bea"})
        assert doc_of(answer) == {"name": "Bea", "grade": "a"}
        assert stored_object(people()) == {"name": "Bea", "grade": "a", "mood": "fine", "state": "new"}


def test_a_patch_writes_properties_that_its_caller_cannot_read(people: Callable[..., Api]) -> None:
    hr = people("hr")
    made = hr.create(BODY | {"salary": 5, "memo": {"a": "1", "b": "2"}})
    path = f"/items/{made['id']}"
    assert people().request("PATCH", path, {"memo": {"a": None}, "team": None, "state": "x"}).status == 200
    assert stored_object(hr) == {
        "name": "Ann", "pin": "1234", "salary": 5, "grade": "a", "mood": "fine", "state": "new", "memo": {"b": "2"},
    }  # fmt: skip
    assert people().request("PATCH", path, {"memo": None, "mood": None}).status == 200
    assert {"memo", "mood"}.isdisjoint(stored_object(hr))
    for body in ({"pin": None}, {"pin": None, "memo": {"a": "1"}}):  # required, even if a value is stored
        answer = people().request("PATCH", path, body)
        assert (answer.status, [each["pointer"] for each in answer.json["errors"]]) == (422, ["/pin"])
    answer = people().request("PATCH", path, {"memo": {"c": 1}, "pin": "1"})
    assert sorted(each["pointer"] for each in answer.json["errors"]) == ["/memo/c", "/pin"]


def test_faults_of_stored_hidden_values_are_not_reported(people: Callable[..., Api]) -> None:
    """After a stricter schema, faults in hidden properties would reveal their values."""
    made = people().create(BODY)
    store(people(), {"salary": "memo", "pin": 5, "memo": {"z": 1}, "state": 1, "grade": 7})
    path = f"/items/{made['id']}"
    assert people().request("PUT", path, {"name": "Bea"}).status == 200
    assert people().request("PATCH", path, {"team": "y", "memo": {"z": None}}).status == 200
    assert stored_object(people())["salary"] == "memo"


def test_up_to_20_faults_of_a_large_body_are_reported(make_api: Make) -> None:
    names = [f"p{number}" for number in range(30)]
    schema = {"type": "object", "properties": dict.fromkeys(names, TEXT)}
    api = make_api({"schema": "s", "fields": {name: {"write": "nobody"} for name in names}}, {"s": schema})
    answer = api.request("POST", "/items", dict.fromkeys(names, "x"))
    assert [each["pointer"] for each in answer.json["errors"]] == [f"/{name}" for name in names[:20]]
    assert {each["detail"] for each in answer.json["errors"]} == {"Nobody may write it"}


STRANGE = [
    "a/b",
    "a~b",
    "~1",
    "__proto__",
    "constructor",
    "",
    " ",
    "é",
    "Kelvin",
    "a.b",
    "#0",
    "$x",
    "items",
    "null",
    "%61",
]


@pytest.mark.parametrize("name", STRANGE)
def test_rules_work_for_any_property_name(make_api: Make, name: str) -> None:
    schema = {"type": "object", "properties": {name: TEXT, "n": TEXT}, "additionalProperties": {"type": "string"}}
    options = {"schema": "s", "fields": {name: HR}, "filters": {name: {}} if name.strip() else {}}
    api = make_api(options, {"s": schema})
    hr, other = api.as_user("a", **{"cognito:groups": ["hr"]}), api.as_user("b")
    item = hr.create({name: "c4n4ry", "n": "x"})
    path = f"/items/{item['id']}"
    for answer in (
        other.request("GET", path), other.request("PUT", path, {"n": "y"}), other.request("PATCH", path, {"n": "z"}),
        other.request("PATCH", path, {"more": "z"}), other.request("GET", "/items"),
    ):  # fmt: skip
        assert answer.status == 200
        assert "c4n4ry" not in answer.body
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    refused = other.request("PATCH", path, {name: "mine"})
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (403, pointer)
    if name.strip():
        assert other.request("GET", "/items", query={name: "c4n4ry"}).status == 403
    assert hr.request("GET", path).json[name] == "c4n4ry"


ALIKE = ["Salary", "salary ", "salar\u0443", "\uff53alary", "salary\u200b", "/salary", "%73alary"]


@pytest.mark.parametrize("name", ALIKE)
def test_rules_of_similar_names_are_separate(make_api: Make, name: str) -> None:
    """The rule of one property does not apply to the other, in either direction."""
    schema = {"type": "object", "properties": {"salary": TEXT}}
    api = make_api({"schema": "s", "fields": {"salary": HR}}, {"s": schema})
    made = api.as_user("a", **{"cognito:groups": ["hr"]}).create({"salary": "c4n4ry"})
    answer = api.request("PATCH", f"/items/{made['id']}", {name: "mine"})
    assert (answer.status, answer.json[name], "c4n4ry" in answer.body) == (200, "mine", False)
    assert stored_object(api) == {"salary": "c4n4ry", name: "mine"}


def test_escapes_and_repetitions_of_a_name_do_not_evade_rules(make_api: Make) -> None:
    schema = {"type": "object", "properties": {"salary": TEXT}}
    api = make_api({"schema": "s", "fields": {"salary": HR}}, {"s": schema})
    assert api.request("POST", "/items", r'{"sal\u0061ry": "x"}').status == 403
    assert api.request("POST", "/items", '{"salary": "x", "salary": "y"}').status == 400
    assert api.request("POST", "/items", '{"a": {"salary": "x"}}').status == 201  # a nested property of the same name


# --- Rules on the whole object


def combined(make_api: Make, fields: dict[str, Any], **keywords: Any) -> Callable[..., Api]:
    schema = {
        "type": "object",
        "properties": {"a": TEXT, "h": TEXT, "r": {"type": "string", "readOnly": True}},
        **keywords,
    }
    api = make_api({"schema": "s", "fields": fields, "ids": "client"}, {"s": schema})
    return lambda *groups: api.as_user("u", **{"cognito:groups": [*groups]})


@pytest.mark.parametrize(
    "keywords",
    [
        {"anyOf": [{"not": {"required": ["h"]}}, {"required": ["a"]}]},
        {"oneOf": [{"required": ["h"]}, {"required": ["a"]}]},
        {"allOf": [{"anyOf": [{"properties": {"h": {"enum": ["low"]}}}, {"required": ["a"]}]}]},
        {"not": {"required": ["h", "a"]}},
        {"not": {"properties": {"h": {"enum": ["low"]}}, "required": ["h"]}},
        {"enum": [{"h": "low"}, {"a": "1"}, {"h": "high", "a": "1"}]},
        {"maxProperties": 1},
        {"minProperties": 2},
        {"required": ["h", "a"]},
    ],
)
def test_no_response_depends_on_hidden_values(make_api: Make, keywords: dict[str, Any]) -> None:
    """Sends the same requests to items that differ only in that property, and compares the responses."""
    people = combined(make_api, {"h": HR}, **keywords)
    requests: list[tuple[str, Any]] = [
        ("GET", None), ("PUT", {"a": "1"}), ("PUT", {}), ("PATCH", {"a": "1"}), ("PATCH", {"a": None}),
        ("PATCH", {"h": None}), ("PATCH", {"x": {"y": 1}}), ("PATCH", {"x": None}),
    ]  # fmt: skip

    def answers(item_id: str, doc: dict[str, Any]) -> list[Any]:
        api = people()
        found = []
        for method, body in requests:
            record = {
                "id": {"S": item_id}, "collection": {"S": "items"}, "version": {"N": "1"}, "doc": encode(doc),
                "createdAt": {"S": "2026-01-01T00:00:00.000001Z"}, "updatedAt": {"S": "2026-01-01T00:00:00.000001Z"},
            }  # fmt: skip
            api.client.put_item(TableName=TABLE, Item=record)
            answer = api.request(method, f"/items/{item_id}", body)
            kept = {name: value for name, value in answer.json.items() if name not in (*STAMPS, "requestId")}
            found.append((method, body, answer.status, kept))
        return found

    for visible in ({}, {"a": "1"}):
        stored_ones: list[dict[str, Any]] = [{}, {"h": "low"}, {"h": "high"}, {"h": 5}]
        found = [answers("same", visible | hidden) for hidden in stored_ones]
        assert all(each == found[0] for each in found), found


def test_schema_rules_on_read_only_properties_hold(make_api: Make) -> None:
    """As with readOnly properties, the rule holds once the item has them."""
    people = combined(make_api, {"h": {"write": "group=hr"}}, anyOf=[{"not": {"required": ["h"]}}, {"required": ["a"]}])
    people().create({"id": "1"})
    assert people("hr").request("PATCH", "/items/1", {"h": "x"}).status == 422
    assert people("hr").request("PATCH", "/items/1", {"h": "x", "a": "1"}).status == 200
    for answer in (
        people().request("PUT", "/items/1", {}), people().request("PATCH", "/items/1", {"a": None}),
        people("hr").request("PUT", "/items/1", {"h": "x"}),
    ):  # fmt: skip
        assert answer.status == 422
    assert people().request("PUT", "/items/1", {"a": "2"}).status == 200
    assert people("hr").request("PUT", "/items/1", {}).status == 200


def test_a_new_item_obeys_schema_rules_on_hidden_properties(make_api: Make) -> None:
    people = combined(make_api, {"h": {"read": "nobody"}}, anyOf=[{"not": {"required": ["h"]}}, {"required": ["a"]}])
    assert people().request("POST", "/items", {"h": "x"}).status == 422
    assert people().request("POST", "/items", {"h": "x", "a": "1"}).status == 201


# --- Owners


NOTE = {"type": "object", "properties": {"text": TEXT, "mine": TEXT, "audit": TEXT}}


def test_only_the_owner_reads_and_writes_the_owners_properties(make_api: Make) -> None:
    options = {
        "owner": "sub", "signed_in": list(OPERATIONS.values()), "schema": "note", "ids": "client",
        "fields": {"mine": {"read": "owner", "write": "owner"}, "audit": {"read": "group=audit", "write": "nobody"}},
        "filters": {"mine": {}, "audit": {}},
    }  # fmt: skip
    api = make_api(options, {"note": NOTE})
    ann, bob = api.as_user("ann"), api.as_user("bob", **{"cognito:groups": ["audit"]})
    for each in (ann, bob):
        assert each.create({"id": "1", "text": "t", "mine": "m"})["mine"] == "m"
        assert each.request("GET", "/items", query={"mine": "m"}).json["items"][0]["mine"] == "m"
        assert each.request("PATCH", "/items/1", {"audit": "x"}).status == 403
    assert ann.request("GET", "/items", query={"audit": "x"}).status == 403
    assert bob.request("GET", "/items", query={"audit": "x"}).json["count"] == 0
    ann.client.update_item(
        TableName=TABLE, Key={"id": {"S": "ann#1"}}, UpdateExpression="SET doc.audit=:a",
        ExpressionAttributeValues={":a": {"S": "c4n4ry"}},
    )  # fmt: skip
    assert "audit" not in ann.request("GET", "/items/1").json
    assert doc_of(ann.request("PUT", "/items/1", {"text": "u"})) == {"text": "u"}
    assert (
        ann.client.get_item(TableName=TABLE, Key={"id": {"S": "ann#1"}})["Item"]["doc"]["M"]["audit"]["S"] == "c4n4ry"
    )


def test_access_to_all_items_does_not_make_an_owner(make_api: Make) -> None:
    """Properties that only the owner may access stay the owner's, even from callers with access to all items."""
    options: dict[str, Any] = {
        "owner": "sub", "sees_all": "group=support", "acts_for": "group=support", "ids": "client", "schema": "note",
        "signed_in": list(OPERATIONS.values()), "filters": {"mine": {}},
        "fields": {"mine": {"read": "owner", "write": "owner"}, "audit": {"read": "group=support"}},
    }  # fmt: skip
    api = make_api(options, {"note": NOTE})
    ann, sue = api.as_user("ann"), api.as_user("sue", **{"cognito:groups": "support"})
    ann.create({"id": "1", "mine": "c4n4ry", "audit": "a"})
    sue.create({"id": "2", "mine": "own"})
    for path, query in (("/items/1", {}), ("/items", {}), ("/items", {"owner": "ann"}), ("/items/1", {"owner": "ann"})):
        answer = sue.request("GET", path, query=query)
        assert (answer.status, "c4n4ry" in answer.body, '"audit":"a"' in answer.body) == (200, False, True)
    assert sue.request("GET", "/items", query={"mine": "c4n4ry", "owner": "ann"}).status == 403
    assert sue.request("GET", "/items", query={"mine": "c4n4ry"}).status == 400
    assert sue.request("POST", "/items", {"id": "3", "mine": "x"}, query={"owner": "ann"}).status == 403
    assert sue.request("PATCH", "/items/1", {"mine": "x"}).status == 403
    assert sue.request("PUT", "/items/1", {"text": "u"}).status == 200
    assert sue.request("GET", "/items/2").json["mine"] == "own"
    mine = ann.request("GET", "/items/1").json
    assert (mine["mine"], mine["text"]) == ("c4n4ry", "u")


# --- Own code


HOOKS = """
def before_create(draft, context):
    assert draft["pin"] == "1234"
    draft["salary"] = 7

def before_update(draft, current, context):
    draft["team"] = f"{current['salary']}{draft['salary']}{current['pin']}"

def before_delete(current, context):
    if current["salary"] == 7:
        raise Refuse("It is in use.")

def present(items, context):
    for item in items:
        item["level"] = item["salary"] // 5
        item["salary"] = item["salary"] + 0
        item["pin"] = "added"
"""


def test_hooks_see_and_set_all_properties_but_present_reveals_none(hooked: Hooked) -> None:
    options = {"fields": {"salary": HR, "pin": {"read": "nobody"}}}
    schema = {**PERSON, "properties": PERSON["properties"] | {"level": {"type": "integer"}}}
    api = hooked(HOOKS, options=options, schema=schema)
    hr, other = api.as_user("a", **{"cognito:groups": ["hr"]}), api.as_user("b")
    made = other.request("POST", "/items", BODY)
    seen = {"name": "Ann", "grade": "a", "mood": "fine", "state": "new", "level": 1}
    assert doc_of(made) == {**seen, "team": "x"}
    path = f"/items/{made.json['id']}"
    changed = {**seen, "team": "771234"}
    for answer in (
        other.request("PUT", path, {"name": "Ann"}), other.request("PATCH", path, {"name": "Ann"}),
        other.request("GET", path), other.request("GET", path, headers={"If-None-Match": made.etag}),
    ):  # fmt: skip
        assert doc_of(answer) == changed
    assert doc_of(hr.request("GET", path)) == {**changed, "salary": 7}
    (item,) = other.request("GET", "/items").json["items"]
    assert {"salary", "pin"}.isdisjoint(item)
    assert other.request("DELETE", path).status == 422


def test_a_hook_is_not_blamed_for_stored_values(hooked: Hooked, schema: dict[str, Any]) -> None:
    source = "def before_update(draft, current, context): draft['mood'] = context.operation"
    api = hooked(source, options={"fields": {"salary": HR}}, schema=schema)
    made = api.request("POST", "/items", BODY).json
    store(api, {"salary": "broken"})
    assert api.request("PUT", f"/items/{made['id']}", BODY).status == 200
    assert api.request("PATCH", f"/items/{made['id']}", {"team": "y"}).status == 200


def test_hooks_see_all_properties_of_used_entities(hooked: Hooked) -> None:
    source = """
    def before_create(draft, context):
        room = entity("rooms").get("1")
        draft["price"] = room["price"]
        context.transaction.merge("rooms", "1", {"price": 9})
    """
    uses = {
        "rooms": {
            "operations": ["create", "get", "merge"],
            "options": {"ids": "client", "fields": {"price": HR}},
            "schema": {"type": "object", "properties": {"price": {"type": "number"}}},
        }
    }
    api = hooked(source, uses=uses)
    api.client.put_item(
        TableName="test-rooms",
        Item={
            "id": {"S": "1"}, "collection": {"S": "rooms"}, "version": {"N": "1"}, "doc": encode({"price": 5}),
            "createdAt": {"S": "2026-01-01T00:00:00.000001Z"}, "updatedAt": {"S": "2026-01-01T00:00:00.000001Z"},
        },
    )  # fmt: skip
    assert api.as_user("b").request("POST", "/items", {"a": 1}).json["price"] == 5
    assert api.client.get_item(TableName="test-rooms", Key={"id": {"S": "1"}})["Item"]["doc"]["M"]["price"] == {
        "N": "9"
    }


# --- Costs


def test_an_entity_without_fields_does_not_load_their_code() -> None:
    for function in (*OPERATIONS.values(), "entity"):
        assert "trestle.operations.fields" not in modules(function, ENVIRONMENT)
        given = ENVIRONMENT | {"ENTITY_OPTIONS": json.dumps({"fields": {"a": {"read": "nobody"}}})}
        reads = function != "delete"
        assert ("trestle.operations.fields" in modules(function, given)) == reads


def test_a_put_reads_the_item_only_if_it_may_keep_a_property(make_api: Make) -> None:
    api = make_api(
        {"schema": "s", "fields": {"h": {"read": "group=hr"}}}, {"s": {"type": "object", "properties": {"h": TEXT}}}
    )
    hr = api.as_user("a", **{"cognito:groups": ["hr"]})
    made = hr.create({"h": "x"})
    assert hr.requests_of("PUT", f"/items/{made['id']}", {"h": "y"})[1] == ["UpdateItem"]
    assert api.requests_of("PUT", f"/items/{made['id']}", {})[1] == ["GetItem", "UpdateItem"]
    assert stored_object(api) == {"h": "y"}
    flat, requests = api.requests_of("PATCH", f"/items/{made['id']}", {"a": "y"})
    assert (flat.status, requests) == (200, ["UpdateItem"])


# --- Functions of app/


OWN_OPTIONS = {"fields": FIELDS, "filters": {"salary": {}, "team": {}}}
HR_GATEWAY = {"authorizer": {"claims": {"sub": "ann", "token_use": "access", "cognito:groups": "hr"}}}
ANY_GATEWAY = {"authorizer": {"claims": {"sub": "bob", "token_use": "access"}}}


def function_of(own: Own, code: str, used: dict[str, Any] | None = None, **more: Any) -> Function:
    """Deploy a function with this body; `e` is the entity people."""
    people = {"operations": EVERYTHING, "schema": PERSON, "options": OWN_OPTIONS}
    body = textwrap.indent(textwrap.dedent(code), "    ")
    return own(
        f"e = entity('people')\ndef handle(_, context):\n{body}", used={"people": people, **(used or {})}, **more
    )


def seed(own: Own) -> None:
    call(function_of(own, "for n in (5, 7): e.create({**PERSON, 'salary': n})".replace("PERSON", repr(BODY))), None)


def test_a_route_reads_only_properties_that_its_caller_may_read(own: Own) -> None:
    seed(own)
    code = """
    first = next(e.list())
    found = [first, e.get(first.id), e.find(first.id), e.page().items[0], *e.list({"team": "x"})]
    found += [e.merge(first.id, {"team": "x"}), e.update(first.id, lambda draft: None), e.replace(first.id, BODY)]
    return [{*each} for each in found]
    """.replace("BODY", repr(BODY))
    function = function_of(own, code, kind="routes")
    seen = call(function, None, gateway=ANY_GATEWAY)
    assert seen == [{"name", "team", "grade"}] * len(seen)
    full = {"name", "team", "grade", "salary", "state", "pin", "mood"}
    assert call(function_of(own, "return [{*each} for each in e.list()]"), None) == [full, full]  # a job
    assert call(function, None, gateway=HR_GATEWAY)[:4] == [full - {"pin", "mood"}] * 4
    trusting = function_of(own, code, kind="routes", fields="any")
    assert call(trusting, None, gateway=ANY_GATEWAY)[5] == full


@pytest.mark.parametrize(
    "write",
    [
        "e.create({**BODY, 'salary': 1})",
        "e.merge(item.id, {'salary': 1})",
        "e.merge(item.id, {'salary': None, 'team': 'q'})",
        "e.replace(item.id, {**BODY, 'salary': 5})",
        "e.update(item.id, lambda draft: draft.update(salary=1))",
        "e.update(item.id, lambda draft: draft.update(grade='b'))",
        "e.update(item.id, lambda draft: draft.pop('grade', None))",
        "in_transaction(lambda t: t.create('people', {**BODY, 'salary': 1}))",
        "in_transaction(lambda t: t.merge('people', item.id, {'salary': None}))",
        "in_transaction(lambda t: t.merge('people', item.id, {'grade': 'b', 'memo': {'a': '1'}}))",
        "list(e.list({'salary': 5}))",
        "e.page({'salary': 5})",
    ],
)
def test_a_route_does_nothing_that_its_caller_may_not_do(own: Own, write: str) -> None:
    """Input that it passes on is refused as by the API."""
    seed(own)
    code = f"""
    BODY = {BODY!r}
    def in_transaction(do):
        with transaction() as t:
            do(t)
    item = next(e.list())
    {write}
    """
    with pytest.raises(Refused) as refused:
        call(function_of(own, code, kind="routes"), None, gateway=ANY_GATEWAY)
    assert (refused.value.status, refused.value.code) == (403, "forbidden")
    assert refused.value.faults
    trusting = function_of(own, code, kind="routes", fields="any")
    if "memo" not in write:
        call(trusting, None, gateway=ANY_GATEWAY)
    call(function_of(own, code, kind="routes"), None, gateway=HR_GATEWAY)


def test_a_route_keeps_properties_hidden_from_its_caller(own: Own) -> None:
    code = """
    item = next(e.list())
    e.update(item.id, lambda draft: draft.update(team="y", memo={"a": "1"}, state="paid"))
    e.replace(item.id, {"name": "Bea", "pin": "5678", "state": "sent"})
    e.merge(item.id, {"team": "z"})
    with transaction() as t:
        t.merge("people", item.id, {"mood": "sad"})
    with transaction() as t:
        t.merge("people", item.id, {"name": "Cid", "memo": {"b": "2"}})
    """
    call(function_of(own, f"e.create({ {**BODY, 'salary': 5, 'grade': 'b', 'state': 'new'}!r})"), None)
    call(function_of(own, code, kind="routes"), None, gateway=ANY_GATEWAY)
    (item,) = call(function_of(own, "return list(e.list())"), None)
    assert item == {
        "name": "Cid", "pin": "5678", "team": "z", "salary": 5, "grade": "b", "mood": "sad", "state": "sent",
        "memo": {"a": "1", "b": "2"},
    }  # fmt: skip


def test_only_the_owner_sees_the_owners_properties(own: Own) -> None:
    notes = {
        "operations": EVERYTHING, "schema": NOTE,
        "options": {
            "owner": "sub", "fields": {"mine": {"read": "owner", "write": "owner"}}, "filters": {"mine": {}},
        },
    }  # fmt: skip
    job = "[entity('notes').of(o).create({'text': o, 'mine': o}) for o in ('ann', 'bob')]"
    call(own(f"def handle(_, context): {job}", used={"notes": notes}, owners="any"), None)
    source = """
    n = entity("notes")
    def handle(_, context):
        shown = [(item["text"], item.get("mine")) for item in (*n.list(), *n.of("bob").list(), *n.everyone.list())]
        shown += [(item["text"], item.get("mine")) for item in n.everyone.page().items]
        list(n.list({"mine": "bob"}))
        for ask in (lambda: list(n.of("bob").list({"mine": "bob"})), lambda: list(n.everyone.list({"mine": "bob"})),
                    lambda: n.everyone.page({"mine": "bob"}), lambda: n.of("bob").create({"mine": "x"})):
            try:
                ask()
            except Refuse as error:
                assert error.status == 403
                continue
            raise AssertionError
        return shown
    """
    function = own(textwrap.dedent(source), used={"notes": notes}, owners="any", kind="routes")
    shown = call(function, None, gateway=HR_GATEWAY)
    assert sorted(shown, key=str) == sorted([("ann", "ann")] * 3 + [("bob", None)] * 3, key=str)


def test_own_code_can_catch_a_refusal(own: Own) -> None:
    code = f"""
    try:
        e.create({ {**BODY, "salary": 1}!r})
    except Refuse as error:
        return error.faults
    """
    assert call(function_of(own, code, kind="routes"), None, gateway=ANY_GATEWAY) == [
        {"pointer": "/salary", "detail": "Only members of the group hr may write it"}
    ]


def test_hooks_of_items_that_a_route_writes_see_all_properties(own: Own) -> None:
    hook = """
    def before_update(draft, current, context):
        draft["team"] = f"{current['salary']} {entity('rates').get('1')['rate']}"
    """
    rates = {
        "operations": EVERYTHING, "options": {"ids": "client", "fields": {"rate": HR}},
        "schema": {"type": "object", "properties": {"rate": {"type": "number"}}},
    }  # fmt: skip
    people = {"operations": EVERYTHING, "schema": PERSON, "options": OWN_OPTIONS, "source": hook}
    job = f"entity('rates').create({{'rate': 3}}, id='1'); entity('people').create({ {**BODY, 'salary': 5}!r})"
    call(own(f"def handle(_, context): {job}", used={"people": people, "rates": rates}), None)
    source = """
    def handle(_, context):
        item = next(entity("people").list())
        return entity("people").merge(item.id, {"name": "Bea"}), entity("rates").get("1")
    """
    function = own(textwrap.dedent(source), used={"people": people, "rates": rates}, kind="routes")
    item, rate = call(function, None, gateway=ANY_GATEWAY)
    assert (item, rate) == ({"name": "Bea", "team": "5 3", "grade": "a"}, {})
