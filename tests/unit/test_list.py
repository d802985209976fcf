"""Test lists: pages, order, fields, cursors."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api import Api
from tests.unit.conftest import Make
from trestle.store import table
from trestle.store.dynamodb import Reply

URL = "https://example.com/test/items"


def follow(api: Api, **query: str) -> list[Any]:
    """Yield every page of a list by its Link headers."""
    pages = []
    while True:
        answer = api.request("GET", "/items", query=query)
        assert answer.status == 200, answer.body
        page = answer.json
        assert set(page) == {"items", "count", "next"}
        assert page["count"] == len(page["items"])
        pages.append(page)
        if page["next"] is None:
            assert "Link" not in answer.headers
            return pages
        target, relation = answer.headers["Link"].split("; ")
        assert relation == 'rel="next"'
        url = urlsplit(urljoin(URL, target.strip("<>")))
        assert f"{url.scheme}://{url.netloc}{url.path}" == URL
        query = dict(parse_qsl(url.query, strict_parsing=True))
        assert query["cursor"] == page["next"]
        assert len(pages) < 200


@pytest.mark.parametrize("kind", ["created", "unordered"])
def test_an_empty_list(make_api: Make, kind: str) -> None:
    answer, requests = make_api({"list": kind}).requests_of("GET", "/items")
    assert answer.json == {"items": [], "count": 0, "next": None}
    assert requests == [{"created": "Query", "unordered": "Scan"}[kind]]


def test_items_come_in_the_order_they_were_created_in(api: Api) -> None:
    ids = [api.create({"n": n})["id"] for n in range(4)]
    assert [item["id"] for item in api.request("GET", "/items").json["items"]] == ids
    for order, wanted in (("asc", ids), ("desc", ids[::-1])):
        pages = follow(api, order=order, limit="3")
        assert [item["id"] for page in pages for item in page["items"]] == wanted


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 12), limit=st.integers(1, 13), data=st.data())
@pytest.mark.parametrize("kind", ["created", "unordered"])
def test_pages_hold_every_item_once_and_end_exactly(
    make_api: Make, kind: str, count: int, limit: int, data: st.DataObject
) -> None:
    api = make_api({"list": kind})
    for page in follow(api, limit="100"):
        for item in page["items"]:
            api.request("DELETE", f"/items/{item['id']}")
    ids = [api.create({"n": n})["id"] for n in range(count)]
    order = {"order": data.draw(st.sampled_from(["asc", "desc"]))} if kind == "created" else {}
    pages = follow(api, limit=str(limit), **order)
    listed = [item["id"] for page in pages for item in page["items"]]
    assert sorted(listed) == sorted(ids)
    assert len(listed) == count
    assert [page["count"] for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert len(pages) == max(1, -(-count // limit))


def test_25_is_the_default_limit(api: Api) -> None:
    for n in range(26):
        api.create({"n": n})
    assert [page["count"] for page in follow(api)] == [25, 1]
    assert [page["count"] for page in follow(api, limit="26")] == [26]


@pytest.mark.parametrize("kind", ["created", "unordered"])
def test_a_page_that_reaches_1_mb_is_shorter_and_never_empty(make_api: Make, kind: str) -> None:
    api = make_api({"list": kind})
    ids = {api.create({"text": "x" * 390_000})["id"] for _ in range(6)}
    pages = follow(api)
    assert all(page["count"] for page in pages)
    assert len(pages) > 1
    listed = [item["id"] for page in pages for item in page["items"]]
    assert len(listed) == 6
    assert set(listed) == ids


def test_a_page_over_lambdas_response_limit_is_shorter(api: Api) -> None:
    # 1 MB of these items is 6 MB of JSON, and 7 MB inside the response's JSON. Lambda's limit is 6
    # MB.
    ids = [api.create({"text": "\u0001" * 30_000})["id"] for _ in range(36)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while len(seen) < 36:
        answer = api.request("GET", "/items", query={"limit": "100", **cursor})
        assert len(json.dumps(answer.body, ensure_ascii=False)) < 6_291_456
        assert "limit=100" in answer.headers.get("Link", "limit=100")
        seen += [item["id"] for item in answer.json["items"]]
        cursor = {"cursor": answer.json["next"]}
    assert seen == ids
    assert cursor == {"cursor": None}


def test_fields_narrow_the_items(api: Api) -> None:
    item = api.create({"a": 1, "b": 2, "c d": 3, "ü": 4})
    api.create({"b": 5})
    for fields, wanted in (
        ("a", ["id", "a"]),
        ("id", ["id"]),
        ("version,b,none", ["id", "b", "version"]),
        ("c d,ü", ["id", "c d", "ü"]),
    ):
        pages = follow(api, fields=fields, limit="1")
        assert len(pages) == 2
        assert pages[0]["items"] == [{name: item[name] for name in wanted}]
        assert "id" in pages[1]["items"][0]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"limit": "0"}, ["limit"]),
        ({"limit": "101"}, ["limit"]),
        ({"limit": "-1"}, ["limit"]),
        ({"limit": "1.0"}, ["limit"]),
        ({"limit": "²"}, ["limit"]),
        ({"limit": ""}, ["limit"]),
        ({"limit": "9" * 5000}, ["limit"]),
        ({"limit": ["1", "2"]}, ["limit"]),
        ({"order": "up"}, ["order"]),
        ({"order": ""}, ["order"]),
        ({"fields": "a,,b"}, ["fields"]),
        ({"fields": ""}, ["fields"]),
        ({"status": "open"}, ["status"]),
        ({"Limit": "1"}, ["Limit"]),
        (
            {"limit": "x", "order": "y", "fields": "", "z": "1", "cursor": ["a", "a"]},
            ["limit", "order", "fields", "z", "cursor"],
        ),
        ({f"p{n}": "x" for n in range(30)}, [f"p{n}" for n in range(20)]),
    ],
)
def test_a_wrong_query_is_400_with_every_fault(api: Api, query: dict[str, str], wrong: list[str]) -> None:
    answer, requests = api.requests_of("GET", "/items", query=query)
    assert (answer.status, requests) == (400, [])
    assert [fault["parameter"] for fault in answer.json["errors"]] == wrong
    assert all(fault["detail"] for fault in answer.json["errors"])


def test_every_operation_refuses_unknown_parameters(api: Api) -> None:
    item = api.create({})
    for method, path in [
        ("POST", "/items"),
        *((m, f"/items/{item['id']}") for m in ("GET", "PUT", "PATCH", "DELETE")),
    ]:
        answer, requests = api.requests_of(method, path, {}, query={"debug": "1"})
        assert (answer.status, requests) == (400, [])
        assert answer.json["errors"] == [{"parameter": "debug", "detail": "Is unknown; known here: none"}]


def encode_cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def test_a_foreign_cursor_is_400(make_api: Make) -> None:
    api = make_api()
    for n in range(2):
        api.create({"n": n})
    cursor = api.request("GET", "/items", query={"limit": "1"}).json["next"]
    seal, item_id, created_at = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    assert api.request("GET", "/items", query={"cursor": cursor, "limit": "2"}).json["count"] == 1
    refused = [
        *("", "x", "abc", "%%%", "ä", "a" * 5000, cursor[:-2], cursor + "A", encode_cursor(), "W10", "MQ", "bnVsbA"),
        encode_cursor({}),
        base64.b64encode(b"[" * 100_000).decode(),
        encode_cursor("seal", item_id, created_at),
        encode_cursor(seal, item_id),
        encode_cursor(seal, item_id, created_at, "more"),
        encode_cursor(seal, item_id, ""),
        encode_cursor(seal, item_id, "\ud800"),
        encode_cursor(seal, item_id, 1),
        encode_cursor(seal, "no id", created_at),
        encode_cursor(seal, None, created_at),
    ]
    for foreign in refused:
        answer = api.request("GET", "/items", query={"cursor": foreign})
        assert answer.status == 400, foreign
        assert [fault["parameter"] for fault in answer.json["errors"]] == ["cursor"]
    assert api.request("GET", "/items", query={"cursor": cursor, "order": "desc"}).status == 400
    assert make_api(ENTITY="todos").request("GET", "/items", query={"cursor": cursor}).status == 400
    assert make_api({"list": "unordered"}).request("GET", "/items", query={"cursor": cursor}).status == 400


def test_an_unordered_list_refuses_an_order(make_api: Make) -> None:
    answer = make_api({"list": "unordered"}).request("GET", "/items", query={"order": "asc"})
    assert answer.status == 400
    assert answer.json["errors"][0]["parameter"] == "order"


def test_a_list_has_only_items_of_its_entity(make_api: Make) -> None:
    make_api().create({})
    assert make_api(ENTITY="todos").request("GET", "/items").json["count"] == 0


def test_empty_pages_of_dynamodb_are_skipped(make_api: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    api = make_api({"list": "unordered"})
    item = api.create({"a": 1})
    send = table.send
    empty = Reply({"Items": [], "LastEvaluatedKey": {"id": {"S": "0"}}}, 0)
    replies = [empty, empty]
    monkeypatch.setattr(table, "send", lambda *args, **more: replies.pop() if replies else send(*args, **more))
    page = api.request("GET", "/items").json
    assert page == {"items": [item], "count": 1, "next": None}
