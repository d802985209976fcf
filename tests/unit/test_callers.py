"""Test access checks: signed-in users, and members of groups."""

from __future__ import annotations

import json
import types
from typing import Any

import pytest

from tests.unit.api import OPERATIONS, Answer, Api, modules
from tests.unit.conftest import ENVIRONMENT, Make
from tools.testing.events import event

SENT: list[tuple[str, str, Any]] = [
    ("POST", "/items", {}),
    ("GET", "/items", None),
    ("GET", "/items/a", None),
    ("PUT", "/items/a", {}),
    ("PATCH", "/items/a", {}),
    ("DELETE", "/items/a", None),
]
OPERATION = {(method, path): OPERATIONS[method, path != "/items"] for method, path, _ in SENT}
SIGNED_IN = {"signed_in": list(OPERATIONS.values())}
OWNED = {"owner": "sub"}
USER = {"sub": "3f0c2f4e-9b1d-4a51-8f7e-2d6f1f0a9c11", "token_use": "access"}
ISSUED = {"sub": "ada", "groups": [], "scopes": [], "claims": {"sub": "ada"}, "exp": 2**40}
NO_TEXTS: list[Any] = [None, 5, {}, [ISSUED], "", "{", "null", "5", "[]", "{}", "[" * 10**6]
NO_VALUES: dict[str, list[Any]] = {
    "sub": ["", None, 5, True, ["a"], "a\0", "a\n", "\ud800", "ä" * 128],
    "groups": [None, "admins", {"admins": 1}, [5], [None]],
    "scopes": [None, "a b", {"a": 1}, [5], [["a"]]],
    "claims": [None, [], "sub"],
    "exp": [None, True, 2e9, "2000000000", float("inf"), 0, -1],
}
NOBODY: list[Any] = [
    None,
    "text",
    [],
    {},
    {"claims": None},
    {"claims": []},
    {"claims": "sub"},
    {"claims": {}},
    {"claims": [USER]},
    USER,
    *({"claims": {**USER, "sub": sub}} for sub in ("", None, 5, True, ["a"], {"a": 1}, "a b", "a#b", "#", "..")),
    *({"claims": {**USER, "sub": sub}} for sub in ("a\0", "ä", "a\n", "x" * 129)),
    *({"claims": {**USER, "token_use": use}} for use in ("id", "ACCESS", "", None, ["access"], "refresh")),
    *({"claims": {name: USER[name]}} for name in USER),
    *({"jwt": text, "claims": USER} for text in NO_TEXTS),
    *({"jwt": json.dumps(ISSUED | {name: value})} for name, values in NO_VALUES.items() for value in values),
    *({"jwt": json.dumps({each: ISSUED[each] for each in ISSUED if each != name})} for name in ISSUED),
    {"claims": {**USER, "token_use": "id", "jwt": json.dumps(ISSUED)}},
]


MEMBER: list[Any] = [
    *(
        "admins",
        "staff,admins",
        "admins,staff",
        "a, admins",
        "[admins]",
        "[staff admins]",
        "[staff, admins, b]",
    ),
    ["staff", "admins"],
]
NO_MEMBER: list[Any] = [
    *(None, "", "[]", [], "admin", "adminss", "superadmins", "Admins", "staff", "admins-2", "x.admins"),
    *("[admins2 staff]", ["admins,staff"], ["admins "], [["admins"]], [None]),
    *(True, 1, {"admins": True}, {"groups": ["admins"]}),
]


def check_refused(answer: Answer, status: int) -> None:
    kind = {401: "unauthorized", 403: "forbidden"}[status]
    assert (answer.status, answer.json["type"]) == (status, f"urn:trestle:problem:{kind}")
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert answer.headers.get("WWW-Authenticate", "Bearer") == "Bearer"


def call_with_authorizer(api: Api, method: str, path: str, body: Any, authorizer: Any) -> tuple[Answer, list[str]]:
    """Return the response to a request with this authorizer context, and the requests it took."""
    sent = event(method, path, body=None if body is None else "{}")
    sent["requestContext"]["authorizer"] = authorizer
    before = len(api.calls)
    return api.invoke(OPERATION[method, path], sent), api.calls[before:]


@pytest.mark.parametrize("options", [SIGNED_IN, OWNED, SIGNED_IN | OWNED])
@pytest.mark.parametrize("functions", [[], ["entity"]])
def test_without_valid_claims_nothing_is_done(make_api: Make, options: Any, functions: list[str]) -> None:
    api = make_api(options, functions=functions)
    for authorizer in NOBODY:
        for method, path, body in SENT:
            answer, requests = call_with_authorizer(api, method, path, body, authorizer)
            check_refused(answer, 401)
            assert requests == [], authorizer
    for method, path, body in SENT:
        assert call_with_authorizer(api, method, path, body, {"claims": USER})[0].status in (200, 201, 404)
        issued = {"jwt": json.dumps(ISSUED)}
        assert call_with_authorizer(api, method, path, body, issued)[0].status in (200, 201, 404)


@pytest.mark.parametrize("options", [SIGNED_IN, OWNED, {"groups": {"create": "a", "get": "a"}}])
def test_sign_in_is_checked_first(make_api: Make, options: Any) -> None:
    api = make_api(options)
    check_refused(api.request("POST", "/items", "no JSON", query={"un": "known"}), 401)
    check_refused(api.request("GET", "/items/no%20id", headers={"If-Match": "unquoted"}), 401)


def test_only_configured_operations_require_a_user(make_api: Make) -> None:
    for functions in ([], ["entity"]):
        api = make_api({"signed_in": ["create", "delete"]}, functions=functions)
        for method, path, body in SENT:
            answer, _ = call_with_authorizer(api, method, path, body, None)
            assert (answer.status == 401) == (OPERATION[method, path] in ("create", "delete"))


@pytest.mark.parametrize(
    ("claim", "status"), [*((claim, 404) for claim in MEMBER), *((claim, 403) for claim in NO_MEMBER)]
)
@pytest.mark.parametrize("functions", [[], ["entity"]])
def test_only_members_of_the_group_pass(make_api: Make, functions: list[str], claim: Any, status: int) -> None:
    api = make_api({**SIGNED_IN, "groups": {"delete": "admins"}}, functions=functions)
    user = api.as_user("alice", **{"cognito:groups": claim})
    answer, requests = user.requests_of("DELETE", "/items/a")
    assert (answer.status, requests) == (status, ["DeleteItem"] if status == 404 else [])
    if status == 403:
        check_refused(answer, 403)
        assert "admins" in answer.json["detail"]
    assert user.request("GET", "/items/a").status == 404, "only deletion needs the group"


def test_a_group_alone_requires_a_user(make_api: Make) -> None:
    api = make_api({"groups": {"delete": "admins"}})
    for authorizer in NOBODY:
        check_refused(call_with_authorizer(api, "DELETE", "/items/a", None, authorizer)[0], 401)
    id_token = {"claims": {**USER, "token_use": "id", "cognito:groups": "admins"}}
    check_refused(call_with_authorizer(api, "DELETE", "/items/a", None, id_token)[0], 401)
    check_refused(call_with_authorizer(api, "DELETE", "/items/a", None, {"claims": USER})[0], 403)


def test_each_operation_has_its_own_group(make_api: Make) -> None:
    api = make_api({**SIGNED_IN, "groups": {"create": "writers", "delete": "admins"}}, functions=["entity"])
    writer = api.as_user("alice", **{"cognito:groups": "writers"})
    item = writer.create({})
    check_refused(writer.request("DELETE", f"/items/{item['id']}"), 403)
    admin = api.as_user("bob", **{"cognito:groups": "admins"})
    check_refused(admin.request("POST", "/items", {}), 403)
    assert admin.request("DELETE", f"/items/{item['id']}").status == 204


@pytest.mark.parametrize("functions", [[], ["entity"]])
def test_a_token_of_an_issuer_needs_its_group_or_scope(make_api: Make, functions: list[str]) -> None:
    api = make_api({"groups": {"delete": "the admins"}, "scopes": {"get": "read:items"}}, functions=functions)
    token = api.as_issued("auth0|12", groups=["the admins"], scopes=["read:items"])
    assert token.request("GET", "/items/a").status == token.request("DELETE", "/items/a").status == 404
    for groups in ([], ["the"], ["The admins"], ["the admins "], ["the admins,x"]):
        answer, requests = api.as_issued("auth0|12", groups=groups, scopes=["the admins"]).requests_of(
            "DELETE", "/items/a"
        )
        check_refused(answer, 403)
        assert (requests, "group the admins" in answer.json["detail"]) == ([], True)
    for scopes in ([], ["read"], ["read:items2"], ["READ:ITEMS"], ["read:items write"]):
        answer, requests = api.as_issued("auth0|12", groups=["read:items"], scopes=scopes).requests_of(
            "GET", "/items/a"
        )
        check_refused(answer, 403)
        assert (requests, "scope read:items" in answer.json["detail"]) == ([], True)
    assert token.request("PATCH", "/items/a", {}).status == 404


def test_a_scope_alone_requires_a_token(make_api: Make) -> None:
    api = make_api({"scopes": {"delete": "admin"}})
    for authorizer in NOBODY:
        check_refused(call_with_authorizer(api, "DELETE", "/items/a", None, authorizer)[0], 401)


@pytest.mark.parametrize(
    ("expires", "status"), [(1_800_000_001, 404), (1_800_000_000, 401), (1_799_999_700, 401), (0, 401)]
)
def test_a_cached_decision_ends_with_its_token(
    make_api: Make, monkeypatch: pytest.MonkeyPatch, expires: int, status: int
) -> None:
    api = make_api({"signed_in": ["get"], "groups": {"delete": "admins"}})
    clock = types.SimpleNamespace(time=lambda: 1_800_000_000.0)
    monkeypatch.setattr("trestle.http.callers.time", clock)
    answer, requests = api.as_issued("ada", exp=expires).requests_of("GET", "/items/a")
    assert (answer.status, requests) == (status, ["GetItem"] if status == 404 else [])
    if status == 401:
        check_refused(answer, 401)
        assert "expired" in answer.json["detail"]
        check_refused(api.as_issued("ada", exp=expires).request("DELETE", "/items/a"), 401)


@pytest.mark.parametrize("subject", ["auth0|12", "ada@example.com", "a b", "ä", "a#b", "..", "x" * 129])
def test_any_subject_can_own_items(make_api: Make, subject: str) -> None:
    user = make_api(OWNED).as_issued(subject)
    item = user.create({})
    assert user.request("GET", f"/items/{item['id']}").json == item


def test_an_issuers_subject_never_equals_another_caller(api: Api) -> None:
    """An issuer's subject may equal the name of an API key, an IAM identity, a pool's user or an anonymous caller."""
    key = {"Idempotency-Key": "key1"}
    others: list[Any] = [
        {},
        {"identity": {"apiKeyId": "name"}},
        {"identity": {"userArn": "name"}},
        {"claims": {"sub": "name"}},
    ]
    issued = [api.as_issued("anonymous"), api.as_issued("name"), api.as_issued("ada2")]
    made = [api.create({}, headers=key, **each)["id"] for each in others]
    made += [each.create({}, headers=key)["id"] for each in issued]
    # Only the operation's access tells a pool's subject, a key and an IAM identity with the same
    # name apart.
    assert len({*made}) == 1 + 1 + len(issued)
    for each in issued:
        assert each.request("GET", "/items/a").headers["Cache-Control"] == "no-store"
        assert each.request("POST", "/items", {}, headers=key).headers["Idempotency-Replayed"]


def test_functions_without_sign_in_do_not_load_its_code() -> None:
    for options, loaded in (
        ({}, False),
        (SIGNED_IN, True),
        (OWNED, True),
        ({"groups": {"get": "a"}}, True),
        ({"scopes": {"get": "a"}}, True),
    ):
        environment = {**ENVIRONMENT, "ENTITY_OPTIONS": json.dumps(options)}
        found = modules("get", environment)
        assert [name in found for name in ("trestle.http.callers", "trestle.operations.claims")] == [loaded, loaded]
