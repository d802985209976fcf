"""Test the console's API documentation, and requests sent from it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.local.api import Api
from tests.web.browser import Open, copy_curl, enter_key, go_to, settle
from tests.web.conftest import Console
from tools.laptop.sign_in import ensure_user
from tools.laptop.sign_in import sign_in as pool_sign_in

CLIPBOARD = ["clipboard-read", "clipboard-write"]


def form(page: Page, name: str) -> Locator:
    return page.get_by_role("form", name=f"Try {name}")


def answer_body(tried: Locator) -> Locator:
    return tried.get_by_role("region", name="Response body")


def run_command(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a copied command in a shell."""
    return subprocess.run(
        ["sh", "-c", command], check=False, capture_output=True, text=True, env={**os.environ, **variables}
    )


def test_every_operation_of_the_openapi_document_is_shown(visit: Open, console: Console) -> None:
    page = visit("#/docs")
    expect(page.get_by_role("heading", name="API documentation")).to_be_focused()
    paths = console.api("openapi.json")("GET").json["paths"]
    known = {(method.upper(), path) for path, item in paths.items() for method in item if method != "parameters"}
    shown = page.locator("summary")
    expect(shown).to_have_count(len(known))
    assert {tuple(text.split()[:2]) for text in shown.all_inner_texts()} == known


def test_a_request_is_sent_by_keyboard(visit: Open, todos: Api) -> None:
    page = visit("#/docs")
    page.locator("summary", has_text="Create one of todos").press("Enter")
    tried = form(page, "Create one of todos")
    expect(page).to_have_url(re.compile("#/docs/createTodo$"))

    body = tried.get_by_label("Body")
    assert json.loads(body.input_value()) == {"title": "text", "description": "", "completed": False}
    body.fill('{"title": "Buy milk", "price": 0.12345678901234567890123456789}')
    body.press("Tab")
    expect(tried.get_by_role("button", name="Send")).to_be_focused()
    page.keyboard.press("Enter")
    expect(tried.get_by_text("201", exact=True)).to_be_visible()
    # No digit is lost in either direction.
    expect(answer_body(tried)).to_contain_text('"price": 0.12345678901234567890123456789')
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


def test_the_apis_refusal_is_shown(visit: Open, todos: Api) -> None:
    page = visit("#/docs/createTodo")
    tried = form(page, "Create one of todos")
    tried.get_by_label("Body").fill('{"title": ""}')
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_text("422", exact=True)).to_be_visible()
    expect(answer_body(tried)).to_contain_text('"pointer": "/title"')


def test_a_body_that_is_not_json_is_not_sent(visit: Open, todos: Api) -> None:
    page = visit("#/docs/createTodo")
    tried = form(page, "Create one of todos")
    tried.get_by_label("Body").fill('{"title": ')
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_label("Body")).to_be_focused()
    expect(tried.get_by_text("Not valid JSON")).to_be_visible()
    assert todos("GET").json["items"] == []


def test_a_copied_command_sends_the_same_request(visit: Open, todos: Api) -> None:
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


def test_a_command_from_a_table_or_an_item_has_the_callers_credentials(visit: Open, console: Console) -> None:
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


def test_an_invalid_header_is_a_fault_of_its_field(visit: Open) -> None:
    page = visit("#/docs/getTodo")
    tried = form(page, "Read one of todos")
    tried.get_by_label("Id").fill("any")
    tried.get_by_label("If-None-Match").fill('"日本"')
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_label("If-None-Match")).to_be_focused()
    expect(tried.get_by_label("If-None-Match")).to_have_accessible_description(re.compile("only ASCII"))


def test_numeric_choices_keep_their_digits(visit: Open) -> None:
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


# --- code samples ---

# How each language's code is run.
RUNNERS = {
    "curl": ["sh", "-c"],
    "Python": [sys.executable, "-c"],
    "JavaScript": ["node", "--input-type=module", "-e"],
}
NASTY = 'it\'s $HOME `id` ${1 + 1} "here" \\ \\u0041 \u202e """ \'\'\' 😀!'


@pytest.fixture(scope="module")
def credentials(console: Console) -> dict[str, str]:
    """The environment variables that the samples use."""
    cognito, pool = console.local.client("cognito-idp"), console.outputs["user_pool_id"]
    password = ensure_user(cognito, pool, "sam", console.local.system.users)
    token = pool_sign_in(cognito, pool, console.outputs["user_pool_client_id"], "sam", password)["AccessToken"]
    return {"API_KEY": console.key, "TOKEN": token}


def sample(page: Page, language: str) -> str:
    """Return the open operation's code in a language."""
    page.get_by_role("group", name="Code sample").get_by_role("button", name=language, exact=True).click()
    return page.get_by_role("region", name=f"{language} code").inner_text()


def run_sample(language: str, code: str, credentials: dict[str, str]) -> tuple[int, Any]:
    """Run the code, and return the response's status and body."""
    done = subprocess.run(
        [*RUNNERS[language], code], check=False, capture_output=True, text=True, env={**os.environ, **credentials}
    )
    assert done.returncode == 0, (code, done.stderr)
    if language == "curl":
        head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
        return int(head.split()[1]), json.loads(body) if body.strip() else None
    status, _, body = done.stdout.strip().partition(" ")
    return int(status), json.loads(body) if body else None


@pytest.mark.parametrize("language", RUNNERS)
@pytest.mark.skipif(shutil.which("node") is None, reason="runs JavaScript: install Node.js")
def test_every_operation_has_code_samples_that_run(
    visit: Open, console: Console, credentials: dict[str, str], language: str
) -> None:
    bodies = {
        "Todo": {"title": NASTY, "price": 0.5},
        "Customer": {"firstName": "Ada", "lastName": "O'Hara [née] & co", "email": "ada@example.com"},
        "Note": {"title": NASTY},
    }
    page = visit("#/docs")
    for noun, body in bodies.items():
        ids: list[str] = []
        for operation, status in (("create", 201), ("get", 200), ("replace", 200), ("merge", 200), ("delete", 204)):
            go_to(page, f"#/docs/{operation}{noun}")
            if (field := page.get_by_label("Body", exact=True)).count():
                field.fill(json.dumps(body, ensure_ascii=False))
            if ids:
                page.get_by_role("textbox", name="ID", exact=True).fill(ids[0])
            settle(page)
            code = sample(page, language)
            assert not {secret for secret in credentials.values() if secret in code}
            found, answer = run_sample(language, code, credentials)
            assert found == status, (operation, noun, answer)
            if operation != "delete":
                assert answer | body == answer, operation
                ids = [answer["id"]]
        go_to(page, f"#/docs/list{noun}s")
        page.get_by_label("limit", exact=True).fill("1")
        assert run_sample(language, sample(page, language), credentials)[0] == 200


@pytest.mark.parametrize("language", ["Python", "JavaScript"])
def test_code_samples_show_the_apis_refusal(visit: Open, language: str) -> None:
    page = visit("#/docs/createTodo")
    page.get_by_label("Body").fill("{}")
    done = subprocess.run([*RUNNERS[language], sample(page, language)], check=False, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert (done.stdout + done.stderr).startswith("422 {")


# --- routes of functions ---


def test_a_route_of_a_function_is_called_by_a_form(visit: Open) -> None:
    page = visit("#/docs")

    def with_routes(route: Route) -> None:
        document = route.fetch().json()
        answer = {"description": "The answer.", "content": {"*/*": {"schema": {}}}}
        common = {"tags": ["orders"], "x-function": "payments", "responses": {"2XX": answer}, "description": ""}
        text = {"schema": {"type": "string"}}
        document["paths"]["/orders/{id}/pay/{part}"] = {
            "parameters": [{"name": name, "in": "path", "required": True, **text} for name in ("id", "part")],
            "post": {
                **common, "operationId": "pay", "summary": "Pay an order", "security": [{"api_key": []}],
                "parameters": [{"name": "id", "in": "query", "required": False, **text}],
                "requestBody": {"required": False, "content": {"application/json": {"schema": {}}}},
            },
        }  # fmt: skip
        document["paths"]["/hooks"] = {
            "post": {
                **common, "tags": ["payments"], "operationId": "_hook", "summary": "Take a hook",
                "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}},
            }
        }  # fmt: skip
        route.fulfill(json=document)

    sent: list[Any] = []

    def answer(route: Route) -> None:
        request = route.request
        sent.append([request.method, request.url.split("/api")[1], request.post_data])
        route.fulfill(status=202, body="<ok/>", headers={"content-type": "image/svg+xml", "x-paid": "yes"})

    page.route("**/api/openapi.json", with_routes)
    page.route(re.compile("/api/(orders/.*/pay|hooks)"), answer)
    go_to(page, "#/docs/pay")
    page.reload()
    settle(page)
    expect(page.get_by_role("heading", level=2, name="Payments")).to_be_visible()
    tried = form(page, "Pay an order")
    expect(tried.get_by_role("button", name="Send")).to_be_disabled()
    expect(page.get_by_text("Access: API key. Served by the function payments.")).to_be_visible()
    enter_key(page, "any-key-will-do-here-as-well")
    tried.get_by_role("textbox", name="ID", exact=True).fill("a/b")
    tried.get_by_role("textbox", name="Part").fill("{id}")
    tried.get_by_role("textbox", name="id", exact=True).fill("q")
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_text("202", exact=True)).to_be_visible()
    expect(tried.get_by_text(re.compile(r"in \d+ ms"))).to_be_visible()
    expect(answer_body(tried)).to_have_text("<ok/>")
    tried.get_by_role("button", name="Headers").click()
    expect(tried.get_by_text("x-paid")).to_be_visible()
    tried.get_by_role("textbox", name="Body").fill('{"amount": 12345678901234567890}')
    tried.get_by_role("button", name="Send").click()
    settle(page)
    assert sent == [
        ["POST", "/orders/a%2Fb/pay/%7Bid%7D?id=q", None],
        ["POST", "/orders/a%2Fb/pay/%7Bid%7D?id=q", '{"amount":12345678901234567890}'],
    ]

    page.locator("summary", has_text="Take a hook").click()
    tried = form(page, "Take a hook")
    tried.get_by_label("Body").fill('a,"b\n')
    tried.get_by_role("button", name="Send").click()
    settle(page)
    assert sent[2:] == [["POST", "/hooks", 'a,"b\n']]
