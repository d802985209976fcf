"""Test the laptop's OpenID Connect issuer: keys, tokens, and the code flow with PKCE."""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from tools import commands
from tools.errors import UserError
from tools.laptop import cli
from tools.laptop.emulator import Running
from tools.laptop.issuer import PATH, grants, issuer_url, server
from tools.laptop.issuer.tokens import Issuer
from tools.laptop.logs import functions_of
from tools.laptop.system import System, overrides_for

PORT = 4566
HERE = f"http://127.0.0.1:{PORT}"
JWT = {
    "issuer": "https://tenant.example/",
    "audiences": ["https://api.example"],
    "groups_claim": "https://a.example/roles",
    "client_id": "console",
}
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REQUEST = {
    "response_type": "code",
    "client_id": "console",
    "redirect_uri": "http://localhost:4566/",
    "scope": "openid offline_access notes:read",
    "state": "s&1",
    "nonce": "n1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    made = Issuer(tmp_path / "issuer", issuer_url(PORT))
    made.prepare(JWT, "shop-test")
    return made


class Answer(SimpleNamespace):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def location(self) -> dict[str, str]:
        """Return the query parameters with which the browser is sent back."""
        assert self.status == 303, self.text
        return {name: value for name, (value,) in parse_qs(urlsplit(self.headers["location"]).query).items()}


class Client:
    """A client of the issuer in front of another server, which responds "other"."""

    def __init__(self, folder: Path) -> None:
        async def other(_scope: Any, _receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 418, "headers": []})
            await send({"type": "http.response.body", "body": b"other"})

        self.app = server.serve(other, folder, PORT)

    def __call__(
        self, method: str, path: str, form: Any = None, query: dict[str, str] | None = None, **headers: str
    ) -> Answer:
        body = form if isinstance(form, bytes) else urlencode(form or {}).encode()
        # In two parts, as large bodies arrive.
        received = [
            {"type": "http.request", "body": body[:5], "more_body": True},
            {"type": "http.request", "body": body[5:]},
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            return received.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": method, "path": path, "query_string": urlencode(query or {}).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip
        asyncio.run(self.app(scope, receive, send))
        named = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(status=sent[0]["status"], headers=named, text=sent[1]["body"].decode())

    def authorize(self, method: str = "GET", form: Any = None, /, **changed: str | None) -> Answer:
        query = {name: value for name, value in {**REQUEST, **changed}.items() if value is not None}
        return self(method, f"{PATH}/authorize", form, query, origin=HERE)

    def sign_in(self, name: str = "ada", groups: str = "", claims: str = "", /, **changed: str | None) -> Answer:
        return self.authorize("POST", {"username": name, "groups": groups, "claims": claims}, **changed)

    def token(self, **form: str) -> Answer:
        return self("POST", f"{PATH}/token", form)

    def trade(self, code: str, **changed: str) -> Answer:
        known = {name: REQUEST[name] for name in ("client_id", "redirect_uri")}
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, **known, **changed}
        return self.token(**form)


@pytest.fixture
def client(issuer: Issuer) -> Client:
    return Client(issuer.folder)


def verified(token: str, keys: dict[str, Any], audience: str = "https://api.example") -> dict[str, Any]:
    """Verify a token with the published keys, as a resource server does; return its claims."""
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(token, key, [key.algorithm_name], audience=audience, issuer=issuer_url(PORT))
    return claims


# --- keys and tokens ---


def test_tokens_have_the_claims_of_tfvars_and_user(issuer: Issuer) -> None:
    token = issuer.access_token(
        "ada", groups=["staff", "hr", "staff"], scopes=["a", "b"], claims={"tenant_id": "acme"}, lifetime=60
    )
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    claims = verified(token, issuer.published_keys())
    assert claims.pop("exp") - claims.pop("iat") == 60
    assert claims.pop("jti")
    assert claims == {
        "iss": "http://127.0.0.1:4566/_trestle/issuer", "sub": "ada", "aud": "https://api.example",
        "client_id": "console", "https://a.example/roles": ["staff", "hr"], "scope": "a b", "tenant_id": "acme",
    }  # fmt: skip


def test_a_token_without_groups_and_scopes_lacks_their_claims(issuer: Issuer) -> None:
    claims = verified(issuer.access_token("ada"), issuer.published_keys())
    assert claims.keys() == {"iss", "sub", "aud", "client_id", "iat", "exp", "jti"}


def test_a_claim_replaces_what_the_issuer_sets(issuer: Issuer) -> None:
    token = issuer.access_token("ada", claims={"aud": "other", "sub": "bob"})
    with pytest.raises(jwt.InvalidAudienceError):
        verified(token, issuer.published_keys())
    assert verified(token, issuer.published_keys(), "other")["sub"] == "bob"


def test_both_algorithms_are_published_and_no_private_part(issuer: Issuer) -> None:
    keys = issuer.published_keys()
    assert [(key["kty"], key["alg"], key["use"]) for key in keys["keys"]] == [
        ("RSA", "RS256", "sig"),
        ("EC", "ES256", "sig"),
    ]
    assert not [key for key in keys["keys"] if key.keys() & {"d", "p", "q", "dp", "dq", "qi", "key_ops"}]
    claims = {"sub": "ada", "aud": "https://api.example", "iss": issuer.url}
    assert verified(issuer.sign(claims, algorithm="ES256"), keys) == claims


def test_keys_survive_an_apply_and_only_their_owner_can_read_them(issuer: Issuer) -> None:
    token, before = issuer.access_token("ada"), issuer.keys_file.read_bytes()
    issuer.prepare({**JWT, "audiences": ["x", "https://api.example"]}, "shop-test")
    assert issuer.keys_file.read_bytes() == before
    assert verified(token, issuer.published_keys())
    assert issuer.settings
    assert issuer.settings["audiences"] == ["https://api.example", "x"]
    files = {file.name: file.stat().st_mode & 0o777 for file in issuer.folder.iterdir()}
    assert files == {"keys.json": 0o600, "settings.json": 0o600}
    assert issuer.folder.stat().st_mode & 0o777 == 0o700


def test_rotated_keys_sign_and_the_last_ones_still_verify(issuer: Issuer) -> None:
    tokens = [issuer.access_token("ada")]
    for _ in range(2):
        issuer.rotate()
        tokens.append(issuer.access_token("ada"))
    keys = issuer.published_keys()
    assert len({jwt.get_unverified_header(token)["kid"] for token in tokens}) == 3
    assert len(keys["keys"]) == 4
    assert all(verified(token, keys) for token in tokens[1:])
    with pytest.raises(KeyError):
        verified(tokens[0], keys)


# --- discovery ---


def test_the_discovery_document_has_all_endpoints(client: Client, issuer: Issuer) -> None:
    found = client("GET", f"{PATH}/.well-known/openid-configuration")
    assert (found.status, found.headers["content-type"]) == (200, "application/json")
    assert found.json["issuer"] == issuer.url
    assert found.json["code_challenge_methods_supported"] == ["S256"]
    for name, url in found.json.items():
        if name.endswith(("_endpoint", "_uri")):
            path = url.removeprefix(HERE)
            assert client("DELETE", path).status == 405, name  # the path exists, but not for this method
    assert client("GET", f"{PATH}/jwks").json == issuer.published_keys()


def test_other_paths_are_passed_on(client: Client) -> None:
    for path in ("/", PATH, f"{PATH}x/jwks", "/_trestle/state"):
        assert client("GET", path).status == 418, path
    assert client("GET", f"{PATH}/other").status == 404


def test_pages_of_other_origins_can_read_only_keys_and_tokens(client: Client) -> None:
    for path in ("/.well-known/openid-configuration", "/jwks", "/token", "/revoke"):
        asked = client("OPTIONS", f"{PATH}{path}", origin="http://localhost:4566")
        assert (asked.status, asked.headers["access-control-allow-origin"]) == (204, "*")
    assert client.token().headers["access-control-allow-origin"] == "*"
    for path in ("/authorize", "/logout"):
        assert client("OPTIONS", f"{PATH}{path}").status == 405
        assert "access-control-allow-origin" not in client("GET", f"{PATH}{path}").headers


def test_an_issuer_without_keys_is_503(client: Client, issuer: Issuer) -> None:
    issuer.keys_file.rename(issuer.folder / "aside")
    for path in ("/.well-known/openid-configuration", "/jwks", "/authorize", "/logout"):
        assert client("GET", f"{PATH}{path}").status == 503, path
    assert client.token().status == 503
    (issuer.folder / "aside").rename(issuer.keys_file)
    assert client("GET", f"{PATH}/jwks").status == 200
    issuer.settings_file.unlink()
    assert client("GET", f"{PATH}/jwks").status == 503


# --- the code flow ---


def test_the_whole_flow(client: Client, issuer: Issuer) -> None:
    page = client.authorize()
    assert page.status == 200
    assert "https://tenant.example/" in page.text
    action = re.search(r'action="([^"]+)"', page.text)
    assert action
    assert "&amp;state=s%261" in action[1]

    back = client.sign_in("ada", "staff\r\nHuman Resources\n", "tenant_id=acme\n\nregion=eu=1")
    assert back.headers["location"].startswith("http://localhost:4566/?code=")
    assert (back.location["state"], back.location["iss"]) == ("s&1", issuer.url)

    tokens = client.trade(back.location["code"])
    assert (tokens.status, tokens.headers["cache-control"]) == (200, "no-store")
    assert (tokens.json["token_type"], tokens.json["expires_in"]) == ("Bearer", 3600)
    keys = issuer.published_keys()
    access = verified(tokens.json["access_token"], keys)
    assert (access["sub"], access["scope"]) == ("ada", "openid offline_access notes:read")
    assert (access["https://a.example/roles"], access["tenant_id"], access["region"]) == (
        ["staff", "Human Resources"],
        "acme",
        "eu=1",
    )
    identity = verified(tokens.json["id_token"], keys, "console")
    assert (identity["sub"], identity["nonce"], identity["preferred_username"]) == ("ada", "n1", "ada")

    # Each use replaces the refresh token, also after a restart of the process.
    again = Client(issuer.folder)
    refresh = {"grant_type": "refresh_token", "client_id": "console"}
    renewed = again.token(**refresh, refresh_token=tokens.json["refresh_token"])
    assert verified(renewed.json["access_token"], keys)["tenant_id"] == "acme"
    assert "nonce" not in verified(renewed.json["id_token"], keys, "console")
    assert again.token(**refresh, refresh_token=tokens.json["refresh_token"]).json["error"] == "invalid_grant"
    assert again("POST", f"{PATH}/revoke", {"token": renewed.json["refresh_token"]}).status == 200
    assert again.token(**refresh, refresh_token=renewed.json["refresh_token"]).status == 400
    assert tokens.json["refresh_token"] not in (issuer.folder / "sessions.json").read_text()


def test_without_openid_and_offline_access_there_is_only_an_access_token(client: Client) -> None:
    code = client.sign_in(scope=None).location["code"]
    assert client.trade(code).json.keys() == {"access_token", "token_type", "expires_in", "scope"}


def test_a_scope_is_granted_by_its_long_and_its_short_name(client: Client) -> None:
    code = client.sign_in(scope="api://1234/notes.read a https://api.example/").location["code"]
    granted = "api://1234/notes.read a https://api.example/ notes.read"
    assert client.trade(code).json["scope"] == granted


def test_a_code_works_once_for_a_minute_and_only_for_its_request(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = client.sign_in().location["code"]
    assert client.trade(code).status == 200
    assert client.trade(code).json["error"] == "invalid_grant"
    for changed in (
        {"code_verifier": "w" * 43}, {"code_verifier": ""}, {"code_verifier": CHALLENGE}, {"client_id": "other"},
        {"redirect_uri": "http://localhost:4566/x"}, {"code": "unknown"},
    ):  # fmt: skip
        code = client.sign_in().location["code"]
        assert client.trade(**{"code": code, **changed}).json["error"] == "invalid_grant", changed
    code, now = client.sign_in().location["code"], time.monotonic()
    monkeypatch.setattr("tools.laptop.issuer.grants.time.monotonic", lambda: now + grants.CODE_LIFETIME + 1)
    assert client.trade(code).json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": 'a"b'}, "invalid_scope"),
        ({"audience": "https://other.example"}, "invalid_target"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_an_invalid_request_is_sent_back_with_its_error(
    client: Client, changed: dict[str, str | None], error: str
) -> None:
    for back in (client.authorize(**changed), client.sign_in(**changed)):
        assert (back.location["error"], back.location["state"]) == (error, "s&1")
        assert back.location["error_description"].endswith(".")


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "other"},
        {"client_id": None},
        *(
            {"redirect_uri": url}
            for url in (
                None, "", "https://attacker.example/", "http://localhost.attacker.example/", "http://localhost@attacker.example/",
                "http://attacker.example\\@localhost/", "javascript:alert(1)//localhost", "http://localhost/#x",
                "//localhost/", "http://localhost:99999/", "http://localhost/\nx",
            )
        ),
    ],
)  # fmt: skip
def test_unknown_clients_and_redirect_urls_are_refused(client: Client, changed: dict[str, str | None]) -> None:
    for answered in (client.authorize(**changed), client.sign_in(**changed)):
        assert answered.status == 400
        assert "location" not in answered.headers
        assert "This sign-in request is not valid" in answered.text


def test_without_a_client_nobody_signs_in(client: Client, issuer: Issuer) -> None:
    issuer.prepare({**JWT, "client_id": None}, "shop-test")
    assert "has no client_id" in client.authorize().text
    assert verified(issuer.access_token("ada"), issuer.published_keys())["client_id"] == "local"


def test_another_sites_form_signs_nobody_in(client: Client) -> None:
    form = {"username": "eve"}
    for origin in ("https://attacker.example", "null", "http://localhost:4566"):
        back = client("POST", f"{PATH}/authorize", form, REQUEST, origin=origin)
        assert back.location["error"] == "access_denied"
    assert "code" in client("POST", f"{PATH}/authorize", form, REQUEST).location  # a program sends no Origin


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("  ",), "The name is empty"),
        (("a" * 257,), "is not text of at most 256 printable characters"),
        (("ada", "g\x00"), "The group"),
        (("ada", "", "tenant_id"), "is not a claim: write NAME=VALUE"),
        (("ada", "", "a=1\na=2"), "A is given twice: a claim has one value"),
    ],
)
def test_invalid_input_is_reported_on_the_page(client: Client, typed: tuple[str, ...], said: str) -> None:
    answered = client.sign_in(*typed)
    assert answered.status == 400
    assert said in answered.text


def test_users_are_remembered_and_their_names_are_escaped(client: Client) -> None:
    client.sign_in("ada", "staff", "a=1\nb=2")
    client.sign_in('<script>"&', "g", "c=<b>")
    page = client.authorize().text
    assert "<script>" not in page
    assert "<b>" not in page
    assert page.index("&lt;script&gt;") < page.index('value="ada"')
    assert '<textarea name="claims" hidden>\na=1\nb=2</textarea>' in page
    client.sign_in("ada")
    assert client.authorize().text.count('value="ada"') == 1


def test_the_page_runs_no_script_and_cannot_be_framed(client: Client) -> None:
    page = client.authorize()
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://localhost:4566" in policy
    style = re.search("<style>(.*)</style>", page.text, re.DOTALL)
    assert style
    assert f"sha256-{base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()}" in policy


def test_bodies_have_a_maximum_size(client: Client) -> None:
    assert client("POST", f"{PATH}/token", b"x" * 70_000).status == 413
    assert client("POST", f"{PATH}/token", b"\xff=1").json["error"] == "unsupported_grant_type"
    assert client.token(grant_type="password").json["error"] == "unsupported_grant_type"
    twice = b"grant_type=refresh_token&grant_type=refresh_token"
    assert client("POST", f"{PATH}/token", twice).json["error"] == "unsupported_grant_type"


def test_too_many_codes_are_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.laptop.issuer.grants.MOST_CODES", 1)
    assert "code" in client.sign_in().location
    assert client.sign_in().location["error"] == "temporarily_unavailable"


def test_signing_out_redirects_only_to_this_machine(client: Client) -> None:
    def leave(**query: str) -> Answer:
        return client("GET", f"{PATH}/logout", None, query)

    back = leave(post_logout_redirect_uri="http://localhost:4566/", state="x")
    assert (back.status, back.headers["location"]) == (303, "http://localhost:4566/?state=x")
    assert leave(post_logout_redirect_uri="http://localhost:4566/").headers["location"] == "http://localhost:4566/"
    for query in ({}, {"post_logout_redirect_uri": "https://attacker.example/"}):
        assert leave(**query).status == 200


# --- local.py token, and what an apply names ---


class FakeSystem(System):
    """A fake running system with a user pool, an issuer, or both."""

    applied: dict[str, Any]
    made: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        return self.applied

    def outputs(self) -> dict[str, Any]:
        return self.made

    def running(self) -> Running:
        return Running(1, PORT, "us-west-2")


@pytest.fixture
def run_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str, pool: bool = False, issuer: bool = True, prepared: bool = True) -> str:
        system = FakeSystem(tmp_path)
        if prepared:
            Issuer(tmp_path / "issuer", issuer_url(PORT)).prepare(JWT, "shop-test")
        object.__setattr__(system, "applied", {"jwt": JWT} if issuer else {"jwt": None})
        object.__setattr__(system, "made", {"user_pool_id": "pool" if pool else None})
        monkeypatch.setattr(cli, "local_systems", lambda _: SimpleNamespace(current=lambda: system))
        monkeypatch.setattr("tools.laptop.sign_in.token", lambda *_, **__: "of-the-pool")
        options = commands.parse("local.py", commands.LAPTOP, ["token", "--user", "ada", *arguments])
        assert cli.token(argparse.Namespace(**{**vars(options), "progress": None})) == 0
        return capsys.readouterr().out.removesuffix("\n")

    return run


def test_the_command_signs_for_the_issuer(run_token: Any, issuer: Issuer) -> None:
    token = run_token(
        "--group", "staff", "--group", "hr", "--claim", "tenant_id=acme", "--claim", "email=a@b.example",
        "--scope", "notes:read", "--expires", "60",
    )  # fmt: skip
    claims = verified(token, issuer.published_keys())
    assert (claims["sub"], claims["scope"], claims["https://a.example/roles"]) == ("ada", "notes:read", ["staff", "hr"])
    assert (claims["tenant_id"], claims["email"]) == ("acme", "a@b.example")
    assert claims["exp"] - claims["iat"] == 60
    with pytest.raises(jwt.ExpiredSignatureError):
        verified(run_token("--expires", "-60"), issuer.published_keys())


def test_the_command_recreates_missing_keys(run_token: Any, issuer: Issuer) -> None:
    issuer.keys_file.unlink()
    token = run_token(prepared=False)
    assert verified(token, issuer.published_keys())["sub"] == "ada"


def test_both_issuers_can_be_named(run_token: Any) -> None:
    assert run_token(pool=True) == "of-the-pool"
    assert run_token("--issuer", "cognito", pool=True) == "of-the-pool"
    assert run_token("--issuer", "jwt", pool=True).count(".") == 2
    assert run_token().count(".") == 2


@pytest.mark.parametrize(
    ("arguments", "has", "said"),
    [
        ((), {"issuer": False}, "This system has no user pool: give an operation the access cognito"),
        (("--issuer", "cognito"), {}, "no user pool: .* in its tfvars, or leave --issuer out, then run"),
        (
            ("--issuer", "jwt"),
            {"issuer": False},
            "This system has no issuer: add `jwt` and an operation with the access jwt",
        ),
        (("--issuer", "jwt"), {"issuer": False, "pool": True}, "has no issuer other than the user pool: add `jwt`"),
        (("--scope", "s"), {"pool": True}, "--scope works only .*: leave it out, or add --issuer jwt"),
        (
            ("--expires", "9"),
            {"pool": True, "issuer": False},
            "--expires works only .* the user pool: leave it out.$",
        ),
        (("--claim", "sub=x"), {"pool": True}, "sub is a claim that the user pool sets itself: choose another name"),
        (("--claim", "cognito:groups=x"), {"pool": True}, "that Cognito sets itself: use --group instead"),
        (("--claim", "x=1", "--claim", "x=2"), {}, "--claim x is given twice: a claim has one value"),
        (tuple(f"--claim=c{number}=" for number in range(21)), {}, "^21 claims are given: a token takes 20 at most"),
        (("--user", " "), {}, "^The user is empty: write a name, such as ada"),
        (("--group", "a\nb"), {}, r"^The group 'a\\nb' is not text of at most 256 printable characters"),
    ],
)
def test_a_token_without_an_issuer_is_refused_in_one_sentence(
    run_token: Any, arguments: Any, has: Any, said: str
) -> None:
    with pytest.raises(UserError, match=said) as refused:
        run_token(*arguments, **has)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scope", "a b"), "'a b' is not a scope: write 1 to 256 printable ASCII characters without spaces"),
        (("--scope", ""), "'' is not a scope"),
        (("--expires", "soon"), "'soon' is not a number of seconds: write a whole number"),
        (("--issuer", "okta"), "invalid choice: 'okta'"),
    ],
)
def test_an_invalid_option_is_refused(run_token: Any, arguments: Any, said: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_token(*arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "pool", "said"),
    [
        ({"access": "jwt"}, False, "token --user me)"),
        ({"access": "jwt"}, True, "token --user me --issuer jwt)"),
        ({"access": "jwt", "group": "a b"}, False, "token --user me --group 'a b')"),
        ({"access": "jwt", "scope": "read:it"}, False, "token --user me --scope read:it)"),
        ({"access": "cognito"}, True, "token --user me)"),
        ({"access": "cognito"}, False, None),
    ],
)
def test_the_suggested_request_signs_in_if_the_list_requires_it(
    tmp_path: Path, method: Any, pool: bool, said: Any
) -> None:
    """Terraform leaves out outputs that are null."""
    system = FakeSystem(tmp_path)
    listed = {"group": None, "scope": None, **method}
    object.__setattr__(system, "applied", {"entities": {"notes": {"path": "notes", "methods": {"list": listed}}}})
    users = {"user_pool_id": "pool", "user_pool_client_id": "app"} if pool else {}
    object.__setattr__(system, "made", {"api_url": "http://127.0.0.1:1/dev/", **users})
    request = system.request()
    assert request == (
        said and f'curl -i -H "authorization: Bearer $(python local.py {said}" http://127.0.0.1:1/dev/notes'
    )


def test_the_log_has_the_authorizers_reason() -> None:
    outputs = {"function_names": {"notes": {"get": "shop-notes-get-dev"}}, "functions": {}}
    groups = functions_of({**outputs, "authorizer_name": "shop-authorizer-dev"})
    assert groups == {"/aws/lambda/shop-notes-get-dev": "notes.get", "/aws/lambda/shop-authorizer-dev": "authorizer"}
    assert functions_of(outputs) == {"/aws/lambda/shop-notes-get-dev": "notes.get"}


def test_an_apply_uses_the_issuers_url_with_its_port() -> None:
    override = overrides_for(4600)["modules/service"]
    named = '${var.jwt == null ? null : "http://127.0.0.1:4600/_trestle/issuer"}'
    assert override == {"locals": {"jwt_issuer": named}}
