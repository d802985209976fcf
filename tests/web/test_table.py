"""Test the table of an entity's items: paging, filters, order, and the empty state."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.local.api import Api
from tests.web.browser import Open, go_to, open_entity, settle
from tests.web.conftest import Console


@pytest.fixture
def orders(console: Console) -> Api:
    """The collection of orders, emptied."""
    return console.empty_collection("orders")


def rows(page: Page) -> Locator:
    return page.get_by_role("table").get_by_role("row").filter(has=page.get_by_role("cell"))


def column_texts(page: Page, name: str) -> list[str]:
    heads = [text.strip().lower() for text in page.get_by_role("columnheader").all_inner_texts()]
    place = heads.index(name.lower())
    return [row.get_by_role("cell").nth(place).inner_text().strip() for row in rows(page).all()]


def expect_first(page: Page, quantity: int) -> None:
    """Wait until the first row is an order with this quantity."""
    expect(rows(page).first.locator("[data-label=Quantity]")).to_have_text(str(quantity))


def test_an_empty_table_offers_to_create_the_first_item(visit: Open, orders: Api) -> None:
    page = visit("#/orders")
    expect(page.get_by_role("heading", name="No orders yet")).to_be_visible()
    page.get_by_role("link", name="Create the first").click()
    expect(page).to_have_url(re.compile(r"#/orders/\+new$"))


def test_columns_come_from_the_schema(visit: Open, orders: Api) -> None:
    made = orders.create({"quantity": 3, "status": "paid", "userId": "u1"}).json
    page = visit("#/orders")
    expect(rows(page)).to_have_count(1)
    assert column_texts(page, "Quantity") == ["3"]
    assert column_texts(page, "Status") == ["paid"]
    assert column_texts(page, "User id") == ["u1"]
    # A keyboard opens a row by the link in its first cell.
    rows(page).get_by_role("link").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"#/orders/{made['id']}$"))


def test_paging_forward_and_back(visit: Open, orders: Api) -> None:
    for quantity in range(1, 61):
        orders.create({"quantity": quantity})
    page = visit("#/orders")
    expect(rows(page)).to_have_count(25)
    # Newest first.
    assert column_texts(page, "Quantity") == [str(number) for number in range(60, 35, -1)]
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Page 2")).to_be_visible()
    expect_first(page, 35)
    page.get_by_role("button", name="Next").click()
    expect(rows(page)).to_have_count(10)
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.get_by_role("button", name="Previous").click()
    expect_first(page, 35)
    page.go_back()
    expect(rows(page)).to_have_count(10)

    page.get_by_label("Rows").select_option("100")
    expect(rows(page)).to_have_count(60)
    page.get_by_role("button", name="Created").click()
    expect_first(page, 1)
    assert column_texts(page, "Quantity")[:3] == ["1", "2", "3"]


def test_filters_are_those_of_the_api(visit: Open, orders: Api) -> None:
    for quantity, status in ((5, "open"), (1, "paid"), (9, "paid"), (4, "paid")):
        orders.create({"quantity": quantity, "status": status})
    page = visit("#/orders")
    expect(rows(page)).to_have_count(4)
    page.get_by_label("Status").select_option("paid")
    expect(rows(page)).to_have_count(3)
    # Sorted and bounded by the filter's sort property.
    assert column_texts(page, "Quantity") == ["1", "4", "9"]
    page.get_by_role("button", name="Quantity").click()
    expect_first(page, 9)
    page.get_by_label("Quantity from").fill("4")
    expect(rows(page)).to_have_count(2)
    assert "quantity.gte=4" in page.url
    assert "status=paid" in page.url

    page.reload()
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Status").select_option("cancelled")
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(rows(page)).to_have_count(4)


@pytest.mark.parametrize(
    ("value", "shown", "sent"),
    [
        ("", "(empty)", ""),
        ("\u202egpj", "U+202Egpj", "%E2%80%AEgpj"),
        (9007199254740993, "9007199254740993", "9007199254740993"),
    ],
)
def test_a_filter_accepts_any_possible_value(visit: Open, orders: Api, value: Any, shown: str, sent: str) -> None:
    def of_it(route: Route) -> None:
        document = route.fetch().json()
        (filtered,) = [one for one in document["paths"]["/orders"]["get"]["parameters"] if one.get("name") == "status"]
        filtered["schema"] = {"enum": ["paid", value]}
        route.fulfill(json=document)

    page = visit("#/docs")
    page.route("**/api/openapi.json", of_it)
    go_to(page, "#/orders")
    page.reload()
    with page.expect_request(re.compile(f"[?&]status={sent}(&|$)")):
        page.get_by_label("Status").select_option(label=shown)
    expect(page.get_by_label("Status").locator("option:checked")).to_have_text(shown)
    page.get_by_label("Status").select_option("All")
    expect(page.get_by_role("heading", name="No orders yet")).to_be_visible()


def test_input_typed_while_a_filter_loads_is_kept(visit: Open, orders: Api) -> None:
    page = visit("#/orders?status=paid")
    # Typed after the address changed and before the page followed it.
    typed = """async (input) => {
      const type = (text) => {
        input.value = text;
        input.dispatchEvent(new Event("input", { bubbles: true }));
      };
      const followed = new Promise((over) => {
        addEventListener("hashchange", () => setTimeout(over, 100), { once: true });
      });
      addEventListener("hashchange", () => type("12"), { capture: true, once: true });
      type("1");
      await followed;
      return input.value;
    }"""
    assert page.get_by_label("Quantity from").evaluate(typed) == "12"
    settle(page)
    expect(page).to_have_url(re.compile("quantity.gte=12$"))


def test_an_invalid_day_is_refused(visit: Open, todos: Api) -> None:
    page = visit("#/todos/+table?completed=true")
    page.get_by_label("Created from").fill("12026-01-01")
    expect(page.get_by_role("alert")).to_contain_text("createdAt.gte")


def test_a_link_cannot_use_parameters_that_the_page_does_not_offer(visit: Open, orders: Api) -> None:
    orders.create({"quantity": 7})
    page = visit("#/orders?fields=id&unknown=1&limit=50")
    expect(rows(page)).to_have_count(1)
    assert column_texts(page, "Quantity") == ["7"]


def test_a_refused_filter_shows_the_reason(visit: Open, orders: Api) -> None:
    page = visit("#/orders?status=paid&quantity.gte=many")
    expect(page.get_by_role("alert")).to_contain_text("quantity.gte")


def test_an_undone_deletion_restores_the_item(visit: Open, orders: Api) -> None:
    made = orders.create({"quantity": 7}).json
    page = visit("#/orders")
    rows(page).hover()
    page.get_by_role("button", name=re.compile("^Delete ")).click()
    expect(page.get_by_role("heading", name="No orders yet")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_count(1)
    open_entity(page, "Parcels")
    expect(page.get_by_role("heading", level=1, name="Parcels")).to_be_visible()
    assert orders("GET", f"/{made['id']}").status == 200


def test_a_deletion_is_sent_at_once_when_the_view_is_left(visit: Open, orders: Api) -> None:
    orders.create({"quantity": 7})
    page = visit("#/orders")
    rows(page).hover()
    page.get_by_role("button", name=re.compile("^Delete ")).click()
    with page.expect_response(lambda response: response.request.method == "DELETE") as deleted:
        open_entity(page, "Parcels")
    assert deleted.value.status == 204


def test_an_item_changed_by_others_is_not_deleted(visit: Open, orders: Api) -> None:
    made = orders.create({"quantity": 7}).json
    tag = orders("GET", f"/{made['id']}").headers["ETag"]
    page = visit("#/orders")
    expect(rows(page)).to_have_count(1)
    orders("PATCH", f"/{made['id']}", {"quantity": 8})
    rows(page).hover()
    page.get_by_role("button", name=re.compile("^Delete ")).click()
    with page.expect_request(lambda request: request.method == "DELETE") as deleted:
        open_entity(page, "Parcels")
    # Lists contain no tags, so the page computes the tag of the item that it showed.
    assert deleted.value.headers["if-match"] == tag
    expect(page.get_by_role("status").get_by_text("The item has changed since you saw it")).to_be_visible()
    assert orders("GET", f"/{made['id']}").json["quantity"] == 8


def test_a_recreated_item_is_shown_again(visit: Open, orders: Api) -> None:
    listed = [{"id": "one", "quantity": 7, "version": 1, "createdAt": "2026-01-01T00:00:00.000000Z"}]
    page = visit("#/docs")
    page.route(re.compile(r"/api/orders\?"), lambda route: route.fulfill(json={"items": listed, "next": None}))
    page.route(re.compile("/api/orders/one"), lambda route: route.fulfill(status=204))
    open_entity(page, "Orders")
    rows(page).hover()
    page.get_by_role("button", name=re.compile("^Delete ")).click()
    expect(page.get_by_role("heading", name="No orders yet")).to_be_visible()
    page.get_by_role("button", name="Reload").click()
    settle(page)
    expect(page.get_by_role("heading", name="No orders yet")).to_be_visible()
    listed[0]["createdAt"] = "2026-01-02T00:00:00.000000Z"
    page.get_by_role("button", name="Reload").click()
    expect(rows(page)).to_have_count(1)


def test_the_focus_stays_near_a_deleted_row(visit: Open, orders: Api) -> None:
    for quantity in (1, 2):
        orders.create({"quantity": quantity})
    page = visit("#/orders")
    expect(rows(page)).to_have_count(2)
    links = rows(page).get_by_role("link")
    deletes = rows(page).get_by_role("button", name=re.compile("^Delete "))
    deletes.last.focus()
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(links).to_be_focused()
    deletes.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.get_by_role("button", name="Undo").last.focus()
    page.keyboard.press("Enter")
    expect(links).to_be_focused()


def test_an_error_is_shown_with_a_retry(visit: Open, orders: Api) -> None:
    orders.create({"quantity": 7})
    problem: dict[str, Any] = {
        "title": "Service unavailable",
        "detail": "The database is throttled.",
        "requestId": "r-1",
    }
    page = visit("#/docs")
    page.route(re.compile("/api/orders"), lambda route: route.fulfill(status=503, json=problem), times=1)
    open_entity(page, "Orders")
    expect(page.get_by_role("alert")).to_contain_text("The database is throttled.")
    expect(page.get_by_role("alert")).to_contain_text("r-1")
    page.get_by_role("button", name="Try again").click()
    expect(rows(page)).to_have_count(1)


def test_an_entity_without_a_schema_shows_its_items_properties(visit: Open, parcels: Api) -> None:
    parcels.create({"label": "Books", "weight": 1.5})
    parcels.create({"label": "Cups", "fragile": True, "to": {"city": "Bath"}})
    page = visit("#/parcels")
    expect(rows(page)).to_have_count(2)
    assert column_texts(page, "Label") == ["Cups", "Books"]
    assert column_texts(page, "Weight") == ["\u2013", "1.5"]
    assert column_texts(page, "Fragile") == ["Yes", "\u2013"]
