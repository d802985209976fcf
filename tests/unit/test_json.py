"""Test that JSON values survive the reader, the writer, DynamoDB's types and the whole API."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.api import Api
from trestle.errors import InvalidRequest
from trestle.store.attributes import decode, encode
from trestle.strict_json import dumps, loads

NUMBERS = [
    *("0", "-0", "0.0", "-0.0", "0e5", "1", "-1", "1.0", "1.50", "1e2", "1E+2", "100", "123456789012345678"),
    *("0.1", "-0.1", "1e-7", "0.30000000000000004", "9007199254740993", "1e15", "1e16"),
    *("1e22", "1e23", "1e37", "1e38", "1e100", "-1e125", "9.99e125", "1e-130", "-1e-130", "1.5e-129"),
    *("12345678901234567890.123456789", "0.1234567890123456789", "99999999999999999999999999999999999999"),
    *("-99999999999999999999999999999999999999", "9." + "9" * 37 + "e125", "1" + "0" * 100, "1." + "0" * 60),
    *("1234567890123456.7", "123456789012345.67", "5e-100"),
]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
integers = st.integers(-(10**38) + 1, 10**38 - 1)
decimals = st.builds(lambda digits, exponent: Decimal(digits).scaleb(exponent), integers, st.integers(-90, 80))
scalars = st.none() | st.booleans() | texts | integers | decimals
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
objects = st.dictionaries(texts, values, max_size=5)


def json_text(value: Any) -> str:
    """Return a value as JSON text, without the code under test."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{json_text(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def exact(text: str) -> Any:
    """Return the value of JSON text, with every number as a Decimal."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_keep_their_value(api: Api, text: str) -> None:
    created = api.request("POST", "/items", f'{{"n":{text},"deep":[{{"n":{text}}}]}}')
    assert created.status == 201
    for answer in (created, api.request("GET", f"/items/{created.json['id']}")):
        assert exact(answer.body)["n"] == Decimal(text)
        assert exact(answer.body)["deep"][0]["n"] == Decimal(text)
        assert answer.body == created.body


def test_equal_numbers_are_written_in_the_same_form() -> None:
    for one, other in (
        ("1.0", "1"),
        ("1e2", "100"),
        ("0.0", "-0"),
        ("1.50", "1.5"),
        ("1e22", "1" + "0" * 22),
    ):
        assert dumps(loads(one)) == dumps(loads(other))
        assert type(loads(one)) is type(loads(other))


@given(values)
def test_any_value_survives_reading_and_writing(value: Any) -> None:
    text = dumps(loads(json_text(value)))
    assert exact(text) == exact(json_text(value))
    assert dumps(loads(text)) == text


def is_kept(text: str) -> bool:
    """Return whether Python's reader accepts a JSON text and all its values can be stored."""

    def no(_: str) -> Any:
        raise ValueError

    def members(pairs: list[tuple[str, Any]]) -> Any:
        if len(dict(pairs)) < len(pairs):
            raise ValueError
        return dict(pairs)

    def number(text: str) -> Decimal:
        value = Decimal(text)
        if value and not -130 <= value.adjusted() <= 125:
            raise ValueError
        return value

    try:
        value = json.loads(text, parse_constant=no, parse_float=number, parse_int=number, object_pairs_hook=members)
        json.dumps(value, default=str, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


# Pieces of JSON: some combinations are valid, the others are nearly valid.
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    '"a"',
    '"a":',
    '"b":',
    "0",
    "1",
    "-",
    ".5",
    "e9",
    "E+200",
    "null",
    "true",
]
PIECES += [
    "false",
    "NaN",
    "-Infinity",
    " ",
    "\t",
    "\\",
    "\\n",
    "\\u0041",
    "\\ud83d",
    "\\ude00",
    "\x00",
    "\xa0",
    "{}",
    "[]",
]


@settings(max_examples=400, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@example('{"a":1,"a":1}')
@example('["\\ud83d\\ude00"]')
@example('["\\ud83d"]')
@example("1E+200")
def test_pieces_of_json_are_read_as_by_python(text: str) -> None:
    try:
        value = loads(text)
    except InvalidRequest:
        assert not is_kept(text)
    else:
        assert is_kept(text)
        assert exact(dumps(value)) == exact(text)


@settings(max_examples=100, derandomize=True)
@given(value=values, indent=st.none() | st.integers(0, 3), ascii_only=st.booleans())
def test_any_document_is_read_as_by_python(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, default=float)
    assert exact(dumps(loads(text))) == exact(text)


@given(objects)
@example({"": {"\0": {"\0\0": 1}, "": 2}})
def test_any_object_survives_dynamodbs_types(value: dict[str, Any]) -> None:
    read = loads(json_text(value))
    attribute = json.loads(json.dumps(encode(read)))
    assert dumps(decode(attribute)) == dumps(read)

    def names(attribute: dict[str, Any]) -> list[str]:
        members = attribute.get("M", {})
        inner = [*members.values(), *attribute.get("L", [])]
        return [*members, *(name for one in inner for name in names(one))]

    assert all(names(attribute))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=objects)
def test_any_object_survives_the_api(api: Api, body: dict[str, Any]) -> None:
    created = api.request("POST", "/items", json_text(body))
    assert created.status == 201, created.body
    path = f"/items/{created.json['id']}"
    wanted = {name: value for name, value in exact(json_text(body)).items() if name not in SERVER}
    for answer in (created, api.request("GET", path), api.request("PUT", path, json_text(body))):
        kept = {name: value for name, value in exact(answer.body).items() if name not in SERVER}
        assert kept == wanted


SERVER = {"id", "createdAt", "updatedAt", "version"}


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ('{"a":' * 32 + "1" + "}" * 32, True),
        ('{"a":' + "[" * 31 + '"\\u0000é😀",null,1.50' + "]" * 31 + "}", True),
        ('{"a":' * 32 + "{}" + "}" * 32, False),
    ],
)
def test_32_levels_are_stored(api: Api, body: str, kept: bool) -> None:
    created = api.request("POST", "/items", body)
    assert created.status == (201 if kept else 400)
    if kept:
        read = api.request("GET", f"/items/{created.json['id']}").json
        assert read["a"] == json.loads(body)["a"]
        assert api.request("PATCH", f"/items/{created.json['id']}", body[:-1] + ',"b":1}').status == 200
        patched = api.request("PATCH", f"/items/{created.json['id']}", {"b": json.loads(body)["a"]})
        assert patched.json["b"] == read["a"]


def test_text_survives_byte_for_byte(api: Api) -> None:
    text = "".join(map(chr, [*range(0x20), 0x7F, 0x80, 0x2028, 0xFEFF, 0xFFFF, 0x1F600, 0x10FFFF])) + '"\\/e\u0301é'
    body: dict[str, Any] = {"s": text, text: "", "": {"": [None, {}, [], ""]}, "__proto__": None}
    item = api.create(body)
    assert api.request("GET", f"/items/{item['id']}").json == item
    assert {name: item[name] for name in body} == body
    raw = json.dumps(body, ensure_ascii=False)
    assert api.create(raw)["s"] == text


def test_a_text_that_looks_like_a_marked_decimal_stays_a_text(api: Api) -> None:
    item = api.create('{"s":"\\"12.5\\"","n":0.1234567890123456789}')
    answer = api.request("GET", f"/items/{item['id']}")
    assert answer.json["s"] == '"12.5"'
    assert '"n":0.1234567890123456789' in answer.body
