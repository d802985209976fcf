"""Test the web console at http://localhost as a browser sees it: the page, the API and sign-in."""

from __future__ import annotations

import base64
import hashlib
import html
import http.client
import json
import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pytest
from urllib3 import BaseHTTPResponse

from tests.local.api import POOL, Answer, Api
from tests.local.conftest import VAR_FILES
from tests.local.runner import ROOT, Local
from tools.laptop import emulator, sign_in

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WEB = ROOT / "web"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@pytest.fixture(scope="module")
def outputs(local: Local) -> dict[str, Any]:
    return local.outputs()


@pytest.fixture(scope="module")
def console(outputs: dict[str, Any]) -> Api:
    """The console's origin, with the key that its user entered."""
    return Api(outputs["website_url"], outputs["api_keys"]["default"])


@pytest.fixture(scope="module")
def config(console: Api) -> dict[str, Any]:
    config: dict[str, Any] = console("GET", "/config.json").json
    return config


@pytest.fixture(scope="module")
def digest(console: Api) -> str:
    """The folder of the page's files."""
    (found,) = set(re.findall(r'(?:href|src)="([0-9a-f]{16})/', console("GET", "/").content.decode()))
    return str(found)


# --- The page ---


def test_up_prints_its_url(local: Local, outputs: dict[str, Any]) -> None:
    assert outputs["website_url"] == f"http://localhost:{local.port}"
    assert f"Console  http://localhost:{local.port}\n" in local.up(*VAR_FILES).stderr


def test_page_and_config_are_not_cached(console: Api) -> None:
    for path, kind in (
        ("/", TYPES[".html"]),
        ("/index.html", TYPES[".html"]),
        ("/config.json", "application/json"),
    ):
        answer = console("GET", path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
        assert answer.headers["Cache-Control"] == "no-cache"
        assert console("GET", path, If_None_Match=answer.headers["ETag"]).status == 304


def test_files_below_a_digest_are_cached_forever(console: Api, digest: str) -> None:
    files = [file for file in (WEB / "assets").rglob("*") if file.is_file()]
    for file in files:
        answer = console("GET", f"/{digest}/{file.relative_to(WEB / 'assets')}")
        assert (answer.status, answer.content) == (200, file.read_bytes())
        assert answer.headers["Content-Type"] == TYPES.get(file.suffix, "text/plain; charset=utf-8")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_files_have_no_tags_since_ten_are_all_that_s3_takes(local: Local) -> None:
    s3, bucket = local.client("s3"), f"trestle-website-local-{emulator.ACCOUNT}-us-west-2"
    for found in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        assert s3.get_object_tagging(Bucket=bucket, Key=found["Key"])["TagSet"] == []


def test_the_csp_allows_only_the_pages_own_files(console: Api, local: Local, digest: str) -> None:
    for path in ("/", f"/{digest}/nothing.js", "/api/openapi.json"):
        headers = console("GET", path).headers
        policy = dict(rule.partition(" ")[::2] for rule in headers["Content-Security-Policy"].split("; "))
        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self'",
            "connect-src": f"'self' http://127.0.0.1:{local.port}",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
            "require-trusted-types-for": "'script'",
            "trusted-types": "'none'",
        }
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]


def test_missing_files_are_refused_and_nothing_is_written(console: Api) -> None:
    assert console("GET", "/assets/app.js").status == 403
    assert console("GET", "/?list-type=2").headers["Content-Type"] == TYPES[".html"]
    for method in ("DELETE", "OPTIONS", "PATCH", "POST", "PUT"):
        assert console(method, "/index.html", b"mine").status == 403
    assert console("GET", "/").status == 200


def test_the_bucket_is_not_public(local: Local, outputs: dict[str, Any]) -> None:
    bucket = f"{local.running().endpoint}/trestle-website-local-{emulator.ACCOUNT}-us-west-2"
    assert POOL.request("GET", f"{bucket}/index.html").status == 403
    assert POOL.request("GET", bucket).status == 403


def test_only_the_distribution_reads_the_bucket_over_tls(local: Local) -> None:
    name = f"trestle-website-local-{emulator.ACCOUNT}-us-west-2"
    (distribution,) = local.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    policy = json.loads(local.client("s3").get_bucket_policy(Bucket=name)["Policy"])
    assert {statement.pop("Sid"): statement for statement in policy["Statement"]} == {
        "DistributionReads": {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{name}/*",
            "Condition": {"StringEquals": {"aws:SourceArn": distribution["ARN"]}},
        },
        "TlsOnly": {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    }


def test_without_tls_nothing_is_served(local: Local, outputs: dict[str, Any]) -> None:
    """Without TLS the page redirects browsers. The API does not, since the key has already been sent."""

    def in_the_clear(path: str) -> BaseHTTPResponse:
        host = {"Host": outputs["website_domain"]}
        return POOL.request("GET", local.running().endpoint + path, headers=host, redirect=False)

    page = in_the_clear("/")
    assert (page.status, page.headers["Location"]) == (301, f"https://{outputs['website_domain']}/")
    assert in_the_clear("/api/items").status == 403


# --- The API ---


def test_the_api_is_served_below_api(console: Api, items: Api) -> None:
    collection = Api(f"{console.url}/api/items", console.key)
    made = collection.create({"name": "lämp", "price": 10})
    assert made.location == f"{collection.url}/{made.json['id']}"
    assert items("GET", f"/{made.json['id']}").json == made.json
    item = Api(made.location, console.key)
    changed = item("PATCH", body={"price": 11}, If_Match=made.headers["ETag"])
    assert (changed.status, changed.json["price"]) == (200, 11)
    item("PATCH", body={"price": 12}, If_Match=made.headers["ETag"]).problem(412, "precondition-failed")
    assert item("GET", If_None_Match=changed.headers["ETag"]).status == 304
    assert item("DELETE").status == 204
    item("GET").problem(404, "not-found")


def test_the_users_address_is_logged(console: Api, local: Local) -> None:
    """It is the address that CloudFront saw, even if the user sends another."""
    refused = console("GET", "/api/items/nobodys", X_Viewer_Address="198.51.100.1").problem(404, "not-found")
    (line,) = (line for line in local("logs").stdout.splitlines() if refused["requestId"] in line)
    assert json.loads(line[line.index("{") :])["viewerIp"] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/x/../api/items", "/api/../api/items", "/api/%2e%2E/api/items"])
def test_no_path_leaves_the_stage(console: Api, local: Local, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", local.port)  # other clients remove dot segments
    connection.request("GET", path, headers={"Host": f"localhost:{local.port}", "x-api-key": console.key or ""})
    assert connection.getresponse().status in (400, 403)
    connection.close()


def test_links_to_next_pages_work_below_api(console: Api) -> None:
    collection = Api(f"{console.url}/api/items", console.key)
    for _ in range(3):
        collection.create()
    first = collection("GET", "?limit=2&order=desc")
    assert first.next is not None
    assert first.next.startswith(f"{collection.url}?")
    assert collection("GET", first.next).status == 200


def test_the_gateways_responses_are_passed_on_unchanged(console: Api) -> None:
    Api(f"{console.url}/api/items", None)("GET").problem(403, "forbidden")
    console("GET", "/api/nothing").problem(404, "not-found")
    refused = console("DELETE", "/api/items")
    refused.problem(405, "method-not-allowed")
    assert refused.headers["Allow"] == "GET, OPTIONS, POST"
    console("GET", "/api/items?limit=x").problem(400, "invalid-request")
    preflight = console("OPTIONS", "/api/items", Origin="https://app.example.com")
    assert (preflight.status, preflight.content) == (204, b"")


@pytest.mark.parametrize("item", ["a%2Eb", "~a", "a%20b", "a%2Bb"])
def test_ids_reach_the_api_unchanged(console: Api, drafts: Api, item: str) -> None:
    through, direct = console("GET", f"/api/v1/drafts/{item}"), drafts("GET", f"/{item}")
    assert (through.status, through.json | {"requestId": ""}) == (
        direct.status,
        direct.json | {"requestId": ""},
    )


def test_the_openapi_document_is_below_api(console: Api, outputs: dict[str, Any]) -> None:
    assert console("GET", "/api/openapi.json").content == POOL.request("GET", outputs["openapi_url"]).data


def test_signed_requests_are_for_aws(local: Local, outputs: dict[str, Any]) -> None:
    """An SDK with the endpoint localhost, which is common, reaches AWS and not the page."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=outputs["website_url"],
        region_name=local.running().region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    assert outputs["table_names"]["items"] in client.list_tables()["TableNames"]
    url = outputs["api_url"].replace("127.0.0.1", "localhost")
    assert POOL.request("GET", f"{url}/openapi.json").status == 200


# --- Other sites' pages ---

CREDENTIAL = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-Expires=9999&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=00&X-Amz-Credential={account}%2F20260101%2Fus-west-2%2F{service}%2Faws4_request"
)
EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "User-Agent": "Mozilla/5.0"}
# A caller with another account finds no distribution in it.
CALLS = [
    ("GET", "/2015-03-31/functions/", "test", "lambda"),
    ("GET", "/apikeys?includeValues=true", "test", "apigateway"),
    ("POST", "/?Action=GetCallerIdentity&Version=2011-06-15", "test", "sts"),
    ("POST", "/index.html?Action=GetCallerIdentity&Version=2011-06-15", "111111111111", "sts"),
]


@pytest.mark.parametrize(("method", "path", "account", "service"), CALLS)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "evil.example"])
def test_other_sites_pages_cannot_call_aws(
    local: Local, name: str, method: str, path: str, account: str, service: str
) -> None:
    """Any page in the user's browser could otherwise call AWS, and functions run as that user."""
    credential = CREDENTIAL.format(account=account, service=service)
    url = f"{local.running().endpoint}{path}{'&' if '?' in path else '?'}{credential}"
    signed = {"X-Amz-Date": "20260101T000000Z"}  # so that it is for AWS, also at localhost
    program = POOL.request(method, url, headers=signed)
    assert program.status == 200, program.data
    for header, value in EVIL.items():
        sent = signed | {"Host": f"{name}:{local.port}", header: value}
        answer = POOL.request(method, url, headers=sent)
        assert answer.status in (403, 405), answer.data
        assert answer.data != program.data
        assert "Access-Control-Allow-Origin" not in answer.headers
    if name == "evil.example":
        assert POOL.request(method, url, headers=signed | {"Host": name}).status == 403


def test_other_sites_pages_cannot_reset_the_emulator(local: Local, console: Api) -> None:
    for name in ("127.0.0.1", "localhost"):
        url = f"http://{name}:{local.port}/_ministack/reset"
        assert POOL.request("POST", url, headers=EVIL).status == 403
    assert console("GET", "/").status == 200


def test_other_sites_pages_call_apis_by_cors(outputs: dict[str, Any]) -> None:
    api = Api(outputs["api_url"] + "/items", outputs["api_keys"]["default"])
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-api-key"}
    for answer in (api("OPTIONS", **asked, **EVIL), api("GET", **EVIL)):
        assert answer.status in (200, 204)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


# --- Sign-in ---


class SignInPage:
    """The page's part in a sign-in by code and PKCE, and the user's steps."""

    def __init__(self, console: Api, config: dict[str, Any]) -> None:
        self.page, self.sign_in = f"{console.url}/", config["sign_in"]
        self.verifier = secrets.token_urlsafe(48)
        self.state = secrets.token_urlsafe(16)

    def authorize(self, **other: str) -> BaseHTTPResponse:
        hashed = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "client_id": self.sign_in["client_id"],
            "code_challenge": base64.urlsafe_b64encode(hashed).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "redirect_uri": self.page,
            "response_type": "code",
            "scope": " ".join(self.sign_in["scopes"]),
            "state": self.state,
        }
        url = f"{self.sign_in['domain']}/oauth2/authorize?{urlencode(asked | other)}"
        return POOL.request("GET", url, redirect=False)

    def submit(self, form: BaseHTTPResponse, user: str, password: str) -> BaseHTTPResponse:
        """Submit the form of the user pool's page."""
        hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form.data.decode())
        sent = {name: html.unescape(value) for name, value in hidden}
        body = urlencode(sent | {"username": user, "password": password})
        return POOL.request("POST", f"{self.sign_in['domain']}/login", body=body, headers=FORM, redirect=False)

    def token(self, **sent: str) -> Answer:
        url = f"{self.sign_in['domain']}/oauth2/token"
        body = urlencode({"client_id": self.sign_in["client_id"], **sent})
        answer = POOL.request("POST", url, body=body, headers={**FORM, "Origin": self.page.rstrip("/")})
        return Answer(url, answer.status, answer.headers, answer.data)


@pytest.fixture
def sign_in_page(console: Api, config: dict[str, Any]) -> SignInPage:
    return SignInPage(console, config)


@pytest.fixture(scope="module")
def password(local: Local, outputs: dict[str, Any]) -> Callable[[str], str]:
    """The password of a user, who is created if missing."""
    cognito, pool = local.client("cognito-idp"), outputs["user_pool_id"]
    return lambda user: sign_in.ensure_user(cognito, pool, user, local.system.users)


@pytest.fixture
def code(sign_in_page: SignInPage, password: Callable[[str], str]) -> str:
    """Return the code with which the user returns to the page."""
    back = sign_in_page.submit(sign_in_page.authorize(), "carol", password("carol"))
    assert back.status == 302, back.data
    url = urlsplit(back.headers["Location"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == sign_in_page.page
    came = parse_qs(url.query)
    assert came["state"] == [sign_in_page.state]
    return came["code"][0]


def test_the_page_gets_the_sign_in_settings(config: dict[str, Any], outputs: dict[str, Any]) -> None:
    assert config == {
        "activity": "/activity.json",
        "api": "/api",
        "dashboard": None,
        "environment": "local",
        "jwt": None,
        "name": "trestle",
        "sign_in": {
            "client_id": outputs["user_pool_client_id"],
            "domain": outputs["sign_in_url"],
            "scopes": ["email", "openid", "profile"],
        },
    }


def test_user_signs_in_and_uses_the_api(sign_in_page: SignInPage, code: str, console: Api) -> None:
    answer = sign_in_page.token(
        grant_type="authorization_code", code=code, code_verifier=sign_in_page.verifier, redirect_uri=sign_in_page.page
    )
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    notes = Api(f"{console.url}/api/notes", None, answer.json["access_token"])
    made = notes.create({"title": "seen by me alone"})
    assert notes("GET").json["items"] == [made.json]
    renewed = sign_in_page.token(grant_type="refresh_token", refresh_token=answer.json["refresh_token"])
    assert notes.as_bearer(renewed.json["access_token"])("GET", f"/{made.json['id']}").status == 200
    Api(notes.url, None)("GET").problem(401, "unauthorized")


def test_only_the_requester_can_redeem_a_code(sign_in_page: SignInPage, code: str) -> None:
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": sign_in_page.page}
    assert sign_in_page.token(**grant, code_verifier=secrets.token_urlsafe(48)).status == 400
    assert sign_in_page.token(**grant).status == 400
    assert (
        sign_in_page.token(
            **{**grant, "redirect_uri": "http://localhost:1/"}, code_verifier=sign_in_page.verifier
        ).status
        == 400
    )
    assert sign_in_page.token(**grant, code_verifier=sign_in_page.verifier).status == 200
    assert sign_in_page.token(**grant, code_verifier=sign_in_page.verifier).status == 400


@pytest.mark.parametrize("other", ["https://attacker.example/", "http://localhost:1/", "{page}more", "{page}#x"])
def test_sign_in_redirects_only_to_the_page(sign_in_page: SignInPage, other: str) -> None:
    answer = sign_in_page.authorize(redirect_uri=other.format(page=sign_in_page.page))
    assert (answer.status, answer.headers.get("Location")) == (400, None)


def test_user_signs_out(sign_in_page: SignInPage) -> None:
    def out(to: str) -> BaseHTTPResponse:
        asked = urlencode({"client_id": sign_in_page.sign_in["client_id"], "logout_uri": to})
        return POOL.request("GET", f"{sign_in_page.sign_in['domain']}/logout?{asked}", redirect=False)

    back = out(sign_in_page.page)
    assert (back.status, back.headers["Location"]) == (302, sign_in_page.page)
    assert out("https://attacker.example/").status == 400
