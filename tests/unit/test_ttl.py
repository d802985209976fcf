"""Test expiring items: the API hides them at once, even before DynamoDB deletes them."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.api import TABLE, Api, lose_answer
from tests.unit.conftest import Make
from tests.unit.test_list import follow
from trestle.strict_json import dumps

PAST, FUTURE = 1_000_000_000, 4_000_000_000


@pytest.fixture
def sessions(make_api: Make) -> Api:
    """The API of an entity whose items may expire."""
    return make_api({"ttl": "until", "ids": "client"})


def expiry(api: Api, item_id: str) -> Any:
    stored: dict[str, Any] = api.client.get_item(TableName=TABLE, Key={"id": {"S": item_id}})["Item"]
    return int(stored["expires"]["N"]) if "expires" in stored else None


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        (FUTURE, FUTURE),
        (4_000_000_000.25, 4_000_000_001),
        (Decimal("4000000000.00000000000000001"), 4_000_000_001),
        (0, 0),
        (-1.5, -1),
        ("2096-10-02T07:06:40Z", FUTURE),
        ("2096-10-02t09:06:39.000001+02:00", FUTURE),
        ("2096-10-02", 3_999_974_400),
        ("2016-12-31T23:59:60Z", 1_483_228_800),
        (None, None),
        (True, None),
        ([], None),
        ("", None),
        ("soon", None),
        ("2096", None),
        ("0000-01-01T00:00:00Z", -62_167_219_200),
        ("9999-12-31T23:59:59.5-23:59", 253_402_387_140),
        (10**12, None),
        (1e100, None),
        (Decimal("-1e125"), None),
    ],
)
def test_the_time_to_live_is_in_whole_seconds(sessions: Api, until: Any, seconds: int | None) -> None:
    item = sessions.create(dumps({"id": "a", "until": until}))
    assert expiry(sessions, item["id"]) == seconds


def test_changes_move_the_expiry(sessions: Api) -> None:
    path = f"/items/{sessions.create({'id': 'a'})['id']}"
    for method, body, seconds in [
        ("PATCH", {"until": FUTURE}, FUTURE),
        ("PATCH", {"other": 1}, FUTURE),
        ("PATCH", {"until": None}, None),
        ("PUT", {"until": FUTURE + 1}, FUTURE + 1),
        ("PATCH", {"until": FUTURE, "deep": {"a": 1}}, FUTURE),
        ("PUT", {}, None),
    ]:
        assert sessions.request(method, path, body).status == 200
        assert expiry(sessions, "a") == seconds
        assert sessions.request("GET", path).status == 200


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize(
    ("method", "body", "requests"),
    [
        ("GET", None, ["GetItem"]),
        ("PUT", {"until": FUTURE}, ["UpdateItem"]),
        ("PATCH", {"until": FUTURE}, ["UpdateItem"]),
        ("PATCH", {"until": FUTURE, "deep": {}}, ["GetItem"]),
        ("DELETE", None, ["DeleteItem"]),
    ],
)
def test_an_expired_item_is_404(sessions: Api, method: str, body: Any, requests: list[str], conditional: bool) -> None:
    created = sessions.request("POST", "/items", {"id": "a", "until": PAST})
    headers = {"If-Match": created.etag} if conditional else {}
    answer, sent = sessions.requests_of(method, "/items/a", body, headers=headers)
    assert (answer.status, sent) == (404, requests)
    assert expiry(sessions, "a") == PAST


def test_a_living_item_in_another_state_is_412(sessions: Api) -> None:
    sessions.create({"id": "a", "until": FUTURE})
    assert sessions.request("DELETE", "/items/a", headers={"If-Match": '"other"'}).status == 412
    assert sessions.request("DELETE", "/items/a", headers={"If-Match": "*"}).status == 204


def test_an_item_expires_by_itself(sessions: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = time.time() + 600
    sessions.create({"id": "a", "until": ends})
    assert sessions.request("GET", "/items/a").status == 200
    monkeypatch.setattr("time.time", lambda: ends + 1)
    assert sessions.request("GET", "/items/a").status == 404


def test_an_expired_items_id_and_key_can_be_reused(sessions: Api) -> None:
    key = {"Idempotency-Key": "k"}
    for until, status in [(PAST, 201), (FUTURE, 201), (FUTURE, 409)]:
        answer, requests = sessions.requests_of("POST", "/items", {"id": "a", "until": until})
        assert (answer.status, requests) == (status, ["PutItem"])
    first = sessions.request("POST", "/items", {"until": PAST}, headers=key)
    again = sessions.request("POST", "/items", {"until": FUTURE}, headers=key)
    assert (again.status, again.json["id"], again.json["version"]) == (201, first.json["id"], 1)
    assert "Idempotency-Replayed" not in again.headers


def test_a_change_that_expires_an_item_recognises_itself_after_a_lost_response(sessions: Api) -> None:
    sessions.create({"id": "a"})
    with sessions.fault("UpdateItem", lose_answer):
        answer = sessions.request("PATCH", "/items/a", {"until": PAST})
    assert (answer.status, answer.json["version"]) == (200, 2)


@pytest.mark.parametrize("kind", ["created", "unordered"])
def test_lists_leave_expired_items_out_and_pages_are_full(make_api: Make, kind: str) -> None:
    api = make_api({"ttl": "until", "list": kind})
    living = set()
    for n in range(24):
        item = api.create({"until": FUTURE if n % 3 == 0 else PAST})
        if n % 3 == 0:
            living.add(item["id"])
    pages = follow(api, limit="3")
    assert [page["count"] for page in pages] == [3, 3, 2]
    assert {item["id"] for page in pages for item in page["items"]} == living
    assert follow(api, limit="8")[0]["count"] == 8


def test_without_a_time_to_live_nothing_expires(make_api: Make) -> None:
    api = make_api({"ttl": "until"})
    item = api.create({"until": PAST})
    assert make_api().request("GET", f"/items/{item['id']}").json == item
