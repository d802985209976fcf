"""Test request bodies: which are accepted, which are refused, and why."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.unit.api import Api, error

WRITES = ["POST", "PUT", "PATCH"]


def send(api: Api, method: str, body: Any, **parts: Any) -> Any:
    """Send a body, to an existing item if the method needs one; return the response and the DynamoDB requests."""
    path = "/items" if method == "POST" else f"/items/{api.create({'old': 1})['id']}"
    return api.requests_of(method, path, body, **parts)


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/merge-patch+json",
        "application/vnd.example.v1+json;a=b",
        "",
        None,
    ],
)
def test_json_types_and_no_type_are_accepted(api: Api, method: str, media_type: str | None) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    answer, _ = send(api, method, {"a": 1}, headers=headers)
    assert answer.status in (200, 201)


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/xml",
        "application/jsonp",
        "json",
        "+json/x",
        "multipart/form-data; boundary=+json",
    ],
)
def test_other_types_are_415(api: Api, method: str, media_type: str) -> None:
    answer, requests = send(api, method, {"a": 1}, headers={"Content-Type": media_type})
    assert (answer.status, requests) == (415, [])
    assert answer.json["type"] == "urn:trestle:problem:unsupported-media-type"


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("body", [None, "", "  \n"])
def test_an_empty_body_is_400(api: Api, method: str, body: str | None) -> None:
    answer, requests = send(api, method, body)
    assert (answer.status, requests) == (400, [])
    assert "empty" in answer.json["detail"]


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("body", ["[]", "null", "1", '"a"', "true", '[{"a":1}]'])
def test_a_body_that_is_not_an_object_is_400(api: Api, method: str, body: str) -> None:
    answer, requests = send(api, method, body)
    assert (answer.status, requests) == (400, [])
    assert answer.json["errors"] == [{"pointer": "", "detail": "Must be an object"}]


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ("{", [""]),
        ('{"a":1,}', [""]),
        ("{'a':1}", [""]),
        ('{"a":01}', [""]),
        ('{"a":"\t"}', [""]),
        ('{"a":1} x', [""]),
        ("\ufeff{}", [""]),
        ('{"a":NaN,"b":[1,Infinity,-Infinity]}', ["/a", "/b/1", "/b/2"]),
        ('{"a":1,"a":2}', ["/a"]),
        ('{"a":{"x/y":[{"~":1,"~":1,"~":1}]}}', ["/a/x~1y/0/~0"]),
        ('{"a":"\\ud800","b":"\\udc00\\ud800","c":"\\ud83d\\ude00"}', ["/a", "/b"]),
        ('{"a":{"\\ud800":1}}', ["/a"]),
        ('{"n":123456789012345678901234567890123456789}', ["/n"]),
        ('{"n":0.123456789012345678901234567890123456789}', ["/n"]),
        (
            '{"n":1e126,"m":-1e126,"o":1e-131,"p":-1e-131,"q":1E+400,"r":1e-400}',
            ["/n", "/m", "/o", "/p", "/q", "/r"],
        ),
        ('{"n":' + "9" * 5000 + "}", ["/n"]),
        ('{"n":1e' + "9" * 50 + "}", ["/n"]),
        ('{"' + "x" * 65536 + '":1}', [""]),
        ('{"' + "é" * 33000 + '":1}', [""]),
        ('{"a":' + "[" * 32 + "]" * 32 + "}", ["/a" + "/0" * 31]),
        ('{"a":' * 33 + "1" + "}" * 33, ["/a" * 32]),
        ("[" * 200_000, [""]),
        ('{"a":' * 60_000, [""]),
        ('{"a":[' + ",".join(["NaN"] * 30) + "]}", [f"/a/{n}" for n in range(20)]),
    ],
)
def test_values_that_cannot_be_stored_are_400_with_their_places(
    api: Api, method: str, body: str, pointers: list[str]
) -> None:
    answer, requests = send(api, method, body)
    assert (answer.status, requests) == (400, [])
    assert answer.json["type"] == "urn:trestle:problem:invalid-request"
    assert [fault["pointer"] for fault in answer.json["errors"]] == pointers
    assert all(fault["detail"] for fault in answer.json["errors"])


@pytest.mark.parametrize("method", WRITES)
def test_base64_bodies_are_decoded(api: Api, method: str) -> None:
    text = base64.b64encode('{"a":"ü😀"}'.encode()).decode()
    answer, _ = send(api, method, text, base64=True)
    assert answer.status in (200, 201)
    assert answer.json["a"] == "ü😀"


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "raw",
    [
        "not base64!",
        base64.b64encode(b'{"a":"\xff"}').decode(),
        base64.b64encode(b'{"a":"\xed\xa0\x80"}').decode(),
    ],
)
def test_invalid_utf_8_is_400(api: Api, method: str, raw: str) -> None:
    answer, requests = send(api, method, raw, base64=True)
    assert (answer.status, requests) == (400, [])


def test_a_lone_surrogate_in_the_event_itself_is_400(api: Api) -> None:
    answer, requests = send(api, "POST", '{"a":"\ud800"}')
    assert (answer.status, requests) == (400, [])


def text_of(size: int, pad: str = "x") -> str:
    return f'{{"a":"{pad * ((size - 8) // len(pad.encode()))}"}}'


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("pad", ["x", "ü"])
def test_a_body_over_400_kib_is_413(api: Api, method: str, pad: str) -> None:
    body = text_of(400 * 1024 + 2, pad)
    for parts in ({}, {"base64": True}):
        raw = base64.b64encode(body.encode()).decode() if parts else body
        answer, requests = send(api, method, raw, **parts)
        assert (answer.status, requests) == (413, [])
        assert answer.json["type"] == "urn:trestle:problem:content-too-large"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_an_item_over_dynamodbs_limit_is_413(api: Api, method: str) -> None:
    answer, requests = send(api, method, text_of(400 * 1024))
    assert (answer.status, requests) == (413, ["PutItem" if method == "POST" else "UpdateItem"])


def test_an_item_just_under_the_limit_is_stored(api: Api) -> None:
    item = api.create(text_of(390_000))
    assert api.request("GET", f"/items/{item['id']}").json == item


def test_a_patch_that_makes_the_item_too_large_is_413(api: Api) -> None:
    item = api.create(text_of(300 * 1024))
    path = f"/items/{item['id']}"
    assert api.request("PATCH", path, {"b": {"c": "x" * 200_000}}).status == 413
    # moto does not check the size when part of an attribute changes.
    with api.fault("UpdateItem", error("ValidationException", message="Item size to update has exceeded the maximum")):
        assert api.request("PATCH", path, {"b": "x" * 200_000}).status == 413


def test_the_body_of_a_get_or_delete_is_ignored(api: Api) -> None:
    path = f"/items/{api.create({})['id']}"
    assert api.request("GET", path, "{").status == 200
    assert api.request("GET", "/items", "{").status == 200
    assert api.request("DELETE", path, "{", headers={"Content-Type": "text/plain"}).status == 204


def test_properties_may_have_the_names_of_server_attributes(api: Api) -> None:
    body = {
        "collection": 1,
        "write": 2,
        "doc": {"doc": 3},
        "request": 4,
        "#0": 5,
        ":now": 6,
        "a.b": 7,
        "a[0]": 8,
    }
    item = api.create(body)
    assert {name: item[name] for name in body} == body
    for method in ("PATCH", "PUT"):
        assert api.request(method, f"/items/{item['id']}", body).json.items() >= body.items()
    assert api.request("GET", "/items").json["items"][0].items() >= body.items()
