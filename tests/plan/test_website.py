"""The web console: who may read it, its headers, and how a new page replaces the old one."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.plan.conftest import SMALL, WEB_ACL
from tests.plan.planner import ROOT, UNKNOWN, Plan, Planner, Values

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

BUCKET = "shop-website-test-000000000000-us-west-2"
WEB = ROOT / "web"
DOMAIN = "https://shop-test-000000000000.auth.us-west-2.amazoncognito.com"
# AWS defines these, with the same ids in each account.
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"


@pytest.fixture(scope="module")
def website(systems: dict[str, Plan]) -> Plan:
    return systems["with_website"]


@pytest.fixture(scope="module")
def distribution(website: Plan) -> Values:
    return website.one("aws_cloudfront_distribution")


def objects(plan: Plan, kind: str) -> dict[str, Values]:
    """Return the objects of a kind, asset or entry, by key."""
    found = plan.all("aws_s3_object").items()
    return {values["key"]: values for address, values in found if f"aws_s3_object.{kind}[" in address}


def content_security_policy(plan: Plan) -> dict[str, str]:
    """Return the Content-Security-Policy's rules by directive."""
    (security,) = plan.one("aws_cloudfront_response_headers_policy")["security_headers_config"]
    (text,) = security["content_security_policy"]
    assert text["override"] is True
    return dict(rule.partition(" ")[::2] for rule in text["content_security_policy"].split("; "))


# --- Off and on ---


def test_off_by_default(plan: Plan) -> None:
    assert not [kind for kind in plan.counts if "cloudfront" in kind or kind.startswith("aws_s3")]
    assert (plan.outputs["website_url"], plan.outputs["website_domain"]) == (None, None)


def test_on_it_is_told_where(systems: dict[str, Plan]) -> None:
    assert systems["with_website"].outputs["website_url"] == UNKNOWN, "CloudFront's own name"
    assert systems["with_website_at_names"].outputs["website_url"] == "https://console.example.com"


# --- The bucket ---


def test_bucket_is_private(website: Plan) -> None:
    assert website.one("aws_s3_bucket")["bucket"] == BUCKET
    block = website.one("aws_s3_bucket_public_access_block")
    for setting in (
        "block_public_acls",
        "block_public_policy",
        "ignore_public_acls",
        "restrict_public_buckets",
    ):
        assert block[setting] is True
    (rule,) = website.one("aws_s3_bucket_ownership_controls")["rule"]
    assert rule["object_ownership"] == "BucketOwnerEnforced"
    access = website.one("aws_cloudfront_origin_access_control")
    assert (access["signing_behavior"], access["signing_protocol"]) == ("always", "sigv4")


# --- The distribution ---


def test_distribution_serves_the_page_and_asks_again_for_what_may_change(distribution: Values) -> None:
    assert distribution["default_root_object"] == "index.html"
    (page,) = distribution["default_cache_behavior"]
    assert sorted(page["allowed_methods"]) == ["GET", "HEAD"]
    assert page["cache_policy_id"] == CACHING_OPTIMIZED, "its own minimum is a second, no-cache or not"
    assert (page["compress"], page["viewer_protocol_policy"]) == (True, "redirect-to-https")
    assert page["function_association"] == []


def test_cloudfront_forwards_and_never_caches_the_api(distribution: Values) -> None:
    (api,) = distribution["ordered_cache_behavior"]
    assert api["path_pattern"] == "/api/*"
    assert set(api["allowed_methods"]) == {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
    assert api["cache_policy_id"] == CACHING_DISABLED
    assert api["origin_request_policy_id"] == ALL_VIEWER_EXCEPT_HOST_HEADER, "the gateway goes by its own host"
    assert api["viewer_protocol_policy"] == "https-only", "a redirect would come after the key in the clear"
    ttls = {error["error_code"]: error["error_caching_min_ttl"] for error in distribution["custom_error_response"]}
    assert ttls == dict.fromkeys((400, 403, 404, 405, 414, 500, 501, 502, 503, 504), 0), "not ten seconds each"
    pages = [(error["response_code"], error["response_page_path"]) for error in distribution["custom_error_response"]]
    assert {page for answer in pages for page in answer} <= {None, ""}, "the API's answers stay what they are"


def test_origins_are_the_bucket_and_the_stage(distribution: Values) -> None:
    origins = {origin["origin_id"]: origin for origin in distribution["origin"]}
    assert origins.keys() == {"api", "page"}
    assert origins["page"]["domain_name"] == f"{BUCKET}.s3.us-west-2.amazonaws.com"
    assert origins["page"]["origin_access_control_id"] == UNKNOWN, "made with it"
    assert (origins["api"]["domain_name"], origins["api"]["origin_path"]) == (UNKNOWN, "/test")
    (custom,) = origins["api"]["custom_origin_config"]
    assert (custom["origin_protocol_policy"], custom["origin_ssl_protocols"]) == ("https-only", ["TLSv1.2"])


def run_mount_function(website: Plan, asked: str) -> Any:
    """The distribution's function's result for a request for a path."""
    function = website.one("aws_cloudfront_function")
    assert (function["runtime"], function["publish"]) == ("cloudfront-js-2.0", True)
    forged = {"x-viewer-address": {"value": "198.51.100.1"}}
    request = {"headers": forged, "method": "GET", "querystring": {"limit": {"value": "1"}}, "uri": asked}
    event = json.dumps({"request": request, "viewer": {"ip": "192.0.2.1"}})
    call = f"console.log(JSON.stringify(handler({event})))"
    done = subprocess.run(["node", "-e", function["code"] + call], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(shutil.which("node") is None, reason="runs JavaScript: install Node.js")
@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        ("/api/todos", "/todos"),
        ("/api/", "/"),
        ("/api/api/a%20b", "/api/a%20b"),
        ("/api/todos/..a", "/todos/..a"),
    ],
)
def test_function_takes_the_mount_off_and_tells_who_asks(website: Plan, asked: str, passed: str) -> None:
    """Locally, tools/laptop/corrections/cloudfront.py does the same, because Node.js may be missing."""
    assert run_mount_function(website, asked) == {
        "headers": {"x-viewer-address": {"value": "192.0.2.1"}},
        "method": "GET",
        "querystring": {"limit": {"value": "1"}},
        "uri": passed,
    }


@pytest.mark.skipif(shutil.which("node") is None, reason="runs JavaScript: install Node.js")
@pytest.mark.parametrize(
    "asked", ["/x/../api/todos", "/api/../api/todos", "/api/%2E%2e/api/x", "/api/a/..", "/%61pi/todos"]
)
def test_dot_segments_never_leave_the_stage(website: Plan, asked: str) -> None:
    """CloudFront matches a path without its dot segments, and passes it on with them."""
    assert run_mount_function(website, asked) == {"statusCode": 400}


def test_own_names_have_their_certificate_and_todays_tls(systems: dict[str, Plan]) -> None:
    plan = systems["with_website_at_names"]
    distribution = plan.one("aws_cloudfront_distribution")
    assert sorted(distribution["aliases"]) == ["c.example.com", "console.example.com"]
    (certificate,) = distribution["viewer_certificate"]
    assert certificate["acm_certificate_arn"] == "arn:aws:acm:us-east-1:123456789012:certificate/0a-1b"
    assert certificate["minimum_protocol_version"] == "TLSv1.2_2021"
    assert certificate["ssl_support_method"] == "sni-only"
    assert (distribution["price_class"], distribution["web_acl_id"]) == ("PriceClass_All", WEB_ACL)


def test_cloudfront_and_the_firewall_allow_the_same_countries(systems: dict[str, Plan]) -> None:
    """The firewall sees CloudFront's addresses instead of the users'."""
    found = {}
    for system in ("with_website", "with_website_at_names"):
        (restrictions,) = systems[system].one("aws_cloudfront_distribution")["restrictions"]
        (found[system],) = restrictions["geo_restriction"]
    assert found["with_website"]["restriction_type"] == "none"
    assert found["with_website_at_names"]["restriction_type"] == "whitelist"
    assert sorted(found["with_website_at_names"]["locations"]) == ["DE", "FR"]


def test_firewall_recognizes_the_distribution_by_a_secret_header(systems: dict[str, Plan]) -> None:
    plan = systems["with_website_at_names"]
    origins = {o["origin_id"]: o for o in plan.one("aws_cloudfront_distribution")["origin"]}
    assert [h["name"] for h in origins["api"]["custom_header"]] == ["x-distribution-word"]
    assert origins["page"]["custom_header"] == []
    (alone,) = (
        o for o in systems["with_website"].one("aws_cloudfront_distribution")["origin"] if o["origin_id"] == "api"
    )
    assert alone["custom_header"] == []


def test_the_csp_allows_only_own_scripts(systems: dict[str, Plan]) -> None:
    strict = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert content_security_policy(systems["with_website_at_names"]) == strict
    assert content_security_policy(systems["with_website"]) == {**strict, "connect-src": f"'self' {DOMAIN}"}
    at_issuer = {**strict, "connect-src": "'self' https://auth.example.com"}
    assert content_security_policy(systems["with_website_of_existing_pool"]) == at_issuer
    (security,) = systems["with_website"].one("aws_cloudfront_response_headers_policy")["security_headers_config"]
    (hsts,) = security["strict_transport_security"]
    assert (hsts["access_control_max_age_sec"], hsts["override"]) == (31536000, True)
    assert security["content_type_options"] == [{"override": True}]
    distribution = systems["with_website"].one("aws_cloudfront_distribution")
    behaviours = [*distribution["default_cache_behavior"], *distribution["ordered_cache_behavior"]]
    assert [each["response_headers_policy_id"] for each in behaviours] == [UNKNOWN, UNKNOWN], "the one made here"


# --- The page ---


def test_objects_say_what_they_are_and_how_long_they_last(website: Plan) -> None:
    types = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
    assets, entries = objects(website, "asset"), objects(website, "entry")
    files = {str(f.relative_to(WEB / "assets")): f for f in (WEB / "assets").rglob("*") if f.is_file()}
    (digest,) = {key.split("/")[0] for key in assets}
    assert assets.keys() == {f"{digest}/{name}" for name in files}
    for name, file in files.items():
        values = assets[f"{digest}/{name}"]
        assert values["content_type"] == types.get(file.suffix.lstrip("."), "text/plain; charset=utf-8")
        assert values["cache_control"] == "public, max-age=31536000, immutable"
        assert values["etag"] == hashlib.md5(file.read_bytes()).hexdigest()
    assert entries.keys() == {"config.json", *(f.name for f in WEB.iterdir() if f.is_file())}
    assert {values["cache_control"] for values in entries.values()} == {"no-cache"}
    assert entries["index.html"]["content_type"] == "text/html; charset=utf-8"
    assert entries["config.json"]["content_type"] == "application/json"


@pytest.mark.slow
def test_a_changed_file_moves_them_all_and_the_page_with_them(planner: Planner, tmp_path: Path) -> None:
    pages = {}
    for name in ("as-it-is", "changed"):
        root = planner.copy_root(tmp_path / name)
        (root / "web").unlink()
        shutil.copytree(WEB, root / "web")
        if name == "changed":
            (root / "web" / "assets" / "more.js").write_text("export const more = 1;\n")
        else:  # what is left there by chance
            for left in (".DS_Store", ".index.html.swp", "notes", "assets/.old.js", "assets/app.js~"):
                (root / "web" / left).write_bytes(b"\0\xff")
        small = {**SMALL, "entities": {"todos": {"operations": ["get"]}}, "website": {}}
        plan = Plan(planner.make_plan(root, f"website-{name}", (), small))
        (digest,) = {key.split("/")[0] for key in objects(plan, "asset")}
        page = objects(plan, "entry")["index.html"]["content"]
        assert page == (WEB / "index.html").read_text().replace("assets/", f"{digest}/")
        assert f'"{digest}/' in page
        pages[name] = digest
    assert pages["as-it-is"] != pages["changed"]


def config_of(plan: Plan) -> Any:
    """Return the page's configuration."""
    return json.loads(objects(plan, "entry")["config.json"]["content"])


def test_page_is_told_of_the_api_and_of_no_sign_in_it_cannot_offer(systems: dict[str, Plan]) -> None:
    dashboards = "https://us-west-2.console.aws.amazon.com/cloudwatch/home?region=us-west-2#dashboards/dashboard"
    dashboard = f"{dashboards}/shop-test-us-west-2"
    told = {"api": "/api", "dashboard": dashboard, "environment": "test", "jwt": None, "name": "shop", "sign_in": None}
    assert config_of(systems["with_website_at_names"]) == told
    client = {
        "audience": "https://memos.example.com",
        "client_id": "console",
        "issuer": "https://auth.example.com/realms/shop",
        "scopes": ["memos:read"],
    }
    assert config_of(systems["with_website_of_existing_pool"]) == {**told, "jwt": client}
    assert objects(systems["with_website"], "entry")["config.json"]["content"] == UNKNOWN, "the client's id"


# --- Sign-in ---


def test_users_sign_in_at_a_domain_of_their_own_and_come_back(website: Plan) -> None:
    assert website.outputs["sign_in_url"] == DOMAIN
    client = website.one("aws_cognito_user_pool_client")
    assert client["allowed_oauth_flows"] == ["code"]
    assert sorted(client["allowed_oauth_scopes"]) == ["email", "openid", "profile", "shop-test/report"]
    assert client["callback_urls"] == client["logout_urls"] == [UNKNOWN], "CloudFront's own name"


def test_a_pool_that_is_there_already_is_left_alone(systems: dict[str, Plan]) -> None:
    kinds = {kind for kind in systems["with_website_of_existing_pool"].counts if "cognito" in kind}
    assert kinds == set()


def test_document_tells_of_the_code_that_the_console_gets(website: Plan) -> None:
    bodies: list[Any] = [
        values.get("response_templates") for values in website.all("aws_api_gateway_integration_response").values()
    ]
    (document,) = (
        json.loads(b["application/json"]) for b in bodies if b and "openapi" in b.get("application/json", "")
    )
    flows = json.dumps(document["components"]["securitySchemes"])
    assert f"{DOMAIN}/oauth2/authorize" in flows
