"""One stack and one browser for all tests of the console; a page of its own for each."""

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


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups, even where this file is loaded before it
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one pytest-xdist worker: they share a stack."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("web"))
            item.add_marker("local")


@dataclass(frozen=True)
class Console:
    """The running stack, and its console's address."""

    local: Local

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """What Terraform made."""
        return self.local.outputs()

    @property
    def url(self) -> str:
        """Where the console is, without a slash at the end."""
        url: str = self.outputs["website_url"]
        return url.rstrip("/")

    @property
    def key(self) -> str:
        """The API key."""
        key: str = self.outputs["api_keys"]["default"]
        return key

    def api(self, entity: str) -> Api:
        """Return a client of an entity's collection: what the tests do behind the console's back."""
        return Api(f"{self.outputs['api_url']}/{entity}", self.key)

    def empty_collection(self, entity: str) -> Api:
        """Return the same, with nothing in the collection."""
        api = self.api(entity)
        while items := api("GET", "?limit=100").json["items"]:
            for item in items:
                api("DELETE", f"/{item['id']}")
        return api


# Of the package, not of the run: Playwright keeps an event loop running, which other tests here would
# meet.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A browser; where there is none, every test is reported as skipped."""
    with sync_playwright() as playwright:
        chromium = find_browser(playwright.chromium)
        if chromium is None:
            pytest.skip(REMEDY)
        browser = launch(playwright.chromium, chromium)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def console(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A running stack; it takes half a minute, so only where there is a browser."""
    stack = Local(tmp_path_factory.mktemp("console"))
    done = stack.up(HERE / "console.tfvars")
    try:
        assert done.returncode == 0, done.stderr
        yield Console(stack)
    finally:
        stack("down")


@pytest.fixture
def page_watch(console: Console) -> Iterator[PageWatch]:
    """Refuse what no page may do: dialogs, requests elsewhere, errors, breaches of the CSP."""
    # Where users sign in is the only other place that the page may ask.
    origins = {console.url}
    if sign_in := console.outputs.get("sign_in_url"):
        url = urlsplit(sign_in)
        origins.add(f"{url.scheme}://{url.netloc}")
    watch = PageWatch(origins)
    yield watch
    assert watch.faults == []


@pytest.fixture
def page_opener(browser: Browser, console: Console, page_watch: PageWatch) -> PageOpener:
    """Opens pages, which the test closes."""
    return PageOpener(browser, console.url, page_watch)


@pytest.fixture
def visit(page_opener: PageOpener) -> Iterator[Open]:
    """Opens pages, which are closed after the test: `visit("#/todos")`."""
    with ExitStack() as opened:
        yield lambda path="", **options: opened.enter_context(page_opener.open(path, **options))


@pytest.fixture
def todos(console: Console) -> Api:
    """The collection of todos, with nothing in it."""
    return console.empty_collection("todos")


@pytest.fixture
def parcels(console: Console) -> Api:
    """The collection of parcels, with nothing in it."""
    return console.empty_collection("parcels")
