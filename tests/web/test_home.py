"""Test the home page: entities, newest items and the last hour's activity."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.local.api import POOL, Api
from tests.web.browser import Open, enter_key, go_to, settle
from tests.web.conftest import Console

LIST_LIMIT = 3
TALL: Any = {"viewport": {"width": 1280, "height": 3000}}  # nothing needs scrolling


def card(page: Page, entity: str) -> Locator:
    """Return an entity's card."""
    return page.get_by_role("listitem", name=entity)


def test_the_newest_items_are_shown_and_linked(visit: Open, todos: Api) -> None:
    for number in range(7):
        todos.create({"title": f"Number {number}"})
    page = visit("#/", **TALL)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    links = card(page, "Todos").get_by_role("list").get_by_role("link")
    expect(links).to_have_text([f"Number {number}" for number in range(6, 3, -1)])
    expect(card(page, "Todos")).to_contain_text(re.compile("Open to anyone.*list, create, get"))
    links.first.click()
    expect(page.get_by_role("heading", level=1, name="Number 6")).to_be_visible()


def test_only_readable_lists_are_requested(visit: Open, console: Console) -> None:
    console.empty_collection("customers").create({"firstName": "Ada", "lastName": "Byron", "email": "a@example.com"})
    asked: list[str] = []
    page = visit("#/docs", **TALL)
    page.on("request", lambda request: asked.append(request.url))
    go_to(page, "#/")
    expect(card(page, "Customers")).to_contain_text("Enter the API key in the sidebar first.")
    expect(card(page, "Notes")).to_contain_text("Sign in first.")
    settle(page)
    lists = [url for url in asked if "/api/" in url]
    assert any("/api/todos?" in url for url in lists)
    assert not [url for url in lists if re.search("/api/(customers|notes|memos)", url)]
    enter_key(page, console.key)
    expect(card(page, "Customers").get_by_role("link", name="Ada Byron")).to_be_visible()


def test_lists_are_read_one_at_a_time_and_only_when_visible(visit: Open) -> None:
    open_requests: list[Request] = []
    most: list[int] = []
    read: list[str] = []

    def begin(request: Request) -> None:
        if re.search(r"/api/\w+\?", request.url):
            open_requests.append(request)
            most.append(len(open_requests))
            read.append(request.url)

    def end(request: Request) -> None:
        open_requests[:] = [other for other in open_requests if other != request]

    page = visit("#/docs", viewport={"width": 390, "height": 500})
    page.on("request", begin)
    page.on("requestfinished", end)
    go_to(page, "#/")
    assert not [url for url in read if "/todos" in url], "the card is far below the visible part"
    card(page, "Todos").scroll_into_view_if_needed()
    settle(page)
    assert [url for url in read if "/todos" in url]
    assert set(most) == {1}
    assert all(f"limit={LIST_LIMIT}" in url for url in read)


def test_at_the_rate_limit_it_stops_until_retried(visit: Open, todos: Api) -> None:
    todos.create({"title": "Buy milk"})
    page = visit("#/docs", **TALL)
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=429, json={"title": "Too many requests", "status": 429, "detail": "Wait."})

    page.route(re.compile(r"/api/\w+\?"), refuse)
    go_to(page, "#/")
    expect(card(page, "Todos")).to_contain_text("Wait.")
    assert len(refused) == 1, "no request follows the first refusal"
    page.unroute_all()
    card(page, "Todos").get_by_role("button", name="Try again").click()
    expect(card(page, "Todos").get_by_role("link", name="Buy milk")).to_be_visible()


def test_a_list_that_cannot_be_read_says_why_and_is_read_again(visit: Open, todos: Api) -> None:
    todos.create({"title": "Buy milk"})
    page = visit("#/docs", **TALL)
    page.route(re.compile(r"/api/\w+\?"), lambda route: route.abort())
    go_to(page, "#/")
    expect(card(page, "Todos")).to_contain_text("The API did not respond.")
    page.unroute_all()
    card(page, "Todos").get_by_role("button", name="Try again").click()
    expect(card(page, "Todos").get_by_role("link", name="Buy milk")).to_be_visible()


def test_requests_and_errors_of_the_last_hour(visit: Open, console: Console, todos: Api) -> None:
    before = activity(console)
    made = todos.create({"title": "Buy milk"}).json
    todos("GET", f"/{made['id']}")
    todos("GET", "/nowhere").problem(404, "not-found")
    after = activity(console)
    route = "GET /todos/{id}"
    was = before["routes"].get(route, {"requests": 0, "refused": 0, "failed": 0})
    assert after["routes"][route] == {**was, "requests": was["requests"] + 2, "refused": was["refused"] + 1}
    page = visit("#/")
    expect(page.get_by_role("region", name="Last hour")).to_contain_text(
        re.compile(r"Requests\s*\d+.*Client errors\s*\d+")
    )
    expect(card(page, "Todos")).to_contain_text(re.compile(r"\d+ requests, \d+ errors? in the last hour"))
    page.locator("summary", has_text="deployed functions").click()
    expect(page.get_by_text("console-todos-entity-test")).to_be_visible()
    names = {function["name"]: function["version"] for function in after["functions"]}
    assert names["console-todos-entity-test"] == "1"


def activity(console: Console) -> dict[str, Any]:
    """Return the last hour's activity as the home page gets it."""
    answer = POOL.request("GET", f"{console.url}/activity.json")
    told: dict[str, Any] = json.loads(answer.data)
    return told


def test_in_aws_the_dashboard_is_linked(visit: Open) -> None:
    page = visit("#/docs")
    url = "https://us-west-2.console.aws.amazon.com/cloudwatch/home?region=us-west-2#dashboards/dashboard/shop"
    page.route(
        "**/config.json",
        lambda route: route.fulfill(json=route.fetch().json() | {"activity": None, "dashboard": url}),
    )
    go_to(page, "#/")
    page.reload()
    settle(page)
    expect(page.get_by_role("link", name="Dashboard")).to_have_attribute("href", url)
    expect(page.get_by_role("heading", name="Last hour")).to_have_count(0)
