"""Test callers without access: who is refused, and with which response."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.local.api import EXPOSED, POOL, Answer, Api
from tests.local.runner import Local
from tests.local.users import Users, decode_token, forged_tokens
from tools.claims import RESERVED_BY_COGNITO


@pytest.fixture(scope="module")
def users(local: Local) -> Users:
    """The users of the system's user pool."""
    return Users(local)


@pytest.fixture(scope="module")
def notes(local: Local) -> Api:
    """The collection of an entity whose items have owners, without a token."""
    return Api(local.api("notes").url, None)


@pytest.fixture(scope="module")
def alice(users: Users, notes: Api) -> Api:
    """The notes with the token of Alice, who is in no group."""
    return notes.as_bearer(users.token("alice"))


@pytest.fixture(scope="module")
def bob(users: Users, notes: Api) -> Api:
    """The notes with the token of Bob, who is in the group admins."""
    return notes.as_bearer(users.token("bob", "admins"))


# --- Properties with restricted access ---


@pytest.mark.slow
def test_only_the_group_in_fields_accesses_a_property(local: Local, users: Users) -> None:
    """Only hr reads and writes `phone`, only hr writes `email`, and nobody reads `address`."""
    url = local.api("staff").url
    hr, other = (Api(url, None).as_bearer(users.token(*who)) for who in (("carol", "hr"), ("dave",)))
    refused = other("POST", body={"firstName": "A", "lastName": "B", "phone": "+1 555 0100", "email": "a@example.com"})
    refused.problem(403, "forbidden")
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/phone", "/email"]
    assert other("POST", body={"firstName": "A", "lastName": "B", "address": "Rome"}).status == 201

    seen = {"firstName": "C", "lastName": "D", "email": "c@example.com"}
    made = hr.create({**seen, "phone": "+1 555 0101", "address": "x"})
    assert "address" not in made.json
    path = f"/{made.json['id']}"
    for item in (other("GET", path).json, next(i for i in other("GET").json["items"] if i["id"] == made.json["id"])):
        assert {name: item[name] for name in item.keys() - {"id", "createdAt", "updatedAt", "version"}} == seen
    hidden = "?phone=%2B1%20555%200101"
    other("GET", hidden).problem(403, "forbidden")
    assert [item["phone"] for item in hr("GET", hidden).json["items"]] == ["+1 555 0101"]

    assert other("PUT", path, body={"firstName": "E", "lastName": "F"}).status == 200
    changed = hr("GET", path, If_None_Match=made.headers["ETag"])
    assert [changed.json[name] for name in ("firstName", "phone", "email")] == ["E", "+1 555 0101", seen["email"]]
    other("PATCH", path, body={"email": None}).problem(403, "forbidden")
    assert "email" not in hr("PATCH", path, body={"email": None}).json


# --- API keys ---


@pytest.fixture(scope="module")
def unrelated_keys(local: Local) -> Iterator[dict[str, str]]:
    """Keys in the same account that give no access to this API."""
    gateway, stage = local.client("apigateway"), local.outputs()
    value = "a-stray-key-of-the-account-{}".format
    outside = gateway.create_api_key(name="outside", enabled=True, value=value("outside"))["id"]
    disabled = gateway.create_api_key(name="disabled", enabled=False, value=value("disabled"))["id"]
    elsewhere = gateway.create_api_key(name="elsewhere", enabled=True, value=value("elsewhere"))["id"]
    plan = gateway.create_usage_plan(name="elsewhere")["id"]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=elsewhere, keyType="API_KEY")
    gateway.create_usage_plan_key(usagePlanId=stage["usage_plan_ids"]["standard"], keyId=disabled, keyType="API_KEY")
    try:
        yield {name: value(name) for name in ("outside", "disabled", "elsewhere")}
    finally:
        gateway.delete_usage_plan_key(usagePlanId=stage["usage_plan_ids"]["standard"], keyId=disabled)
        gateway.delete_usage_plan(usagePlanId=plan)
        for key in (outside, disabled, elsewhere):
            gateway.delete_api_key(apiKey=key)


@pytest.mark.parametrize("key", ["outside", "disabled", "elsewhere"])
def test_a_key_outside_the_plan_is_403(items: Api, unrelated_keys: dict[str, str], key: str) -> None:
    items("GET", X_Api_Key=unrelated_keys[key]).problem(403, "forbidden")


def test_a_key_is_compared_as_a_whole(items: Api) -> None:
    assert items.key
    for key in (items.key[:-1], items.key + "x", items.key.swapcase(), f'"{items.key}"', "*", "' OR '1'='1"):
        items("GET", X_Api_Key=key).problem(403, "forbidden")
    items("GET", f"?api_key={items.key}&x-api-key={items.key}", X_Api_Key=None).problem(403, "forbidden")


def test_an_exhausted_quota_is_429_for_only_one_key(local: Local, items: Api) -> None:
    trial = Api(items.url, local.outputs()["api_keys"]["trial"])
    assert [trial("GET").status for _ in range(2)] == [200, 200]
    for _ in range(2):
        answer = trial("GET")
        answer.problem(429, "too-many-requests")
        assert answer.headers["Retry-After"] == "3600"
    assert items("GET").status == 200


def test_a_key_does_not_replace_a_token_nor_a_token_a_key(items: Api, alice: Api) -> None:
    alice("GET", Authorization=None, X_Api_Key=items.key).problem(401, "unauthorized")
    items("GET", X_Api_Key=None, Authorization=f"Bearer {alice.token}").problem(403, "forbidden")


# --- tokens ---

SIGNED_IN = [
    ("GET", ""),
    ("POST", ""),
    ("GET", "/any"),
    ("PUT", "/any"),
    ("PATCH", "/any"),
    ("DELETE", "/any"),
]


def check_unauthorized(answer: Answer) -> None:
    answer.problem(401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), SIGNED_IN)
def test_a_missing_token_is_401(notes: Api, method: str, path: str) -> None:
    check_unauthorized(notes(method, path, {} if method[0] == "P" else None))


def test_forged_and_expired_tokens_are_401(users: Users, notes: Api, alice: Api) -> None:
    assert alice.token
    for what, token in forged_tokens(alice.token, users.signing_key).items():
        refused_here = notes.as_bearer(token)("GET")
        assert refused_here.status == 401, what
        check_unauthorized(refused_here)


def test_another_pools_token_is_401(users: Users, notes: Api) -> None:
    token = users.foreign_token()
    assert decode_token(token)[1]["token_use"] == "access"
    check_unauthorized(notes.as_bearer(token)("GET"))


def test_only_access_tokens_pass(users: Users, notes: Api) -> None:
    tokens = users.tokens(f"carol-{uuid.uuid4()}")
    for kind in ("IdToken", "RefreshToken"):
        check_unauthorized(notes.as_bearer(tokens[kind])("GET"))
    assert notes.as_bearer(tokens["AccessToken"])("GET").status == 200


def test_a_token_with_custom_claims_passes(users: Users, notes: Api) -> None:
    done = users.local("token", "--user", "dora", "--claim", "tenant_id=acme", "--claim", "https://a.example/x=a=b ü")
    assert (done.returncode, done.stderr) == (0, "")
    token = done.stdout.removesuffix("\n")
    claims, plain = decode_token(token)[1], decode_token(users.token("dora"))[1]
    assert (claims["tenant_id"], claims["https://a.example/x"]) == ("acme", "a=b ü")
    assert claims.keys() - plain.keys() == {"tenant_id", "https://a.example/x"}
    assert claims["sub"] == plain["sub"]
    assert {name for name in plain if not name.startswith("cognito:")} <= RESERVED_BY_COGNITO
    assert notes.as_bearer(token)("GET").status == 200
    check_unauthorized(notes.as_bearer(f"{token.rpartition('.')[0]}.{decode_token(users.token('dora'))[2]}")("GET"))


def test_a_token_is_read_only_from_its_header(notes: Api, alice: Api) -> None:
    check_unauthorized(notes("GET", f"?access_token={alice.token}&Authorization={alice.token}"))
    check_unauthorized(notes("GET", Cookie=f"Authorization={alice.token}"))
    check_unauthorized(notes("GET", Authorization=f"Basic {base64.b64encode(b'alice:secret').decode()}"))


def test_a_missing_scope_is_401(users: Users, notes: Api, alice: Api) -> None:
    check_unauthorized(alice("PUT", "/any", {"title": "a"}))
    machine = notes.as_bearer(users.machine_token())
    machine("PUT", "/any", {"title": "a"}).problem(404, "not-found")


def test_a_missing_group_is_403(alice: Api, bob: Api) -> None:
    own = alice.create({"title": "hers"})
    alice("DELETE", own.location).problem(403, "forbidden")
    alice("DELETE", "/not-there").problem(403, "forbidden")
    assert alice("GET", own.location).status == 200
    assert bob("DELETE", bob.create({"title": "his"}).location).status == 204


# --- owners ---


def test_anothers_item_is_not_found(alice: Api, bob: Api) -> None:
    hers = alice.create({"title": "hers"})
    etag, sub = hers.headers["ETag"], decode_token(str(alice.token))[1]["sub"]
    bob("GET", hers.location).problem(404, "not-found")
    bob("GET", hers.location, If_None_Match=etag).problem(404, "not-found")
    bob("PATCH", hers.location, {"title": "his"}).problem(404, "not-found")
    bob("PATCH", hers.location, {"title": "his"}, If_Match=etag).problem(404, "not-found")
    bob("DELETE", hers.location).problem(404, "not-found")
    bob("GET", f"/{sub}%23{hers.json['id']}").problem(400, "invalid-request")
    assert alice("GET", hers.location).json == hers.json
    assert hers.json["id"] not in {item["id"] for item in bob("GET", "?limit=100").json["items"]}


def test_an_id_used_by_another_owner_is_free(alice: Api, bob: Api) -> None:
    chosen = str(uuid.uuid4())
    hers = alice.create({"id": chosen, "title": "hers"})
    his = bob.create({"id": chosen, "title": "his"})
    assert hers.location == his.location
    assert alice("GET", hers.location).json == hers.json
    assert bob("GET", his.location).json == his.json
    alice("POST", body={"id": chosen, "title": "again"}).problem(409, "conflict")


@pytest.mark.parametrize("query", ["", "&tag=home", "&pinned=true&order=desc"])
def test_anothers_cursor_is_400(alice: Api, bob: Api, query: str) -> None:
    for title in ("a", "b"):
        for api in (alice, bob):
            api.create({"title": title, "tag": "home", "pinned": True})
    cursor = alice("GET", f"?limit=1{query}").json["next"]
    assert alice("GET", f"?limit=1{query}&cursor={quote(cursor)}").status == 200
    bob("GET", f"?limit=1{query}&cursor={quote(cursor)}").problem(400, "invalid-request")


def test_a_filter_returns_only_the_callers_items(alice: Api, bob: Api) -> None:
    tag = uuid.uuid4().hex
    hers = alice.create({"title": "hers", "tag": tag})
    sub = decode_token(str(alice.token))[1]["sub"]
    assert [item["id"] for item in alice("GET", f"?tag={tag}").json["items"]] == [hers.json["id"]]
    for value in (tag, f"s:{tag}"):
        assert bob("GET", f"?tag={quote(value)}").json["items"] == []
    # The index's values are longer than any tag may be.
    for value in (f"{sub}#s:{tag}", f"{sub}#{tag}"):
        bob("GET", f"?tag={quote(value)}").problem(400, "invalid-request")


def test_idempotency_keys_are_separate_by_caller(alice: Api, bob: Api) -> None:
    key = str(uuid.uuid4())
    hers, his, again = (api("POST", body={"title": "once"}, Idempotency_Key=key) for api in (alice, bob, alice))
    assert (hers.status, his.status, again.status) == (201, 201, 201)
    assert "Idempotency-Replayed" not in his.headers
    assert (again.headers["Idempotency-Replayed"], again.json) == ("true", hers.json)
    bob("GET", hers.location).problem(404, "not-found")
    bob("POST", body={"title": "another"}, Idempotency_Key=key).problem(422, "idempotency-key-reused")


def test_a_body_does_not_choose_its_owner(alice: Api, bob: Api) -> None:
    sub = decode_token(str(bob.token))[1]["sub"]
    made = alice.create({"title": "hers", "owner": sub, "sub": sub, "collection": f"{sub}#notes"})
    bob("GET", made.location).problem(404, "not-found")
    assert alice("GET", made.location).json["owner"] == sub, "an ordinary property"


# --- signatures ---


@pytest.fixture(scope="module")
def signed_items(local: Local) -> Api:
    """The collection of an entity for signed requests."""
    return Api(local.api("ledger").url, None)


@pytest.fixture(scope="module")
def identities(local: Local) -> Iterator[dict[str, Credentials]]:
    """Two IAM users of the account: one may call the API, the other has no permissions."""
    iam, url = local.client("iam"), local.outputs()["api_url"]
    arn = f"arn:aws:execute-api:*:*:{url.split('/')[-2]}/*"
    policy = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn}
    found = {}
    for name in ("caller", "nobody"):
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        found[name] = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    document = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    iam.put_user_policy(UserName="caller", PolicyName="call", PolicyDocument=document)
    try:
        yield found
    finally:
        iam.delete_user_policy(UserName="caller", PolicyName="call")
        for name, credentials in found.items():
            iam.delete_access_key(UserName=name, AccessKeyId=credentials.access_key)
            iam.delete_user(UserName=name)


Sign = Callable[..., Answer]


@pytest.fixture(scope="module")
def sign(local: Local, signed_items: Api) -> Sign:
    """Return a function that sends a signed request; `changed` is changed after signing."""
    here = local.running().region

    def send(
        credentials: Credentials, method: str = "GET", body: bytes | None = None,
        changed: dict[str, Any] | None = None, service: str = "execute-api", region: str = here,
    ) -> Answer:  # fmt: skip
        request = AWSRequest(method, signed_items.url, data=body, headers={"Content-Type": "application/json"})
        SigV4Auth(credentials, service, region).add_auth(request)
        sent: dict[str, Any] = {"method": method, "url": signed_items.url, "body": body, **(changed or {})}
        sent["headers"] = {**dict(request.headers), **sent.get("headers", {})}
        answer = POOL.request(redirect=False, **sent)
        return Answer(sent["url"], answer.status, answer.headers, answer.data)

    return send


def test_a_signed_request_passes(identities: dict[str, Credentials], sign: Sign) -> None:
    made = sign(identities["caller"], "POST", b'{"amount": 5}')
    assert made.status == 201, made.content
    assert made.json["id"] in {item["id"] for item in sign(identities["caller"]).json["items"]}


def test_an_unsigned_request_is_404(signed_items: Api) -> None:
    for method, body in (("GET", None), ("POST", {})):
        assert "signature" in signed_items(method, body=body).problem(404, "not-found")["detail"]


# What each of them does wrong.
WRONGLY_SIGNED: dict[str, Callable[[Sign, Credentials, Credentials], Answer]] = {
    "by one without the right": lambda sign, caller, nobody: sign(nobody),
    "with another's secret": lambda sign, caller, nobody: sign(Credentials(caller.access_key, nobody.secret_key)),
    "with an unknown key": lambda sign, caller, nobody: sign(Credentials("AKIA" + "X" * 16, caller.secret_key)),
    "for another service": lambda sign, caller, nobody: sign(caller, service="s3"),
    "for another region": lambda sign, caller, nobody: sign(caller, region="eu-north-1"),
    "with another body": lambda sign, caller, nobody: sign(
        caller, "POST", b'{"amount": 5}', {"body": b'{"amount": 5000}'}
    ),
    "with another method": lambda sign, caller, nobody: sign(caller, "POST", None, {"method": "GET"}),
    "with another query": lambda sign, caller, nobody: sign(caller, changed={"fields": {"limit": "100"}}),
    "at another time": lambda sign, caller, nobody: sign(
        caller, changed={"headers": {"X-Amz-Date": "20200101T000000Z"}}
    ),
    "with half a signature": lambda sign, caller, nobody: sign(
        caller, changed={"headers": {"Authorization": "AWS4-HMAC-SHA256 Credential=a, Signature=b"}}
    ),
    "with a token": lambda sign, caller, nobody: sign(caller, changed={"headers": {"Authorization": "Bearer nothing"}}),
}


@pytest.mark.parametrize("how", WRONGLY_SIGNED)
def test_a_wrongly_signed_request_is_403(identities: dict[str, Credentials], sign: Sign, how: str) -> None:
    WRONGLY_SIGNED[how](sign, identities["caller"], identities["nobody"]).problem(403, "forbidden")


# --- sizes ---


def test_an_oversized_header_is_refused(items: Api, alice: Api) -> None:
    """AWS refuses headers of more than 10 KB in total; here larger ones may reach the function."""
    for size in (300, 9_000, 60_000):
        items("POST", body={}, Idempotency_Key="x" * size).problem(400, "invalid-request")
        items("GET", X_Api_Key="x" * size).problem(403, "forbidden")
        check_unauthorized(alice("GET", Authorization=f"Bearer {alice.token}{'x' * size}"))
    made = alice.create({"title": "hers"})
    for tags in (", ".join(f'"{number}"' for number in range(1_000)), "x" * 9_000, '"' + "x" * 60_000):
        alice("PATCH", made.location, {"title": "new"}, If_Match=tags).problem(400, "invalid-request")


@pytest.mark.parametrize("size", [400 * 1024 + 1, 7 * 1024**2, 11 * 1024**2])
def test_an_oversized_body_is_413(items: Api, size: int) -> None:
    for body in (b" " * size, b'{"a": "' + b"x" * size + b'"}', b"[" * size):
        items("POST", body=body, Content_Type="application/json").problem(413, "content-too-large")


# --- injections ---

INJECTIONS = [
    "' OR '1'='1", '"; DROP TABLE items; --', '{"$gt": ""}', '{"S": "x"}', "#c = :c OR attribute_exists(id)",
    "../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "<script>alert(1)</script>", "${jndi:ldap://x.example/a}",
    "{{7919*7919}}", "$context.requestId", "#set($x=7919*7919)$x", "x\r\nSet-Cookie: a=b", "x\0y",
    "__proto__", "*", "\u202egnp", "; cat /etc/passwd", "arn:aws:dynamodb:*:*:table/*", "a" * 1_000,
]  # fmt: skip
EVALUATED = str(7919 * 7919).encode()
PARAMETERS = {
    "limit": 400, "cursor": 400, "order": 400, "fields": 200, "pinned": 400, "tag": 200,
    "tag=home&title.prefix": 200, "tag=home&title.gte": 200, "unknown": 400,
}  # fmt: skip


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_parameters_value_is_never_executed(alice: Api, parameter: str) -> None:
    for text in INJECTIONS:
        too_long = parameter == "tag" and len(text) > 50  # over the schema's maxLength
        expected = 400 if too_long else PARAMETERS[parameter]
        check_harmless(alice("GET", f"?{parameter}={quote(text, safe='')}"), expected)


def test_a_parameters_name_is_never_executed(alice: Api) -> None:
    for text in INJECTIONS:
        check_harmless(alice("GET", f"?{quote(text, safe='')}=1"), 400)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_id_is_never_executed(items: Api, method: str) -> None:
    for text in INJECTIONS:
        check_harmless(items(method, f"/{quote(text, safe='')}", {} if method[0] == "P" else None), 400, 404)


# The value sent with each header, and the statuses of responses to invalid values.
HEADERS: dict[str, tuple[Any, ...]] = {
    "Authorization": ("GET", 401), "Content-Type": ("POST", 201, 415), "Cookie": ("GET", 200),
    "Idempotency-Key": ("POST", 201, 400), "If-Match": ("DELETE", 403),
    "If-None-Match": ("GET", 200, 304, 400), "Origin": ("GET", 200), "User-Agent": ("GET", 200),
    "X-Api-Key": ("GET", 200), "X-Forwarded-For": ("GET", 200), "X-HTTP-Method-Override": ("GET", 200),
}  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_is_never_executed(alice: Api, header: str) -> None:
    made = alice.create({"title": "hers"})
    method, *statuses = HEADERS[header]
    for text in filter(str.isprintable, INJECTIONS):  # others are not possible in a header
        sent = ("", {"title": "a"}) if method == "POST" else (made.location, None)
        check_harmless(alice(method, *sent, **{header: text}), *statuses)


def test_a_body_is_stored_unchanged(alice: Api) -> None:
    for text in INJECTIONS:
        made = alice.create({"title": text[:200], text: {text: [text]}})
        assert alice("GET", made.location).json == made.json
        assert made.json[text] == {text: [text]}
        check_harmless(made, 201)


def check_harmless(answer: Answer, *statuses: int) -> None:
    """Check that a response has one of the statuses, is JSON to any browser, and has no internal details."""
    assert answer.status in statuses, answer.content
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) == EXPOSED
    assert "Set-Cookie" not in answer.headers
    if answer.status >= 400:
        answer.problem(answer.status, answer.json["type"].rpartition(":")[2])
    for inside in (b"Traceback", b"trestle-", b"dynamodb.", b"root:", EVALUATED):
        assert inside not in answer.content
