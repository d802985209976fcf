"""Who calls: an API key, kept for the session alone, and users who sign in with PKCE."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.local.api import Api
from tests.local.people import PASSWORD
from tests.web.browser import Open, enter_key
from tests.web.conftest import Console

TOKENS = "trestle.tokens"


# --- API keys ---


def test_a_key_is_asked_for_and_kept_for_the_session_alone(visit: Open, console: Console) -> None:
    customers = console.empty("customers")
    customers.make({"firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com"})
    page = visit("#/customers")
    expect(page.get_by_role("heading", name="This needs an API key")).to_be_visible()

    page.get_by_label("API key", exact=True).fill("wrong-wrong-wrong-wrong")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("heading", name="The API key is not accepted")).to_be_visible()
    page.get_by_label("API key", exact=True).fill(f" {console.key}\n")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("cell", name="Lovelace", exact=True)).to_be_visible()

    page.reload()
    expect(page.get_by_role("cell", name="Lovelace", exact=True)).to_be_visible()
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("heading", name="This needs an API key")).to_be_visible()

    page.get_by_role("button", name="API key set").click()
    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_role("heading", name="This needs an API key")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('trestle.key')") is None


def test_a_key_goes_only_where_one_is_asked_for(visit: Open, console: Console) -> None:
    page = visit("#/customers")
    enter_key(page, console.key)
    with page.expect_request(re.compile("/api/todos")) as asked:
        page.get_by_role("link", name="Todos").click()
    assert "x-api-key" not in asked.value.all_headers()


def test_text_that_no_header_holds_is_no_key(visit: Open) -> None:
    page = visit("#/docs")
    enter_key(page, "ключ")
    expect(page.get_by_role("dialog")).to_contain_text("letters, digits")
    assert page.evaluate("sessionStorage.getItem('trestle.key')") is None


# --- users ---


@pytest.fixture(scope="module")
def ada(console: Console) -> str:
    """A user who can sign in with PASSWORD."""
    cognito, pool = console.local.client("cognito-idp"), console.outputs["user_pool_id"]
    name = f"ada-{secrets.token_hex(4)}"
    cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
    return name


def sign_in(page: Page, user: str) -> None:
    """Fill in the user pool's own page."""
    page.locator("[name=username]").fill(user)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")


def tokens(page: Page) -> Any:
    return json.loads(page.evaluate(f"sessionStorage.getItem('{TOKENS}')") or "null")


def test_sign_in_and_sign_out(visit: Open, console: Console, ada: str) -> None:
    page = visit("#/notes")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.locator("[name=username]").wait_for()
    assert "code_challenge_method=S256" in page.url
    with page.expect_request(re.compile("/oauth2/token")) as traded:
        sign_in(page, ada)
    assert "code_verifier=" in (traded.value.post_data or "")
    expect(page.get_by_role("navigation").get_by_text(ada)).to_be_visible()
    # Back where the user was, and with nothing in the address to copy.
    assert page.url == f"{console.url}/#/notes"
    expect(page.get_by_role("heading", name="Sign in to see this")).to_have_count(0)

    # Hers alone: made with her token, and seen with it.
    notes = Api(f"{console.outputs['api_url']}/notes", None).as_bearer(tokens(page)["access"])
    notes.make({"title": "Dear diary"})
    page.reload()
    expect(page.get_by_role("cell", name="Dear diary", exact=True)).to_be_visible()
    assert page.evaluate("localStorage.length") == 0

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("navigation").get_by_role("button", name="Sign in")).to_be_visible()
    page.goto("/#/notes")
    expect(page.get_by_role("heading", name="Sign in to see this")).to_be_visible()
    assert tokens(page) is None
    assert page.evaluate("sessionStorage.getItem('trestle.tokens')") is None


@pytest.fixture
def signed_in(visit: Open, ada: str) -> Page:
    page = visit("#/notes")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    sign_in(page, ada)
    expect(page.get_by_role("navigation").get_by_text(ada)).to_be_visible()
    return page


def test_an_access_token_that_runs_out_is_renewed_unseen(signed_in: Page) -> None:
    page = signed_in
    held = tokens(page)
    page.evaluate(
        "([name, tokens]) => sessionStorage.setItem(name, JSON.stringify(tokens))",
        [TOKENS, {**held, "access": spoilt(held["access"])}],
    )
    with page.expect_response(lambda response: "/oauth2/token" in response.url) as renewed:
        page.reload()
    assert renewed.value.request.post_data
    assert "grant_type=refresh_token" in renewed.value.request.post_data
    expect(page.get_by_role("heading", name="No notes yet").or_(page.get_by_role("table"))).to_be_visible()
    expect(page.get_by_text("Your session has ended")).to_have_count(0)


def test_a_session_that_ends_keeps_what_was_typed(signed_in: Page, ada: str) -> None:
    page = signed_in
    held = tokens(page)
    spoilt_ones = {**held, "access": spoilt(held["access"]), "refresh": "spent"}
    page.evaluate(
        "([name, tokens]) => sessionStorage.setItem(name, JSON.stringify(tokens))", [TOKENS, spoilt_ones]
    )
    page.goto("/#/notes/+new")
    page.reload()
    page.get_by_label("Title").fill("Half a thought")
    page.get_by_role("button", name=re.compile("^(Create|Save)")).click()
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Half a thought")

    page.get_by_role("button", name="Sign in again").click()
    sign_in(page, ada)
    expect(page.get_by_label("Title")).to_have_value("Half a thought")
    page.get_by_role("button", name=re.compile("^(Create|Save)")).click()
    expect(page.get_by_role("status").get_by_text(re.compile("Created|Saved"))).to_be_visible()


def test_a_code_that_somebody_else_sent_is_left_aside(visit: Open) -> None:
    page = visit("?code=stolen&state=theirs#/notes")
    expect(page.get_by_role("status")).to_contain_text("This sign-in was not begun in this tab")
    assert "code=" not in page.url
    assert tokens(page) is None


def test_a_sign_in_that_the_pool_refuses_says_why(visit: Open) -> None:
    page = visit("#/notes")
    pending = {"state": "s", "verifier": "v", "hash": "#/notes"}
    page.evaluate("(text) => sessionStorage.setItem('trestle.pending', text)", json.dumps(pending))
    page.goto("/?error=access_denied&error_description=Not%20you&state=s")
    expect(page.get_by_role("status")).to_contain_text("The sign-in failed: Not you.")
    assert page.url.endswith("/#/notes")


def spoilt(token: str) -> str:
    """Return a token as good as one that has run out: its signature is wrong."""
    return token[:-10] + token[-10:][::-1]
