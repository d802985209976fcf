"""Print the web console's size and load times: `.venv/bin/python benchmarks/console.py`.

The page runs in Chromium with a fake API on this machine, which has 10,000 items of 40 properties, so that the figures
are those of the page itself. Run it on a quiet machine. It needs requirements/dev.txt and Chromium.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.web.browser import REMEDY, find_browser, launch  # noqa: E402 - needs the path

WEB = ROOT / "web"
TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"

ITEMS = 10_000
PROPERTIES = 40
DELAY = 0.15  # seconds until the API responds, in the measurement of layout shifts
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 780}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True,
}  # fmt: skip
PHONE_SLOWDOWN = 4  # how many times slower than this machine's processor
VIEWS = ("#/", "#/things?limit=100", "#/things/item-9999", "#/things/+new", "#/docs/listThings", "#/todos")
MOST_TABS = 1000

# Runs before the page's own scripts.
CLOCK = """
window.shifts = 0;
window.busyUntil = 0;
const ready = "main tbody tr, main .todo-item, main form, main .home-newest li";
new MutationObserver(() => {
  const main = document.querySelector(ready);
  if (!window.readyAt && main) window.readyAt = performance.now();
}).observe(document, { childList: true, subtree: true });
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.busyUntil = task.startTime + task.duration;
}).observe({ type: "longtask", buffered: true });
new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.shifts += shift.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def schema_of(number: int) -> dict[str, Any]:
    """Return the schema of a property. The kinds alternate."""
    kinds: list[dict[str, Any]] = [
        {"type": "string", "maxLength": 200},
        {"type": "integer", "minimum": 0},
        {"type": "boolean"},
        {"type": "string", "format": "date-time"},
        {"type": "string", "enum": ["open", "paid", "shipped"]},
        {"type": "array", "items": {"type": "string"}},
        {"type": "object", "properties": {"street": {"type": "string"}, "town": {"type": "string"}}},
        {"type": "number"},
    ]
    return kinds[number % len(kinds)]


def example_of(number: int, item: int) -> Any:
    """Return an item's value of a property."""
    values: list[Any] = [
        f"Text {item} of a property, as long as texts are", item, item % 2 == 0, "2026-01-31T12:00:00Z",
        "paid", ["one", "two"], {"street": "1 High Street", "town": "Bath"}, item / 4,
    ]  # fmt: skip
    return values[number % len(values)]


def document() -> dict[str, Any]:
    """Return an OpenAPI document like Trestle's with two entities: one with 40 properties, and a to-do list."""
    own = {
        "id": {"type": "string", "readOnly": True}, "createdAt": {"type": "string", "readOnly": True},
        "updatedAt": {"type": "string", "readOnly": True}, "version": {"type": "integer", "readOnly": True},
    }  # fmt: skip
    things = {"title": {"type": "string"}, **{f"property{n}": schema_of(n) for n in range(1, PROPERTIES)}}
    todos = {"title": {"type": "string"}, "completed": {"type": "boolean"}}
    schemas, paths = {}, {}
    for name, noun, properties in (("things", "Thing", things), ("todos", "Todo", todos)):
        schemas[f"{noun}Body"] = {"type": "object", "properties": properties, "required": ["title"]}
        schemas[f"{noun}Patch"] = {"type": "object", "properties": properties}
        schemas[f"{noun}Item"] = {"type": "object", "properties": own | properties, "required": ["id", "title"]}
        answer = {"application/json": {"schema": {"$ref": f"#/components/schemas/{noun}Item"}}}
        common = {"tags": [name], "security": []}
        item = {"description": "The item.", "content": answer}
        body = {"application/json": {"schema": {"$ref": f"#/components/schemas/{noun}Body"}}}
        patch = {"application/merge-patch+json": {"schema": {"$ref": f"#/components/schemas/{noun}Patch"}}}
        query = [
            {"name": "limit", "in": "query", "schema": {"type": "integer", "default": 50, "maximum": 100}},
            {"name": "cursor", "in": "query", "schema": {"type": "string"}},
            {"name": "order", "in": "query", "schema": {"type": "string", "enum": ["asc", "desc"]}},
        ]
        page = {"description": "A page.", "content": {"application/json": {"schema": {"type": "object"}}}}
        paths[f"/{name}"] = {
            "get": {
                **common, "operationId": f"list{noun}s", "summary": f"List {name}",
                "parameters": query, "responses": {"200": page},
            },
            "post": {
                **common, "operationId": f"create{noun}", "summary": f"Create one of {name}",
                "requestBody": {"required": True, "content": body}, "responses": {"201": item},
            },
        }  # fmt: skip
        paths[f"/{name}/{{id}}"] = {
            "parameters": [
                {"name": "id", "in": "path", "required": True,
                 "schema": {"type": "string", "maxLength": 128, "pattern": "^[a-z0-9-]+$"}},
            ],
            "get": {
                **common, "operationId": f"get{noun}", "summary": f"Read one of {name}", "responses": {"200": item},
            },
            "patch": {
                **common, "operationId": f"merge{noun}", "summary": f"Change one of {name}",
                "requestBody": {"required": True, "content": patch}, "responses": {"200": item},
            },
            "delete": {
                **common, "operationId": f"delete{noun}", "summary": f"Delete one of {name}",
                "responses": {"204": {"description": "Gone."}},
            },
        }  # fmt: skip
    return {
        "openapi": "3.0.3", "info": {"title": "bench", "version": "1"}, "paths": paths,
        "components": {"schemas": schemas},
    }  # fmt: skip


def item_of(entity: str, number: int) -> dict[str, Any]:
    """Return an item."""
    at = f"2026-01-{number // 1440 % 28 + 1:02}T{number // 60 % 24:02}:{number % 60:02}:00.000000Z"
    doc = {f"property{n}": example_of(n, number) for n in range(1, PROPERTIES)} if entity == "things" else {}
    done = {} if doc else {"completed": number % 3 == 0}
    envelope = {"createdAt": at, "updatedAt": at, "version": 1}
    return {"id": f"item-{number}", "title": f"Number {number}", **done, **doc, **envelope}


class StandIn(BaseHTTPRequestHandler):
    """The server of the page's files and of a read-only API."""

    protocol_version = "HTTP/1.1"
    delay = 0.0

    def do_GET(self) -> None:
        """Handle a request."""
        url = urlsplit(self.path)
        if url.path.startswith("/api/"):
            time.sleep(type(self).delay)
            self._send(json.dumps(self._api(url.path.removeprefix("/api/"), parse_qs(url.query))).encode())
        elif url.path == "/config.json":
            told = {"api": "/api", "dashboard": None, "environment": "bench", "name": "bench", "jwt": None}
            self._send(json.dumps(told | {"sign_in": None}).encode())
        else:
            file = WEB / ("index.html" if url.path == "/" else url.path.lstrip("/"))
            if file.is_file():
                self._send(file.read_bytes(), TYPES[file.suffix])
            else:
                self.send_error(404)

    def _api(self, path: str, query: dict[str, list[str]]) -> Any:
        if path == "openapi.json":
            return document()
        entity, _, found = path.partition("/")
        if found:
            return item_of(entity, int(found.removeprefix("item-")))
        first = int(query.get("cursor", [str(ITEMS - 1)])[0])
        limit = int(query.get("limit", ["50"])[0])
        numbers = range(first, max(first - limit, -1), -1)
        rest = first - limit
        return {"items": [item_of(entity, n) for n in numbers], "next": str(rest) if rest >= 0 else None}

    def _send(self, body: bytes, kind: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", CSP)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def stand_in(port: int) -> Iterator[str]:
    """Serve the page and its API during the block. Yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", port), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def open_page(browser: Browser, url: str, slowdown: int = 1, **options: Any) -> Iterator[Page]:
    """Yield a page in its own browser context."""
    context = browser.new_context(base_url=url, locale="en-GB", **options)
    context.add_init_script(CLOCK)
    page = context.new_page()
    if slowdown > 1:
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    yield page
    context.close()


def load(page: Page, view: str) -> float:
    """Load a view in a new page. Return the milliseconds until it is interactive."""
    page.goto("about:blank")
    page.goto(f"/{view}")
    while not page.evaluate("Boolean(window.readyAt)"):  # the page's content security policy blocks wait_for_function
        page.wait_for_timeout(50)
    page.wait_for_timeout(600)
    ready: float = page.evaluate("Math.max(readyAt, busyUntil)")
    return ready


def tabs_to(page: Page, done: str) -> str:
    """Return the number of Tab presses from the top of the page until a JavaScript condition is true."""
    page.locator(".skip").focus()  # the first stop
    return tabs_on(page, done)


def tabs_on(page: Page, done: str) -> str:
    """Return the number of Tab presses from the current focus until a JavaScript condition is true."""
    for count in range(1, MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(done):
            return str(count)
    return f"over {MOST_TABS}"


def print_size() -> None:
    """Print the compressed size of all files of the page."""
    files = [file for file in WEB.rglob("*") if file.suffix in TYPES]
    size = sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)
    print(f"size: {size / 1000:.1f} KB compressed in {len(files)} files")


def print_times(browser: Browser, url: str, runs: int) -> None:
    """Print each view's time to interactive, on a desktop and on a phone with a slower processor."""
    for name, options, slowdown in (("desk", DESK, 1), ("phone", PHONE, PHONE_SLOWDOWN)):
        for view in VIEWS:
            with open_page(browser, url, slowdown, **options) as page:
                load(page, view)
                times = [load(page, view) for _ in range(runs)]
            kind = f"{name}, processor {slowdown} times slower" if slowdown > 1 else name
            print(
                f"time to interactive, {kind}, {view}: median {statistics.median(times):.0f} ms, "
                f"least {min(times):.0f} ms ({ITEMS} items, {PROPERTIES} properties)"
            )


def print_shifts(browser: Browser, url: str) -> None:
    """Print the layout shift of each view if responses arrive late."""
    StandIn.delay = DELAY
    for name, options in (("desk", DESK), ("phone", PHONE)):
        for view in VIEWS:
            with open_page(browser, url, **options) as page:
                load(page, view)
                print(f"layout shift, {name}, {view}: {page.evaluate('shifts'):.3f}")
    StandIn.delay = 0.0


def print_tabs(browser: Browser, url: str) -> None:
    """Print how many Tab presses it takes to reach some elements."""
    with open_page(browser, url, **DESK) as page:
        load(page, "#/things?limit=100")
        inside = "document.activeElement.closest('tbody')"
        after = "document.activeElement.closest('.pager')"
        print(f"tabs to the first row of a table of 100: {tabs_to(page, f'Boolean({inside})')}")
        print(f"tabs through the table to its pager: {tabs_on(page, f'Boolean({after})')}")
        page.locator(".skip").focus()
        page.keyboard.press("Enter")
        print(f"the skip link leads to: {page.evaluate('document.activeElement.id')}")
        print(f"tabs from there to the first row: {tabs_on(page, f'Boolean({inside})')}")
        load(page, "#/things/+new")
        page.get_by_label("Title").fill("Any")
        create = "document.activeElement.textContent.trim() == 'Create'"
        print(f"tabs from the first of {PROPERTIES} fields to the button that creates: {tabs_on(page, create)}")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="the port of the fake API (default: any free port)")
    parser.add_argument("--runs", type=int, default=5, help="the number of loads of each view (default: 5)")
    options = parser.parse_args()
    print_size()
    with sync_playwright() as playwright, stand_in(options.port) as url:
        chromium = find_browser(playwright.chromium)
        if chromium is None:
            sys.exit(REMEDY)
        browser = launch(playwright.chromium, chromium)
        print_times(browser, url, options.runs)
        print_shifts(browser, url)
        print_tabs(browser, url)
        browser.close()


if __name__ == "__main__":
    main()
