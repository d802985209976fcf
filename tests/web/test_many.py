"""Test bulk actions: select, delete, change, duplicate, export and import items."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.local.api import Api
from tests.web.browser import Open, hold_requests, open_entity, settle, wait_until
from tests.web.conftest import Console
from tests.web.test_modules import module
from tests.web.test_table import rows

# --- the modules, without the API ---

RECORDS = {
    'a,b\r\n1,"x, ""y""\nz"\r\n\r\n,""\n': [(1, ["a", "b"]), (2, ["1", 'x, "y"\nz']), (5, ["", ""])],
    "a;b\n1,5;2": [(1, ["a", "b"]), (2, ["1,5", "2"])],
    "a\tb\n1;5,\t2\n": [(1, ["a", "b"]), (2, ["1;5,", "2"])],
    'a\n"b': [(1, ["a"]), (2, ["b"])],
    "a,b\r1,": [(1, ["a", "b"]), (2, ["1", ""])],
    "": [],
}


def test_csv_is_read_as_in_rfc_4180_and_from_spreadsheets(visit: Open) -> None:
    page = visit("#/docs")
    found = page.evaluate(
        """async ([transfer, texts]) => {
          const { readCsv } = await import(transfer);
          return texts.map((text) => readCsv(text).map(({ line, cells }) => [line, cells.map(({ text }) => text)]));
        }""",
        [module(page, "transfer.js"), list(RECORDS)],
    )
    for (text, records), read in zip(RECORDS.items(), found, strict=True):
        assert read == [[line, cells] for line, cells in records], text


RULES: list[dict[str, Any]] = [
    {"type": "string"}, {"type": "string", "nullable": True}, {}, {"type": ["string", "null"]}, {"type": "integer"},
    {"type": "number"}, {"type": "boolean"}, {"type": "object"}, {"type": "array"}, {"type": ["integer", "string"]},
]  # fmt: skip
VALUES = [
    '"=1+1"', '"-5"', '"+44 20"', '"@x"', '"\\t=x"', '"\'=a"', "\"'a\"", "\"''=a\"", '"\uff1d1"', '"null"',
    "null", '"1"', "1", "12345678901234567890123456789012345678", "-0.10", "true", '"true"', '{"a": [1.0, "=b"]}',
    '"{\\"a\\": 1}"', '""', '" a "', '"a\\n\\"b\\",;"', '"[1"', '"\\ufeffa"', '"a\\rb"', "[]",
]  # fmt: skip


def test_every_value_survives_csv_and_no_cell_is_a_formula(visit: Open) -> None:
    page = visit("#/docs")
    count, faults = page.evaluate(
        """async ([json, transfer, validate, rules, values]) => {
          const { isEqual, parse } = await import(json);
          const { cellText, cellValue, readCsv, writeCsv } = await import(transfer);
          const check = await import(validate);
          const [faults, cells] = [[], []];
          for (const rule of rules) {
            for (const text of values) {
              const value = parse(text);
              if (check.validate(rule, value).length) continue;
              const [, { cells: [cell] }] = readCsv(writeCsv([["h", "k"], [cellText(value, rule), "z"]]));
              cells.push(cell.text);
              const isText = typeof value === "string";
              const isFormula = /^[=+@\\t\\r\\n\\uff1d]/.test(cell.text) || (isText && cell.text[0] === "-");
              const back = cellValue(cell, rule);
              const isSame = back !== undefined && isEqual(back, value);
              if (isFormula || !isSame) faults.push([JSON.stringify(rule), text, cell.text]);
            }
          }
          return [cells.length, faults];
        }""",
        [module(page, "json.js"), module(page, "transfer.js"), module(page, "rules.js"), RULES, VALUES],
    )
    assert faults == []
    assert count > 80


def test_a_job_obeys_the_apis_rate_limit(visit: Open) -> None:
    page = visit("#/docs")
    found = page.evaluate(
        """async (bulk) => {
          const { createRun } = await import(bulk);
          const answer = (status, more = {}) =>
            ({ status, headers: new Headers(more), problem: status === 201 ? null : { detail: `status ${status}` } });
          const real = Date.now;
          const drive = async (answers, count = answers.length) => {
            const [waits, sent] = [[], []];
            let [running, peak, at] = [0, 0, real()];
            Date.now = () => at;
            const sleep = async (ms) => { waits.push(ms); at += ms; };
            const send = async (task) => {
              sent.push(task);
              peak = Math.max(peak, ++running);
              await new Promise((done) => setTimeout(done));
              running--;
              const next = answers[task];
              return Array.isArray(next) ? (next.length > 1 ? next.shift() : next[0]) : next;
            };
            const run = createRun({ tasks: [...Array(count).keys()], send, sleep });
            await run.start();
            Date.now = real;
            return { run, waits, sent, peak, progress: run.progress() };
          };
          const brief = ({ waits, sent, peak, progress: { state, done, failed, left } }) =>
            ({ waits, sent: sent.length, peak, state, done, failed, left });
          const ok = answer(201);
          const many = Array(20).fill(ok);
          const again = await drive([answer(401), ok]);
          return {
            pace: brief(await drive(many)),
            throttled: brief(await drive([[answer(429, { "Retry-After": "7" }), ok]])),
            unanswered: brief(await drive([[answer(0), answer(0), ok]])),
            long: brief(await drive([answer(429, { "Retry-After": "3600" }), ...many])),
            invalid: brief(await drive([answer(422), ok, answer(404)])),
            forbidden: brief(await drive(Array(20).fill(answer(403)))),
            signedOut: again.progress.state,
          };
        }""",
        module(page, "many.js"),
    )
    assert found["pace"] == {"waits": [], "sent": 20, "peak": 4, "state": "done", "done": 20, "failed": 0, "left": 0}
    assert found["throttled"] | {"peak": 1} == {
        "waits": [7000], "sent": 2, "peak": 1, "state": "done", "done": 1, "failed": 0, "left": 0,
    }  # fmt: skip
    assert found["unanswered"]["waits"] == [1000, 2000]
    assert found["long"]["state"] == "stopped"
    assert found["long"]["left"] > 0
    assert [found["invalid"][name] for name in ("state", "done", "failed")] == ["done", 1, 2]
    assert found["forbidden"]["state"] == "stopped"
    assert found["forbidden"]["sent"] < 10
    assert found["signedOut"] == "stopped"


def test_rows_have_separate_and_stable_keys(visit: Open) -> None:
    page = visit("#/docs")
    found = page.evaluate(
        """async (transfer) => {
          const { idempotencyKey, readRows, readTable, suggestMapping } = await import(transfer);
          const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
          const entity = { schema, acceptsId: false };
          return Promise.all(["n\\n1\\n1\\nx\\n", "n\\n1\\n1\\n1\\n", '[{"n": 1}, {"n": 1}, {}]'].map(async (text) => {
            const { columns, rows } = readTable(text);
            const read = readRows(entity, suggestMapping(entity, columns), rows);
            const keyOf = ({ faults, identity }) => (faults.length ? null : idempotencyKey("s", identity));
            return Promise.all(read.map(keyOf));
          }));
        }""",
        module(page, "transfer.js"),
    )
    first, mended, as_json = found
    assert first[0] != first[1]
    assert mended[:2] == as_json[:2] == first[:2]
    assert first[2] is as_json[2] is None
    assert len(set(mended)) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in mended)


# --- the page ---


@pytest.fixture
def orders(console: Console) -> Api:
    """The collection of orders, with six orders."""
    api = console.empty_collection("orders")
    for quantity in range(1, 7):
        api.create({"quantity": quantity, "status": "open" if quantity % 2 else "paid"})
    return api


def select_all(page: Page) -> None:
    page.get_by_role("checkbox", name="Select all that are shown").click()


def bar(page: Page) -> Locator:
    return page.get_by_role("group", name="Bulk actions")


def quantities(api: Api) -> list[int]:
    return sorted(item["quantity"] for item in api("GET", "?limit=100").json["items"])


def test_a_range_is_deleted_with_one_undo(visit: Open, orders: Api) -> None:
    page = visit("#/orders")
    boxes = rows(page).get_by_role("checkbox")
    boxes.nth(1).click()
    boxes.nth(3).focus()
    page.keyboard.press("Shift+Space")
    expect(bar(page)).to_contain_text("3 selected")
    bar(page).get_by_role("button", name="Delete").click()
    expect(rows(page)).to_have_count(3)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_count(6)
    assert quantities(orders) == [1, 2, 3, 4, 5, 6]

    select_all(page)
    changed = orders("GET", "?limit=1&order=desc").json["items"][0]
    orders("PATCH", f"/{changed['id']}", {"quantity": 60})
    bar(page).get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No orders yet")).to_be_visible()
    open_entity(page, "Parcels")  # this sends the deletions
    job = page.get_by_role("region", name="Deleting 6 items in Orders")
    expect(job).to_contain_text("5 deleted, 1 not deleted")
    job.get_by_text("Why 1 item was left out").click()
    expect(job).to_contain_text("The item has changed since you saw it")
    assert quantities(orders) == [60]
    job.get_by_role("button", name="Close").click()
    expect(job).to_have_count(0)


def test_a_property_is_set_on_many_items(visit: Open, orders: Api) -> None:
    page = visit("#/orders")
    select_all(page)
    one, other = orders("GET", "?limit=2&order=desc").json["items"]
    # Other clients' later changes are kept, both of another property and of the same one.
    orders("PATCH", f"/{one['id']}", {"quantity": 60})
    orders("PATCH", f"/{other['id']}", {"status": "cancelled"})
    bar(page).get_by_role("button", name="Set a property").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Change 6 items")).to_be_disabled()
    dialog.get_by_label("Property", exact=True).select_option(label="Status")
    dialog.get_by_label("Status").select_option(label="shipped")
    dialog.get_by_role("button", name="Change 6 items").click()
    job = page.get_by_role("region", name="Changing 6 items in Orders")
    expect(job).to_contain_text("5 changed, 1 not changed")
    items = orders("GET", "?limit=100&order=desc").json["items"]
    assert [item["status"] for item in items] == ["shipped", "cancelled", *["shipped"] * 4]
    assert items[0]["quantity"] == 60


def test_a_property_that_no_item_has_is_set_on_many(visit: Open, parcels: Api) -> None:
    for _ in range(2):
        parcels.create({"label": "Cups"})
    page = visit("#/parcels")
    select_all(page)
    bar(page).get_by_role("button", name="Set a property").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Property", exact=True).select_option(label="Another property …")
    dialog.get_by_label("Name", exact=True).fill("version")
    expect(dialog.get_by_role("button", name="Change 2 items")).to_be_disabled()
    dialog.get_by_label("Name", exact=True).fill("carrier")
    expect(dialog.get_by_role("button", name="Change 2 items")).to_be_disabled()
    dialog.get_by_label("Carrier", exact=True).fill("Post")
    dialog.get_by_role("button", name="Change 2 items").click()
    expect(page.get_by_text("2 changed")).to_be_visible()
    assert [item["carrier"] for item in parcels("GET", "").json["items"]] == ["Post", "Post"]


def test_a_phone_shows_a_selections_actions_and_whole_times(visit: Open, orders: Api) -> None:
    page = visit("#/orders", viewport={"width": 360, "height": 640}, locale="en-US")
    page.get_by_role("button", name="Select all").click()
    page.mouse.wheel(0, 600)
    settle(page)
    expect(bar(page).get_by_role("button", name="Duplicate")).to_be_in_viewport(ratio=1)
    expect(bar(page).get_by_role("button", name="Export")).to_be_in_viewport(ratio=1)
    cut = page.locator("h1, main td").evaluate_all("(all) => all.filter((each) => each.scrollWidth > each.clientWidth)")
    assert cut == []


def test_duplicating_creates_each_copy_once(visit: Open, orders: Api) -> None:
    page = visit("#/orders")
    lost: list[str] = []

    def lose(route: Route) -> None:
        # The API creates the item but its response is lost, so the page sends the same request
        # again.
        is_first = not lost
        lost.append(route.request.headers["idempotency-key"])
        response = route.fetch()
        if is_first:
            route.fulfill(status=503, headers={"Retry-After": "0"}, json={"detail": "Later"})
        else:
            route.fulfill(response=response)

    page.route(re.compile("/api/orders$"), lose)
    select_all(page)
    bar(page).get_by_role("button", name="Duplicate").click()
    expect(page.get_by_text("6 duplicated")).to_be_visible()
    settle(page)
    assert quantities(orders) == sorted([*range(1, 7), *range(1, 7)])
    assert (len(lost), len(set(lost))) == (7, 6)
    expect(rows(page)).to_have_count(12)


def test_a_job_can_be_stopped_and_continued_and_warns_before_leaving(visit: Open, orders: Api) -> None:
    page = visit("#/orders")
    held = hold_requests(page, re.compile("/api/orders/"))
    warned = """() => {
      const event = new Event("beforeunload", { cancelable: true });
      dispatchEvent(event);
      return event.defaultPrevented;
    }"""
    assert page.evaluate(warned) is False
    select_all(page)
    bar(page).get_by_role("button", name="Set a property").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Property", exact=True).select_option(label="User ID")
    dialog.get_by_label("User ID").fill("ada")
    dialog.get_by_role("button", name="Change 6 items").click()
    job = page.get_by_role("region", name="Changing 6 items in Orders")
    wait_until(page, lambda: len(held) == 4)
    assert page.evaluate(warned) is True
    job.get_by_role("button", name="Stop").click()
    for route in held:
        route.continue_()
    page.unroute(re.compile("/api/orders/"))
    expect(job).to_contain_text("4 changed, 2 left")
    assert page.evaluate(warned) is False
    job.get_by_role("button", name="Continue with 2").click()
    expect(page.get_by_text("6 changed")).to_be_visible()
    expect(job).to_have_count(0)
    assert {item["userId"] for item in orders("GET", "?limit=100").json["items"]} == {"ada"}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_can_be_imported(visit: Open, parcels: Api, tmp_path: Path, kind: str) -> None:
    exact = 12345678901234567890123456789012345678
    parcels.create({"label": "=HYPERLINK(1)", "weight": exact, "to": {"city": "Bath"}, "note": ""})
    parcels.create({"label": "12", "tags": ["a,b"], "fragile": True, "none": None})
    sent = parcels("GET", "?limit=100").json["items"]
    page = visit("#/parcels")
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="JSON lines" if kind == "jsonl" else "CSV").click()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == f"parcels.{kind}"
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    if kind == "csv":
        table = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
        assert sorted(row["label"] for row in table) == ['"12"', "'=HYPERLINK(1)"]
        assert {row["weight"] for row in table} == {str(exact), ""}
    else:
        assert [json.loads(line) for line in file.read_text().splitlines()] == sorted(
            sent, key=lambda item: item["createdAt"], reverse=True
        )

    page.get_by_role("link", name="Import").click()
    page.get_by_label("Or choose a file").set_input_files(file)
    page.get_by_role("button", name="Create 2 items").click()
    expect(page.get_by_text("2 created")).to_be_visible()
    without = ("id", "createdAt", "updatedAt", "version")
    bodies = [{name: value for name, value in item.items() if name not in without} for item in sent]
    made = parcels("GET", "?limit=100").json["items"]
    made = [{name: value for name, value in item.items() if name not in without} for item in made]
    assert sorted(map(str, made)) == sorted(map(str, [*bodies, *bodies]))


TABLE = "Quantity\tSTATUS\tid\tuser id\n7\topen\tx\tada\n0\tpaid\t\tbob\n8\tgone\t\t\n9\tpaid\t\t'=1\n5\topen\n"


def test_imported_rows_are_checked_and_created_once(visit: Open, orders: Api) -> None:
    page = visit("#/orders/+import")
    page.get_by_label("Paste a table").fill(TABLE)
    settle(page)
    expect(page.get_by_text("2 rows to create, 3 with faults")).to_be_visible()
    preview = page.get_by_role("region", name="Preview")
    for said in (
        "Quantity: Must be at least 1",
        "Status: Choose one of open, paid",
        "Has 2 cells; the first row has 4",
    ):
        expect(preview).to_contain_text(said)
    expect(preview.get_by_label("Column STATUS")).to_have_value("status")
    expect(preview.get_by_label("Column user id")).to_have_value("userId")
    expect(preview.get_by_label("Column id", exact=True)).to_have_value("")

    refusal = {
        "title": "Invalid item",
        "detail": "The hook refuses it",
        "errors": [{"pointer": "/userId", "detail": "Is unknown"}],
    }

    def refuse(route: Route) -> None:
        if "=1" in (route.request.post_data or ""):
            route.fulfill(status=422, json=refusal)
        else:
            route.continue_()

    page.route(re.compile("/api/orders$"), refuse)
    page.get_by_role("button", name="Create 2 items").click()
    job = page.get_by_role("region", name="Importing 2 items in Orders")
    expect(job).to_contain_text("1 created, 1 not created")
    expect(preview).to_contain_text("The hook refuses it; /userId Is unknown")
    expect(preview.get_by_role("link", name="Created")).to_have_count(1)
    with page.expect_download() as download:
        job.get_by_role("button", name="Save a report").click()
    report = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert [(row["item"], row["result"]) for row in report] == [("Row 2", "created"), ("Row 5", "not created")]

    # Rows already done are not repeated, here and in another tab.
    page.unroute(re.compile("/api/orders$"))
    page.get_by_role("button", name="Create 1 item").click()
    expect(preview.get_by_role("link", name="Created")).to_have_count(2)
    again = visit("#/orders/+import")
    again.get_by_label("Paste a table").fill(TABLE)
    again.get_by_role("button", name="Create 2 items").click()
    expect(again.get_by_text("0 created, 2 from an earlier import")).to_be_visible()
    assert quantities(orders) == [1, 2, 3, 4, 5, 6, 7, 9]
    again.get_by_label("Create rows again that were imported before").check()
    again.get_by_role("button", name="Create 2 items").click()
    expect(again.get_by_text("2 created")).to_be_visible()
    assert quantities(orders) == [1, 2, 3, 4, 5, 6, 7, 7, 9, 9]


def test_all_matching_items_are_selected_page_by_page(visit: Open, orders: Api) -> None:
    for quantity in range(7, 32):
        orders.create({"quantity": quantity, "status": "open"})
    page = visit("#/orders?limit=25&status=open")
    select_all(page)
    expect(bar(page)).to_contain_text("25 selected")
    bar(page).get_by_role("button", name="Select all that match").click()
    expect(bar(page)).to_contain_text("28 selected, 3 on other pages")
    bar(page).get_by_role("button", name="Clear").click()
    expect(bar(page).get_by_role("button")).to_have_count(1)
