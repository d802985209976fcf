"""Test callers: an API key, stored only for the session, and users who sign in with PKCE."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Page, Request, Route, expect

from tests.local.api import Api
from tests.local.users import PASSWORD
from tests.web.browser import Open, enter_key, go_to, open_entity, settle, wait_until
from tests.web.conftest import Console
from tools.laptop.sign_in import sign_in as pool_sign_in

TOKENS = "trestle.tokens"

# test_issuer.py covers the other issuer.
POOL_SIGN_IN = "Sign in with the user pool"


# --- API keys ---


def test_a_key_is_requested_and_stored_only_for_the_session(visit: Open, console: Console) -> None:
    customers = console.empty_collection("customers")
    customers.create({"firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com"})
    page = visit("#/customers")
    expect(page.get_by_role("heading", name="This requires an API key")).to_be_visible()
    # Actions that the API would refuse are not offered.
    expect(page.get_by_role("link", name="New")).to_have_count(0)
    go_to(page, "#/customers/+new")
    expect(page.get_by_role("heading", name="This requires an API key")).to_be_visible()
    expect(page.get_by_label("First name")).to_have_count(0)
    go_to(page, "#/customers")

    page.get_by_label("API key", exact=True).fill("wrong-wrong-wrong-wrong")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("heading", name="The API key is not accepted")).to_be_visible()
    page.get_by_label("API key", exact=True).fill(f" {console.key}\n")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("cell", name="Lovelace", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="New")).to_be_visible()

    page.reload()
    expect(page.get_by_role("cell", name="Lovelace", exact=True)).to_be_visible()
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("heading", name="This requires an API key")).to_be_visible()

    page.get_by_role("button", name="API key set").click()
    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_role("heading", name="This requires an API key")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('trestle.key')") is None


def test_a_key_is_sent_only_where_required(visit: Open, console: Console) -> None:
    page = visit("#/customers")
    enter_key(page, console.key)
    with page.expect_request(re.compile("/api/todos")) as asked:
        open_entity(page, "Todos")
    assert "x-api-key" not in asked.value.all_headers()


def test_text_impossible_in_a_header_is_refused_as_a_key(visit: Open) -> None:
    page = visit("#/docs")
    enter_key(page, "ключ")
    expect(page.get_by_role("dialog")).to_contain_text("only ASCII characters")
    assert page.evaluate("sessionStorage.getItem('trestle.key')") is None


# --- users ---


@pytest.fixture(scope="module")
def ada(console: Console) -> str:
    """A user who can sign in with PASSWORD."""
    return create_user(console, "ada")


@pytest.fixture(scope="module")
def bob(console: Console) -> str:
    """Another user."""
    return create_user(console, "bob")


def create_user(console: Console, name: str) -> str:
    cognito, pool = console.local.client("cognito-idp"), console.outputs["user_pool_id"]
    name = f"{name}-{secrets.token_hex(4)}"
    cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
    return name


def sign_in(page: Page, user: str) -> None:
    """Submit the user pool's page."""
    page.locator("[name=username]").fill(user)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")


def stored_tokens(page: Page) -> Any:
    return json.loads(page.evaluate(f"sessionStorage.getItem('{TOKENS}')") or "null")


def keep_tokens(page: Page, **changed: str) -> None:
    """Replace the tokens that the page finds when it is reloaded."""
    page.evaluate(
        "([name, tokens]) => sessionStorage.setItem(name, JSON.stringify(tokens))",
        [TOKENS, stored_tokens(page) | changed],
    )


def record_requests(page: Page, path: str) -> list[str]:
    """Return a list to which each later request for a path is added."""
    sent: list[str] = []

    def sees(request: Request) -> None:
        if path in request.url:
            sent.append(request.method)

    page.on("request", sees)
    return sent


def sign_out(page: Page) -> None:
    """Sign out, and wait until the user pool's page has sent the browser back."""
    with page.expect_event("load"):
        page.get_by_role("button", name="Sign out").click()
    settle(page)


def reload_with_document(page: Page, change: Callable[[Any], None]) -> None:
    """Reload the page with a changed OpenAPI document."""

    def changed(route: Route) -> None:
        document = route.fetch().json()
        change(document)
        route.fulfill(json=document)

    page.route("**/api/openapi.json", changed)
    page.reload()
    settle(page)


def test_sign_in_and_sign_out(visit: Open, console: Console, ada: str) -> None:
    page = visit("#/notes")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.locator("[name=username]").wait_for()
    # The page shows where a user without a password gets one.
    expect(page.get_by_text("python local.py token --user NAME")).to_be_visible()
    expect(page.get_by_text(str(console.local.system.users))).to_be_visible()
    assert "code_challenge_method=S256" in page.url
    with page.expect_request(re.compile("/oauth2/token")) as traded:
        sign_in(page, ada)
    assert "code_verifier=" in (traded.value.post_data or "")
    expect(page.get_by_role("navigation").get_by_text(ada)).to_be_visible()
    # Back at the same view, with no secret in the address.
    expect(page).to_have_url(f"{console.url}/#/notes")
    settle(page)
    expect(page.get_by_role("heading", name="Sign in to see this")).to_have_count(0)

    # Only hers: created and read with her token.
    notes = Api(f"{console.outputs['api_url']}/notes", None).as_bearer(stored_tokens(page)["access"])
    notes.create({"title": "Dear diary"})
    page.reload()
    expect(page.get_by_role("cell", name="Dear diary", exact=True)).to_be_visible()
    assert page.evaluate("localStorage.length") == 0

    sign_out(page)
    expect(page.get_by_role("navigation").get_by_role("button", name=POOL_SIGN_IN)).to_be_visible()
    go_to(page, "#/notes")
    expect(page.get_by_role("heading", name="Sign in to see this")).to_be_visible()
    assert stored_tokens(page) is None
    assert page.evaluate("sessionStorage.getItem('trestle.tokens')") is None


@pytest.fixture
def signed_in_page(visit: Open, ada: str) -> Page:
    page = visit("#/notes")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    sign_in(page, ada)
    expect(page.get_by_role("navigation").get_by_text(ada)).to_be_visible()
    # Wait for the notes, since tests look only at later requests.
    settle(page)
    expect(page.get_by_role("heading", name="No notes yet").or_(page.get_by_role("table"))).to_be_visible()
    return page


def test_an_expired_access_token_is_renewed_silently(signed_in_page: Page) -> None:
    page = signed_in_page
    keep_tokens(page, access=spoil_signature(stored_tokens(page)["access"]))
    with page.expect_response(lambda response: "/oauth2/token" in response.url) as renewed:
        page.reload()
    assert renewed.value.request.post_data
    assert "grant_type=refresh_token" in renewed.value.request.post_data
    settle(page)
    expect(page.get_by_role("heading", name="No notes yet").or_(page.get_by_role("table"))).to_be_visible()
    expect(page.get_by_text("Your session has ended")).to_have_count(0)


def test_an_ended_session_keeps_typed_input(signed_in_page: Page, ada: str) -> None:
    page = signed_in_page
    keep_tokens(page, access=spoil_signature(stored_tokens(page)["access"]), refresh="spent")
    go_to(page, "#/notes/+new")
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


@pytest.mark.parametrize("path", ["#/notes", "#/notes/any"])
def test_an_ended_session_sends_no_more_requests(signed_in_page: Page, path: str) -> None:
    page = signed_in_page
    go_to(page, path)
    if path.endswith("any"):
        expect(page.get_by_role("heading", name="There is no such item")).to_be_visible()
    keep_tokens(page, access=spoil_signature(stored_tokens(page)["access"]), refresh="spent")
    asked, renewed = record_requests(page, "/api/notes"), record_requests(page, "/oauth2/token")
    page.reload()
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    settle(page)
    assert (asked, renewed) == (["GET"], ["POST"])
    open_entity(page, "Orders")
    open_entity(page, "Notes")
    expect(page.get_by_role("heading", name="Sign in to see this")).to_be_visible()
    assert (asked, renewed) == (["GET"], ["POST"])


def test_a_refused_new_token_is_not_renewed_again(signed_in_page: Page) -> None:
    page = signed_in_page
    # The page treats a token as new for a while, and that time does not pass here.
    page.add_init_script("Date.now = ((now) => () => now)(Date.now())")
    page.route("**/api/notes?*", lambda route: route.fulfill(status=401, json={"message": "Unauthorized"}))
    asked, renewed = record_requests(page, "/api/notes"), record_requests(page, "/oauth2/token")
    page.reload()
    expect(page.get_by_role("heading", name="Your sign-in is not accepted")).to_be_visible()
    settle(page)
    assert (asked, renewed) == (["GET", "GET"], ["POST"])
    page.get_by_role("button", name="Reload").click()
    settle(page)
    assert (asked, renewed) == (["GET", "GET", "GET"], ["POST"])


def test_the_next_user_finds_no_typed_input(signed_in_page: Page, bob: str) -> None:
    page = signed_in_page
    go_to(page, "#/notes/+new")
    page.get_by_label("Title").fill("Ada's own business")
    sign_out(page)
    expect(page.get_by_role("navigation").get_by_role("button", name=POOL_SIGN_IN)).to_be_visible()
    assert page.evaluate("Object.keys(sessionStorage)") == []

    go_to(page, "#/notes")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    sign_in(page, bob)
    expect(page.get_by_role("navigation").get_by_text(bob)).to_be_visible()
    go_to(page, "#/notes/+new")
    expect(page.get_by_label("Title")).to_have_value("")


def test_going_back_shows_nothing_of_an_earlier_user(signed_in_page: Page) -> None:
    page = signed_in_page
    go_to(page, "#/notes/+new")
    page.get_by_label("Title").fill("Ada's own business")
    # Simulates the back-forward cache: the page is left, and continues later.
    page.route("**/logout?*", lambda route: route.fulfill(status=204))
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("navigation").get_by_role("button", name=POOL_SIGN_IN)).to_be_visible()
    with page.expect_event("load"):
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    settle(page)
    expect(page.get_by_role("heading", name="Sign in to see this")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_count(0)
    assert page.evaluate("Object.keys(sessionStorage)") == []


def test_a_token_that_arrives_after_sign_out_is_not_stored(signed_in_page: Page) -> None:
    page = signed_in_page
    keep_tokens(page, access=spoil_signature(stored_tokens(page)["access"]))
    held: list[tuple[Route, APIResponse]] = []
    page.route("**/oauth2/token", lambda route: held.append((route, route.fetch())))
    page.route("**/logout?*", lambda route: route.fulfill(status=204))
    with page.expect_request("**/oauth2/token"):
        page.reload()
    wait_until(page, lambda: bool(held))
    page.get_by_role("button", name="Sign out").click()
    [(route, answer)] = held
    with page.expect_response("**/oauth2/token"):
        route.fulfill(response=answer)
    settle(page)
    assert stored_tokens(page) is None


def test_another_user_finds_no_draft_of_a_session_that_ended(signed_in_page: Page, bob: str) -> None:
    page = signed_in_page
    keep_tokens(page, access=spoil_signature(stored_tokens(page)["access"]), refresh="spent")
    go_to(page, "#/notes/+new")
    page.reload()
    page.get_by_label("Title").fill("Ada's own business")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="Sign in again").click()
    sign_in(page, bob)
    expect(page.get_by_role("navigation").get_by_text(bob)).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("")


def test_signing_out_sends_pending_deletions(signed_in_page: Page, console: Console) -> None:
    page = signed_in_page
    notes = Api(f"{console.outputs['api_url']}/notes", None).as_bearer(stored_tokens(page)["access"])
    made = notes.create({"title": "Farewell"}).json
    page.reload()
    page.get_by_role("button", name="Delete Farewell").click()
    with page.expect_request(re.compile(f"/api/notes/{made['id']}$")):
        page.get_by_role("button", name="Sign out").click()
    # The page does not wait for the response.
    wait_until(page, lambda: notes("GET", f"/{made['id']}").status == 404)


def test_users_of_an_existing_pool_paste_their_tokens(visit: Open, console: Console, ada: str) -> None:
    page = visit("#/notes")
    page.route(
        "**/config.json", lambda route: route.fulfill(json=route.fetch().json() | {"jwt": None, "sign_in": None})
    )
    page.reload()
    expect(page.get_by_role("heading", name="This requires an access token")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in")).to_have_count(0)

    form = page.get_by_role("main")
    form.get_by_label("Access token").fill("a.b.c")
    form.get_by_role("button", name="Use this token").click()
    expect(form.get_by_text("An access token has three parts")).to_be_visible()
    cognito, app = console.local.client("cognito-idp"), console.outputs["user_pool_client_id"]
    pool = console.outputs["user_pool_id"]
    token = pool_sign_in(cognito, pool, app, ada, PASSWORD)["AccessToken"]
    form.get_by_label("Access token").fill(f" {token}\n")
    form.get_by_role("button", name="Use this token").click()
    expect(page.get_by_role("navigation").get_by_text(ada)).to_be_visible()
    expect(page.get_by_role("heading", name="No notes yet").or_(page.get_by_role("table"))).to_be_visible()

    sign_out(page)
    expect(page.get_by_role("heading", name="This requires an access token")).to_be_visible()
    assert page.evaluate("Object.keys(sessionStorage)") == []


# --- calls that cannot succeed are not sent ---


def test_without_a_key_or_a_user_no_request_is_sent(visit: Open) -> None:
    page = visit("#/docs")
    asked = [record_requests(page, "/api/customers"), record_requests(page, "/api/notes")]
    open_entity(page, "Customers")
    expect(page.get_by_role("heading", name="This requires an API key")).to_be_visible()
    open_entity(page, "Notes")
    expect(page.get_by_role("heading", name="Sign in to see this")).to_be_visible()
    go_to(page, "#/docs/listNotes")
    form = page.get_by_role("form", name="Try")
    expect(form.get_by_text("Sign in first.")).to_be_visible()
    expect(form.get_by_role("button", name="Send")).to_be_disabled()
    assert asked == [[], []]


def test_the_missing_scope_is_reported(signed_in_page: Page) -> None:
    page = signed_in_page
    asked = record_requests(page, "/api/notes")

    def scoped(document: Any) -> None:
        document["paths"]["/notes"]["get"]["security"] = [{"cognito": ["console-test/write"]}]

    reload_with_document(page, scoped)
    expect(page.get_by_role("heading", name="Your account has no access")).to_be_visible()
    expect(page.get_by_text("the scope console-test/write, which your sign-in does not have")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in")).to_have_count(0)
    assert asked == []


def test_entities_for_signed_requests_are_explained_and_not_offered(visit: Open) -> None:
    page = visit("#/orders")
    expect(page.get_by_role("heading", name="No orders yet").or_(page.get_by_role("table"))).to_be_visible()
    expect(page.get_by_role("link", name="New")).to_be_visible()
    asked = record_requests(page, "/api/orders")

    def signed(document: Any) -> None:
        for path in ("/orders", "/orders/{id}"):
            for method in document["paths"][path].keys() - {"parameters"}:
                document["paths"][path][method]["security"] = [{"iam": []}]

    reload_with_document(page, signed)
    expect(page.get_by_role("heading", name="This requires an AWS signature")).to_be_visible()
    expect(page.get_by_role("link", name="New")).to_have_count(0)
    expect(page.get_by_role("button", name="Copy as curl")).to_have_count(0)
    go_to(page, "#/orders/any")
    expect(page.get_by_role("heading", name="This requires an AWS signature")).to_be_visible()
    assert asked == []


# --- failed sign-ins ---


def test_a_code_from_somebody_else_is_ignored(visit: Open) -> None:
    page = visit("?code=stolen&state=theirs#/notes")
    status = page.get_by_role("status")
    expect(status).to_contain_text("This sign-in was not started in this tab")
    expect(status.get_by_role("button", name="Sign in")).to_be_visible()
    assert "code=" not in page.url
    assert stored_tokens(page) is None


def test_a_refused_sign_in_shows_the_reason(visit: Open) -> None:
    page = visit("#/notes")
    pending = {"state": "s", "verifier": "v", "scheme": "cognito", "hash": "#/notes"}
    page.evaluate("(text) => sessionStorage.setItem('trestle.pending', text)", json.dumps(pending))
    page.goto("/?error=access_denied&error_description=Not%20you&state=s")
    expect(page.get_by_role("status").filter(has_text="The sign-in failed: Not you.")).to_be_visible()
    assert page.url.endswith("/#/notes")


def spoil_signature(token: str) -> str:
    """Return a token with a wrong signature, which the gateway refuses like an expired one."""
    return token[:-10] + token[-10:][::-1]
