"""Test the to-do list, which a visitor of the todos example uses first."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from tests.local.api import Api
from tests.web.browser import Open, hold_requests, open_entity, settle, wait_until


def row(page: Page, title: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("checkbox", name=title, exact=True))


def add_todo(page: Page, title: str) -> None:
    page.get_by_label("What is there to do?").fill(title)
    page.get_by_role("button", name="Add").click()
    expect(row(page, title)).to_be_visible()


def stored_todos(todos: Api) -> dict[str, bool]:
    return {item["title"]: item["completed"] for item in todos("GET", "?limit=100").json["items"]}


def test_todos_are_added_ticked_and_filtered(visit: Open, todos: Api) -> None:
    page = visit("#/todos")
    expect(page.get_by_role("heading", name="Nothing to do")).to_be_visible()
    for title in ("Buy milk", "Write to Ada"):
        add_todo(page, title)
    page.get_by_label("Buy milk", exact=True).check()
    expect(page.get_by_text("1 open, 1 done")).to_be_visible()

    page.get_by_role("button", name="Open", exact=True).click()
    expect(row(page, "Buy milk")).to_have_count(0)
    expect(row(page, "Write to Ada")).to_be_visible()
    expect(page).to_have_url(re.compile(r"#/todos\?completed=false$"))

    page.get_by_role("button", name="Done", exact=True).click()
    expect(row(page, "Buy milk").get_by_role("checkbox")).to_be_checked()
    expect(row(page, "Write to Ada")).to_have_count(0)

    page.go_back()
    expect(row(page, "Write to Ada")).to_be_visible()
    settle(page)
    assert stored_todos(todos) == {"Buy milk": True, "Write to Ada": False}


def test_everything_works_by_keyboard(visit: Open, todos: Api) -> None:
    page = visit("#/todos")
    expect(page.get_by_role("heading", name="Nothing to do")).to_be_visible()
    page.get_by_label("What is there to do?").focus()
    for title in ("One", "Two", "Three"):
        page.keyboard.type(title)
        page.keyboard.press("Enter")
        expect(row(page, title)).to_be_visible()
        expect(page.get_by_label("What is there to do?")).to_be_focused()

    # Newest first.
    expect(page.get_by_role("checkbox")).to_have_count(3)
    page.get_by_label("Three", exact=True).focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("2 open, 1 done")).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Edit Three")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title", exact=True)).to_be_focused()
    page.keyboard.type("Thirty")
    page.keyboard.press("Enter")
    expect(row(page, "Thirty")).to_be_visible()
    expect(page.get_by_role("button", name="Edit Thirty")).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.get_by_label("Title", exact=True)).to_be_focused()
    page.keyboard.type("never mind")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Edit Thirty")).to_be_focused()

    page.get_by_role("button", name="Delete Two").focus()
    page.keyboard.press("Enter")
    expect(row(page, "Two")).to_have_count(0)
    expect(page.get_by_label("One", exact=True)).to_be_focused()
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(row(page, "Two")).to_be_visible()
    settle(page)
    assert stored_todos(todos) == {"One": False, "Two": False, "Thirty": True}


def test_a_ticked_item_leaves_the_open_list_and_the_focus_stays_near(visit: Open, todos: Api) -> None:
    for title in ("Third", "Second", "First"):
        todos.create({"title": title})
    page = visit("#/todos?completed=false")
    page.get_by_label("Second", exact=True).focus()
    page.keyboard.press("Space")
    expect(row(page, "Second")).to_have_count(0)
    expect(page.get_by_label("Third", exact=True)).to_be_focused()
    page.keyboard.press("Space")
    expect(row(page, "Third")).to_have_count(0)
    expect(page.get_by_label("First", exact=True)).to_be_focused()


def test_a_deletion_is_sent_after_a_delay(visit: Open, todos: Api) -> None:
    todos.create({"title": "Short"})
    page = visit("#/todos")
    # From here on the test controls the page's clock.
    page.clock.install()
    page.clock.pause_at(datetime.now() + timedelta(days=1))
    row(page, "Short").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").get_by_text("Deleted “Short”")).to_be_visible()
    page.clock.run_for(5999)
    assert stored_todos(todos) == {"Short": False}
    with page.expect_response(lambda response: response.request.method == "DELETE") as deleted:
        page.clock.run_for(1)
    assert deleted.value.status == 204
    assert stored_todos(todos) == {}
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)


def test_a_deletion_is_sent_when_the_page_is_left(visit: Open, todos: Api) -> None:
    todos.create({"title": "Short"})
    page = visit("#/todos")
    row(page, "Short").get_by_role("button", name="Delete").click()
    page.reload()
    # Neither the old page nor the new one waits for the response.
    wait_until(page, lambda: stored_todos(todos) == {})
    page.reload()
    expect(page.get_by_role("heading", name="Nothing to do")).to_be_visible()


def test_a_title_that_somebody_else_changed_is_shown_and_not_overwritten(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit("#/todos")
    page.get_by_role("button", name="Edit Buy milk").click()
    title = page.get_by_label("Title", exact=True)
    title.fill("Buy oat milk")
    todos("PATCH", f"/{made['id']}", {"title": "Buy cheese"})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Someone else changed it to “Buy cheese”")
    assert stored_todos(todos) == {"Buy cheese": False}

    page.get_by_role("button", name="take theirs").click()
    expect(title).to_have_value("Buy cheese")
    title.fill("Buy oat milk and cheese")
    page.get_by_role("button", name="Save").click()
    expect(row(page, "Buy oat milk and cheese")).to_be_visible()
    assert stored_todos(todos) == {"Buy oat milk and cheese": False}


def test_a_tick_keeps_changes_by_others(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit("#/todos")
    expect(row(page, "Buy milk")).to_be_visible()
    todos("PATCH", f"/{made['id']}", {"title": "Buy cheese"})
    page.get_by_label("Buy milk", exact=True).check()
    expect(page.get_by_label("Buy cheese", exact=True)).to_be_checked()
    settle(page)
    assert stored_todos(todos) == {"Buy cheese": True}


def test_the_focus_is_set_before_the_next_key(visit: Open, todos: Api) -> None:
    todos.create({"title": "Buy milk"})
    page = visit("#/todos")
    # Clicks, and waits only for the redraw, which is a microtask.
    click = """async (button) => {
      button.click();
      await null;
      return document.activeElement.ariaLabel ?? document.activeElement.id;
    }"""
    title = page.get_by_role("button", name="Edit Buy milk").evaluate(click)
    assert title.startswith("edit-")
    assert page.get_by_role("button", name="Cancel").evaluate(click) == "Edit Buy milk"


def test_a_ticked_item_is_filtered_after_its_response(visit: Open, todos: Api) -> None:
    todos.create({"title": "Buy milk"})
    page = visit("#/todos")
    held = hold_requests(page, "**/api/todos/*")
    page.get_by_label("Buy milk", exact=True).click()
    page.get_by_role("button", name="Open", exact=True).click()
    wait_until(page, lambda: bool(held))
    with page.expect_response("**/api/todos/*"):
        held[0].continue_()
    settle(page)
    expect(page.get_by_role("heading", name="All done")).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(0)


def test_an_older_response_reverts_nothing(visit: Open, todos: Api) -> None:
    todos.create({"title": "Buy milk"})
    page = visit("#/docs")
    late: list[tuple[Route, APIResponse]] = []

    def hold_answer(route: Route) -> None:
        late.append((route, route.fetch()))

    def release() -> None:
        route, answer = late.pop()
        route.fulfill(response=answer)
        settle(page)

    # The list was read before another item was added.
    page.route("**/api/todos?*", hold_answer, times=1)
    page.get_by_role("link", name="Todos").click()
    wait_until(page, lambda: bool(late))
    add_todo(page, "Write to Ada")
    release()
    expect(page.get_by_role("checkbox")).to_have_count(2)

    # The tick was saved before the title.
    page.route("**/api/todos/*", hold_answer, times=1)
    page.get_by_label("Buy milk", exact=True).click()
    wait_until(page, lambda: bool(late))
    page.get_by_role("button", name="Edit Buy milk").click()
    page.get_by_label("Title", exact=True).fill("Buy oat milk")
    page.get_by_role("button", name="Save").click()
    expect(row(page, "Buy oat milk")).to_be_visible()
    release()
    expect(row(page, "Buy oat milk")).to_be_visible()
    assert stored_todos(todos) == {"Buy oat milk": True, "Write to Ada": False}


def test_an_older_response_does_not_restore_changed_and_deleted_items(visit: Open, todos: Api) -> None:
    """The held response lacks an item created later, and one deleted earlier."""
    made = todos.create({"title": "Buy milk"})
    page = visit("#/todos")
    held = hold_requests(page, "**/api/todos?*")
    page.get_by_role("button", name="Open", exact=True).click()
    wait_until(page, lambda: bool(held))
    page.get_by_role("button", name="Edit Buy milk").click()
    page.get_by_label("Title", exact=True).fill("Buy oat milk")
    page.get_by_role("button", name="Save").click()
    expect(row(page, "Buy oat milk")).to_be_visible()
    todos("DELETE", made.location)
    add_todo(page, "Write to Ada")
    answer = held[0].fetch()
    add_todo(page, "Call Bob")
    held[0].fulfill(response=answer)
    settle(page)
    expect(row(page, "Buy oat milk")).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(2)


def test_an_item_is_deleted_while_its_tick_is_being_saved(visit: Open, todos: Api) -> None:
    """A deletion is refused only if somebody else changed the item."""
    ada = [todos.create({"title": title}) for title in ("Buy milk", "Write to Ada")][-1]
    page = visit("#/todos")
    held: list[Route] = []

    def hold_ticks(route: Route) -> None:
        if route.request.method == "PATCH":
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/todos/*", hold_ticks)
    for title in ("Buy milk", "Write to Ada"):
        page.get_by_label(title, exact=True).click()
        row(page, title).get_by_role("button", name="Delete").click()
    wait_until(page, lambda: len(held) == 2)
    todos("PATCH", ada.location, {"description": "Before Friday"})
    for route in held:
        route.continue_()
    settle(page)
    open_entity(page, "Customers")  # this sends the deletions
    expect(page.get_by_role("status").get_by_text("Not deleted. The item has changed")).to_be_visible()
    settle(page)
    assert stored_todos(todos) == {"Write to Ada": True}


def test_an_invalid_title_is_reported_at_its_input(visit: Open, todos: Api) -> None:
    page = visit("#/todos")
    title = page.get_by_label("What is there to do?")
    title.fill("x" * 201)
    page.get_by_role("button", name="Add").click()
    expect(title).to_have_attribute("aria-invalid", "true")
    expect(title).to_have_accessible_description("Keep at most 200 characters")
    title.fill("short")
    expect(title).not_to_have_attribute("aria-invalid", "true")
    settle(page)
    assert stored_todos(todos) == {}


def test_input_is_kept_without_a_response_and_not_created_twice(visit: Open, todos: Api) -> None:
    page = visit("#/todos")

    # The request arrives, but its response is lost.
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/api/todos", lose, times=1)
    title = page.get_by_label("What is there to do?")
    title.fill("Buy milk")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("did not respond")
    expect(title).to_have_value("Buy milk")
    page.get_by_role("button", name="Add").click()
    expect(row(page, "Buy milk")).to_be_visible()
    assert len(todos("GET").json["items"]) == 1


def test_a_failed_tick_is_reverted(visit: Open, todos: Api) -> None:
    todos.create({"title": "Buy milk"})
    page = visit("#/todos")
    page.route(re.compile("/api/todos/"), lambda route: route.abort())
    page.get_by_label("Buy milk", exact=True).click()
    expect(page.get_by_role("status").get_by_text("Not changed.")).to_be_visible()
    expect(page.get_by_label("Buy milk", exact=True)).not_to_be_checked()


def test_a_failed_list_is_reported_and_can_be_retried(visit: Open, todos: Api) -> None:
    todos.create({"title": "Buy milk"})
    page = visit("#/customers")
    page.route(re.compile(r"/api/todos\?"), lambda route: route.abort(), times=1)
    open_entity(page, "Todos")
    expect(page.get_by_role("alert")).to_contain_text("The API did not respond")
    page.get_by_role("button", name="Try again").click()
    expect(row(page, "Buy milk")).to_be_visible()


def test_more_than_a_page(visit: Open, todos: Api) -> None:
    for number in range(103):
        todos.create({"title": f"Number {number}"})
    page = visit("#/todos")
    expect(page.get_by_role("checkbox")).to_have_count(100)
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("checkbox")).to_have_count(103)
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    expect(page.get_by_text("103 open, 0 done")).to_be_visible()


def test_the_table_and_the_details_are_linked(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit("#/todos")
    page.get_by_role("link", name="Details of Buy milk").click()
    expect(page).to_have_url(re.compile(f"#/todos/{made['id']}$"))
    page.go_back()
    settle(page)
    page.get_by_role("link", name="Table").click()
    expect(page.get_by_role("table")).to_be_visible()
