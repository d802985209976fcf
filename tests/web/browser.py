"""Find a browser, and watch what a page does in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Playwright,
    Request,
    Route,
)

ON_PATH = ("chromium", "chromium-browser", "google-chrome")
REMEDY = (
    "there is no browser to test the console in: install Chromium, name one in the environment variable "
    "CHROMIUM, or run `.venv/bin/playwright install chromium`"
)

Schema = dict[str, Any]

# Runs in each page before the page's own scripts. `buffered`: what was there before is told as well.
OBSERVER = """
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


def program(playwright: Playwright) -> Path | None:
    """Return the browser's program: the one that CHROMIUM names, else one on PATH, else Playwright's own."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    found = next(filter(None, map(shutil.which, ON_PATH)), playwright.chromium.executable_path)
    return Path(found) if Path(found).exists() else None


def launch(playwright: Playwright, chromium: Path) -> Browser:
    """Start a browser without a window."""
    # Root may not have Chromium's sandbox; the page that is tested is our own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=chromium, args=arguments)


@dataclass
class Watch:
    """What a page did that it never may do, whatever it shows."""

    origins: set[str]
    faults: list[str] = field(default_factory=list)

    def attach(self, context: BrowserContext) -> None:
        """Watch all the pages of a context."""
        context.expose_binding("trestleTests", lambda _, kind, said: self.faults.append(f"{kind}: {said}"))
        context.add_init_script(OBSERVER)
        context.on("console", self._said)
        context.on("dialog", self._dialog)
        context.on("request", self._requested)
        context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))

    def _said(self, message: ConsoleMessage) -> None:
        # Chromium says this of every answer that is a refusal, as many here are meant to be.
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
class Tabs:
    """Opens pages, each with a session of its own."""

    browser: Browser
    url: str
    watch: Watch

    @contextmanager
    def open(self, path: str = "", schema: Schema | None = None, **options: Any) -> Iterator[Page]:
        """Give out a page of the console.

        schema: what the page is to believe that parcels are. options: of a browser context.
        """
        context = self.browser.new_context(**{"base_url": self.url, "locale": "en-GB", **options})
        context.set_default_timeout(10_000)
        self.watch.attach(context)
        if schema:
            context.route("**/api/openapi.json", lambda route: route.fulfill(json=believed(route, schema)))
        try:
            page = context.new_page()
            page.goto(f"/{path}")
            yield page
        finally:
            context.close()


Open = Callable[..., Page]


def believed(route: Route, schema: Schema) -> Any:
    """Return the API's document with a schema for the entity that has none."""
    document = route.fetch().json()
    for kind in ("Body", "Item", "Patch"):
        whole = document["components"]["schemas"][f"Parcels{kind}"]
        whole["properties"] |= schema["properties"]
    document["components"]["schemas"]["ParcelsBody"] |= {"required": schema["required"]}
    document["components"]["schemas"]["ParcelsItem"]["required"] += schema["required"]
    return document


def enter_key(page: Page, key: str) -> None:
    """Enter the API key where the side bar offers it."""
    page.get_by_role("button", name="Enter API key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("API key", exact=True).fill(key)
    dialog.get_by_role("button", name="Use this key").click()
