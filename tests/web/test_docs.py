"""The API's documentation, and requests that are tried out from it."""

from __future__ import annotations

import json
import os
import re
import subprocess

from playwright.sync_api import Locator, Page, Route, expect

from tests.local.api import Api
from tests.web.browser import Open, copy_curl, enter_key, go_to
from tests.web.conftest import Console

CLIPBOARD = ["clipboard-read", "clipboard-write"]


def form(page: Page, name: str) -> Locator:
    return page.get_by_role("form", name=f"Try {name}")


def run_command(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run what was copied, as somebody would who pastes it into a shell."""
    return subprocess.run(
        ["sh", "-c", command], check=False, capture_output=True, text=True, env={**os.environ, **variables}
    )


def test_every_operation_of_the_document_is_there(visit: Open, console: Console) -> None:
    page = visit("#/docs")
    expect(page.get_by_role("heading", name="API documentation")).to_be_focused()
    paths = console.api("openapi.json")("GET").json["paths"]
    known = {(method.upper(), path) for path, item in paths.items() for method in item if method != "parameters"}
    shown = page.locator("summary")
    expect(shown).to_have_count(len(known))
    assert {tuple(text.split()[:2]) for text in shown.all_inner_texts()} == known


def test_a_request_is_tried_out_by_keyboard(visit: Open, todos: Api) -> None:
    page = visit("#/docs")
    page.locator("summary", has_text="Create one of todos").press("Enter")
    tried = form(page, "Create one of todos")
    expect(page).to_have_url(re.compile("#/docs/createTodo$"))

    body = tried.get_by_label("Body")
    assert json.loads(body.input_value()) == {"title": "text", "description": "", "completed": False}
    body.fill('{"title": "Buy milk", "price": 0.12345678901234567890123456789}')
    body.press("Tab")
    page.keyboard.press("Tab")
    expect(tried.get_by_role("button", name="Send")).to_be_focused()
    page.keyboard.press("Enter")
    expect(tried.get_by_text("201", exact=True)).to_be_visible()
    # No digit is lost on the way there, or back.
    expect(tried.get_by_role("region")).to_contain_text('"price": 0.12345678901234567890123456789')
    tried.get_by_role("button", name="Headers").click()
    expect(tried.get_by_text("etag", exact=True)).to_be_visible()
    assert [item["title"] for item in todos("GET").json["items"]] == ["Buy milk"]


def test_an_operation_has_an_address_of_its_own(visit: Open, todos: Api) -> None:
    made = todos.create({"title": "Buy milk"}).json
    page = visit("#/docs/getTodo")
    tried = form(page, "Read one of todos")
    expect(tried).to_be_in_viewport()
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_label("Id")).to_be_focused()
    expect(tried.get_by_label("Id")).to_have_accessible_description(re.compile("Is required"))
    tried.get_by_label("Id").fill(made["id"])
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_text("200", exact=True)).to_be_visible()
    tried.get_by_label("If-None-Match").fill(todos("GET", f"/{made['id']}").headers["ETag"])
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_text("304", exact=True)).to_be_visible()


def test_a_refusal_is_shown_as_the_api_gave_it(visit: Open, todos: Api) -> None:
    page = visit("#/docs/createTodo")
    tried = form(page, "Create one of todos")
    tried.get_by_label("Body").fill('{"title": ""}')
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_text("422", exact=True)).to_be_visible()
    expect(tried.get_by_role("region")).to_contain_text('"pointer": "/title"')


def test_a_body_that_is_no_json_is_not_sent(visit: Open, todos: Api) -> None:
    page = visit("#/docs/createTodo")
    tried = form(page, "Create one of todos")
    tried.get_by_label("Body").fill('{"title": ')
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_label("Body")).to_be_focused()
    expect(tried.get_by_text("Not valid JSON")).to_be_visible()
    assert todos("GET").json["items"] == []


def test_a_command_does_the_same_when_pasted(visit: Open, todos: Api) -> None:
    page = visit("#/docs/createTodo", permissions=CLIPBOARD)
    title = 'it\'s $HOME `id` "here" \\ \u202e @/etc/passwd\n!!'
    page.get_by_label("Body").fill(json.dumps({"title": title}, ensure_ascii=False))
    command = copy_curl(page)
    assert "\u202e" not in command
    done = run_command(command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("HTTP/1.1 201")
    assert [item["title"] for item in todos("GET").json["items"]] == [title]


def test_a_command_has_a_variable_in_place_of_the_key(visit: Open, console: Console) -> None:
    page = visit("#/docs/listCustomers", permissions=CLIPBOARD)
    enter_key(page, console.key)
    page.get_by_label("lastName").fill("O'Hara [née] & co")
    command = copy_curl(page)
    assert console.key not in command
    assert run_command(command).stdout.startswith("HTTP/1.1 403")
    assert run_command(command, API_KEY=console.key).stdout.startswith("HTTP/1.1 200")


def test_a_command_from_a_table_or_an_item_says_who_calls(visit: Open, console: Console) -> None:
    ada = {"firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com"}
    made = console.empty_collection("customers").create(ada).json
    page = visit("#/customers", permissions=CLIPBOARD)
    enter_key(page, console.key)
    expect(page.get_by_role("table")).to_be_visible()
    for path in ("#/customers", f"#/customers/{made['id']}"):
        go_to(page, path)
        command = copy_curl(page)
        assert console.key not in command
        assert run_command(command).stdout.startswith("HTTP/1.1 403")
        assert run_command(command, API_KEY=console.key).stdout.startswith("HTTP/1.1 200")


def test_a_header_that_can_not_be_sent_is_a_fault_of_its_field(visit: Open) -> None:
    page = visit("#/docs/getTodo")
    tried = form(page, "Read one of todos")
    tried.get_by_label("Id").fill("any")
    tried.get_by_label("If-None-Match").fill('"日本"')
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_label("If-None-Match")).to_be_focused()
    expect(tried.get_by_label("If-None-Match")).to_have_accessible_description(re.compile("Must be ASCII"))


def test_choices_that_are_numbers_keep_their_digits(visit: Open) -> None:
    page = visit("#/docs")

    def exact(route: Route) -> None:
        document = route.fetch().json()
        parameters = document["paths"]["/orders"]["get"]["parameters"]
        [status] = [one for one in parameters if one.get("name") == "status"]
        status["schema"] = {"type": "integer", "enum": [12345678901234567890]}
        route.fulfill(json=document)

    page.route("**/api/openapi.json", exact)
    go_to(page, "#/docs/listOrders")
    page.reload()
    tried = form(page, "List a page of orders")
    tried.get_by_label("status").select_option("12345678901234567890")
    with page.expect_request(lambda request: "/api/orders?" in request.url) as asked:
        tried.get_by_role("button", name="Send").click()
    assert asked.value.url.endswith("?status=12345678901234567890")


def test_parameters_are_sent_as_they_are_filled_in(visit: Open, todos: Api) -> None:
    for done in (True, False, True):
        todos.create({"title": f"is {done}", "completed": done})
    page = visit("#/docs/listTodos")
    tried = form(page, "List a page of todos")
    tried.get_by_label("completed").select_option("true")
    tried.get_by_label("limit").fill("1")
    tried.get_by_label("order").select_option("desc")
    with page.expect_response(lambda response: "/api/todos?" in response.url) as listed:
        tried.get_by_role("button", name="Send").click()
    assert listed.value.json()["items"][0]["title"] == "is True"
    assert {"limit=1", "completed=true", "order=desc"} == set(listed.value.url.split("?")[1].split("&"))
