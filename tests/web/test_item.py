"""Test one item: created, changed and deleted in a form generated from the schema, or as JSON."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.local.api import Api
from tests.web.browser import Open, PageWatch, copy_curl, go_to, hold_requests, settle, wait_until
from tests.web.conftest import Console

PARCEL: dict[str, Any] = {
    "properties": {
        "label": {"type": "string", "minLength": 1, "maxLength": 60},
        "status": {"type": "string", "enum": ["packed", "sent", "lost"]},
        "due": {"type": "string", "format": "date"},
        "collectedAt": {"type": "string", "format": "date-time"},
        "weight": {"type": "number", "minimum": 0, "description": "In kilograms."},
        "pieces": {"type": "integer", "minimum": 1, "maximum": 99},
        "fragile": {"type": "boolean"},
        "address": {
            "type": "object",
            "properties": {"street": {"type": "string", "minLength": 1}, "city": {"type": "string"}},
            "required": ["street"],
        },
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 5, "uniqueItems": True},
    },
    "required": ["label"],
}


def click_save(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^(Create|Save)$")).click()


def expect_saved(page: Page) -> None:
    settle(page)  # the note of an earlier save may still be shown
    expect(page.get_by_role("status").get_by_text(re.compile("^(Created|Saved) “.+”$")).last).to_be_visible()


@pytest.fixture
def customers(console: Console) -> Api:
    return console.empty_collection("customers")


def test_a_field_of_each_kind(visit: Open, parcels: Api) -> None:
    page = visit("#/parcels/+new", schema=PARCEL, timezone_id="Asia/Kolkata")
    page.get_by_label("Label").fill("Books")
    page.get_by_label("Status").select_option("sent")
    page.get_by_label("Due").fill("2026-02-28")
    page.get_by_label("Collected at").fill("2026-01-31T12:00")
    page.get_by_label("Weight").fill("0.1234567890123456789012345678901234567")
    page.get_by_label("Pieces").fill("12")
    page.get_by_label("Fragile").select_option("No")
    address = page.get_by_role("group", name="Address")
    address.get_by_role("button", name="Add", exact=True).click()
    address.get_by_label("Street").fill("1 High Street")
    tags = page.get_by_role("group", name="Tags")
    for place, tag in enumerate(("old", "heavy")):
        tags.get_by_role("button", name="Add", exact=True).click()
        tags.get_by_role("textbox").nth(place).fill(tag)
    click_save(page)
    expect_saved(page)
    (stored,) = parcels("GET").json["items"]
    assert stored == {name: stored[name] for name in ("id", "createdAt", "updatedAt", "version")} | {
        "label": "Books",
        "status": "sent",
        "due": "2026-02-28",
        "collectedAt": "2026-01-31T06:30:00.000Z",
        "weight": 0.1234567890123456789,
        "pieces": 12,
        "fragile": False,
        "address": {"street": "1 High Street"},
        "tags": ["old", "heavy"],
    }
    # Every digit is kept, not only those of a JavaScript number.
    assert b"0.1234567890123456789012345678901234567" in parcels("GET").content

    # The item is the same after a reload, and a save sends only changed properties.
    page.reload()
    expect(page.get_by_label("Weight")).to_have_value("0.1234567890123456789012345678901234567")
    expect(page.get_by_label("Collected at")).to_have_value(re.compile("^2026-01-31T12:00(:00)?$"))
    expect(page.get_by_label("Street")).to_have_value("1 High Street")
    page.get_by_label("Pieces").fill("13")
    with page.expect_request(lambda request: request.method == "PATCH") as patched:
        click_save(page)
    assert patched.value.post_data_json == {"pieces": 13}
    assert patched.value.headers["if-match"]


def test_an_item_is_created_and_changed_by_keyboard(visit: Open, todos: Api) -> None:
    page = visit("#/todos/+new")
    page.get_by_label("Title").focus()
    page.keyboard.type("Buy milk")
    page.keyboard.press("Enter")
    expect_saved(page)
    expect(page.get_by_role("heading", name="Buy milk")).to_be_focused()
    page.get_by_label("Completed").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect_saved(page)
    (stored,) = todos("GET").json["items"]
    assert (stored["title"], stored["completed"]) == ("Buy milk", True)


def test_faults_are_shown_while_typing(visit: Open, parcels: Api) -> None:
    page = visit("#/parcels/+new", schema=PARCEL)
    pieces = page.get_by_label("Pieces")
    pieces.press_sequentially("100")
    expect(pieces).to_have_attribute("aria-invalid", "true")
    expect(pieces).to_have_accessible_description(re.compile("Must be at most 99"))
    pieces.fill("9")
    expect(pieces).not_to_have_attribute("aria-invalid", "true")
    pieces.fill("nine")
    pieces.blur()
    expect(pieces).to_have_accessible_description(re.compile("Enter a number"))
    # Nothing is sent while there are faults, and a link leads to the first one.
    click_save(page)
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("Label: Fill this in")
    page.get_by_role("alert").get_by_role("button", name="Label").click()
    expect(page.get_by_label("Label")).to_be_focused()
    settle(page)
    assert parcels("GET").json["items"] == []


def test_faults_from_the_api_are_shown_at_their_fields(visit: Open, customers: Api, console: Console) -> None:
    # The page was opened before the schema became stricter.
    page = visit("#/docs")
    page.evaluate("(key) => sessionStorage.setItem('trestle.key', JSON.stringify(key))", console.key)
    page.route("**/api/openapi.json", allow_any_email)
    go_to(page, "#/customers/+new")
    page.reload()
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Lovelace")
    page.get_by_label("Email").fill("ada at example")
    click_save(page)
    email = page.get_by_label("Email")
    expect(email).to_have_attribute("aria-invalid", "true")
    expect(email).to_have_accessible_description(re.compile("Enter an email address"))
    email.fill("ada@example.com")
    click_save(page)
    expect_saved(page)
    assert [item["email"] for item in customers("GET").json["items"]] == ["ada@example.com"]


def allow_any_email(route: Any) -> None:
    document = route.fetch().json()
    del document["components"]["schemas"]["CustomersBody"]["properties"]["email"]["format"]
    route.fulfill(json=document)


def test_a_lost_update_is_shown_and_merged(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk", "description": "One pint"}).json
    page = visit(f"#/todos/{made['id']}")
    page.get_by_label("Title").fill("Buy oat milk")
    page.get_by_label("Description").fill("Two pints")
    theirs = {"title": "Buy cheese", "completed": True}
    todos("PATCH", f"/{made['id']}", theirs)
    click_save(page)
    dialog = page.get_by_role("dialog", name="Someone else has changed this")
    expect(dialog).to_contain_text("Buy oat milk")
    expect(dialog).to_contain_text("Buy cheese")
    # Changes merged without a conflict are shown, too, with the earlier value.
    expect(dialog).to_contain_text(re.compile(r"Their other changes.*Completed.*No.*Yes", re.DOTALL))
    expect(dialog).to_contain_text(re.compile(r"Your other changes.*Description.*One pint.*Two pints", re.DOTALL))
    # Nothing has been overwritten.
    assert todos("GET", f"/{made['id']}").json["title"] == "Buy cheese"
    dialog.get_by_role("radio", name="Yours").check()
    dialog.get_by_role("button", name="Merge").click()
    expect(page.get_by_label("Completed")).to_be_checked()
    click_save(page)
    expect_saved(page)
    merged = todos("GET", f"/{made['id']}").json
    assert (merged["title"], merged["description"], merged["completed"]) == ("Buy oat milk", "Two pints", True)


def test_an_own_save_that_arrives_after_a_reload_is_not_a_conflict(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit(f"#/todos/{made['id']}")
    page.route(f"**/api/todos/{made['id']}", lambda route: route.abort(), times=1)
    page.get_by_label("Title").fill("Buy oat milk")
    with page.expect_request(lambda request: request.method == "PATCH") as sent:
        page.keyboard.press("Control+s")
    # The request arrives after the page is gone.
    page.reload()
    expect(page.get_by_label("Title")).to_have_value("Buy oat milk")
    todos("PATCH", f"/{made['id']}", sent.value.post_data_json)
    click_save(page)
    expect_saved(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert todos("GET", f"/{made['id']}").json["version"] == 2

    # Or it arrives before the page is back.
    page.get_by_label("Title").fill("Buy rice milk")
    todos("PATCH", f"/{made['id']}", {"title": "Buy rice milk"})
    page.reload()
    expect(page.get_by_label("Title")).to_have_value("Buy rice milk")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_save_with_a_lost_response_is_not_a_conflict(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit(f"#/todos/{made['id']}")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route(f"**/api/todos/{made['id']}", lose, times=1)
    page.get_by_label("Title").fill("Buy oat milk")
    click_save(page)
    expect(page.get_by_role("alert")).to_contain_text("did not respond")
    # The user typed more since then, and the next save sends only that.
    page.get_by_label("Description").fill("Two litres")
    click_save(page)
    expect_saved(page)
    stored = todos("GET", f"/{made['id']}").json
    assert (stored["title"], stored["description"], stored["version"]) == ("Buy oat milk", "Two litres", 3)


def test_a_deletion_by_others_is_reported(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit(f"#/todos/{made['id']}")
    page.get_by_label("Title").fill("Buy oat milk")
    todos("DELETE", f"/{made['id']}")
    click_save(page)
    expect(page.get_by_role("alert")).to_contain_text("was deleted while you edited it")
    expect(page.get_by_label("Title")).to_have_value("Buy oat milk")


def test_the_focus_stays_where_it_is_put_while_an_item_is_read(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit("#/docs")
    held = hold_requests(page, "**/api/todos/*")
    page.goto(f"/#/todos/{made['id']}")
    expect(page.get_by_role("heading", level=1, name="Todos")).to_be_focused()
    orders = page.get_by_role("link", name="Orders")
    orders.focus()
    wait_until(page, lambda: bool(held))
    held[0].continue_()
    expect(page.get_by_role("heading", name="Buy milk")).to_be_visible()
    settle(page)
    expect(orders).to_be_focused()


@pytest.mark.parametrize("by", ["button", "key"])
def test_a_deletion_is_undone(visit: Open, todos: Api, by: str) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit(f"#/todos/{made['id']}")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1, name="Todos")).to_be_visible()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    undo.click() if by == "button" else page.keyboard.press("u")
    expect(page.get_by_label("Buy milk", exact=True)).to_be_visible()
    settle(page)
    assert todos("GET", f"/{made['id']}").status == 200


def test_read_only_properties_are_shown_and_never_sent(visit: Open, parcels: Api) -> None:
    line = {"type": "object", "properties": {"sku": {"type": "string"}, "cost": {"type": "number", "readOnly": True}}}
    schema: dict[str, Any] = {
        "properties": {
            "label": {"type": "string"},
            "price": {"type": "number", "readOnly": True, "default": 1, "description": "As the shop has it."},
            "lines": {"type": "array", "items": line},
        },
        "required": ["label", "price"],
    }

    def sent(page: Page, method: str) -> Any:
        with page.expect_request(lambda request: request.method == method) as caught:
            click_save(page)
        expect_saved(page)
        return caught.value.post_data_json

    made = parcels.create({"label": "Books", "price": "spoilt", "lines": [{"sku": "a", "cost": 4}]}).json
    page = visit(f"#/parcels/{made['id']}", schema=schema)
    price = page.get_by_role("group", name="Price")
    expect(price).to_contain_text("spoilt")
    expect(price).to_contain_text("As the shop has it.")
    expect(price.locator("input, textarea, select")).to_have_count(0)
    expect(page.get_by_role("group", name="Lines").get_by_role("group", name="Cost")).to_contain_text("4")
    page.get_by_label("Label").fill("Maps")
    assert sent(page, "PATCH") == {"label": "Maps"}
    page.get_by_label("Sku").fill("b")
    assert sent(page, "PATCH") == {"lines": [{"sku": "b"}]}

    go_to(page, "#/parcels/+new")
    expect(page.get_by_role("group", name="Price")).to_have_count(0)
    page.get_by_role("button", name="JSON", exact=True).click()
    page.get_by_label("The item as JSON").fill('{"label": "Pens", "price": 0, "lines": [{"sku": "a", "cost": 0}]}')
    assert sent(page, "POST") == {"label": "Pens", "lines": [{"sku": "a"}]}


def test_properties_restricted_by_fields_are_not_offered(visit: Open, parcels: Api) -> None:
    hr = {"x-readable-by": "group=hr", "x-writable-by": "group=hr"}
    schema: dict[str, Any] = {
        "properties": {
            "label": {"type": "string"},
            "salary": {"type": "number", **hr},
            "grade": {"type": "string", "x-writable-by": "group=hr"},
            "pin": {"type": "string", "writeOnly": True, "x-readable-by": "nobody"},
        },
        "required": ["label"],
    }

    def sent(page: Page) -> Any:
        with page.expect_request(lambda request: request.method == "PATCH") as caught:
            click_save(page)
        expect_saved(page)
        return caught.value.post_data_json

    made = parcels.create({"label": "Ann", "grade": "a"}).json
    page = visit(f"#/parcels/{made['id']}", schema=schema)
    grade = page.get_by_role("group", name="Grade")
    expect(grade).to_contain_text("a")
    expect(grade.locator("input, textarea, select")).to_have_count(0)
    expect(page.get_by_label("Salary")).to_have_count(0)
    page.get_by_label("Label").fill("Bea")
    page.get_by_label("Pin").fill("1234")
    assert sent(page) == {"label": "Bea", "pin": "1234"}

    claims = base64.urlsafe_b64encode(json.dumps({"sub": "ann", "cognito:groups": ["hr"]}).encode()).decode()
    tokens: dict[str, Any] = {"access": f"x.{claims}.y", "scheme": None, "scopes": [], "sub": "ann", "user": "ann"}
    page.evaluate("(tokens) => sessionStorage.setItem('trestle.tokens', JSON.stringify(tokens))", tokens)
    page.reload()
    page.get_by_label("Salary").fill("5")
    page.get_by_label("Grade").fill("b")
    assert sent(page) == {"salary": 5, "grade": "b"}


def test_raw_json(visit: Open, parcels: Api) -> None:
    made = parcels.create({"label": "Books"}).json
    page = visit(f"#/parcels/{made['id']}")
    page.get_by_role("button", name="JSON", exact=True).click()
    text = page.get_by_label("The item as JSON")
    text.fill('{"label": "Cups", "any": [1, {"deep": null}], "big": 12345678901234567890123}')
    click_save(page)
    expect_saved(page)
    stored = parcels("GET", f"/{made['id']}")
    assert (stored.json["label"], stored.json["any"]) == ("Cups", [1, {"deep": None}])
    assert stored.json["big"] == 12345678901234567890123
    text.fill('{"label": ')
    expect(page.get_by_role("main")).to_contain_text("Not valid JSON")


def test_json_that_is_too_deep_is_reported(visit: Open, parcels: Api) -> None:
    page = visit("#/parcels/+new")
    page.get_by_role("button", name="JSON", exact=True).click()
    deep = "[" * 3000 + "]" * 3000
    page.get_by_label("The item as JSON").fill(deep)
    expect(page.get_by_role("main")).to_contain_text("nested more than 500 deep")
    expect(page.get_by_label("The item as JSON")).to_have_value(deep)
    # Brackets in strings do not count as levels.
    page.get_by_label("The item as JSON").fill(json.dumps({"label": '\\"' + deep}))
    click_save(page)
    expect_saved(page)


def test_typed_input_survives_a_reload(visit: Open, todos: Api) -> None:
    page = visit("#/todos/+new")
    page.get_by_label("Title").fill("Half a thought")
    page.reload()
    expect(page.get_by_label("Title")).to_have_value("Half a thought")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Title")).to_have_value("")


def test_a_duplicate_is_a_form_to_create_from(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk", "description": "Oat"}).json
    page = visit("#/todos/+new")
    page.get_by_label("Title").fill("Half a thought")
    go_to(page, f"#/todos/{made['id']}")
    page.get_by_role("button", name="Duplicate").click()
    expect(page.get_by_label("Title")).to_have_value("Buy milk")
    page.get_by_label("Title").fill("Buy bread")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1, name="Buy bread")).to_be_visible()
    items = todos("GET", "?order=desc").json["items"]
    assert [(item["title"], item.get("description")) for item in items] == [("Buy bread", "Oat"), ("Buy milk", "Oat")]
    go_to(page, "#/todos/+new")
    expect(page.get_by_label("Title")).to_have_value("Half a thought")


@pytest.mark.parametrize(("locale", "shown"), [("de-DE", "2026"), ("ar-EG", "٢٠٢٦")])
def test_times_are_in_the_readers_locale(visit: Open, todos: Api, locale: str, shown: str) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit(f"#/todos/{made['id']}", locale=locale)
    time = page.get_by_role("complementary").locator("time").first
    expected = page.evaluate(
        """([at, locale]) =>
          new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at))""",
        [made["createdAt"], locale],
    )
    expect(time).to_have_text(expected)
    assert shown in expected


def test_a_save_that_fails_is_in_view(visit: Open, parcels: Api) -> None:
    made = parcels.create({f"line{number}": "x" for number in range(30)}).json
    page = visit(f"#/parcels/{made['id']}")
    text = page.get_by_label("The item as JSON")
    text.fill("{}")
    page.set_viewport_size({"width": 800, "height": 300})
    page.mouse.wheel(0, 400)
    page.route("**/api/parcels/*", lambda route: route.abort())
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_in_viewport()


def test_a_missing_item(visit: Open, todos: Api) -> None:
    page = visit("#/todos/nowhere")
    expect(page.get_by_role("heading", name="There is no such item")).to_be_visible()


def test_a_request_is_copied_as_curl(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit(f"#/todos/{made['id']}", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Title").fill("Buy oat milk")
    command = copy_curl(page)
    assert "-X PATCH" in command
    assert """--data-raw '{"title":"Buy oat milk"}'""" in command


@pytest.mark.parametrize(
    "time",
    [
        "2016-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+12:00",
    ],
)
def test_a_time_outside_of_the_inputs_range_is_a_text_field(visit: Open, parcels: Api, time: str) -> None:
    made = parcels.create({"label": "Books", "collectedAt": time}).json
    page = visit(f"#/parcels/{made['id']}", schema=PARCEL, timezone_id="UTC")
    expect(page.get_by_label("Collected at")).to_have_value(time)
    page.get_by_label("Label").fill("Cups")
    click_save(page)
    expect_saved(page)
    stored = parcels("GET", f"/{made['id']}").json
    assert (stored["label"], stored["collectedAt"]) == ("Cups", time)


def test_an_item_without_a_form_is_changed_as_json(visit: Open, parcels: Api, page_watch: PageWatch) -> None:
    made = parcels.create({"label": "Books", "broken": {}}).json
    # The API never has such a schema; its form fails.
    broken: dict[str, Any] = {"broken": {"type": "object", "properties": {"inner": None}}}
    page = visit(f"#/parcels/{made['id']}", schema={"properties": PARCEL["properties"] | broken, "required": []})
    text = page.get_by_label("The item as JSON")
    text.fill('{"label": "Cups"}')
    click_save(page)
    expect_saved(page)
    assert "broken" not in parcels("GET", f"/{made['id']}").json
    assert "TypeError" in page_watch.faults.pop()


def test_equal_items_are_separate(visit: Open, todos: Api) -> None:
    page = visit("#/docs")
    for number in (1, 2):
        go_to(page, "#/todos/+new")
        page.get_by_label("Title").fill("Twin")
        click_save(page)
        expect(page).to_have_url(re.compile(r"#/todos/[^+]+$"))
        assert len(todos("GET").json["items"]) == number


def test_a_lost_response_creates_no_second_item(visit: Open, todos: Api) -> None:
    page = visit("#/todos/+new", permissions=["clipboard-read", "clipboard-write"])

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/api/todos", lose, times=1)
    page.get_by_label("Title").fill("Buy milk")
    click_save(page)
    expect(page.get_by_role("alert")).to_contain_text("did not respond")
    # The copied command creates another item, since it does not contain the used idempotency key.
    assert "idempotency-key" not in copy_curl(page).lower()
    click_save(page)
    expect(page.get_by_role("status").get_by_text("Created by your previous attempt")).to_be_visible()
    assert len(todos("GET").json["items"]) == 1


def test_an_invalid_id_is_not_requested(visit: Open, todos: Api) -> None:
    page = visit("#/docs")
    expect(page.get_by_role("heading", name="API documentation")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
    for name in (".", "..", "%2E", "..%2Fopenapi.json", "a b", "x" * 129):
        go_to(page, f"#/todos/{name}")
        expect(page.get_by_role("heading", name="There is no such item")).to_be_visible()
        go_to(page, "#/docs")
    assert asked == []


def test_a_response_that_is_not_an_item_is_not_shown_as_one(visit: Open, todos: Api) -> None:
    # For example "/nasty" returns this if an entity at "/" shadows the others' paths.
    page = visit("#/docs")
    page.route(re.compile("/api/todos/nasty"), lambda route: route.fulfill(json={"items": [], "next": None}))
    go_to(page, "#/todos/nasty")
    expect(page.get_by_role("heading", name="There is no such item")).to_be_visible()


def test_required_fields_are_marked(visit: Open, parcels: Api) -> None:
    required = ["label", "fragile", "address"]
    page = visit("#/parcels/+new", schema=PARCEL | {"required": required})
    expect(page.get_by_label("Label")).to_have_attribute("aria-required", "true")
    expect(page.get_by_label("Weight")).not_to_have_attribute("aria-required", "true")
    expect(page.get_by_role("group", name="Address (required)")).to_be_visible()
    # An unticked checkbox would already mean "no".
    fragile = page.get_by_label("Fragile")
    expect(fragile).to_have_attribute("aria-required", "true")
    expect(fragile.locator("option:checked")).to_have_text("Choose …")
    page.get_by_label("Label").fill("Books")
    page.get_by_label("Street").fill("1 High Street")
    click_save(page)
    expect(page.get_by_role("alert")).to_contain_text("Fragile: Choose a value")
    fragile.select_option("No")
    click_save(page)
    expect_saved(page)
    assert parcels("GET").json["items"][0]["fragile"] is False


def test_a_form_fits_the_narrowest_screen(visit: Open, parcels: Api) -> None:
    # Nested lists, and a name without a place to break.
    lines = {
        "type": "array",
        "items": {"type": "object", "properties": {"tags": PARCEL["properties"]["tags"]}},
    }
    schema = {"properties": PARCEL["properties"] | {"lines": lines}, "required": []}
    made = parcels.create(
        {"lines": [{"tags": ["old", "heavy"]}], "W" * 100: "x", "collectedAt": "2026-01-31T12:00:00Z"}
    )
    page = visit(f"#/parcels/{made.json['id']}", schema=schema, viewport={"width": 320, "height": 600})
    expect(page.get_by_role("group", name="Tags").last).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        """() => {
          const edge = document.querySelector(".editor .card").getBoundingClientRect().right;
          const boxes = [...document.querySelectorAll(".editor .card :is(input, select, textarea, button)")];
          return boxes.filter((box) => box.getBoundingClientRect().right > edge).map((box) => box.outerHTML);
        }"""
    ) == []  # fmt: skip


def test_an_item_of_thousands_of_properties_is_json(visit: Open, parcels: Api) -> None:
    made = parcels.create({f"property{number}": number for number in range(5000)}).json
    page = visit(f"#/parcels/{made['id']}")
    text = page.get_by_label("The item as JSON")
    expect(text).to_be_visible()
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.get_by_role("status").get_by_text("too large for the form")).to_be_visible()
    text.fill('{"label": "Books"}')
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.get_by_role("textbox", name="label", exact=True)).to_have_value("Books")


# --- the form ---

LINE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sku": {"type": "string"},
        "count": {"type": "integer", "minimum": 1},
        "gift": {"type": "boolean"},
    },
    "required": ["sku"],
    "additionalProperties": False,
}
INVOICE: dict[str, Any] = {
    "properties": {
        "amount": {"type": "number", "multipleOf": 0.01},
        "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"},
        "email": {"type": "string", "format": "email"},
        "lines": {"type": "array", "items": LINE, "maxItems": 3, "minItems": 1},
        "total": {"type": "number"},
    },
    "required": ["lines"],
}


def test_a_list_of_objects_is_a_grid(visit: Open, parcels: Api) -> None:
    page = visit("#/parcels/+new", schema=INVOICE)
    lines = page.get_by_role("group", name="Lines")
    expect(lines).to_contain_text("1 to 3 entries")
    add = lines.get_by_role("button", name="Add", exact=True)
    for row, sku in enumerate(("pen", "ink", "cap"), 1):
        add.click()
        # The focus moves to the added row.
        expect(lines.get_by_label(f"Sku {row}")).to_be_focused()
        page.keyboard.type(sku)
    expect(add).to_have_count(0)
    assert lines.get_by_role("columnheader").all_inner_texts()[:3] == ["Sku*", "Count", "Gift"]
    lines.get_by_label("Count 2").fill("0")
    lines.get_by_label("Count 2").blur()
    expect(lines.get_by_label("Count 2")).to_have_accessible_description(re.compile("Must be at least 1"))
    lines.get_by_label("Count 2").fill("4")
    lines.get_by_role("button", name="Move 2 up").click()
    expect(lines.get_by_label("Sku 1")).to_have_value("ink")
    lines.get_by_role("button", name="Remove 3").click()
    click_save(page)
    expect_saved(page)
    (stored,) = parcels("GET").json["items"]
    assert stored["lines"] == [{"sku": "ink", "count": 4}, {"sku": "pen"}]

    # On a phone each row is a card that fits the window.
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(lines.get_by_label("Sku 2")).to_be_visible()


def test_rules_are_shown_as_hints_first(visit: Open, parcels: Api) -> None:
    page = visit("#/parcels/+new", schema=INVOICE)
    for label, hint, typed, fault in (
        ("Amount", "At most 2 decimal places.", "1.234", "Enter at most 2 decimal places"),
        ("Code", "For example AB-1234.", "x", "Enter a value such as AB-1234"),
        ("Email", "For example ada@example.com.", "ada", "Enter an email address, such as ada@example.com"),
    ):
        field = page.get_by_label(label)
        expect(field).to_have_accessible_description(hint)
        field.fill(typed)
        field.blur()
        expect(field).to_have_accessible_description(f"{hint} {fault}")


@pytest.mark.parametrize(
    ("locale", "typed", "shown"),
    [
        ("de-DE", "1.234.567.890.123.456.789,01", "1234567890123456789,01"),
        ("en-GB", "1,234,567,890,123,456,789.01", "1234567890123456789.01"),
        ("fr-FR", "1\u202f234\u00a0567 890 123 456 789,01", "1234567890123456789,01"),
    ],
)
def test_numbers_are_typed_in_the_users_format(visit: Open, parcels: Api, locale: str, typed: str, shown: str) -> None:
    made = parcels.create({"lines": [{"sku": "pen"}], "amount": 0.5}).json
    page = visit(f"#/parcels/{made['id']}", schema=INVOICE, locale=locale)
    expect(page.get_by_label("Amount")).to_have_value("0,5" if "," in shown else "0.5")
    total = page.get_by_label("Total")
    total.fill(typed)
    click_save(page)
    expect_saved(page)
    assert b'"total":1234567890123456789.01' in parcels("GET", f"/{made['id']}").content.replace(b" ", b"")
    page.reload()
    expect(total).to_have_value(shown)
    total.fill("1.2,3.4")
    total.blur()
    expect(total).to_have_accessible_description(re.compile("Enter a number, such as "))


def test_optional_fields_are_folded_in_a_long_form(visit: Open, parcels: Api) -> None:
    names = [f"field{number:02}" for number in range(30)]
    address = {"type": "object", "properties": {"city": {"type": "string", "minLength": 2}}}
    schema: dict[str, Any] = {
        "properties": {name: {"type": "string", "maxLength": 9} for name in names} | {"address": address},
        "required": names[:2],
    }
    page = visit("#/parcels/+new", schema=schema)
    expect(page.get_by_role("main").get_by_role("textbox")).to_have_count(2)
    page.get_by_role("button", name="Show 29 optional fields").click()
    expect(page.get_by_role("main").get_by_role("textbox")).to_have_count(30)

    made = parcels.create({**dict.fromkeys(names, "x"), "address": {"city": "Bath"}}).json
    go_to(page, f"#/parcels/{made['id']}")
    group = page.get_by_role("group", name="Address")
    expect(group).to_contain_text("Bath")
    expect(group.get_by_label("City")).to_have_count(0)
    fold = group.get_by_role("button", name="Address")
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.click()
    group.get_by_label("City").fill("B")
    fold.click()
    # A fault is not folded away.
    click_save(page)
    page.get_by_role("alert").get_by_role("button", name="Address, City").click()
    expect(group.get_by_label("City")).to_be_focused()


def test_an_empty_form_cannot_be_saved(visit: Open, parcels: Api, todos: Api) -> None:
    for path, label in (("todos", "Title"), ("parcels", "The item as JSON")):
        page = visit(f"#/{path}/+new")
        create = page.get_by_role("button", name="Create")
        expect(create).to_be_disabled()
        page.keyboard.press("Control+Enter")
        field = page.get_by_label(label)  # without a schema, the JSON view opens first
        field.fill('{"a": 1}')
        expect(create).to_be_enabled()
        field.press("Control+Enter")
        expect_saved(page)
    assert [len(api("GET").json["items"]) for api in (parcels, todos)] == [1, 1]


def test_a_repeated_name_in_json_is_a_fault(visit: Open, parcels: Api) -> None:
    page = visit("#/parcels/+new")
    text = page.get_by_label("The item as JSON")
    for typed, line in (
        ('{"a": 1, "b": {"a": 2},\n"a": 3}', 2),
        ('[{}, {"\\u0061": "a\\":1", "a" : {}}]', 1),
        ('{"__proto__": 1, "__proto__": 1}', 1),
    ):
        text.fill(typed)
        expect(text).to_have_accessible_description(re.compile(rf"appears twice in one object \(line {line}\)"))
    text.fill('{"a": ["a", "a", "\\"a\\":"], "b": [{"a": 1}, {"a": 1}]}')
    expect(text).not_to_have_attribute("aria-invalid", "true")
    click_save(page)
    expect_saved(page)


def test_an_id_is_on_one_line(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit(f"#/todos/{made['id']}", viewport={"width": 1280, "height": 900})
    lines = """(node) => node.getBoundingClientRect().height / parseFloat(getComputedStyle(node).fontSize)"""
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.get_by_text(made["id"], exact=True).evaluate(lines) < 2
