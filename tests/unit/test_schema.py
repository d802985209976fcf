"""Compare the validator of items with jsonschema, and test what functions do with its result."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.api import Api
from tests.unit.conftest import Make
from trestle.schema.defaults import fill
from trestle.schema.formats import FORMATS as KNOWN
from trestle.schema.validation import validate

TODO_SCHEMA = {
    "type": "object",
    "required": ["title"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 20},
        "description": {"type": "string", "default": ""},
        "completed": {"type": "boolean", "default": False},
        "dueDate": {"type": "string", "format": "date"},
        "tags": {
            "type": "array",
            "items": {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}},
        },
        "price": {"type": "number", "multipleOf": 0.01, "minimum": 0},
        "note": {"type": ["string", "null"]},
    },
}


@pytest.mark.parametrize(
    ("schema", "valid", "faults"),
    [
        ({}, [None, 1, "a", [], {}], []),
        (
            {"type": "integer"},
            [1, 0, -5, 1.0, 10**38],
            [(1.5, "Must be an integer, not a number"), (True, "Must be an integer, not a boolean")],
        ),
        (
            {"type": "number"},
            [1, 1.5, Decimal("0.1234567890123456789")],
            [("1", "Must be a number, not a string")],
        ),
        (
            {"type": ["string", "null"]},
            ["", None],
            [(1, "Must be a string or null, not an integer"), ([], "Must be a string or null, not an array")],
        ),
        ({"type": "string", "nullable": True}, ["", None], [({}, "Must be a string, not an object")]),
        (
            {"type": "boolean"},
            [True, False],
            [(0, "Must be a boolean, not an integer"), (None, "Must be a boolean, not null")],
        ),
        (
            {"enum": ["a", 1, None, {"x": [1]}]},
            ["a", 1, 1.0, None, {"x": [1.0]}],
            [(True, 'Must be one of "a", 1, null, {"x":[1]}')],
        ),
        ({"const": False}, [False], [(0, "Must be false"), (None, "Must be false")]),
        (
            {"minimum": 1, "maximum": 2},
            [1, 1.5, 2, "0"],
            [(0, "Must be at least 1"), (2.5, "Must be at most 2")],
        ),
        (
            {"exclusiveMinimum": 1, "exclusiveMaximum": 2},
            [1.5],
            [(1, "Must be more than 1"), (2, "Must be less than 2")],
        ),
        ({"minimum": 1, "exclusiveMinimum": True}, [2], [(1, "Must be more than 1")]),
        (
            {"minimum": 1, "exclusiveMinimum": False, "maximum": 2, "exclusiveMaximum": False},
            [1, 2],
            [(0, "Must be at least 1")],
        ),
        ({"maximum": 1, "exclusiveMaximum": True}, [0], [(1, "Must be less than 1")]),
        (
            {"minimum": Decimal("0.1234567890123456789")},
            [0.2],
            [(0.1, "Must be at least 0.1234567890123456789")],
        ),
        ({"multipleOf": 3}, [0, -6, 3.0], [(4, "Must be a multiple of 3")]),
        (
            {"multipleOf": 0.1},
            [0.3, 7, 1.1, Decimal("1234567890123456789.1")],
            [(0.25, "Must be a multiple of 0.1")],
        ),
        ({"multipleOf": 1e-130}, [9.99e125, 1e-130], []),
        ({"multipleOf": 7}, [], [(1e125, "Must be a multiple of 7")]),
        ({"minLength": 1}, ["a", "😀", 1], [("", "Must have at least 1 character")]),
        ({"maxLength": 2}, ["", "😀😀"], [("abc", "Must have at most 2 characters")]),
        ({"pattern": "^a|b$"}, ["ax", "xb", 1], [("x", "Must match the pattern ^a|b$")]),
        (
            {"pattern": r"^\d$"},
            ["5"],
            [("\u0665", r"Must match the pattern ^\d$"), ("5\n", r"Must match the pattern ^\d$")],
        ),
        ({"pattern": r"^\$[$]$"}, ["$$"], [("$$\n", r"Must match the pattern ^\$[$]$")]),
        # A text that is too long is never matched, so a slow pattern costs nothing.
        (
            {"pattern": "^(a+)+$", "maxLength": 50},
            ["a" * 50],
            [("a" * 50 + "!", "Must have at most 50 characters"), ("!", "Must match the pattern ^(a+)+$")],
        ),
        ({"format": "date"}, ["2024-02-29", 5], [("2023-02-29", "Must be of the format date")]),
        ({"format": "colour"}, ["anything"], []),
        (
            {"minItems": 1, "maxItems": 2},
            [[1], [1, 2]],
            [([], "Must have at least 1 element"), ([1, 2, 3], "Must have at most 2 elements")],
        ),
        (
            {"uniqueItems": True},
            [[1, True, "1", None], []],
            [
                ([1, 1.0], "Must not repeat an element"),
                ([{"a": 1, "b": [2]}, {"b": [2], "a": 1}], "Must not repeat an element"),
            ],
        ),
        (
            {"minProperties": 1, "maxProperties": 2},
            [{"a": 1}],
            [
                ({}, "Must have at least 1 property"),
                ({"a": 1, "b": 2, "c": 3}, "Must have at most 2 properties"),
            ],
        ),
        ({"allOf": [{"type": "integer"}, {"minimum": 1}]}, [1], [(0, "Must be at least 1")]),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            [1, None],
            [("a", "Must meet at least one of the schema's alternatives (anyOf)")],
        ),
        (
            {"oneOf": [{"minimum": 1}, {"maximum": 5}]},
            [0, 6],
            [(3, "Must meet exactly one of the schema's alternatives (oneOf)")],
        ),
        ({"not": {"type": "null"}}, [1], [(None, "Must not meet the schema's exclusion (not)")]),
    ],
)
def test_each_keyword(schema: Any, valid: list[Any], faults: list[tuple[Any, str]]) -> None:
    for value in valid:
        assert validate(value, schema) == []
    for value, detail in faults:
        assert validate(value, schema) == [{"pointer": "", "detail": detail}]


def test_every_fault_has_its_place() -> None:
    faults = validate(
        {"titel": 1, "completed": 0, "tags": [{"n": 1}, {"n": "x"}, 2], "dueDate": "soon", "a/~b": 1}, TODO_SCHEMA
    )
    assert [fault["pointer"] for fault in faults] == [
        "/title",
        "/titel",
        "/completed",
        "/tags/1/n",
        "/tags/2",
        "/dueDate",
        "/a~1~0b",
    ]


FORMATS = {
    "date": (
        ["2024-02-29", "2000-02-29", "1999-12-31", "0001-01-01"],
        [
            "2023-02-29",
            "1900-02-29",
            "2024-04-31",
            "2024-13-01",
            "2024-1-1",
            "20240101",
            "",
            "2024-01-01T",
            "\uff12\uff10\uff12\uff14-01-01",
        ],
    ),
    "date-time": (
        [
            "2024-01-01T00:00:00Z",
            "2024-01-01t23:59:60.123456789z",
            "2024-02-29T12:00:00+05:30",
            "1998-12-31T15:59:60.123-08:00",
            "1999-01-01T05:29:60+05:30",
        ],
        [
            "2024-01-01",
            "2024-01-01 00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00",
            "2023-02-29T00:00:00Z",
            "2024-01-01T00:00:00+5:30",
            "1998-12-31T23:58:60Z",
            "1998-12-31T23:59:60-08:00",
            "1998-12-31T23:59:61Z",
            "",
        ],
    ),
    "time": (
        [
            "00:00:00Z",
            "08:30:06z",
            "23:59:59.5-01:00",
            "23:59:60Z",
            "23:59:60.9z",
            "00:29:60+00:30",
            "18:59:60-05:00",
        ],
        [
            "24:00:00Z",
            "12:00Z",
            "12:00:00",
            "",
            "12:00:00.z",
            "12:00:00z\n",
            "22:59:60Z",
            "23:58:60Z",
            "23:59:60+00:30",
            "00:00:60Z",
            "23:59:61Z",
            "12:00:00+24:00",
            "12:00:00+00:60",
        ],
    ),
    "email": (
        ["a@b.co", "first.last+tag@sub.example.com", "o'x@ex-ample.org"],
        [
            "a",
            "a@",
            "@b.co",
            "a@b",
            "a b@c.de",
            "a..b@c.de",
            ".a@b.de",
            "a@-b.de",
            "a@b..de",
            "a@b.de\n",
            "x" * 65 + "@b.de",
            "a@" + "x" * 64 + ".de",
            "a@" + ".".join(["x" * 60] * 5),
        ],
    ),
    "hostname": (
        ["a", "a.b-c.de", "1.2"],
        ["", "-a", "a-", "a..b", "a_b", "x" * 64, ".".join(["x" * 60] * 5)],
    ),
    "ipv4": (
        ["0.0.0.0", "255.255.255.255", "1.2.3.4"],
        ["256.0.0.1", "1.2.3", "1.2.3.4.5", "a.b.c.d", "", "01.2.3.4", "1.2.3.00", "1.2.3.4 ", "0x1.2.3.4"],
    ),
    "ipv6": (
        ["::", "::1", "2001:db8::ff00:42:8329", "::ffff:1.2.3.4"],
        ["", ":", "1::2::3", "12345::", "1.2.3.4", "::1%eth0", "\0"],
    ),
    "uri": (
        [
            *(
                "https://example.com/a?b=c#d",
                "urn:x:y",
                "mailto:a@b.de",
                "a:%20",
                "a:",
                "http://a:80/",
                "http://a:/",
            ),
            *("http://a%40b:test@[::1]:8080/a;b?c=d", "http://[v1.a:b]/", "http://[V1f.x]"),
            *(
                "file:///etc/hosts",
                "http://",
                "a:/b//c",
                "a+b-c.1:x",
                "http://example.com?a/b?c#d/e?f",
                "a:b:c@d",
            ),
            *(
                "ldap://[2001:db8::7]/c=GB?objectClass?one",
                "tel:+1-816-555-1212",
                "http://-.~_!$&'()*+,;=:%40@x",
            ),
        ],
        [
            *(
                "",
                "example.com",
                "/a",
                "//a/b",
                "http://a b",
                "1a:b",
                "a:%2",
                "a:%zz",
                "a:\u00fc",
                "a,b:c",
                ":a",
            ),
            *(
                "http://example.com:abc/path",
                "http://a:80:80/",
                "http://a:8o",
                "http://a@b@c/",
                "http://[::1",
                "http://::1]",
            ),
            *(
                "http://[1::2::3]/",
                "http://[a.b]/",
                "http://[::1]a/",
                "http://[]/",
                "http://[v.a]/",
                "http://a/[b]",
            ),
            *(
                "http://a/?[b]",
                "http://a/#b#c",
                'http://a/"b"',
                "http://a/<b>",
                "http://a/{b}",
                "http://a/b|c",
            ),
            *(
                "http://a\\b",
                "http://a/b\\c",
                "http://a/`b`",
                "http://a/^b",
                "http://a/\n",
                "a:b\n",
                "http://[::1%25a]/",
            ),
        ],
    ),
    "uri-reference": (
        [
            "",
            "/a?b",
            "a/b",
            "https://example.com",
            "//a:80/b",
            "?a",
            "#a",
            "./a:b",
            "a?b:c",
            "//[::1]/",
            "..",
            "//",
        ],
        [
            "a b",
            "%",
            "\u00fc",
            "//a:b/c",
            "a#b#c",
            "1a:b",
            ":a",
            "a[b]",
            "//[a]/",
            "a\\b",
            "\\\\a\\b",
            "#a\\b",
        ],
    ),
    "uuid": (
        ["123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000"],
        [
            "",
            32 * "0",
            "123e4567-e89b-12d3-a456-42661417400g",
            "{123e4567-e89b-12d3-a456-426614174000}",
        ],
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name: str) -> None:
    valid, invalid = FORMATS[name]
    for value in valid:
        assert validate(value, {"format": name}) == [], value
    for value in invalid:
        assert validate(value, {"format": name}), value


def test_every_format_is_tested(api: Api) -> None:
    assert set(KNOWN) == set(FORMATS)


names = st.sampled_from(["a", "b", "c"])
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -2.5, "", "a", "ab", "abc"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
types = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
counts = st.integers(0, 3)


def schemas(*, draft_4: bool) -> st.SearchStrategy[Any]:
    bounds = st.booleans() if draft_4 else st.integers(-2, 2)

    def extend(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        some = st.lists(inner, min_size=1, max_size=2)
        keywords: dict[str, st.SearchStrategy[Any]] = {
            "type": types | st.lists(types, min_size=1, max_size=2, unique=True),
            "enum": st.lists(values, min_size=1, max_size=3),
            "const": values,
            **dict.fromkeys(("minimum", "maximum"), st.integers(-2, 2)),
            **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), bounds),
            "multipleOf": st.sampled_from([1, 2, 0.5, 1.5]),
            **dict.fromkeys(
                ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), counts
            ),
            "pattern": st.sampled_from(["a", "^ab?$", "c$"]),
            "uniqueItems": st.booleans(),
            "items": inner,
            "properties": st.dictionaries(names, inner, max_size=3),
            "required": st.lists(names, unique=True, max_size=2),
            "additionalProperties": st.booleans() | inner,
            **dict.fromkeys(("allOf", "anyOf", "oneOf"), some),
            "not": inner,
        }
        if draft_4:
            del keywords["const"]
        return st.fixed_dictionaries({}, optional=keywords)

    return extend(
        st.fixed_dictionaries({}, optional={"type": types, "minimum": st.integers(-2, 2), "minLength": counts})
    )


@settings(max_examples=300, derandomize=True)
@given(schema=schemas(draft_4=False), value=values)
def test_the_result_is_that_of_jsonschema(schema: Any, value: Any) -> None:
    assert (not validate(value, schema)) == jsonschema.Draft202012Validator(schema).is_valid(value)


# With later drafts' definition of an integer: 1.0 is an integer.
DRAFT_4 = jsonschema.validators.extend(  # type: ignore[no-untyped-call] # jsonschema's stubs leave it untyped
    jsonschema.Draft4Validator, type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER
)


@settings(max_examples=200, derandomize=True)
@given(schema=schemas(draft_4=True), value=values)
def test_the_result_is_that_of_draft_4(schema: Any, value: Any) -> None:
    assert (not validate(value, schema)) == DRAFT_4(schema).is_valid(value)


def test_defaults_fill_only_missing_properties(api: Api) -> None:
    schema: dict[str, Any] = {
        "properties": {
            "a": {"default": 1},
            "b": {"default": {"c": 2}, "properties": {"d": {"default": []}}},
            "list": {"items": {"properties": {"n": {"default": None}}}},
            "other": {"properties": {"x": {"default": 1}}},
        }
    }
    filled = {"a": 1, "b": {"c": 2, "d": []}}
    assert fill({}, schema) == filled
    given: dict[str, Any] = {
        "a": None,
        "b": {"d": 1},
        "list": [{}, 5, {"n": 2}],
        "other": {},
        "free": {"x": {}},
    }
    before = repr(given)
    assert fill(given, schema) == {
        "a": None,
        "b": {"d": 1},
        "list": [{"n": None}, 5, {"n": 2}],
        "other": {"x": 1},
        "free": {"x": {}},
    }
    assert repr(given) == before
    assert fill([1], {}) == [1]


TEXT = {"type": "string"}


@pytest.fixture
def todos(make_api: Make) -> Api:
    return make_api({"schema": "todo"}, {"todo": TODO_SCHEMA})


def test_post_and_put_are_validated_and_filled(todos: Api) -> None:
    item = todos.create({"title": "a", "tags": [{}]})
    assert (item["description"], item["completed"], item["tags"]) == ("", False, [{"n": 1}])
    path = f"/items/{item['id']}"
    changed = todos.request("PUT", path, {"title": "b", "completed": True}).json
    assert (changed["description"], changed["completed"], "tags" in changed) == ("", True, False)
    assert todos.request("GET", path).json == changed
    for method, where in (("POST", "/items"), ("PUT", path)):
        answer, requests = todos.requests_of(method, where, {"completed": "yes", "extra": 1})
        assert (answer.status, requests) == (422, [])
        assert answer.json["type"] == "urn:trestle:problem:invalid-item"
        assert [fault["pointer"] for fault in answer.json["errors"]] == ["/title", "/completed", "/extra"]


def test_the_servers_properties_are_not_validated(todos: Api) -> None:
    body = {"id": "x", "createdAt": 1, "updatedAt": 2, "version": [], "title": "a"}
    assert todos.request("POST", "/items", body).status == 201


def test_many_faults_end_at_20(todos: Api) -> None:
    answer = todos.request("POST", "/items", {f"p{n}": n for n in range(40)})
    assert len(answer.json["errors"]) == 20


def test_a_flat_patch_is_validated_without_a_read(todos: Api) -> None:
    item = todos.create({"title": "a", "note": "n", "price": 1})
    path = f"/items/{item['id']}"
    answer, requests = todos.requests_of("PATCH", path, {"completed": True, "price": 0.29, "note": None})
    assert (answer.status, requests) == (200, ["UpdateItem"])
    assert "note" not in answer.json
    assert answer.json["description"] == ""
    answer, requests = todos.requests_of("PATCH", path, {"completed": 1, "price": 0.295, "title": None, "extra": 1})
    assert (answer.status, requests) == (422, [])
    assert answer.json["errors"] == [
        {"pointer": "/completed", "detail": "Must be a boolean, not an integer"},
        {"pointer": "/price", "detail": "Must be a multiple of 0.01"},
        {"pointer": "/title", "detail": "Is required"},
        {"pointer": "/extra", "detail": "Is not a known property"},
    ]


def test_a_patch_never_fills_defaults(todos: Api) -> None:
    item = todos.create({"title": "a"})
    answer = todos.request("PATCH", f"/items/{item['id']}", {"description": None})
    assert "description" not in answer.json


def test_a_removal_is_validated_under_its_escaped_name(make_api: Make) -> None:
    api = make_api({"schema": "s"}, {"s": {"required": ["a/b"]}})
    item = api.create({"a/b": 1})
    answer = api.request("PATCH", f"/items/{item['id']}", {"a/b": None})
    assert answer.json["errors"][0]["pointer"] == "/a~1b"


def test_a_patch_under_a_schema_of_the_whole_object_reads_first(make_api: Make) -> None:
    schema = {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}
    api = make_api({"schema": "s"}, {"s": schema})
    item = api.create({"a": 1})
    path = f"/items/{item['id']}"
    answer, requests = api.requests_of("PATCH", path, {"b": 1})
    assert (answer.status, requests) == (422, ["GetItem"])
    answer, requests = api.requests_of("PATCH", path, {"b": 1, "a": None})
    assert (answer.status, requests) == (200, ["GetItem", "UpdateItem"])


def test_a_deep_patch_is_validated_after_the_merge(todos: Api) -> None:
    item = todos.create({"title": "a"})
    answer, requests = todos.requests_of("PATCH", f"/items/{item['id']}", {"tags": {"n": 1}})
    assert (answer.status, requests) == (422, ["GetItem"])
    assert answer.json["errors"][0]["pointer"] == "/tags"


@pytest.mark.parametrize(
    ("patch", "pointers"),
    [
        ({"flat": 1}, []),
        ({"deep": {"x": 1}}, []),
        ({"deep": {"x": "1"}}, ["/deep/x"]),
        ({"deep": {"x": 1}, "must": None}, ["/must"]),
        ({"deep": {"x": 1}, "other": 1}, ["/other"]),
        ({f"p{n}": n for n in range(51)}, []),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_patch_is_validated_only_in_its_changes(
    make_api: Make, method: str, patch: dict[str, Any], pointers: list[str]
) -> None:
    """An item that violates a newer schema can still be patched."""
    old = make_api().create({"flat": 0, "deep": {"y": 1}, "gone": True, "many": 1})
    number = {"type": "integer"}
    properties = {"deep": {"type": "object", "properties": {"x": number}}, "many": TEXT, "must": TEXT, "flat": number}
    properties |= {f"p{n}": number for n in range(51)}
    schema = {"properties": properties, "required": ["must"], "additionalProperties": False}
    api = make_api({"schema": "s", "put": "merge"}, {"s": schema})
    answer = api.request(method, f"/items/{old['id']}", patch)
    assert [fault["pointer"] for fault in answer.json.get("errors", [])] == pointers
    assert answer.status == (422 if pointers else 200)
    together = make_api({"schema": "s", "put": "merge"}, {"s": schema | {"minProperties": 1}})
    assert together.request(method, f"/items/{old['id']}", patch).status == 422


def test_a_repeated_key_returns_the_filled_item(todos: Api) -> None:
    key = {"Idempotency-Key": "k"}
    first = todos.create({"title": "a"}, headers=key)
    assert todos.create({"title": "a"}, headers=key) == first


def test_a_function_without_its_schema_does_not_start(make_api: Make) -> None:
    with pytest.raises(FileNotFoundError):
        make_api({"schema": "gone"})
