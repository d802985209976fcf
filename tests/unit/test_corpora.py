"""Run public corpora against the JSON reader, the validator and all operations; differences are listed."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests import corpora
from tests.unit.api import Answer, Api
from tests.unit.conftest import Make
from tests.unit.test_json import json_text
from tools.patterns import PatternError, check
from tools.schemas import KEYWORDS
from trestle.errors import InvalidRequest
from trestle.schema.validation import validate
from trestle.strict_json import loads

# JSONTestSuite: repeated names. JSON allows them, but we refuse them as I-JSON does, since their
# value is ambiguous.
REPEATED_NAMES = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
# Texts that JSON leaves open and we accept. The others are not UTF-8, cannot be stored, or are
# nested too deep.
LEFT_OPEN = {"i_number_too_big_neg_int.json", "i_number_too_big_pos_int.json"}


def is_read(text: bytes) -> bool:
    """Return whether a text is accepted, by the same two steps as a body."""
    try:
        loads(text.decode())
    except (UnicodeDecodeError, InvalidRequest):
        return False
    return True


def test_json_is_read_as_in_the_test_suite() -> None:
    texts = corpora.parsing()
    kinds = [sum(name.startswith(kind) for name in texts) for kind in ("y_", "n_", "i_")]
    assert kinds == [95, 188, 35]
    read = {name for name, text in texts.items() if is_read(text)}
    must = {name for name in texts if name.startswith("y_")}
    assert must - read == REPEATED_NAMES
    assert read - must == LEFT_OPEN


@pytest.mark.slow
def test_every_operation_reads_json_as_in_the_test_suite(api: Api) -> None:
    item = api.create({})["id"]

    def answers(body: bytes) -> Iterator[Answer]:
        encoded = base64.b64encode(body).decode()
        for method, path in (("POST", "/items"), ("PUT", f"/items/{item}"), ("PATCH", f"/items/{item}")):
            yield api.request(method, path, encoded, base64=True)

    for name, text in corpora.parsing().items():
        taken = name in LEFT_OPEN or (name.startswith("y_") and name not in REPEATED_NAMES)
        for answer in answers(b'{"value": ' + text + b"}" if taken else text):
            assert answer.status in ((200, 201) if taken else (400,)), (name, answer)


# JSON-Schema-Test-Suite: tests on which our validator differs, by file and group.
DIFFERENCES = {
    # Numbers that cannot be stored are refused before validation.
    ("draft4/optional/bignum.json", "integer"): {"a bignum is an integer", "a negative bignum is an integer"},
    ("draft4/optional/bignum.json", "number"): {"a bignum is a number", "a negative bignum is a number"},
    ("draft4/optional/float-overflow.json", "all integers are multiples of 0.5, if overflow is handled"): {
        "valid if optional overflow handling is implemented"
    },
    # 1.0 is 1, as in every later draft: DynamoDB stores them alike.
    (
        "draft4/optional/zeroTerminatedFloats.json",
        "some languages do not distinguish between different types of numeric value",
    ): {"a float is not an integer even without fractional part"},
    # Forms that our `email` excludes: docs/reference/schemas.md.
    ("draft2020-12/optional/format/email.json", "validation of e-mail addresses"): {
        "a quoted string with a space in the local part is valid",
        "a quoted string with a double dot in the local part is valid",
        "a quoted string with a @ in the local part is valid",
        "an IPv4-address-literal after the @ is valid",
        "an IPv6-address-literal after the @ is valid",
    },
}
# Patterns of the suite that the build refuses.
REFUSED_PATTERNS = {r"^\cC$", r"^\cc$", r"\p{Letter}cole", r"^\p{digit}+$"}
# Number of groups whose schemas use keywords outside the subset, by the first such keyword.
OUTSIDE = {
    "$ref": 1,
    "additionalItems": 11,
    "dependencies": 5,
    "items": 5,
    "patternProperties": 13,
}


def keywords(schema: Any) -> Iterator[str]:
    """Yield the unsupported keywords of a schema and its subschemas; "items" only if it is a list of schemas."""
    for keyword, value in schema.items():
        if keyword in ("properties", "patternProperties", "definitions", "dependencies"):
            inner = [rule for rule in value.values() if isinstance(rule, dict)]
        else:
            inner = [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, dict)]
        if keyword not in KEYWORDS or (keyword == "items" and isinstance(value, list)):
            yield keyword
        for part in inner if keyword not in ("enum", "default") else ():
            yield from keywords(part)


def is_valid_item(data: Any, schema: Any) -> bool:
    """Return whether a value is accepted; numbers that cannot be stored are not."""
    try:
        return not validate(loads(json_text(data)), loads(json_text(schema)))
    except InvalidRequest:
        return False


def test_the_validator_agrees_with_the_test_suite() -> None:
    differences: dict[tuple[str, str], set[str]] = {}
    outside: dict[str, int] = {}
    patterns: set[str] = set()
    tests = 0
    for file, groups in corpora.schema_tests().items():
        for group in groups:
            schema = {name: value for name, value in group["schema"].items() if name != "$schema"}
            if foreign := sorted(keywords(schema)):
                outside[foreign[0]] = outside.get(foreign[0], 0) + 1
                continue
            try:
                check(schema.get("pattern", ""))
            except PatternError:
                patterns.add(schema["pattern"])
                continue
            tests += len(group["tests"])
            for test in group["tests"]:
                if is_valid_item(test["data"], schema) != test["valid"]:
                    place = (file, group["description"])
                    differences.setdefault(place, set()).add(test["description"])
    assert differences == DIFFERENCES
    assert patterns == REFUSED_PATTERNS
    assert outside == OUTSIDE
    assert tests == 921


def test_every_pattern_of_the_test_suite_is_accepted_or_known_to_be_refused() -> None:
    refused = set()
    for groups in corpora.schema_tests().values():
        for group in groups:
            for pattern in [
                group["schema"].get("pattern", ""),
                *group["schema"].get("patternProperties", {}),
            ]:
                try:
                    check(pattern)
                except PatternError:
                    refused.add(pattern)
    assert refused == REFUSED_PATTERNS


# --- The naughty strings ---

RESERVED = {"id", "createdAt", "updatedAt", "version"}
NOTE = {"type": "object", "properties": {"text": {"type": "string"}}}


def client_properties(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item without the server's properties."""
    return {name: value for name, value in item.items() if name not in RESERVED}


def test_all_naughty_strings_fit_in_one_item(api: Api) -> None:
    strings = corpora.naughty_strings()
    assert len(strings) == 481
    body = {text: {text: [text]} for text in strings}
    item = api.create(json.dumps(body, ensure_ascii=False))
    path = f"/items/{item['id']}"
    assert client_properties(item) == client_properties(api.request("GET", path).json) == body
    changed = {text: None if index % 2 else text for index, text in enumerate(strings)}
    patched = api.request("PATCH", path, json.dumps(changed))
    assert client_properties(patched.json) == {text: text for text in strings[::2]}
    replaced = api.request("PUT", path, {"all": strings})
    assert client_properties(replaced.json) == client_properties(api.request("GET", path).json) == {"all": strings}


@pytest.fixture
def notes(make_api: Make) -> Api:
    return make_api({"schema": "note", "filters": {"text": {}}}, {"note": NOTE})


@pytest.mark.slow
def test_each_naughty_string_goes_through_every_operation(notes: Api) -> None:
    for text in corpora.naughty_strings():
        item = notes.create({"text": text, text: {text: [text, 1]}})
        path = f"/items/{item['id']}"
        read = notes.request("GET", path)
        assert read.json == item, text
        assert item["text"] == text or text == "text"
        # As a filter's value in a list; an empty text matches nothing.
        page = notes.request("GET", "/items", query={"text": item["text"]} if text != "text" else {})
        assert [found["id"] for found in page.json["items"]] == [item["id"]], text
        patched = notes.request("PATCH", path, {"text": text[::-1], text: None})
        assert client_properties(patched.json) == ({} if text == "text" else {"text": text[::-1]}), text
        replaced = notes.request("PUT", path, {"text": "", "naughty": [text, {text: text}]})
        assert replaced.json["naughty"] == [text, {text: text}]
        assert notes.request("DELETE", path).status == 204


@pytest.mark.slow
def test_each_naughty_string_in_a_header_or_query_causes_no_error(notes: Api) -> None:
    item = notes.create({"text": "a"})
    path = f"/items/{item['id']}"
    for text in corpora.naughty_strings():
        for name in ("If-Match", "If-None-Match"):
            assert notes.request("GET", path, headers={name: text}).status in (200, 400, 412), (name, text)
        status = notes.request("PUT", path, {"text": "a"}, headers={"If-Match": text}).status
        assert status in (400, 412), text
        key = {"Idempotency-Key": text}
        assert notes.request("POST", "/items", {"text": "b"}, headers=key).status in (201, 400, 409), text
        for name in ("cursor", "limit", "order", "fields", "createdAt.gte"):
            status = notes.request("GET", "/items", query={name: text}).status
            assert status in ((200, 400) if name in ("limit", "order", "fields") else (400,)), (name, text)
        unknown = notes.request("GET", "/items", query={text: "a"})
        assert unknown.status == (200 if text == "text" else 400), text
        typed = notes.request("POST", "/items", {"text": "c"}, headers={"Content-Type": text})
        assert typed.status in (201, 415), text


@pytest.mark.slow
def test_each_naughty_string_is_an_id_only_if_valid(make_api: Make) -> None:
    api = make_api({"ids": "client"})
    for text in corpora.naughty_strings():
        is_id = re.fullmatch("[A-Za-z0-9._~-]{1,128}", text, re.ASCII) and text not in (".", "..")
        assert api.request("POST", "/items", {"id": text}).status == (201 if is_id else 400), text
        if text:
            assert api.request("GET", f"/items/{text}").status in ((200,) if is_id else (400, 404)), text
