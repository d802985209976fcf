"""Test callers who may access other owners' items, and callers who may not but try."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.unit.api import OPERATIONS, TABLE, Answer, Api, error
from tests.unit.conftest import Make
from tests.unit.test_list import encode_cursor

NOTE = {
    "type": "object",
    "properties": {"tag": {"type": "string"}, "secret": {"type": "string"}},
}
OPTIONS: dict[str, Any] = {
    "owner": "claim:tenant",
    "sees_all": "group=support",
    "acts_for": "scope=act",
    "signed_in": list(OPERATIONS.values()),
    "schema": "note",
    "filters": {"tag": {}},
    "ids": "client",
}
ACME, ZINC = "acme", "zinc & söhne#1"
ZINC_ESCAPED = "zinc%20%26%20s%C3%B6hne%231"


def check_forbidden(answer: Answer) -> None:
    assert (answer.status, answer.json["type"]) == (403, "urn:trestle:problem:forbidden")


class Notes:
    """The notes of two tenants, and their callers."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.acme, self.zinc = (api.as_issued("ada", tenant=tenant) for tenant in (ACME, ZINC))
        self.support = api.as_issued("eve", groups=["support"])  # has no tenant
        self.agent = api.as_issued("job", scopes=["act"], tenant=ACME)
        self.chief = api.as_issued("sue", groups=["support"], scopes=["act"])


@pytest.fixture(params=[[], ["entity"]], ids=["per_operation", "per_entity"])
def notes(request: pytest.FixtureRequest, make_api: Make) -> Notes:
    return Notes(make_api(OPTIONS, {"note": NOTE}, functions=request.param))


def follow(api: Api, **query: str) -> Iterator[Any]:
    """Yield every page of a list by its Link headers."""
    following: dict[str, Any] = dict(query)
    while True:
        answer = api.request("GET", "/items", query=following)
        assert (answer.status, answer.json["count"]) == (200, len(answer.json["items"])), answer.body
        yield answer.json
        if "Link" not in answer.headers:
            assert answer.json["next"] is None
            return
        address = answer.headers["Link"].partition("<?")[2].partition(">")[0]
        following = {name: values[0] for name, values in parse_qs(address, strict_parsing=True).items()}


def items_of(api: Api, **query: str) -> list[Any]:
    return [item for page in follow(api, **query) for item in page["items"]]


def owned(api: Api, **query: str) -> list[tuple[str, str]]:
    return [
        (owner, item["id"])
        for page in follow(api, **query)
        for owner, item in zip(page["owners"], page["items"], strict=True)
    ]


def seed(notes: Notes) -> list[tuple[str, str]]:
    """Create items alternately for each owner; return their owners and ids."""
    for number in range(4):
        (notes.acme if number % 2 else notes.zinc).create({"id": str(number), "tag": "t"})
    return [(ACME if number % 2 else ZINC, str(number)) for number in range(4)]


def test_group_members_list_the_items_of_all_owners_in_order(notes: Notes) -> None:
    expected = seed(notes)
    for limit, order in itertools.product(("1", "3", "100"), ("asc", "desc")):
        step = 1 if order == "asc" else -1
        assert owned(notes.support, limit=limit, order=order) == expected[::step]
    assert notes.support.requests_of("GET", "/items")[1] == ["Query"]
    for owner in (ACME, ZINC):
        assert owned(notes.support, owner=owner, limit="1") == [each for each in expected if each[0] == owner]
        assert owned(notes.support, owner=owner, tag="t") == [each for each in expected if each[0] == owner]
    assert owned(notes.support, owner="nobody") == []
    link = notes.support.request("GET", "/items", query={"owner": ZINC, "limit": "1"}).headers["Link"]
    assert "owner=zinc" in link


def test_a_filter_across_owners_is_400(notes: Notes) -> None:
    answer, requests = notes.support.requests_of("GET", "/items", query={"tag": "t"})
    assert (answer.status, requests) == (400, [])
    detail = "Filters the items of one owner: add the parameter owner"
    assert answer.json["errors"] == [{"parameter": "tag", "detail": detail}]


def test_group_members_read_an_item_by_its_id(notes: Notes) -> None:
    seed(notes)
    for query, expected in (({}, ["Query", "GetItem"]), ({"owner": ZINC}, ["GetItem"])):
        answer, requests = notes.support.requests_of("GET", "/items/0", query=query)
        assert (answer.json["id"], answer.headers["Item-Owner"], requests) == ("0", ZINC_ESCAPED, expected)
    assert notes.support.request("GET", "/items/0", query={"owner": ACME}).status == 404
    assert notes.support.request("GET", "/items/9").status == 404
    tag = {"If-None-Match": notes.support.request("GET", "/items/0").etag}
    assert notes.support.request("GET", "/items/0", headers=tag).status == 304


def test_an_id_of_several_owners_requires_the_owner(notes: Notes) -> None:
    for api in (notes.acme, notes.zinc):
        api.create({"id": "same", "tag": "t"})
    answer = notes.support.request("GET", "/items/same")
    assert (answer.status, answer.json["type"]) == (409, "urn:trestle:problem:conflict")
    assert "owner" in answer.json["detail"]
    assert notes.support.request("GET", "/items/same", query={"owner": ACME}).headers["Item-Owner"] == ACME
    assert notes.chief.request("DELETE", "/items/same").status == 409
    assert len(items_of(notes.support)) == 2


def test_callers_own_items_take_precedence(notes: Notes) -> None:
    for api, tag in ((notes.acme, "a"), (notes.zinc, "z")):
        api.create({"id": "same", "tag": tag})
    own = notes.api.as_issued("ada", groups=["support"], scopes=["act"], tenant=ACME)
    answer, requests = own.requests_of("GET", "/items/same")
    assert (answer.json["tag"], answer.headers["Item-Owner"], requests) == ("a", ACME, ["GetItem"])
    assert own.request("PATCH", "/items/same", {"tag": "b"}).headers["Item-Owner"] == ACME
    assert own.request("DELETE", "/items/same").status == 204
    assert own.request("PATCH", "/items/same", {"tag": "c"}).headers["Item-Owner"] == ZINC_ESCAPED
    assert [item["tag"] for item in items_of(notes.zinc)] == ["c"]


@pytest.mark.parametrize("query", [{}, {"owner": ZINC}])
def test_read_access_to_all_items_gives_no_write_access(notes: Notes, query: dict[str, str]) -> None:
    seed(notes)
    before = notes.api.client.scan(TableName=TABLE)["Items"]
    mine = notes.api.as_issued("eve", groups=["support"], tenant=ACME)
    for api in (notes.support, mine):
        for method, body in (("PUT", {"tag": "x"}), ("PATCH", {"tag": "x"}), ("DELETE", None)):
            answer, requests = api.requests_of(method, "/items/0", body, query=query)
            assert answer.status == (404 if api is mine and not query else 403)
            assert len(requests) == (1 if api is mine and not query else 0)
    check_forbidden(notes.support.request("POST", "/items", {"id": "x"}, query=query))
    assert notes.api.client.scan(TableName=TABLE)["Items"] == before


def test_write_access_to_all_items_requires_the_owner(notes: Notes) -> None:
    answer, requests = notes.agent.requests_of("POST", "/items", {"id": "n", "tag": "a"}, query={"owner": ZINC})
    assert (answer.status, answer.headers["Item-Owner"], requests) == (201, ZINC_ESCAPED, ["PutItem"])
    assert items_of(notes.zinc) == [answer.json]
    for method, body in (("PUT", {"tag": "b"}), ("PATCH", {"tag": "c"}), ("PATCH", {"more": {"deep": 1}})):
        for query in ({}, {"owner": ZINC}):
            written = notes.agent.request(method, "/items/n", body, query=query)
            assert (written.status, written.headers["Item-Owner"]) == (200, ZINC_ESCAPED)
    assert notes.agent.request("PATCH", "/items/n", {"tag": "d"}, headers={"If-Match": answer.etag}).status == 412
    assert notes.agent.requests_of("PATCH", "/items/n", {}, query={"owner": ZINC})[1] == ["UpdateItem"]
    assert notes.agent.request("DELETE", "/items/n", query={"owner": ACME}).status == 404
    assert notes.agent.request("DELETE", "/items/n").status == 204
    assert notes.agent.request("DELETE", "/items/n").status == 404
    assert notes.agent.request("POST", "/items", {"id": "own"}).headers["Item-Owner"] == ACME
    whose = notes.chief.request("POST", "/items", {"id": "whose"})
    check_forbidden(whose)
    assert whose.json["detail"].endswith("Name the owner in the parameter owner.")


def test_write_access_to_all_items_gives_no_read_access(notes: Notes) -> None:
    seed(notes)
    assert [item["id"] for item in items_of(notes.agent)] == ["1", "3"]
    assert "owners" not in notes.agent.request("GET", "/items").json
    assert notes.agent.request("GET", "/items/0").status == 404
    for path in ("/items", "/items/0"):
        check_forbidden(notes.agent.request("GET", path, query={"owner": ZINC}))


def test_other_callers_cannot_name_another_owner(notes: Notes) -> None:
    """Refusals do not depend on whether an owner or id exists."""
    seed(notes)
    for owner in (ZINC, "nobody", "", "*", "x" * 999, f"{ACME}#0", ACME.upper()):
        answers = set()
        for method, path in itertools.product(("GET", "PUT", "PATCH", "DELETE"), ("/items/0", "/items/9")):
            body = {"tag": "x"} if method in ("PUT", "PATCH") else None
            answer, requests = notes.acme.requests_of(method, path, body, query={"owner": owner})
            check_forbidden(answer)
            assert requests == []
            answers.add(answer.body)
        for method, body in (("GET", None), ("POST", {"id": "x"})):
            answers.add(notes.acme.request(method, "/items", body, query={"owner": owner}).body)
        assert len(answers) == 1
    check_forbidden(notes.acme.request("GET", "/items", query={"owner": [ACME, ZINC]}))
    assert items_of(notes.acme, owner=ACME) == items_of(notes.acme)
    answer = notes.acme.request("GET", "/items/1", query={"owner": ACME})
    assert (answer.status, "Item-Owner" in answer.headers) == (200, False)
    assert "owners" not in notes.acme.request("GET", "/items").json
    other = notes.api.as_issued("eve", groups=["Support", "supporters"], scopes=["actor"], tenant=ACME)
    check_forbidden(other.request("GET", "/items", query={"owner": ZINC}))
    check_forbidden(notes.api.as_issued("eve").request("GET", "/items"))


@pytest.mark.parametrize("owner", [[ACME, ZINC], "", "x" * 257])
def test_an_invalid_owner_is_400(notes: Notes, owner: Any) -> None:
    for method, path in (("GET", "/items"), ("GET", "/items/a"), ("DELETE", "/items/a")):
        answer, requests = notes.chief.requests_of(method, path, query={"owner": owner})
        assert (answer.status, answer.json["errors"][0]["parameter"], requests) == (400, "owner", [])


def test_cursors_belong_to_their_caller_and_list(notes: Notes) -> None:
    seed(notes)
    everyone = notes.support.request("GET", "/items", query={"limit": "1"}).json["next"]
    own = notes.acme.request("GET", "/items", query={"limit": "1"}).json["next"]
    others = notes.support.request("GET", "/items", query={"limit": "1", "owner": ZINC}).json["next"]
    foreign = [
        (notes.acme, {"cursor": everyone}),
        (notes.acme, {"cursor": others}),
        (notes.support, {"cursor": own}),
        (notes.support, {"cursor": everyone, "order": "desc"}),
        (notes.support, {"cursor": everyone, "owner": ACME}),
        (notes.support, {"cursor": others, "owner": ACME}),
    ]
    for api, query in foreign:
        answer, requests = api.requests_of("GET", "/items", query=query)
        assert (answer.status, answer.json["errors"][0]["parameter"], requests) == (400, "cursor", [])
    assert notes.support.request("GET", "/items", query={"cursor": own, "owner": ACME}).status == 200
    (seal, *_), (mine, *_), (_, *place) = (
        json.loads(base64.urlsafe_b64decode(each + "==")) for each in (everyone, own, everyone)
    )
    # Even correctly sealed for a user's own list, a position among all items is not valid in it.
    for position in (place, place[:2], [place[0], place[2]], [f"{ZINC_ESCAPED}#0", place[1]]):
        answer = notes.acme.request("GET", "/items", query={"cursor": encode_cursor(mine, *position)})
        assert answer.status in (200, 400)
        assert all(item["id"] in ("1", "3") for item in answer.json.get("items", []))
    for position in ([place[0], place[1], "x" * 257], [place[0], place[1], ""], place[:2], [place[0], "x", place[2]]):
        answer = notes.support.request("GET", "/items", query={"cursor": encode_cursor(seal, *position)})
        assert answer.status in (200, 400)


def test_idempotency_keys_are_separate_by_owner(make_api: Make) -> None:
    notes = Notes(make_api({**OPTIONS, "ids": "server"}, {"note": NOTE}))
    how: dict[str, Any] = {"headers": {"Idempotency-Key": "k"}}
    made = [notes.agent.request("POST", "/items", {"tag": "t"}, query={"owner": each}, **how) for each in (ACME, ZINC)]
    assert [answer.status for answer in made] == [201, 201]
    assert made[0].json["id"] != made[1].json["id"]
    again = notes.agent.request("POST", "/items", {"tag": "t"}, query={"owner": ZINC}, **how)
    assert (again.json, again.headers["Idempotency-Replayed"]) == (made[1].json, "true")
    assert len(items_of(notes.support)) == 2


def test_users_of_a_pool_see_all_by_a_scope(make_api: Make) -> None:
    options = {**OPTIONS, "owner": "sub", "sees_all": "scope=test/read", "acts_for": ""}
    api = make_api(options, {"note": NOTE})
    alice = api.as_user("alice")
    item = alice.create({"id": "a"})
    robot = api.as_user("robot", scope="openid test/read")
    assert (owned(robot), robot.request("GET", "/items/a").json) == ([("alice", "a")], item)
    assert robot.create({"id": "r"})["id"] == "r"
    assert [each["id"] for each in items_of(alice)] == ["a"]
    assert robot.request("DELETE", "/items/a").status == 404
    check_forbidden(robot.request("DELETE", "/items/a", query={"owner": "alice"}))


def test_hooks_get_the_items_owner(make_api: Make) -> None:
    code = """
def before_update(draft, current, context):
    draft["by"] = [context.caller.id, draft.owner, current.owner]

def present(items, context):
    for item in items:
        item["shown"] = True
"""
    api = make_api({**OPTIONS, "schema": "any", "hooks": "rules"}, {"any": {"type": "object"}}, code={"rules": code})
    notes = Notes(api)
    notes.zinc.create({"id": "a"})
    assert notes.agent.request("PATCH", "/items/a", {"x": 1}).json["by"] == ["job", ZINC, ZINC]
    assert [item["shown"] for item in items_of(notes.support)] == [True]


def test_a_list_whose_hooks_do_not_load_is_500(make_api: Make) -> None:
    api = make_api({**OPTIONS, "schema": "note", "hooks": "rules"}, {"note": NOTE}, code={"rules": "raise ValueError"})
    assert Notes(api).support.request("GET", "/items").status == 500


def test_only_the_owner_accesses_the_owners_property(make_api: Make) -> None:
    fields = {"secret": {"read": "owner", "write": "owner"}}
    notes = Notes(make_api({**OPTIONS, "fields": fields}, {"note": NOTE}))
    notes.zinc.create({"id": "a", "tag": "t", "secret": "s"})
    shown = [
        *items_of(notes.support),
        *items_of(notes.support, owner=ZINC),
        notes.support.request("GET", "/items/a").json,
    ]
    assert [item.get("secret") for item in shown] == [None] * 3
    check_forbidden(notes.agent.request("PATCH", "/items/a", {"secret": "x"}))
    assert notes.agent.request("PATCH", "/items/a", {"tag": "x"}).status == 200
    assert notes.zinc.request("GET", "/items/a").json["secret"] == "s"


def test_a_cursor_that_dynamodb_refuses_is_400(notes: Notes) -> None:
    seed(notes)
    cursor = notes.support.request("GET", "/items", query={"limit": "1"}).json["next"]
    with notes.api.fault("Query", error("ValidationException")):
        answer = notes.support.request("GET", "/items", query={"cursor": cursor})
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (400, "cursor")


def logged_owners(capsys: pytest.CaptureFixture[str]) -> list[str | None]:
    """Return the owner in the log line of each request since the last call, or None if it has none."""
    return [json.loads(text).get("owner") for text in capsys.readouterr().err.splitlines()]


def test_the_log_has_the_owner_of_the_items(notes: Notes, capsys: pytest.CaptureFixture[str]) -> None:
    seed(notes)
    notes.chief.create({"id": "0"}, query={"owner": "both"})
    capsys.readouterr()
    sent: list[tuple[Api, str, str, dict[str, str], int, str | None]] = [
        (notes.support, "GET", "/items", {}, 200, "*"),
        (notes.support, "GET", "/items", {"tag": "t"}, 400, "*"),
        (notes.support, "GET", "/items", {"owner": ZINC}, 200, ZINC_ESCAPED),
        (notes.support, "GET", "/items", {"owner": "*"}, 200, "%2A"),
        (notes.support, "GET", "/items/1", {}, 200, ACME),
        (notes.support, "GET", "/items/9", {"owner": ACME}, 404, ACME),
        (notes.support, "GET", "/items/9", {}, 404, None),
        (notes.support, "GET", "/items/0", {}, 409, None),
        (notes.support, "DELETE", "/items/1", {"owner": ACME}, 403, None),
        (notes.agent, "PATCH", "/items/2", {}, 200, ZINC_ESCAPED),
        (notes.agent, "PATCH", "/items/1", {}, 200, None),
        (notes.agent, "PATCH", "/items/1", {"owner": ACME}, 200, None),
        (notes.agent, "PUT", "/items/2", {"owner": ZINC}, 200, ZINC_ESCAPED),
        (notes.agent, "DELETE", "/items/2", {}, 204, ZINC_ESCAPED),
        (notes.agent, "GET", "/items", {}, 200, None),
        (notes.acme, "GET", "/items/0", {"owner": ZINC}, 403, None),
        (notes.acme, "GET", "/items", {"owner": ACME}, 200, None),
    ]
    for api, method, path, query, status, _ in sent:
        body = {"tag": "x"} if method in ("PUT", "PATCH") else None
        assert api.request(method, path, body, query=query).status == status, (method, path, query)
    assert logged_owners(capsys) == [owner for *_, owner in sent]


def test_the_log_line_of_another_event_has_no_owner(make_api: Make, capsys: pytest.CaptureFixture[str]) -> None:
    api = make_api(OPTIONS, {"note": NOTE}, functions=["entity"])
    assert api.invoke("get", {}).status == 500
    assert logged_owners(capsys) == [None]
