"""One system and one browser for all tests of the console, and a new page for each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.local.api import Api
from tests.local.runner import Local
from tests.web.browser import REMEDY, Open, PageOpener, PageWatch, find_browser, launch

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups, even if this file is loaded first
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one pytest-xdist worker, since they share a system."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("web"))
            item.add_marker("local")


@dataclass(frozen=True)
class Console:
    """The running system and its console's address."""

    local: Local

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """Terraform's outputs."""
        return self.local.outputs()

    @property
    def url(self) -> str:
        """The console's URL without a slash at the end."""
        url: str = self.outputs["website_url"]
        return url.rstrip("/")

    @property
    def key(self) -> str:
        """The API key."""
        key: str = self.outputs["api_keys"]["default"]
        return key

    def api(self, entity: str) -> Api:
        """Return a client of an entity's collection, with which tests bypass the console."""
        return Api(f"{self.outputs['api_url']}/{entity}", self.key)

    def empty_collection(self, entity: str) -> Api:
        """Return the same client after emptying the collection."""
        api = self.api(entity)
        while items := api("GET", "?limit=100").json["items"]:
            for item in items:
                api("DELETE", f"/{item['id']}")
        return api


# With the scope of the package, since Playwright keeps an event loop running, which would disturb
# other tests.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A browser; without one, every test is reported as skipped."""
    with sync_playwright() as playwright:
        chromium = find_browser(playwright.chromium)
        if chromium is None:
            pytest.skip(REMEDY)
        browser = launch(playwright.chromium, chromium)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def console(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A running system. It takes half a minute to start, so only with a browser."""
    stack = Local(tmp_path_factory.mktemp("console"))
    done = stack.up(HERE / "console.tfvars")
    try:
        assert done.returncode == 0, done.stderr
        yield Console(stack)
    finally:
        stack("down")


@pytest.fixture
def page_watch(console: Console) -> Iterator[PageWatch]:
    """Fail a test whose page does what no page may do: dialogs, requests elsewhere, errors, breaches of the CSP."""
    # The page may send requests to the sign-in server and nowhere else.
    origins = {console.url}
    if sign_in := console.outputs.get("sign_in_url"):
        url = urlsplit(sign_in)
        origins.add(f"{url.scheme}://{url.netloc}")
    watch = PageWatch(origins)
    yield watch
    assert watch.faults == []


@pytest.fixture
def page_opener(browser: Browser, console: Console, page_watch: PageWatch) -> PageOpener:
    """Opens pages that the test closes."""
    return PageOpener(browser, console.url, page_watch)


@pytest.fixture
def visit(page_opener: PageOpener) -> Iterator[Open]:
    """Opens pages that are closed after the test: `visit("#/todos")`."""
    with ExitStack() as opened:
        yield lambda path="", **options: opened.enter_context(page_opener.open(path, **options))


@pytest.fixture
def todos(console: Console) -> Api:
    """The collection of todos, emptied."""
    return console.empty_collection("todos")


@pytest.fixture
def parcels(console: Console) -> Api:
    """The collection of parcels, emptied."""
    return console.empty_collection("parcels")
