"""Test how to find an item in a table: search, filters, ids, owners, columns; and that the place is kept."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from tests.local.api import Api
from tests.web.browser import Open, go_to, hold_requests, open_entity, settle, wait_until

Item = dict[str, Any]

WIDE: Item = {
    "properties": {
        "title": {"type": "string", "maxLength": 200},
        "description": {"type": "string", "maxLength": 5000},
        "due": {"type": "string", "format": "date"},
        **{f"extra{number}": {"type": ["string", "integer", "boolean", "array"][number % 4]} for number in range(37)},
    },
    "required": ["title", "due"],
}


def item_of(number: int, **properties: Any) -> Item:
    at = f"2026-01-02T03:04:05.{number:06d}Z"
    served = {"id": f"{number:08x}-0000-4000-8000-000000000000", "createdAt": at, "updatedAt": at, "version": 1}
    return {"title": f"Number {number}", "due": "2026-02-03", **served, **properties}


def serve(page: Page, items: list[Item], owners: list[str] | None = None) -> list[dict[str, list[str]]]:
    """Serve a list of parcels in place of the API; return a list to which each query is added."""
    queries: list[dict[str, list[str]]] = []

    def answer(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        queries.append(query)
        begin, size = int(query.get("cursor", ["0"])[0]), int(query.get("limit", ["25"])[0])
        owner = query.get("owner", [None])[0]
        found = [place for place in range(len(items)) if not owner or (owners and owners[place] == owner)]
        shown = found[begin : begin + size]
        body = {"items": [items[place] for place in shown], "count": len(shown)}
        body["next"] = str(begin + size) if begin + size < len(found) else None
        route.fulfill(json=body | ({"owners": [owners[place] for place in shown]} if owners else {}))

    page.route(re.compile(r"/api/parcels(\?|$)"), answer)
    return queries


def rows(page: Page) -> Locator:
    return page.locator("main tbody tr")


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox").fill(text)
    settle(page)


def status(page: Page) -> Locator:
    return page.locator(".search-status")


# --- search ---


def test_a_search_reads_up_to_its_limit_and_reports_its_range(visit: Open) -> None:
    page = visit("#/docs")
    notes: dict[int, Item] = {
        3: {"note": "Zoë's kettle"},
        640: {"note": "a KETTLE"},
        1100: {"to": {"street": "Kettle Lane"}},
    }
    queries = serve(page, [item_of(number, **notes.get(number, {})) for number in range(1200)])
    open_entity(page, "Parcels")
    queries.clear()
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    search(page, "kettle")
    expect(status(page)).to_contain_text("2 matches in the first 1,000 items.")
    assert [query["limit"] for query in queries] == [["100"]] * 10
    status(page).get_by_role("button", name="Search the next 1,000 items").click()
    settle(page)
    expect(status(page)).to_contain_text("3 matches in all 1,200 items.")
    expect(rows(page)).to_have_count(3)

    # Another search does not read the same pages again.
    queries.clear()
    found = {"zoe KETTLE": 1, '"zoë\'s kettle"': 1, '"kettle zoë"': 0, "title:1100": 1, "title:kettle": 0, "lane": 1}
    for text, count in found.items():
        search(page, text)
        expect(status(page)).to_contain_text(f"{count} match{'' if count == 1 else 'es'} in all 1,200 items.")
    assert queries == []
    # The address contains the search.
    assert "search=lane" in page.url
    page.reload()
    settle(page)
    expect(page.get_by_role("searchbox")).to_have_value("lane")
    page.get_by_role("searchbox").press("Escape")
    settle(page)
    expect(rows(page)).to_have_count(25)
    assert "search" not in page.url


def test_a_search_can_be_stopped_continued_and_fail(visit: Open) -> None:
    page = visit("#/docs")
    serve(page, [item_of(number) for number in range(300)])
    open_entity(page, "Parcels")
    held = hold_requests(page, "**/api/parcels?*limit=100*")
    page.get_by_role("searchbox").fill("number 7")
    expect(status(page)).to_contain_text("so far")
    status(page).get_by_role("button", name="Stop").click()
    wait_until(page, lambda: bool(held))
    page.unroute("**/api/parcels?*limit=100*")
    held[0].fallback()
    expect(status(page)).to_contain_text("in the first 100 items")
    problem = {"title": "Too many requests", "detail": "Wait a moment."}
    page.route("**/api/parcels?*limit=100*", lambda route: route.fulfill(status=429, json=problem), times=1)
    status(page).get_by_role("button", name=re.compile("^Search the next")).click()
    expect(status(page).get_by_role("alert")).to_contain_text("Wait a moment.")
    expect(rows(page)).not_to_have_count(0)
    status(page).get_by_role("button", name="Continue").click()
    expect(status(page)).to_contain_text("in all 300 items")


def test_a_match_outside_the_columns_shows_its_property(visit: Open) -> None:
    page = visit("#/docs", schema=WIDE, bypass_csp=True)
    serve(page, [item_of(1, description=f"{'long ' * 50}needle {'text ' * 50}"), item_of(2)])
    go_to(page, "#/parcels?search=needle")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).locator(".found")).to_contain_text(re.compile("^Description: ….*needle"))
    assert Axe().run(page).response["violations"] == []


def test_a_pasted_id_opens_its_item(visit: Open, parcels: Api) -> None:
    made = [parcels.create({"label": f"Parcel {number}"}).json for number in range(2)]
    page = visit("#/parcels")
    search(page, made[0]["id"])
    expect(status(page)).to_contain_text("Found the item with this ID.")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("searchbox").press("Enter")
    expect(page).to_have_url(re.compile(f"#/parcels/{made[0]['id']}$"))


def test_filters_are_shown_as_text(visit: Open) -> None:
    page = visit("#/orders")
    expect(page.locator(".filters")).to_contain_text("Status is exactly")
    expect(page.get_by_role("combobox", name="Status is exactly")).to_be_visible()


# --- columns ---

FRAME_WIDTHS = """(frame) => [frame.scrollWidth, frame.clientWidth]"""

# Is the table scrolled, are the corners of its head and of a row visible, and is the head on top?
IN_VIEW = """(frame) => {
  const around = frame.getBoundingClientRect();
  const isSeen = (path, kind) => {
    const cell = frame.querySelector(path).getBoundingClientRect();
    const place = [cell.left + 8, path.startsWith("thead") ? cell.top + 8 : around.top + 200];
    const isInside = cell.left >= around.left && cell.right <= around.right + 1;
    return isInside && Boolean(document.elementFromPoint(...place).closest(kind));
  };
  return [
    frame.scrollLeft > 0 && frame.scrollTop > 0,
    isSeen("thead .first", ".first"),
    isSeen("thead .row-actions", ".row-actions"),
    isSeen("tbody .first", ".first"),
    isSeen("tbody .row-actions", ".row-actions"),
    Math.abs(frame.querySelector("thead th").getBoundingClientRect().top - around.top) < 2,
  ];
}"""


def heads(page: Page) -> list[str]:
    """Return a table's column heads without the checkboxes'."""
    return [text.strip() for text in page.locator("th:not(.select)").all_inner_texts()]


@pytest.fixture
def wide(visit: Open) -> Page:
    """A table of items with 40 properties, 1280 pixels wide."""
    page = visit("#/docs", schema=WIDE, bypass_csp=True, viewport={"width": 1280, "height": 800})
    text = "several words and then some more of them " * 20
    values: list[Any] = [text, 12345, True, [{"sku": "a"}, {"sku": "b"}]]
    extras = {f"extra{number}": values[number % 4] for number in range(37)}
    serve(page, [item_of(number, description=text, **extras) for number in range(60)])
    go_to(page, "#/parcels")
    page.reload()
    settle(page)
    return page


def test_columns_can_be_chosen_and_ordered_and_are_kept(wide: Page) -> None:
    page = wide
    width, room = page.locator(".table-frame").evaluate(FRAME_WIDTHS)
    assert width <= room, heads(page)
    assert heads(page)[0] == "Title"
    assert heads(page)[-3:-1] == ["ID", "Created"]
    page.get_by_role("button", name="Columns").click()
    dialog = page.get_by_role("dialog", name="Columns")
    dialog.get_by_role("searchbox").fill("description")
    dialog.get_by_role("checkbox", name="Description").check()
    dialog.get_by_role("searchbox").fill("")
    for _ in range(heads(page).index("Description") - 1):
        dialog.get_by_role("button", name="Move Description up").press("Enter")
        settle(page)
    dialog.get_by_role("button", name="Compact").click()
    assert Axe().run(page).response["violations"] == []
    dialog.get_by_role("button", name="Done").click()
    chosen = heads(page)
    assert chosen[:2] == ["Title", "Description"]
    page.reload()
    settle(page)
    assert heads(page) == chosen
    expect(page.get_by_role("table")).to_have_class(re.compile("compact"))
    # Each entity has its own choice of columns.
    page.route(re.compile(r"/api/orders\?"), lambda route: route.fulfill(json={"items": [item_of(1)], "next": None}))
    open_entity(page, "Orders")
    expect(page.get_by_role("table")).not_to_have_class(re.compile("compact"))
    open_entity(page, "Parcels")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Done").click()
    assert "Description" not in heads(page)


def test_head_first_column_and_buttons_stay_in_view(wide: Page) -> None:
    page = wide
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("dialog").get_by_role("button", name="Show all").click()
    page.get_by_role("button", name="Done").click()
    page.locator(".table-frame").evaluate("(frame) => frame.scrollTo(2000, 500)")
    settle(page)
    assert page.locator(".table-frame").evaluate(IN_VIEW) == [True] * 6


def test_truncated_values_can_be_previewed(wide: Page) -> None:
    page = wide
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Description").check()
    page.get_by_role("button", name="Done").click()
    button = rows(page).first.get_by_role("button", name="Show all of Description")
    rows(page).first.get_by_role("link").first.focus()
    button.focus()
    page.keyboard.press("Enter")
    peek = page.get_by_role("dialog", name="Description")
    expect(peek).to_contain_text("some more of them")
    expect(peek).to_be_focused()
    assert Axe().run(page).response["violations"] == []
    page.keyboard.press("Escape")
    expect(peek).to_have_count(0)
    expect(button).to_be_focused()
    # That did not open the row.
    expect(page).to_have_url(re.compile("#/parcels$"))


def test_arrow_keys_move_between_rows(wide: Page) -> None:
    page = wide
    rows(page).first.get_by_role("link").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(rows(page).nth(2).get_by_role("link")).to_be_focused()
    page.keyboard.press("End")
    expect(rows(page).last.get_by_role("link")).to_be_focused()


def test_ids_are_shortened_but_copied_in_full(wide: Page) -> None:
    page = wide
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(rows(page).first.locator(".short-id")).to_have_text("00000000…")
    rows(page).first.hover()
    rows(page).first.get_by_role("button", name="Copy ID").click()
    expect(page.get_by_role("status").get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == item_of(0)["id"]


# --- while it is read, and where that fails ---


def test_placeholders_while_loading_and_rows_kept_when_a_reload_fails(visit: Open) -> None:
    page = visit("#/docs")
    serve(page, [item_of(number) for number in range(30)])
    held = hold_requests(page, "**/api/parcels?*")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Parcels").click()
    expect(page.locator(".skeleton")).to_be_visible()
    wait_until(page, lambda: bool(held))
    page.unroute("**/api/parcels?*")
    held[0].fallback()
    expect(rows(page)).to_have_count(25)
    problem = {"title": "Service unavailable", "detail": "The database is throttled."}
    page.route("**/api/parcels?*", lambda route: route.fulfill(status=503, json=problem), times=2)
    page.get_by_role("button", name="Reload").click()
    expect(page.get_by_role("alert")).to_contain_text("The database is throttled.")
    expect(rows(page)).to_have_count(25)
    # No other rows replace the ones that could not be read.
    page.get_by_role("button", name="Next").click()
    settle(page)
    expect(rows(page)).to_have_count(0)
    page.get_by_role("button", name="Try again").click()
    expect(rows(page)).to_have_count(5)
    expect(page.get_by_role("alert")).to_have_count(0)


# --- the place ---


def test_the_place_is_kept_over_back_reload_and_the_breadcrumb(visit: Open, parcels: Api) -> None:
    for number in range(30):
        parcels.create({"label": f"Parcel {number}"})
    page = visit("#/parcels", viewport={"width": 1280, "height": 800})
    frame = page.locator(".table-frame")
    frame.evaluate("(frame) => frame.scrollTo(0, 300)")
    settle(page)
    link = rows(page).nth(12).get_by_role("link")
    name = link.inner_text()
    link.click()
    settle(page)
    # The address also contains an item's view.
    page.get_by_role("button", name="JSON", exact=True).click()
    page.reload()
    settle(page)
    expect(page.get_by_role("button", name="JSON", exact=True)).to_have_attribute("aria-pressed", "true")
    page.go_back()
    settle(page)
    assert frame.evaluate("(frame) => frame.scrollTop") == 300
    page.get_by_role("link", name=name, exact=True).click()
    settle(page)
    page.go_back()
    settle(page)
    expect(page.get_by_role("link", name=name, exact=True)).to_be_focused()

    page.get_by_role("button", name="Next").click()
    expect(rows(page)).to_have_count(5)
    rows(page).first.get_by_role("link").click()
    settle(page)
    page.locator(".page-head").get_by_role("link", name="Parcels").click()
    expect(page.get_by_text("Page 2")).to_be_visible()
    page.reload()
    settle(page)
    page.get_by_role("button", name="Previous").click()
    expect(rows(page)).to_have_count(25)
    expect(page.get_by_text("Page 1")).to_be_visible()


def test_a_changed_item_is_updated_in_the_search_results(visit: Open, parcels: Api) -> None:
    parcels.create({"label": "Cups"})
    parcels.create({"label": "Books"})
    page = visit("#/parcels?search=cups")
    rows(page).get_by_role("link").click()
    settle(page)
    page.get_by_role("button", name="JSON", exact=True).click()
    page.get_by_label("The item as JSON").fill(json.dumps({"label": "Cups and plates"}))
    page.get_by_role("button", name="Save").click()
    settle(page)
    page.go_back()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Cups and plates")


# --- owners ---


def with_owner(route: Route) -> None:
    """Respond with an OpenAPI document whose parcels have owners."""
    document = route.fetch().json()
    parameter = {"name": "owner", "in": "query", "schema": {"type": "string"}}
    for path in ("/parcels", "/parcels/{id}"):
        for method, operation in document["paths"][path].items():
            if method in ("get", "patch", "put", "post", "delete"):
                operation["parameters"] = [*operation.get("parameters", []), parameter]
                operation["security"] = [{"jwt": []}]
    route.fulfill(json=document)


def sign_in_as_support(page: Page) -> None:
    """Keep the tokens that a sign-in at the issuer would leave."""
    tokens = {"access": "e30.e30.e30", "scheme": "jwt", "scopes": [], "user": "sue"}
    page.evaluate("(tokens) => sessionStorage.setItem('trestle.tokens', JSON.stringify(tokens))", tokens)


def test_callers_with_access_to_all_items_see_the_owners(visit: Open) -> None:
    page = visit("#/docs")
    page.route("**/api/openapi.json", with_owner)
    sign_in_as_support(page)
    owners = ["acme", "über GmbH", "acme"]
    # Two owners may have chosen the same id.
    items = [item_of(1), item_of(1), item_of(2)]
    queries = serve(page, items, owners)
    go_to(page, "#/parcels")
    page.reload()
    settle(page)
    expect(rows(page)).to_have_count(3)
    place = heads(page).index("Owner") + page.locator("th.select").count()
    assert [row.get_by_role("cell").nth(place).inner_text() for row in rows(page).all()] == owners
    page.get_by_label("Owner is exactly").fill("über GmbH")
    expect(rows(page)).to_have_count(1)
    assert queries[-1]["owner"] == ["über GmbH"]

    asked = []

    def one(route: Route) -> None:
        asked.append((route.request.method, parse_qs(urlsplit(route.request.url).query)))
        headers = {"ETag": '"x"', "Item-Owner": "%C3%BCber%20GmbH"}
        route.fulfill(json=items[1], headers=headers)

    page.route(re.compile(r"/api/parcels/[^?]+"), one)
    rows(page).get_by_role("link").click()
    settle(page)
    expect(page.get_by_role("complementary")).to_contain_text("über GmbH")
    page.get_by_role("button", name="JSON", exact=True).click()
    page.get_by_label("The item as JSON").fill('{"title": "Other"}')
    page.get_by_role("button", name="Save").click()
    settle(page)
    assert [method for method, _ in asked] == ["GET", "PATCH"]
    assert [query["owner"] for _, query in asked] == [["über GmbH"]] * 2

    # Each of the two items has its own draft.
    page.get_by_label("The item as JSON").fill('{"title": "Typed"}')
    go_to(page, f"#/parcels/{items[0]['id']}?owner=acme")
    page.get_by_role("button", name="JSON", exact=True).click()
    expect(page.get_by_label("The item as JSON")).not_to_contain_text("Typed")
    go_to(page, f"#/parcels/{items[0]['id']}?owner=%C3%BCber+GmbH&view=json")
    expect(page.get_by_label("The item as JSON")).to_have_value(re.compile("Typed"))

    # The first page leads to the owner's item, too. No API would accept these tokens.
    page.route(re.compile(r"/api/(?!parcels)\w+\?"), lambda route: route.fulfill(json={"items": [], "next": None}))
    go_to(page, "#/")
    card = page.get_by_role("listitem", name="Parcels")
    card.scroll_into_view_if_needed()
    settle(page)
    hrefs = (
        card.get_by_role("list")
        .get_by_role("link")
        .evaluate_all("(all) => all.map((each) => each.getAttribute('href'))")
    )
    assert hrefs == [
        f"#/parcels/{item['id']}?owner={owner}"
        for item, owner in zip(items, ["acme", "%C3%BCber+GmbH", "acme"], strict=True)
    ]


def test_who_acts_for_others_is_asked_for_the_owner_of_a_new_item(visit: Open) -> None:
    page = visit("#/docs")
    page.route("**/api/openapi.json", with_owner)
    sign_in_as_support(page)
    owners: list[str | None] = []

    def create(route: Route) -> None:
        owner = parse_qs(urlsplit(route.request.url).query).get("owner", [None])[0]
        owners.append(owner)
        if owner:
            route.fulfill(status=201, json=item_of(7))
        else:
            route.fulfill(status=403, json={"title": "Forbidden", "detail": "Say whose item it is."})

    page.route(re.compile(r"/api/parcels(\?|$)"), create)
    page.route(re.compile(r"/api/parcels/"), lambda route: route.fulfill(json=item_of(7)))
    go_to(page, "#/parcels/+new")
    page.reload()
    settle(page)
    page.get_by_label("The item as JSON").fill('{"title": "Number 7"}')
    page.get_by_role("button", name="Create").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Say whose item it is.")
    alert.get_by_label("Owner").fill("acme")
    alert.get_by_role("button", name="Use this owner").click()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1, name="Number 7")).to_be_visible()
    assert owners == [None, "acme"]
    assert "owner=acme" in page.url


def test_a_search_that_cannot_begin_says_why_and_begins_again(visit: Open) -> None:
    page = visit("#/docs")
    serve(page, [item_of(number) for number in range(3)])
    page.route("**/api/parcels?*", lambda route: route.abort(), times=1)
    go_to(page, "#/parcels?search=number")
    expect(page.get_by_role("alert")).to_contain_text("did not respond")
    expect(page.get_by_role("heading", name="Nothing found")).to_have_count(0)
    page.get_by_role("button", name="Try again").click()
    expect(rows(page)).to_have_count(3)
