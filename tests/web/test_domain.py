"""Test console and API, each at its own domain, in a browser that resolves both to this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.local.api import Api
from tests.local.runner import Local
from tests.web.browser import PageOpener, PageWatch, find_browser, go_to, launch, settle

pytestmark = pytest.mark.slow

CONSOLE, API = "console.example.com", "api.example.com"
SYSTEM = f"""
name        = "domains"
environment = "local"
domain      = {{ certificate_arn = "arn:aws:acm:us-west-2:123456789012:certificate/0a-1b", name = "{API}" }}
encryption  = {{ customer_key = false }}
entities    = {{ notes = {{ access = {{ default = "open" }}, schema = "schemas/note.json" }} }}
network     = null
website     = {{ aliases = ["{CONSOLE}"], certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/2c-3d" }}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """A running system with both domains."""
    local = Local(tmp_path_factory.mktemp("domains") / ".local")
    file = tmp_path_factory.mktemp("system") / "system.tfvars"
    file.write_text(SYSTEM)
    done = local.up(file)
    try:
        assert done.returncode == 0, done.stderr
        yield local
    finally:
        local("down", "--purge")


@pytest.fixture(scope="module")
def resolving(browser: Browser, stack: Local) -> Iterator[Browser]:
    """A browser that resolves both domains to this machine, and treats them as secure although they use http."""
    program = find_browser(browser.browser_type)
    assert program
    found = launch(
        browser.browser_type, program,
        f"--host-resolver-rules=MAP {CONSOLE} 127.0.0.1,MAP {API} 127.0.0.1",
        f"--unsafely-treat-insecure-origin-as-secure=http://{CONSOLE}:{stack.port}",
    )  # fmt: skip
    yield found
    found.close()


@pytest.fixture
def opener(resolving: Browser, stack: Local) -> Iterator[PageOpener]:
    """Opens pages of the console at its domain, which may send requests only to the two domains."""
    url = f"http://{CONSOLE}:{stack.port}"
    watch = PageWatch({url, f"http://{API}:{stack.port}"})
    yield PageOpener(resolving, url, watch)
    assert watch.faults == []


def test_the_console_works_at_its_domain(opener: PageOpener, stack: Local) -> None:
    notes = Api(f"{stack.outputs()['api_url']}/notes", None)
    with opener.open("#/notes/+new") as page:
        page.get_by_label("Title").fill("From the domain")
        page.get_by_role("button", name="Create").click()
        settle(page)
        (note,) = notes("GET").json["items"]
        assert note["title"] == "From the domain"
        go_to(page, f"#/notes/{note['id']}")
        expect(page.get_by_label("Title")).to_have_value("From the domain")


def test_a_page_at_another_origin_calls_the_apis_domain(opener: PageOpener, stack: Local) -> None:
    """Uses CORS, since the API's domain is another origin, and the gateway routes by the Host header."""
    url = f"http://{API}:{stack.port}/notes"
    with opener.open(bypass_csp=True) as page:  # the CSP lets the console call only its own origin
        called = page.evaluate(
            """async (url) => {
              const made = await fetch(url, {
                method: "POST", headers: { "content-type": "application/json" }, body: '{"title":"x"}',
              });
              const there = await fetch(new URL(made.headers.get("location"), url));
              return [made.status, there.status, (await there.json()).title];
            }""",
            url,
        )
        assert called == [201, 200, "x"]


def test_neither_domain_reaches_the_emulator(resolving: Browser, stack: Local) -> None:
    page = resolving.new_page()
    for name in (CONSOLE, API):
        for path in ("/_ministack/health", "/_trestle/terraform", "/_aws/execute-api/x/local/notes"):
            answer = page.goto(f"http://{name}:{stack.port}{path}")
            assert answer
            assert answer.status in (403, 404), (name, path)
    page.close()
