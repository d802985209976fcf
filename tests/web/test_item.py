"""One item: made, changed and deleted in a form made from the schema, or as JSON."""

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
    settle(page)  # the note of another save may still be there
    expect(page.get_by_role("status").get_by_text(re.compile("^(Created|Saved)$")).last).to_be_visible()


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
    # Every digit, not only those of a JavaScript number.
    assert b"0.1234567890123456789012345678901234567" in parcels("GET").content

    # It is there again when it is read again, and a save changes only what was changed.
    page.reload()
    expect(page.get_by_label("Weight")).to_have_value("0.1234567890123456789012345678901234567")
    expect(page.get_by_label("Collected at")).to_have_value(re.compile("^2026-01-31T12:00(:00)?$"))
    expect(page.get_by_label("Street")).to_have_value("1 High Street")
    page.get_by_label("Pieces").fill("13")
    with page.expect_request(lambda request: request.method == "PATCH") as patched:
        click_save(page)
    assert patched.value.post_data_json == {"pieces": 13}
    assert patched.value.headers["if-match"]


def test_made_and_changed_by_keyboard(visit: Open, todos: Api) -> None:
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


def test_faults_are_said_as_one_types(visit: Open, parcels: Api) -> None:
    page = visit("#/parcels/+new", schema=PARCEL)
    pieces = page.get_by_label("Pieces")
    pieces.press_sequentially("100")
    expect(pieces).to_have_attribute("aria-invalid", "true")
    expect(pieces).to_have_accessible_description(re.compile("Must be at most 99"))
    pieces.fill("9")
    expect(pieces).not_to_have_attribute("aria-invalid", "true")
    pieces.fill("nine")
    pieces.blur()
    expect(pieces).to_have_accessible_description(re.compile("Must be a number"))
    # Nothing is sent while anything is wrong, and the first fault is a step away.
    click_save(page)
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("Label: Is required")
    page.get_by_role("alert").get_by_role("button", name="Label").click()
    expect(page.get_by_label("Label")).to_be_focused()
    settle(page)
    assert parcels("GET").json["items"] == []


def test_the_apis_own_pointers_are_on_the_fields(visit: Open, customers: Api, console: Console) -> None:
    # A page that was opened before the schema became stricter.
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
    expect(email).to_have_accessible_description(re.compile("Must be of the format email"))
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
    theirs = {"title": "Buy cheese", "completed": True}
    todos("PATCH", f"/{made['id']}", theirs)
    click_save(page)
    dialog = page.get_by_role("dialog", name="Someone else has changed this")
    expect(dialog).to_contain_text("Buy oat milk")
    expect(dialog).to_contain_text("Buy cheese")
    # Nothing has been overwritten.
    assert todos("GET", f"/{made['id']}").json["title"] == "Buy cheese"
    dialog.get_by_role("radio", name="Yours").check()
    dialog.get_by_role("button", name="Merge").click()
    expect(page.get_by_label("Completed")).to_be_checked()
    click_save(page)
    expect_saved(page)
    merged = todos("GET", f"/{made['id']}").json
    assert (merged["title"], merged["description"], merged["completed"]) == ("Buy oat milk", "One pint", True)


def test_what_was_deleted_meanwhile_is_said(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit(f"#/todos/{made['id']}")
    page.get_by_label("Title").fill("Buy oat milk")
    todos("DELETE", f"/{made['id']}")
    click_save(page)
    expect(page.get_by_role("alert")).to_contain_text("deleted meanwhile")
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


def test_a_deletion_is_undone(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit(f"#/todos/{made['id']}")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1, name="Todos")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Buy milk", exact=True)).to_be_visible()
    settle(page)
    assert todos("GET", f"/{made['id']}").status == 200


def test_what_clients_cannot_write_is_shown_and_never_sent(visit: Open, parcels: Api) -> None:
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


def test_what_fields_keep_from_the_caller_is_not_offered(visit: Open, parcels: Api) -> None:
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


def test_json_that_is_too_deep_is_told(visit: Open, parcels: Api) -> None:
    page = visit("#/parcels/+new")
    page.get_by_role("button", name="JSON", exact=True).click()
    deep = "[" * 3000 + "]" * 3000
    page.get_by_label("The item as JSON").fill(deep)
    expect(page.get_by_role("main")).to_contain_text("nested more than 500 deep")
    expect(page.get_by_label("The item as JSON")).to_have_value(deep)
    # Brackets in texts are no levels.
    page.get_by_label("The item as JSON").fill(json.dumps({"label": '\\"' + deep}))
    click_save(page)
    expect_saved(page)


def test_what_was_typed_survives_a_reload(visit: Open, todos: Api) -> None:
    page = visit("#/todos/+new")
    page.get_by_label("Title").fill("Half a thought")
    page.reload()
    expect(page.get_by_label("Title")).to_have_value("Half a thought")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Title")).to_have_value("")


def test_an_item_that_is_not_there(visit: Open, todos: Api) -> None:
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
def test_a_time_that_no_input_can_show_is_a_text(visit: Open, parcels: Api, time: str) -> None:
    made = parcels.create({"label": "Books", "collectedAt": time}).json
    page = visit(f"#/parcels/{made['id']}", schema=PARCEL, timezone_id="UTC")
    expect(page.get_by_label("Collected at")).to_have_value(time)
    page.get_by_label("Label").fill("Cups")
    click_save(page)
    expect_saved(page)
    stored = parcels("GET", f"/{made['id']}").json
    assert (stored["label"], stored["collectedAt"]) == ("Cups", time)


def test_what_no_form_can_be_made_of_is_changed_as_json(visit: Open, parcels: Api, page_watch: PageWatch) -> None:
    made = parcels.create({"label": "Books", "broken": {}}).json
    # No schema of the API's: a form of it fails.
    broken: dict[str, Any] = {"broken": {"type": "object", "properties": {"inner": None}}}
    page = visit(f"#/parcels/{made['id']}", schema={"properties": PARCEL["properties"] | broken, "required": []})
    text = page.get_by_label("The item as JSON")
    text.fill('{"label": "Cups"}')
    click_save(page)
    expect_saved(page)
    assert "broken" not in parcels("GET", f"/{made['id']}").json
    assert "TypeError" in page_watch.faults.pop()


def test_an_equal_item_is_another_one(visit: Open, todos: Api) -> None:
    page = visit("#/docs")
    for number in (1, 2):
        go_to(page, "#/todos/+new")
        page.get_by_label("Title").fill("Twin")
        click_save(page)
        expect(page).to_have_url(re.compile(r"#/todos/[^+]+$"))
        assert len(todos("GET").json["items"]) == number


def test_an_answer_that_is_lost_makes_no_second_item(visit: Open, todos: Api) -> None:
    page = visit("#/todos/+new", permissions=["clipboard-read", "clipboard-write"])

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/api/todos", lose, times=1)
    page.get_by_label("Title").fill("Buy milk")
    click_save(page)
    expect(page.get_by_role("alert")).to_contain_text("did not answer")
    # Pasted, the command makes another one: it has no key that was used.
    assert "idempotency-key" not in copy_curl(page).lower()
    click_save(page)
    expect(page.get_by_role("status").get_by_text("It was created by the try before")).to_be_visible()
    assert len(todos("GET").json["items"]) == 1


def test_what_can_be_no_id_is_not_asked_for(visit: Open, todos: Api) -> None:
    page = visit("#/docs")
    expect(page.get_by_role("heading", name="API documentation")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
    for name in (".", "..", "%2E", "..%2Fopenapi.json", "a b", "x" * 129):
        go_to(page, f"#/todos/{name}")
        expect(page.get_by_role("heading", name="There is no such item")).to_be_visible()
        go_to(page, "#/docs")
    assert asked == []


def test_what_is_no_item_is_not_shown_as_one(visit: Open, todos: Api) -> None:
    # As "/nasty" answers where an entity at "/" has the address of all the others.
    page = visit("#/docs")
    page.route(re.compile("/api/todos/nasty"), lambda route: route.fulfill(json={"items": [], "next": None}))
    go_to(page, "#/todos/nasty")
    expect(page.get_by_role("heading", name="There is no such item")).to_be_visible()


def test_what_is_required_is_told(visit: Open, parcels: Api) -> None:
    required = ["label", "fragile", "address"]
    page = visit("#/parcels/+new", schema=PARCEL | {"required": required})
    expect(page.get_by_label("Label")).to_have_attribute("aria-required", "true")
    expect(page.get_by_label("Weight")).not_to_have_attribute("aria-required", "true")
    expect(page.get_by_role("group", name="Address (required)")).to_be_visible()
    # An empty box would say "no" already.
    fragile = page.get_by_label("Fragile")
    expect(fragile).to_have_attribute("aria-required", "true")
    expect(fragile.locator("option:checked")).to_have_text("Choose …")
    page.get_by_label("Label").fill("Books")
    page.get_by_label("Street").fill("1 High Street")
    click_save(page)
    expect(page.get_by_role("alert")).to_contain_text("Fragile: Is required")
    fragile.select_option("No")
    click_save(page)
    expect_saved(page)
    assert parcels("GET").json["items"][0]["fragile"] is False


def test_a_form_is_not_cut_off_on_the_narrowest_screen(visit: Open, parcels: Api) -> None:
    # Lists in lists, and a name without a place to break.
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
    expect(page.get_by_role("status").get_by_text("too much for a form")).to_be_visible()
    text.fill('{"label": "Books"}')
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.get_by_role("textbox", name="label", exact=True)).to_have_value("Books")
