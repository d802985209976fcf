"""Test items with owners: no input of a caller reaches another owner's items."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api import OPERATIONS, TABLE, Api
from tests.unit.conftest import Make
from tests.unit.test_list import encode_cursor, follow
from trestle.item import join_key, split_key

NOTE = {
    "type": "object",
    "properties": {
        "tag": {"type": "string"},
        "pinned": {"type": "boolean"},
        "rank": {"type": "number"},
        "until": {"type": "integer"},
    },
}
OPTIONS: dict[str, Any] = {
    "signed_in": list(OPERATIONS.values()),
    "schema": "note",
    "filters": {"tag": {}, "pinned": {"sort": "rank"}},
    "ids": "client",
}
BODY = {"tag": "home", "pinned": True, "rank": 1}
FUTURE = 4_000_000_000


Become = Callable[[Api, str], Api]
# Who owns items, and how to call the functions as an owner. One subject may act for several
# tenants.
OWNERS: dict[str, tuple[str, Become]] = {
    "users of a pool": ("sub", lambda api, owner: api.as_user(owner, tenant_id="everybody")),
    "users of an issuer": ("sub", lambda api, owner: api.as_issued(owner, tenant_id="everybody")),
    "tenants of a pool": ("claim:custom:tenant", lambda api, owner: api.as_user("x", **{"custom:tenant": owner})),
    "tenants of an issuer": ("claim:tenant_id", lambda api, owner: api.as_issued("somebody", tenant_id=owner)),
}
# Owners that resemble each other's keys. A pool's subjects look like ids.
NAMES = ["alice", "bob", "alice#items", "alice%23items", "alice|items", "alïce", "*"]
SUBJECTS = ["alice", "bob", "alice-bob", "alice.items", "items", "s", "a"]


@pytest.fixture(params=OWNERS)
def owners(request: pytest.FixtureRequest) -> str:
    """Who owns the items: users or tenants."""
    return str(request.param)


@pytest.fixture
def become(owners: str) -> Become:
    """A function from an owner to the functions as that owner calls them."""
    return OWNERS[owners][1]


@pytest.fixture
def options(owners: str) -> dict[str, Any]:
    """The entity's options."""
    return {**OPTIONS, "owner": OWNERS[owners][0]}


@pytest.fixture
def notes(make_api: Make, options: dict[str, Any]) -> Api:
    """The API of an entity whose items have owners."""
    return make_api(options, {"note": NOTE}, numeric=["rank"])


@pytest.fixture
def alice(notes: Api, become: Become) -> Api:
    """The functions as Alice calls them."""
    return become(notes, "alice")


@pytest.fixture
def bob(notes: Api, become: Become) -> Api:
    """The functions as Bob calls them."""
    return become(notes, "bob")


def list_items(api: Api, **query: str) -> list[Any]:
    return [item for page in follow(api, **query) for item in page["items"]]


def stored_records(api: Api) -> dict[str, Any]:
    """Return the table's records by key."""
    records: list[dict[str, Any]] = api.client.scan(TableName=TABLE)["Items"]
    return {record["id"]["S"]: record for record in records}


def test_only_its_owner_finds_a_record(notes: Api, alice: Api) -> None:
    item = alice.create({"id": "a", **BODY})
    assert item["id"] == "a"
    (record,) = stored_records(notes).values()
    keys = {name: value for name, value in record.items() if name not in ("doc", "write", "updatedAt", "version")}
    assert keys == {
        "id": {"S": "alice#a"},
        "collection": {"S": "alice#items"},
        "createdAt": {"S": item["createdAt"]},
        "owner": {"S": "alice"},
        "by_tag": {"S": "alice#s:home"},
        "by_pinned": {"S": "alice#b:true"},
        "number_rank": {"N": "1"},
    }
    alice.request("PUT", "/items/a", {**BODY, "tag": "work"})
    alice.request("PATCH", "/items/a", {"pinned": False})
    (record,) = stored_records(notes).values()
    assert [record[name]["S"] for name in ("by_tag", "by_pinned", "owner")] == [
        "alice#s:work",
        "alice#b:false",
        "alice",
    ]


def test_an_owner_has_the_whole_api_in_as_many_requests(alice: Api) -> None:
    answer, requests = alice.requests_of("POST", "/items", {"id": "a", **BODY})
    assert (answer.status, answer.headers["Location"], requests) == (201, "items/a", ["PutItem"])
    item = answer.json
    for query in ({}, {"tag": "home"}, {"pinned": "true", "rank.gte": "1"}):
        page, requests = alice.requests_of("GET", "/items", query=query)
        assert (page.json, requests) == ({"items": [item], "count": 1, "next": None}, ["Query"])
    assert alice.requests_of("GET", "/items/a")[1] == ["GetItem"]
    tag = {"If-Match": answer.etag}
    changed, requests = alice.requests_of("PATCH", "/items/a", {"tag": "work"}, headers=tag)
    assert (changed.json["tag"], requests) == ("work", ["UpdateItem"])
    assert alice.request("PUT", "/items/a", BODY, headers=tag).status == 412
    assert alice.request("PATCH", "/items/a", {"more": {"deep": 1}}).json["version"] == 3
    assert alice.request("PUT", "/items/a", {"id": "a", **BODY}).json["version"] == 4
    assert alice.requests_of("DELETE", "/items/a")[1] == ["DeleteItem"]
    assert alice.request("GET", "/items/a").status == 404


@pytest.mark.parametrize("match", [{}, {"If-Match": "*"}, {"If-Match": None}])
def test_anothers_item_is_not_found_and_not_changed(notes: Api, alice: Api, bob: Api, match: dict[str, Any]) -> None:
    tag = alice.request("POST", "/items", {"id": "a", **BODY}).etag
    headers = {name: value or tag for name, value in match.items()}
    before = stored_records(notes)
    nobodys = bob.request("GET", "/items/none")
    for method, body in [
        ("GET", None),
        ("PUT", BODY),
        ("PATCH", {"tag": "x"}),
        ("PATCH", {"a": {"b": 1}}),
        ("DELETE", None),
    ]:
        answer = bob.request(method, "/items/a", body, headers=headers)
        assert answer.json == nobodys.json, "as for an item that does not exist"
    assert stored_records(notes) == before


@pytest.mark.parametrize("item_id", ["alice#a", "alice%23a", "alice%2523a", "%23a", "bob#../alice#a", "alice%00a"])
def test_no_id_in_a_path_names_another_owner(alice: Api, bob: Api, item_id: str) -> None:
    alice.create({"id": "a", **BODY})
    for method, body in (("GET", None), ("PUT", BODY), ("PATCH", BODY), ("DELETE", None)):
        answer, requests = bob.requests_of(method, f"/items/{item_id}", body)
        assert (answer.status, requests) == (400, [])
    assert bob.requests_of("POST", "/items", {"id": item_id})[0].status == 400


def test_two_owners_may_choose_the_same_id(notes: Api, alice: Api, bob: Api) -> None:
    hers, his = (api.create({"id": "a", "tag": tag}) for api, tag in ((alice, "home"), (bob, "work")))
    assert alice.request("POST", "/items", {"id": "a"}).status == 409
    assert (alice.request("GET", "/items/a").json, bob.request("GET", "/items/a").json) == (hers, his)
    assert bob.request("DELETE", "/items/a").status == 204
    assert list(stored_records(notes)) == ["alice#a"]


def test_lists_and_filters_return_only_the_callers_items(notes: Api, alice: Api, bob: Api, become: Become) -> None:
    hers = [alice.create({**BODY, "rank": rank}) for rank in range(3)]
    his = [bob.create({**BODY, "rank": rank}) for rank in range(2)]
    for query in ({}, {"tag": "home"}, {"pinned": "true"}, {"pinned": "true", "rank.gte": "0"}):
        for limit, order in itertools.product(("1", "2", "100"), ("asc", "desc")):
            step = 1 if order == "asc" else -1
            assert list_items(alice, **query, limit=limit, order=order) == hers[::step]
            assert list_items(bob, **query, limit=limit, order=order) == his[::step]
    assert list_items(become(notes, "alic")) == list_items(become(notes, "alice2")) == []


@pytest.mark.parametrize("value", ["alice#s:home", "#s:home", "s:home", "home#", "\0alice#s:home"])
def test_no_filter_value_reaches_another_owner(alice: Api, bob: Api, value: str) -> None:
    alice.create(BODY)
    assert list_items(bob, tag=value) == []
    mine = bob.create({"tag": value})
    assert (list_items(bob, tag=value), len(list_items(alice, tag="home"))) == ([mine], 1)


QUERIES = [{}, {"tag": "home"}, {"pinned": "true"}, {"order": "desc"}]


@pytest.mark.parametrize("query", QUERIES)
def test_anothers_cursor_is_refused(alice: Api, bob: Api, query: dict[str, str]) -> None:
    for api in (alice, bob):
        for rank in range(3):
            api.create({**BODY, "rank": rank})
    hers, his = (api.request("GET", "/items", query={**query, "limit": "1"}).json["next"] for api in (alice, bob))
    answer, requests = bob.requests_of("GET", "/items", query={**query, "cursor": hers})
    assert (answer.status, requests) == (400, [])
    assert answer.json["errors"][0]["parameter"] == "cursor"
    assert "alice" not in base64.urlsafe_b64decode(hers + "==").decode()
    # Even sealed as his own, her position is only a position in his list.
    (seal, *_), (_, *place) = (json.loads(base64.urlsafe_b64decode(each + "==")) for each in (his, hers))
    own = list_items(bob, **query)
    for forged in (place, [f"alice#{place[0]}", place[1]], ["alice", place[1]]):
        answer = bob.request("GET", "/items", query={**query, "cursor": encode_cursor(seal, *forged)})
        assert answer.status in (200, 400)
        assert all(item in own for item in answer.json.get("items", []))


@pytest.mark.parametrize("identity", [{}, {"apiKeyId": "one-for-all"}])
@pytest.mark.parametrize("body", [BODY, {"tag": "other"}])
def test_anothers_idempotency_key_is_a_new_one(
    alice: Api, bob: Api, identity: dict[str, str], body: dict[str, Any]
) -> None:
    how: dict[str, Any] = {"headers": {"Idempotency-Key": "k"}, "identity": identity}
    hers = alice.request("POST", "/items", BODY, **how)
    his = bob.request("POST", "/items", body, **how)
    assert (hers.status, his.status) == (201, 201)
    assert "Idempotency-Replayed" not in his.headers
    for api, first in ((alice, hers), (bob, his)):
        again = api.request(
            "POST", "/items", {"tag": first.json["tag"]} if first is his and body != BODY else BODY, **how
        )
        assert (again.json, again.headers["Idempotency-Replayed"]) == (first.json, "true")
        assert list_items(api) == [first.json]
    bob.request("DELETE", f"/items/{his.json['id']}")
    assert list_items(alice) == [hers.json]


def test_a_body_does_not_choose_its_owner(notes: Api, alice: Api, bob: Api) -> None:
    item = bob.create({"owner": "alice", "collection": "alice#items", "by_tag": "alice#s:home", "sub": "alice"})
    bob.request("PATCH", f"/items/{item['id']}", {"owner": "alice", "by_tag": "alice#s:home", "tag": "home"})
    assert (list_items(alice), list_items(alice, tag="home"), len(list_items(bob, tag="home"))) == ([], [], 1)
    (record,) = stored_records(notes).values()
    assert record["owner"] == {"S": "bob"}


def test_items_expire_for_their_owner(make_api: Make, options: dict[str, Any], become: Become) -> None:
    api = become(make_api({**options, "ttl": "until"}, {"note": NOTE}, numeric=["rank"]), "alice")
    kept = api.create({"id": "kept", "until": FUTURE})
    api.create({"id": "gone", "until": 1})
    assert (list_items(api), api.request("GET", "/items/gone").status) == ([kept], 404)
    assert api.create({"id": "gone"})["version"] == 1


def test_a_list_is_never_a_scan(make_api: Make, options: dict[str, Any], become: Become) -> None:
    api = make_api({**options, "list": "unordered"}, {"note": NOTE}, numeric=["rank"])
    hers = become(api, "alice").create(BODY)
    become(api, "bob").create(BODY)
    answer, requests = become(api, "alice").requests_of("GET", "/items")
    assert (answer.json["items"], requests) == ([hers], ["Query"])


def test_items_from_before_ownership_have_no_owner(make_api: Make, notes: Api, become: Become) -> None:
    plain = {name: value for name, value in OPTIONS.items() if name != "signed_in"}
    open_to_all = make_api(plain, {"note": NOTE}, numeric=["rank"])
    old = open_to_all.create({"id": "a", **BODY})
    for sub in ("alice", "items", "a"):
        user = become(notes, sub)
        assert (list_items(user), list_items(user, tag="home")) == ([], [])
        assert user.request("GET", "/items/a").status == 404
    become(notes, "alice").create({"id": "b", **BODY})
    assert list_items(open_to_all) == list_items(open_to_all, tag="home") == [old]
    assert open_to_all.request("GET", "/items/b").status == 404


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(range(len(NAMES))),
            st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "KEY"]),
            st.sampled_from(["a", "b", "items", "alice"]),
            st.sampled_from(["home", "work", "alice#s:home"]),
        ),
        max_size=25,
    )
)
def test_owners_never_see_each_others_items(
    notes: Api, owners: str, become: Become, steps: list[tuple[int, str, str, str]]
) -> None:
    names = SUBJECTS if owners == "users of a pool" else NAMES
    for key in stored_records(notes):
        notes.client.delete_item(TableName=TABLE, Key={"id": {"S": key}})
    model: dict[str, dict[str, str]] = {}
    for number, method, item_id, tag in steps:
        user, own = become(notes, names[number]), model.setdefault(names[number], {})
        held = item_id in own
        if method in ("POST", "KEY"):
            headers = {"Idempotency-Key": "k"} if method == "KEY" else {}
            answer = user.request("POST", "/items", {"id": item_id, "tag": tag}, headers=headers)
            if not held:
                own[item_id] = tag
            assert answer.status == 201 if not held else answer.status in (201, 409, 422)
        else:
            body = None if method == "DELETE" else {"tag": tag}
            answer = user.request(method, f"/items/{item_id}", body)
            assert answer.status == ((204 if method == "DELETE" else 200) if held else 404)
            if held and body:
                own[item_id] = tag
            elif held:
                del own[item_id]
    for name, own in model.items():
        user = become(notes, name)
        assert {item["id"]: item["tag"] for item in list_items(user, limit="2")} == own
        for tag in ("home", "work", "alice#s:home"):
            wanted = {item_id for item_id, each in own.items() if each == tag}
            assert {item["id"] for item in list_items(user, tag=tag)} == wanted


NO_OWNERS: list[Any] = [None, "", 5, True, ["acme"], {"acme": 1}, "x" * 257, "é" * 129, "\ud800"]


@pytest.mark.parametrize("claim", NO_OWNERS)
@pytest.mark.parametrize("functions", [[], ["entity"]])
def test_a_token_without_an_owner_gives_no_access(make_api: Make, functions: list[str], claim: Any) -> None:
    api = make_api({**OPTIONS, "owner": "claim:tenant_id"}, {"note": NOTE}, functions=functions, numeric=["rank"])
    for user in (api.as_issued("ada", tenant_id=claim), api.as_user("ada", tenant_id=claim), api.as_user("ada")):
        for method, path in (("GET", "/items"), ("GET", "/items/a"), ("DELETE", "/items/a"), ("POST", "/items")):
            answer, requests = user.requests_of(method, path, BODY if method == "POST" else None)
            assert (answer.status, requests) == (403, [])
            assert "tenant_id" in answer.json["detail"]


def test_the_longest_owners_keys_fit(make_api: Make) -> None:
    api = make_api({**OPTIONS, "owner": "claim:tenant_id"}, {"note": NOTE}, numeric=["rank"])
    longest = "é" * 128
    user = api.as_issued("ada", tenant_id=longest)
    item = user.create({"id": "x" * 128, "tag": "y" * 1024, "rank": 1, "pinned": True})
    assert list_items(user) == list_items(user, tag="y" * 1024) == list_items(user, pinned="true") == [item]
    (record,) = stored_records(api).values()
    assert max(len(value["S"].encode()) for value in record.values() if "S" in value) <= 2048
    assert record["owner"] == {"S": longest}


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)


@given(st.lists(TEXTS, min_size=2, max_size=2, unique=True), st.sampled_from(["a", "..a", "~"]))
def test_no_two_owners_share_a_key(names: list[str], item_id: str) -> None:
    keys = [join_key(name, item_id) for name in names]
    assert keys[0] != keys[1]
    assert [split_key(key) for key in keys] == [(name, item_id) for name in names]
