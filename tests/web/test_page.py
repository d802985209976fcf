"""Test the page as a whole: size, accessibility, looks and speed."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page, Route, expect

from tests.local.runner import ROOT
from tests.web.browser import Open, PageWatch, enter_key, go_to, hold_requests, open_entity, settle
from tests.web.conftest import Console

WEB = ROOT / "web"
SHIPPED = [file for file in sorted(WEB.rglob("*")) if file.suffix in (".css", ".html", ".js", ".svg")]

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


def report_figure(name: str, value: str) -> None:
    """Print a figure, and append it to reports/console.txt, since pytest hides the output of passing tests."""
    print(f"{name}: {value}")
    (ROOT / "reports").mkdir(exist_ok=True)
    with (ROOT / "reports" / "console.txt").open("a") as report:
        report.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M} {name}: {value}\n")


# --- size ---


def modules_at_start() -> list[str]:
    """Return the paths of all modules that assets/app.js imports, directly or indirectly."""
    found: list[str] = []
    waiting = [WEB / "assets" / "app.js"]
    while waiting:
        module = waiting.pop()
        path = module.relative_to(WEB).as_posix()
        if path not in found:
            found.append(path)
            imported = re.findall(r'^import .* from "(\./[^"]+)";$', module.read_text(), re.MULTILINE)
            waiting += [module.parent / each for each in imported]
    return sorted(found)


def test_the_page_is_small() -> None:
    sizes = {file.relative_to(WEB).as_posix(): len(gzip.compress(file.read_bytes(), 9)) for file in SHIPPED}
    later = [path for path in sizes if path.endswith(".js") and path not in modules_at_start()]
    whole, late = sum(sizes.values()), sum(sizes[path] for path in later)
    names = ", ".join(path.removeprefix("assets/") for path in later)
    report_figure("size", f"{whole / 1000:.1f} KB compressed, of which {late / 1000:.1f} KB on demand ({names})")
    assert whole < 110_000


def test_vendored_files_are_unchanged() -> None:
    readme = (WEB / "assets" / "vendor" / "README.md").read_text()
    scripts = list((WEB / "assets" / "vendor").glob("*.js"))
    assert scripts
    for script in scripts:
        assert hashlib.sha256(script.read_bytes()).hexdigest() in readme


def test_the_page_preloads_all_its_modules() -> None:
    preloaded = re.findall(r'<link rel="modulepreload" href="([^"]+)">', (WEB / "index.html").read_text())
    assert sorted([*preloaded, "assets/app.js"]) == modules_at_start()


# --- accessibility and looks ---

PEOPLE = [
    "Ada Lovelace",
    "Grace Hopper",
    "Alan Turing",
    "Katherine Johnson",
    "Edsger Dijkstra",
    "Barbara Liskov",
]


@pytest.fixture(scope="module")
def filled_console(console: Console) -> Console:
    """The console of a system with data."""
    todos = console.empty_collection("todos")
    for title, completed in (
        ("Renew the certificate of the shop", True), ("Order name tags for the meeting", True),
        ("Ask Grace for the figures of May", False), ("Write down how backups are restored", False),
        ("Book the train to Bath", False),
    ):  # fmt: skip
        todos.create({"title": title, "completed": completed})
    todos.create({"title": "Buy milk", "description": "Oat, two litres. The corner shop is closed on Mondays."})
    customers = console.empty_collection("customers")
    for number, name in enumerate(PEOPLE):
        first, last = name.split()
        email = f"{first}@{last}.example".lower()
        customers.create({"firstName": first, "lastName": last, "email": email, "phone": f"+44 20 7946 095{number}"})
    orders = console.empty_collection("orders")
    for number in range(30):
        status = ("open", "paid", "shipped", "cancelled")[number % 4]
        orders.create({"quantity": number % 7 + 1, "status": status, "userId": f"user-{number % 5}"})
    return console


View = Callable[[Page], None]


def views(console: Console) -> Iterator[tuple[str, str, View]]:
    """Yield each view's name, its address, and the actions that lead to it."""
    todo = console.api("todos")("GET", "?limit=1&order=desc").json["items"][0]["id"]

    def shown(page: Page) -> None:
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)

    def key_is_asked(page: Page) -> None:
        expect(page.get_by_label("API key", exact=True)).to_be_visible()

    def key_dialog(page: Page) -> None:
        menu = page.get_by_role("button", name="Menu")
        if menu.is_visible():
            menu.click()
        page.get_by_role("button", name=re.compile("API key")).last.click()
        expect(page.get_by_role("dialog")).to_be_visible()

    def columns(page: Page) -> None:
        page.get_by_role("button", name="Columns").click()
        expect(page.get_by_role("dialog", name="Columns")).to_be_visible()

    def faulty(page: Page) -> None:
        page.get_by_label("Description").fill("Oat, two litres.")
        page.get_by_role("button", name="Create").click()
        expect(page.get_by_role("alert")).to_be_visible()

    def as_json(page: Page) -> None:
        shown(page)
        page.get_by_role("button", name="JSON", exact=True).click()

    def edited(page: Page) -> None:
        page.get_by_role("button", name="Edit Buy milk").click()

    def undoable(page: Page) -> None:
        page.get_by_role("button", name="Delete Buy milk").click()
        expect(page.get_by_role("button", name="Undo")).to_be_visible()

    def undone(page: Page) -> None:
        page.get_by_role("button", name="Undo").click()

    def with_rows(page: Page) -> None:
        page.get_by_label("Paste a table").fill("quantity,status\n1,open\n0,gone\n")
        expect(page.get_by_role("region", name="Preview")).to_be_visible()

    def selected(page: Page) -> None:
        page.get_by_role("checkbox", name="Select ").nth(1).check()

    def setting(page: Page) -> None:
        selected(page)
        page.get_by_role("button", name="Set a property").click()

    def answered(page: Page) -> None:
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("region", name="Response body")).to_be_visible()

    def merging(page: Page) -> None:
        page.get_by_label("Title").fill("Buy oat milk")
        console.api("todos")("PATCH", f"/{todo}", {"title": "Buy two litres of milk"})
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        console.api("todos")("PATCH", f"/{todo}", {"title": "Buy milk"})

    yield "home", "#/", shown
    yield "key-asked", "#/customers", key_is_asked
    yield "todos", "#/todos", shown
    yield "todo-edited", "#/todos?completed=false", edited
    yield "todo-deleted", "#/todos", undoable
    yield "todo-undone", "#/todos", undone
    yield "table", "#/orders", shown
    yield "table-searched", "#/orders?search=paid", shown
    yield "table-columns", "#/orders", columns
    yield "table-filtered", "#/orders?status=paid&quantity.gte=2", shown
    yield "import", "#/orders/+import", with_rows
    yield "many-selected", "#/orders", selected
    yield "set-property", "#/orders", setting
    yield "empty", "#/parcels", shown
    yield "item", f"#/todos/{todo}", shown
    yield "item-json", f"#/todos/{todo}", as_json
    yield "new-with-faults", "#/todos/+new", faulty
    yield "lost-update", f"#/todos/{todo}", merging
    yield "missing", "#/todos/nowhere", shown
    yield "sign-in", "#/notes", shown
    yield "docs", "#/docs", shown
    yield "docs-answer", "#/docs/listTodos", answered
    yield "key-dialog", "#/orders", key_dialog


@pytest.mark.parametrize(
    ("name", "options", "rules"),
    [
        ("light", {"color_scheme": "light"}, None),
        # In dark mode the same elements have other colours.
        ("dark", {"color_scheme": "dark"}, ["color-contrast"]),
        ("phone", {"color_scheme": "light", **PHONE}, None),
    ],
)
def test_axe_finds_nothing_in_any_view(
    visit: Open, filled_console: Console, name: str, options: dict[str, Any], rules: list[str] | None
) -> None:
    folder = ROOT / "screenshots"
    folder.mkdir(exist_ok=True)
    # axe adds a style element, which the page's CSP refuses.
    page = visit("#/todos", reduced_motion="reduce", bypass_csp=True, **options)
    run = {"runOnly": {"type": "rule", "values": rules}} if rules else {}
    found = {}
    for view, address, act in views(filled_console):
        go_to(page, address)
        act(page)
        page.mouse.move(0, 0)
        settle(page)
        page.screenshot(path=folder / f"{view}-{name}.png")
        for violation in Axe().run(page, options=run).response["violations"]:
            found[f"{view}: {violation['id']}"] = [node["html"][:200] for node in violation["nodes"]]
        page.keyboard.press("Escape")
    assert found == {}


@pytest.mark.parametrize(("address", "button"), [("#/todos", "Open"), ("#/orders", "Reload")], ids=["list", "table"])
def test_contents_stay_legible_during_a_reload(visit: Open, filled_console: Console, address: str, button: str) -> None:
    page = visit(address, bypass_csp=True)
    held = hold_requests(page, "**/api/*?*")
    page.get_by_role("button", name=button, exact=True).click()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.mouse.move(0, 0)
        page.wait_for_function(
            """document.querySelector("main [aria-busy=true]")
              && document.getAnimations().every(({ playState }) => playState !== "running")"""
        )
        contrast = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
        assert Axe().run(page, options=contrast).response["violations"] == [], scheme
    held[0].continue_()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


# The contrast (WCAG 2.2) between a button's text and its background.
CONTRAST = """(button) => {
  const canvas = document.createElement("canvas").getContext("2d");
  const light = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (node) => {
    const { backgroundColor } = getComputedStyle(node);
    return backgroundColor === "rgba(0, 0, 0, 0)" ? behind(node.parentElement) : backgroundColor;
  };
  const [less, more] = [light(getComputedStyle(button).color), light(behind(button))].sort((one, other) => one - other);
  return (more + 0.05) / (less + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_buttons_are_legible_in_every_state(visit: Open, scheme: str) -> None:
    page = visit("#/docs", color_scheme=scheme, reduced_motion="reduce")
    kinds = ["button", "button primary", "button danger", "icon-button", "link"]
    page.evaluate(
        """(kinds) => {
          const place = document.querySelector("main h1");
          for (const kind of kinds) for (const disabled of [false, true]) {
            const button = document.createElement("button");
            place.before(Object.assign(button, { className: kind, disabled, textContent: "Save" }));
          }
        }""",
        kinds,
    )
    buttons = page.locator("main button:text-is('Save')")
    assert buttons.count() == 2 * len(kinds)
    for button in buttons.all():
        what = button.evaluate("({ className, disabled }) => `${className} ${disabled}`")
        acts: dict[str, Callable[[], None]] = {
            "at rest": lambda: page.mouse.move(0, 0),
            "focused": button.focus,
            "hovered": partial(button.hover, force=True),
            "pressed": page.mouse.down,
        }
        for state, act in acts.items():
            act()
            assert button.evaluate(CONTRAST) >= 4.5, (what, state)
        page.mouse.up()


def test_the_menu_of_a_phone(visit: Open, filled_console: Console) -> None:
    page = visit("#/todos", **PHONE, bypass_csp=True, reduced_motion="reduce")
    expect(page.get_by_role("link", name="Orders")).not_to_be_visible()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Orders")).to_be_visible()
    page.screenshot(path=ROOT / "screenshots" / "menu-phone.png")
    assert Axe().run(page).response["violations"] == []
    open_entity(page, "Orders")
    expect(page.get_by_role("heading", level=1, name="Orders")).to_be_visible()
    expect(page.get_by_role("link", name="Todos")).not_to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_the_layout_does_not_shift_when_responses_arrive(
    visit: Open, filled_console: Console, options: dict[str, Any]
) -> None:
    def slowly(route: Route) -> None:
        # Respond only once the page has painted its state before the response. A page being left no
        # longer paints.
        with contextlib.suppress(Error):
            page.evaluate("new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)))")
        route.continue_()

    page = visit("#/docs", **options)
    enter_key(page, filled_console.key) if not options else None
    page.route("**/api/**", slowly)
    for address in ("#/", "#/todos", "#/orders", "#/customers", "#/parcels", "#/docs", "#/todos/+new"):
        go_to(page, address)
        page.reload()
        settle(page)
        assert page.evaluate("layoutShifts") == [], address


# --- by keyboard ---


def test_keys_and_their_help(visit: Open, console: Console) -> None:
    page = visit("#/orders")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("New item")
    page.keyboard.press("n")  # keys do nothing under a dialog
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page).to_have_url(f"{console.url}/#/orders")
    page.keyboard.press("n")
    expect(page).to_have_url(f"{console.url}/#/orders/+new")
    # In an input, a letter is only typed.
    page.get_by_label("User id").fill("a")
    page.keyboard.type("n?")
    expect(page.get_by_label("User id")).to_have_value("an?")
    expect(dialog).to_have_count(0)

    go_to(page, "#/todos")
    page.keyboard.press("n")
    expect(page.get_by_label("What is there to do?")).to_be_focused()

    # Single keys can be switched off, since speech input and unsteady hands press them by accident.
    page.get_by_role("button", name="Keyboard shortcuts").click()
    dialog.get_by_label("Use single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    go_to(page, "#/orders")
    page.keyboard.press("n")
    page.keyboard.press("?")
    settle(page)
    expect(page).to_have_url(f"{console.url}/#/orders")
    expect(dialog).to_have_count(0)


def tabs_until(page: Page, selector: str) -> int:
    """Press Tab until the focus is within a selector; return the number of presses."""
    for count in range(1, 40):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => Boolean(document.activeElement.closest(selector))", selector):
            return count
    raise AssertionError(f"{selector} is not reached")


def test_a_table_needs_few_tab_presses(visit: Open, filled_console: Console) -> None:
    page = visit("#/orders")
    page.locator(".skip").press("Enter")
    to_rows = tabs_until(page, "tbody tr")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    sixth = page.locator("tbody tr").nth(5)
    expect(sixth.locator(":focus")).to_have_count(1)
    through = tabs_until(page, ".pager")
    report_figure("tabs", f"{to_rows} from the skip link to the rows, {through} from a row to what is below the table")
    assert to_rows <= 12
    assert through <= 5, "only one row's controls take Tab"
    # The focus returns to the row that had it.
    page.keyboard.press("Shift+Tab")
    assert sixth.evaluate("(row) => row.contains(document.activeElement)")


# --- speed ---

MANY = 10_000
BATCH = 25  # DynamoDB's limit per request

CLOCK = """
new MutationObserver(() => {
  if (!window.rowsAt && document.querySelector("tbody tr, .todo-item")) window.rowsAt = performance.now();
}).observe(document, { childList: true, subtree: true });
window.busyUntil = 0;
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.busyUntil = task.startTime + task.duration;
}).observe({ type: "longtask", buffered: true });
"""


@pytest.fixture(scope="module")
def archive(console: Console) -> int:
    """The archive with 10 000 items, written directly, since the API would take minutes."""
    dynamodb, table = console.local.client("dynamodb"), console.outputs["table_names"]["archive"]
    console.api("archive").create({"title": "Number 0"})
    pattern = dynamodb.scan(TableName=table, Limit=1)["Items"][0]
    begin = datetime(2026, 1, 1, tzinfo=UTC)

    def record(number: int) -> dict[str, Any]:
        at = {"S": f"{begin + timedelta(minutes=number):%Y-%m-%dT%H:%M:%S.%fZ}"}
        doc = {**pattern["doc"]["M"], "title": {"S": f"Number {number}"}}
        item = {"id": {"S": f"item-{number}"}, "createdAt": at, "updatedAt": at, "doc": {"M": doc}}
        return {"PutRequest": {"Item": pattern | item}}

    def write(first: int) -> None:
        batch = [record(number) for number in range(first, min(first + BATCH, MANY))]
        assert dynamodb.batch_write_item(RequestItems={table: batch})["UnprocessedItems"] == {}

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(1, MANY, BATCH)))
    return MANY


@pytest.mark.parametrize("address", ["#/archive", "#/archive/+table?limit=100"], ids=["list", "table"])
def test_ten_thousand_items(visit: Open, archive: int, address: str) -> None:
    page = visit("#/docs")
    page.add_init_script(CLOCK)
    go_to(page, address)
    page.reload()
    expect(page.get_by_text(f"Number {archive - 1}", exact=True).first).to_be_visible()
    settle(page)
    ready = page.evaluate("Math.max(rowsAt, busyUntil)")
    report_figure(f"time to interactive with {archive} items, {address}", f"{ready:.0f} ms")

    # Later pages are as fast as the first, and every item appears once.
    onward = page.get_by_role("button", name=re.compile("^(Next|Show more)$"))
    began = time.perf_counter()
    for number in range(1, 5):
        with page.expect_response(re.compile("cursor=")):
            onward.click()
        expect(page.get_by_text(f"Number {archive - 1 - 100 * number}", exact=True).first).to_be_visible()
    report_figure(f"a further page of 100, {address}", f"{(time.perf_counter() - began) / 4 * 1000:.0f} ms")


# --- failures ---


def test_a_failed_view_does_not_break_the_page(visit: Open, console: Console, page_watch: PageWatch) -> None:
    page = visit("#/docs")
    answer = {"items": [None], "next": None}
    page.route(re.compile(r"/api/orders"), lambda route: route.fulfill(json=answer), times=1)
    open_entity(page, "Orders")
    expect(page.get_by_role("alert")).to_contain_text("The console failed here")
    assert "TypeError" in page_watch.faults.pop()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", level=1, name="Orders")).to_be_visible()
    open_entity(page, "Todos")
    expect(page.get_by_role("heading", level=1, name="Todos")).to_be_visible()


def test_a_module_that_cannot_be_loaded(visit: Open, filled_console: Console, page_watch: PageWatch) -> None:
    page = visit("#/orders")
    blocked = re.compile(r"/(docs|transfer)\.js")
    # Such as a hotel's sign-in page. Browsers remember the failure by the module's address.
    page.route(blocked, lambda route: route.fulfill(body="<!doctype html>", content_type="text/javascript"))

    def export() -> None:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("dialog").get_by_role("button", name="Export").click()

    export()
    expect(page.get_by_role("status").get_by_text("A part of the console could not be loaded")).to_be_visible()
    page.get_by_role("link", name="API documentation").click()
    again = page.get_by_role("button", name="Try again")
    for _ in range(2):
        expect(page.get_by_role("alert")).to_contain_text("The console failed here")
        again.click()
    expect(page.get_by_role("alert")).to_contain_text("A part of the console could not be loaded")
    assert {"could not be loaded" in fault for fault in page_watch.faults} == {True}
    page_watch.faults.clear()

    page.unroute(blocked)
    again.click()
    expect(page.get_by_role("heading", level=1, name="API documentation")).to_be_visible()
    open_entity(page, "Orders")
    with page.expect_download():
        export()
