"""Start a browser, and watch its pages for forbidden actions."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Route,
    expect,
)

ON_PATH = ("chromium", "chromium-browser", "google-chrome")
REMEDY = (
    "there is no browser to test the console in: install Chromium, name one in the environment variable "
    "CHROMIUM, or run `.venv/bin/playwright install chromium`"
)

Schema = dict[str, Any]

# Milliseconds. Only a failing test waits this long, since a passing one ends when the page is at
# rest.
TIMEOUT_MS = 60_000

# Runs in each page before the page's own scripts. `buffered` also reports earlier shifts.
OBSERVER_SCRIPT = """
addEventListener("securitypolicyviolation", (event) =>
  trestleTests("csp", `${event.effectiveDirective} refused ${event.blockedURI} ${event.sample}`));
window.layoutShifts = [];
new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) {
    const moved = shift.sources.map(({ node }) => node?.outerHTML?.slice(0, 200));
    if (!shift.hadRecentInput) window.layoutShifts.push([shift.value, ...moved]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""

# Runs in each page before the page's own scripts, and tracks the page's pending work. Timers of a
# second or more wait for people: they last ten minutes here, so that no test has to act within a
# few seconds.
AT_REST_SCRIPT = """
{
  const { setTimeout: begin, clearTimeout: end } = window;
  const timers = new Set();
  window.setTimeout = (call, delay = 0, ...given) => {
    const isShort = delay < 1000;
    const timer = begin(() => {
      timers.delete(timer);
      call(...given);
    }, isShort ? delay : 600_000);
    if (isShort) timers.add(timer);
    return timer;
  };
  window.clearTimeout = (timer) => {
    timers.delete(timer);
    end(timer);
  };

  let answers = 0; // that are awaited
  const over = () => (answers -= 1);
  for (const [owner, name] of [[window, "fetch"], [Response.prototype, "text"], [Response.prototype, "json"]]) {
    const ask = owner[name];
    owner[name] = function (...given) {
      const answer = ask.apply(this, given);
      answers += 1;
      answer.then(over, over);
      return answer;
    };
  }

  let hashes = 0; // that the page has not been told of yet
  navigation.addEventListener("navigate", ({ hashChange }) => (hashes += hashChange ? 1 : 0));
  addEventListener("hashchange", () => (hashes -= 1));

  const left = () => ({
    loading: document.readyState !== "complete",
    hashes,
    answers,
    timers: timers.size,
    modules: document.querySelectorAll(".page.loading").length,
    animations: document.getAnimations().filter(({ playState }) => playState === "running").length,
  });
  window.rest = async (patience) => {
    const until = performance.now() + patience;
    // Two frames: what the first one draws may begin something.
    for (let quiet = 0; quiet < 2; ) {
      await new Promise((drawn) => requestAnimationFrame(() => begin(drawn)));
      quiet = Object.values(left()).some(Number) ? 0 : quiet + 1;
      if (performance.now() > until) throw new Error(`The page is not at rest: ${JSON.stringify(left())}`);
    }
  };
}
"""

expect.set_options(timeout=TIMEOUT_MS)


def find_browser(chromium: BrowserType) -> Path | None:
    """Return the browser's program: from CHROMIUM, else from PATH, else Playwright's own."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    found = next(filter(None, map(shutil.which, ON_PATH)), chromium.executable_path)
    return Path(found) if Path(found).exists() else None


def launch(chromium: BrowserType, program: Path, *arguments: str) -> Browser:
    """Start a headless browser."""
    # Chromium's sandbox does not work as root, and the tested page is trusted.
    own = ["--no-sandbox"] if os.geteuid() == 0 else []
    return chromium.launch(executable_path=program, args=[*own, *arguments])


@dataclass
class PageWatch:
    """Records what no page may do: dialogs, errors, requests elsewhere, breaches of the CSP."""

    origins: set[str]
    faults: list[str] = field(default_factory=list)

    def attach(self, context: BrowserContext) -> None:
        """Watch all the pages of a context."""
        context.expose_binding("trestleTests", lambda _, kind, said: self.faults.append(f"{kind}: {said}"))
        context.add_init_script(OBSERVER_SCRIPT)
        context.add_init_script(AT_REST_SCRIPT)
        context.on("console", self._said)
        context.on("dialog", self._dialog)
        context.on("request", self._requested)
        context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))

    def _said(self, message: ConsoleMessage) -> None:
        # Chromium logs this for every 4xx response, and many tests provoke one.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"console: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _requested(self, request: Request) -> None:
        url = urlsplit(request.url)
        if f"{url.scheme}://{url.netloc}" not in self.origins:
            self.faults.append(f"request: {request.url}")


@dataclass(frozen=True)
class PageOpener:
    """Opens pages, each in its own session."""

    browser: Browser
    url: str
    page_watch: PageWatch

    @contextmanager
    def open(self, path: str = "", schema: Schema | None = None, **options: Any) -> Iterator[Page]:
        """Yield a page of the console.

        schema: the schema of parcels that the page gets. options: of the browser context.
        """
        context = self.browser.new_context(**{"base_url": self.url, "locale": "en-GB", **options})
        context.set_default_timeout(TIMEOUT_MS)
        self.page_watch.attach(context)
        if schema:
            context.route("**/api/openapi.json", lambda route: route.fulfill(json=change_document(route, schema)))
        try:
            page = context.new_page()
            go_to(page, path)
            yield page
        finally:
            context.close()


Open = Callable[..., Page]


def change_document(route: Route, schema: Schema) -> Any:
    """Return the OpenAPI document with a schema for parcels, which have none."""
    document = route.fetch().json()
    for kind in ("Body", "Item", "Patch"):
        whole = document["components"]["schemas"][f"Parcels{kind}"]
        whole["properties"] |= schema["properties"]
    document["components"]["schemas"]["ParcelsBody"] |= {"required": schema["required"]}
    document["components"]["schemas"]["ParcelsItem"]["required"] += schema["required"]
    return document


def settle(page: Page) -> None:
    """Wait until the page is at rest.

    It has followed its address, received and drawn all responses; no short timer is pending, and nothing moves.
    """
    page.evaluate("(patience) => rest(patience)", TIMEOUT_MS)


def go_to(page: Page, path: str) -> None:
    """Go to an address of the console, such as "#/todos", and wait until its view is shown."""
    page.goto(f"/{path}")
    settle(page)


def open_entity(page: Page, name: str) -> None:
    """Choose an entity in the sidebar, and wait until its view is shown."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()
    settle(page)


def hold_requests(page: Page, url: str | re.Pattern[str]) -> list[Route]:
    """Hold back the page's requests to a URL; return a list to which each is added."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(url, keep)
    return held


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait until a condition outside of the page is true, such as one on a list that its events fill."""
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while not holds():
        assert time.monotonic() < deadline, "the condition never became true"
        page.wait_for_timeout(50)


def copy_curl(page: Page) -> str:
    """Press "Copy as curl", and return the clipboard's text."""
    # An earlier text and its note may still be there.
    page.evaluate("navigator.clipboard.writeText('')")
    page.get_by_role("button", name="Copy as curl").click()
    wait_until(page, lambda: bool(page.evaluate("navigator.clipboard.readText()")))
    expect(page.get_by_role("status").get_by_text("Copied")).to_be_visible()
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def enter_key(page: Page, key: str) -> None:
    """Enter the API key in the sidebar."""
    page.get_by_role("button", name="Enter API key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("API key", exact=True).fill(key)
    dialog.get_by_role("button", name="Use this key").click()
