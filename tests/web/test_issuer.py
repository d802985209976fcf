"""Test sign-in with PKCE at `jwt`'s issuer, here the laptop's, besides the user pool."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.local.api import POOL, Api
from tests.local.users import decode_token
from tests.web.browser import Open, go_to, settle
from tests.web.conftest import Console
from tests.web.test_session import keep_tokens, sign_out, spoil_signature, stored_tokens

PENDING = "trestle.pending"
NEEDS_SIGN_IN = "Sign in to see this"


@pytest.fixture(scope="module")
def issuer(console: Console) -> str:
    """The URL of the laptop's issuer."""
    stack = console.local.system
    return stack.issuer(stack.running()).url


@pytest.fixture
def label(issuer: str) -> str:
    """The label of the button that leads to the issuer."""
    return f"Sign in with {urlsplit(issuer).netloc}"


def sign_in(page: Page, label: str, user: str, *groups: str) -> None:
    """Press the button in the view, and submit the issuer's page."""
    page.get_by_role("main").get_by_role("button", name=label).click()
    page.get_by_role("textbox", name="Name", exact=True).fill(user)
    page.get_by_role("textbox", name="Groups").fill("\n".join(groups))
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.fixture
def signed_in_page(visit: Open, label: str) -> Page:
    page = visit("#/memos")
    sign_in(page, label, "erin", "writers")
    expect(page.get_by_role("navigation").get_by_text("erin")).to_be_visible()
    settle(page)
    return page


def test_sign_in_and_sign_out_at_the_issuer(visit: Open, console: Console, issuer: str, label: str) -> None:
    page = visit("#/memos")
    expect(page.get_by_role("heading", name=NEEDS_SIGN_IN)).to_be_visible()
    # Users of the pool are other users, whom this view does not show.
    expect(page.get_by_role("main").get_by_role("button", name="Sign in")).to_have_text([label])
    page.get_by_role("main").get_by_role("button", name=label).click()
    page.get_by_role("textbox", name="Name", exact=True).wait_for()
    asked = {name: value for name, (value,) in parse_qs(urlsplit(page.url).query).items()}
    assert page.url.startswith(f"{issuer}/authorize?")
    assert (asked["code_challenge_method"], asked["client_id"]) == ("S256", "console")
    assert asked["scope"].split() == ["openid", "profile", "email", "offline_access", "memos:write"]
    assert asked["audience"] == "https://memos.example.com"
    page.get_by_role("textbox", name="Name", exact=True).fill("dana")
    with page.expect_request(re.compile("/issuer/token")) as traded:
        page.get_by_role("button", name="Sign in", exact=True).click()
    assert "code_verifier=" in (traded.value.post_data or "")
    expect(page.get_by_role("navigation").get_by_text("dana")).to_be_visible()
    # Back at the same view, with no secret in the address.
    expect(page).to_have_url(f"{console.url}/#/memos")
    settle(page)

    tokens = stored_tokens(page)
    memos = Api(f"{console.outputs['api_url']}/memos", None).as_bearer(tokens["access"])
    memos.create({"title": "Dear issuer"})
    page.reload()
    expect(page.get_by_text("Dear issuer")).to_be_visible()
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    # Her tokens give no access to entities for the user pool.
    go_to(page, "#/notes")
    expect(page.get_by_role("heading", name=NEEDS_SIGN_IN)).to_be_visible()
    buttons = page.get_by_role("main").get_by_role("button", name="Sign in")
    expect(buttons).to_have_text(["Sign in with the user pool"])

    with page.expect_request(re.compile("/issuer/logout")) as left:
        sign_out(page)
    assert f"id_token_hint={tokens['identity']}" in left.value.url
    expect(page.get_by_role("navigation").get_by_role("button", name=label)).to_be_visible()
    assert stored_tokens(page) is None
    form = {"grant_type": "refresh_token", "client_id": "console", "refresh_token": tokens["refresh"]}
    assert POOL.request_encode_body("POST", f"{issuer}/token", form, encode_multipart=False).status == 400, "revoked"


def test_a_reload_renews_an_expired_token(signed_in_page: Page) -> None:
    page, before = signed_in_page, stored_tokens(signed_in_page)
    keep_tokens(page, access=spoil_signature(before["access"]))
    with page.expect_response(re.compile("/issuer/token")) as renewed:
        page.reload()
    assert "grant_type=refresh_token" in (renewed.value.request.post_data or "")
    settle(page)
    expect(page.get_by_role("heading", name="No memos yet").or_(page.get_by_role("table"))).to_be_visible()
    after = stored_tokens(page)
    assert decode_token(after["access"])[1]["groups"] == ["writers"]
    assert after["refresh"] != before["refresh"]


@pytest.mark.slow
def test_an_ended_session_signs_in_again_at_the_same_issuer(signed_in_page: Page, issuer: str) -> None:
    page = signed_in_page
    keep_tokens(page, access=spoil_signature(stored_tokens(page)["access"]), refresh="spent")
    page.reload()
    page.get_by_role("button", name="Sign in again").click()
    page.get_by_role("button", name=re.compile("^erin")).click()  # the issuer's page remembers her and her groups
    expect(page.get_by_role("navigation").get_by_text("erin")).to_be_visible()
    assert decode_token(stored_tokens(page)["access"])[1]["iss"] == issuer
    assert decode_token(stored_tokens(page)["access"])[1]["groups"] == ["writers"]


def test_another_issuers_code_is_ignored(visit: Open, console: Console, label: str) -> None:
    page = visit("#/memos")
    page.get_by_role("main").get_by_role("button", name=label).click()
    page.get_by_role("textbox", name="Name", exact=True).wait_for()
    state = parse_qs(urlsplit(page.url).query)["state"][0]
    go_to(page, f"?code=x&state={state}&iss=https://attacker.example")
    expect(page.get_by_text("Another issuer answered this sign-in")).to_be_visible()
    assert stored_tokens(page) is None
    assert "attacker" not in page.url


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://attacker.example"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
    ],
)
def test_another_issuers_discovery_document_is_refused(visit: Open, label: str, said: dict[str, Any]) -> None:
    page = visit("#/memos")

    def change(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), **said})

    page.route("**/openid-configuration", change)
    page.get_by_role("main").get_by_role("button", name=label).click()
    expect(page.get_by_text("The sign-in settings of")).to_be_visible()
    assert page.evaluate(f"sessionStorage.getItem('{PENDING}')") is None


@pytest.mark.slow
def test_an_issuer_that_does_not_respond_is_retried(visit: Open, issuer: str, label: str) -> None:
    page = visit("#/memos")
    page.route("**/openid-configuration", lambda route: route.abort())
    page.get_by_role("main").get_by_role("button", name=label).click()
    expect(page.get_by_text("The sign-in settings of")).to_be_visible()
    page.unroute("**/openid-configuration")
    page.get_by_role("status").get_by_role("button", name="Sign in").click()
    page.get_by_role("textbox", name="Name", exact=True).wait_for()
    assert page.url.startswith(issuer)


@pytest.mark.slow
def test_an_opaque_token_is_reported(visit: Open, label: str) -> None:
    page = visit("#/memos")

    def make_opaque(route: Route) -> None:
        if route.request.method == "POST":
            route.fulfill(json={**route.fetch().json(), "access_token": "opaque"})
        else:
            route.continue_()

    page.route("**/issuer/token", make_opaque)
    sign_in(page, label, "dana")
    expect(page.get_by_text("Its audience must be https://memos.example.com")).to_be_visible()
    assert stored_tokens(page) is None


def test_without_a_client_the_page_accepts_a_token(visit: Open, console: Console) -> None:
    page = visit("#/docs")

    def change(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "jwt": None, "sign_in": None})

    page.route("**/config.json", change)
    page.reload()
    go_to(page, "#/memos")
    expect(page.get_by_role("heading", name="This requires an access token")).to_be_visible()
    done = console.local("token", "--user", "finn", "--issuer", "jwt")
    assert (done.returncode, done.stderr) == (0, "")
    page.get_by_role("main").get_by_label("Access token").fill(done.stdout)
    page.get_by_role("button", name="Use this token").click()
    expect(page.get_by_role("heading", name="No memos yet").or_(page.get_by_role("table"))).to_be_visible()
    expect(page.get_by_role("navigation").get_by_text("finn")).to_be_visible()


@pytest.mark.slow
def test_the_button_of_a_single_issuer_has_no_name(visit: Open) -> None:
    page = visit("#/docs")
    told: list[Any] = []

    def change(route: Route) -> None:
        told.append(route.fetch().json())
        route.fulfill(json={**told[-1], "sign_in": None})

    page.route("**/config.json", change)
    page.reload()
    settle(page)
    expect(page.get_by_role("navigation").get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    assert json.dumps(told[-1]["jwt"]["client_id"]) == '"console"'


def test_the_support_team_signs_in_and_sees_whose_items_they_are(
    signed_in_page: Page, label: str, console: Console
) -> None:
    page = signed_in_page
    memos = Api(f"{console.outputs['api_url']}/memos", None).as_bearer(stored_tokens(page)["access"])
    memos.create({"title": "Mine"})
    page.reload()
    expect(page.get_by_text("Mine", exact=True).first).to_be_visible()
    expect(page.get_by_role("columnheader", name="Owner")).to_have_count(0)
    sign_out(page)
    go_to(page, "#/memos")
    sign_in(page, label, "sue", "support")
    row = page.get_by_role("row").filter(has_text="Mine").first
    expect(row.get_by_role("cell", name="erin")).to_be_visible()
    page.get_by_label("Owner is exactly").fill("nobody")
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    page.get_by_label("Owner is exactly").fill("erin")
    expect(row).to_be_visible()
