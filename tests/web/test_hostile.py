"""Test that nothing in an item can run: it is shown as text everywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.local.api import Api
from tests.web.browser import Open, go_to, settle

RUN = "window.ran = true, alert(1)"
ELSEWHERE = "https://attacker.example"

TEXTS = {
    "script": f"<script>{RUN}</script>",
    "closing what it is in": f"</title></textarea></script></style><script>{RUN}</script>",
    "image": f'<img src=x onerror="{RUN}">',
    "svg": f'<svg><animate onbegin="{RUN}" attributeName=x dur=1s></svg>',
    "frame": f"<iframe srcdoc='<script>{RUN}</script>' src=\"javascript:{RUN}\"></iframe>",
    "out of an attribute": f'" autofocus onfocus="{RUN}" x="',
    "styles": f"<link rel=stylesheet href={ELSEWHERE}/a.css><style>@import '//a.example'</style>",
    "refresh": f'<meta http-equiv="refresh" content="0;url={ELSEWHERE}">',
    "base": f'<base href="{ELSEWHERE}/">',
    "form": f'<form action="{ELSEWHERE}"><button autofocus>Sign in</button></form>',
    "template": f"${{{RUN}}} {{{{constructor.constructor('{RUN}')()}}}} <%= {RUN} %>",
    "javascript URL": f"javascript:{RUN}",
    "javascript URL in disguise": f" \x01jAvA\tScRiPt:{RUN}//https://example.com",
    "data URL": f"data:text/html,<script>{RUN}</script>",
    "image from elsewhere": f"{ELSEWHERE}/pixel.png",
    "right to left": "invoice\u202egpj.exe",
    "marks without an end": "a\u2066\u202a\u202b\u2067b",
    "not to be seen": "pay\u200bpal\u00ad\u2060\ufeff\x7f",
    "many marks": "Z" + "\u0310" * 500,
    "line breaks": "a\r\nb\u2028c\u2029d\x85e",
    "no place to break": "W" * 2000,
    "giant": "giant " * 40_000,
    "half of an entity": "&lt;script&gt;&#60;b&#62;&amp;",
    "SQL and shells": "'; DROP TABLE todos; -- $(reboot) `reboot` | reboot",
    "not a text at all": "undefined",
}  # fmt: skip

# Property names that JavaScript objects inherit.
OBJECT: dict[str, Any] = {
    "__proto__": {"polluted": True, "isAdmin": True},
    "constructor": {"prototype": {"polluted": True}},
    "prototype": 1,
    "hasOwnProperty": "no",
    "toString": "no",
    "valueOf": None,
    "toJSON": "no",
    "rawJSON": "alert(1)",
    "then": "thenable",
    "length": 10**9,
    "key": "k",
    "ref": "r",
    "children": "c",
    "props": {"dangerouslySetInnerHTML": {"__html": TEXTS["image"]}},
    "dangerouslySetInnerHTML": {"__html": TEXTS["image"]},
    "innerHTML": TEXTS["script"],
    "$ref": "#/components/schemas/Problem",
    "a/b~c": {"~": {"/": 1}},
    " ": "blank",
    TEXTS["image"]: TEXTS["script"],
    "deep": json.loads('{"a":' * 25 + "1" + "}" * 25),
}

# Values in place of a link, a day or a choice.
SCHEMA: dict[str, Any] = {
    "properties": {
        "label": {"type": "string"},
        "link": {"type": "string", "format": "uri"},
        "day": {"type": "string", "format": "date"},
        "time": {"type": "string", "format": "date-time"},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "count": {"type": "integer"},
        "parts": {"type": "object", "properties": {"name": {"type": "string"}}},
        "list": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["label"],
}

# The elements of a page that shows only text.
CENSUS = """() => {
  const all = [...document.querySelectorAll("body *")];
  const never = "script, iframe, object, embed, img, link, meta, base, style, animate";
  return {
    elements: all.filter((one) => one.matches(never)).length,
    handlers: all.flatMap((one) => one.getAttributeNames()).filter((name) => name.startsWith("on")),
    links: [...new Set(all.filter((one) => one.href && one.matches("a")).map((one) => one.protocol))].sort(),
    ran: "ran" in window || "polluted" in {} || "isAdmin" in {},
  };
}"""


def check_only_text(page: Page, what: str = "") -> None:
    census = page.evaluate(CENSUS)
    assert set(census.pop("links")) <= {"http:", "https:"}, what
    assert census == {"elements": 0, "handlers": [], "ran": False}, what
    # The page is never wider than the window.
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what


@pytest.mark.parametrize("schema", [None, SCHEMA], ids=["without a schema", "with a schema"])
def test_items_are_only_text_in_tables_and_forms(visit: Open, parcels: Api, schema: dict[str, Any] | None) -> None:
    ids = {}
    for name, text in TEXTS.items():
        short = text[:2000]
        others = dict.fromkeys(("link", "day", "time", "kind", "count", "parts"), short)
        ids[name] = parcels.create({"label": text, **others, "list": [short, {"in": short}]}).json["id"]
    page = visit("#/parcels?limit=100", schema=schema)
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(len(TEXTS) + 1)
    check_only_text(page)

    for name, item in ids.items():
        go_to(page, f"#/parcels/{item}")
        expect(page.get_by_role("button", name="JSON", exact=True)).to_be_visible()
        check_only_text(page, name)
        if name in ("image", "giant", "right to left"):
            page.get_by_role("button", name="JSON", exact=True).click()
            expect(page.get_by_label("The item as JSON")).to_be_visible()
            check_only_text(page, name)


def test_todos_are_only_text(visit: Open, todos: Api) -> None:
    for text in TEXTS.values():
        todos.create({"title": text[:200], "description": text[:10_000]})
    page = visit("#/todos")
    expect(page.get_by_role("checkbox")).to_have_count(len(TEXTS))
    check_only_text(page)
    # Invisible characters, and those that change the direction of text beside them, are shown as
    # marks.
    expect(page.get_by_role("main")).to_contain_text("invoiceU+202Egpj.exe")

    page.get_by_role("button", name="Edit <script>").first.click()
    title = page.get_by_label("Title", exact=True)
    expect(title).to_have_value(TEXTS["script"])
    expect(title).to_be_focused()  # now it gets Escape
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete <script>").first.click()
    expect(page.get_by_role("status").get_by_text("Deleted")).to_be_visible()
    check_only_text(page)


def test_a_schemas_texts_cannot_reverse_the_text_around_them(visit: Open, parcels: Api) -> None:
    turned = {"type": "string", "enum": ["\u202egpj", ""], "description": "\u202egnp"}
    page = visit("#/parcels/+new", schema={"properties": {"k\u202eind": turned}, "required": []})
    kind = page.get_by_label("kU+202Eind")
    expect(kind.locator("option")).to_have_text(["Not set", "U+202Egpj", "(empty)"])
    expect(kind).to_have_accessible_description("U+202Egnp")
    assert "\u202e" not in page.locator("body").inner_text()


def test_inherited_names_are_ordinary_names_and_saved_unchanged(visit: Open, parcels: Api) -> None:
    # dict and json.dumps treat "__proto__" as an ordinary name.
    made = parcels.create({"label": "odd", **OBJECT}).json
    page = visit("#/parcels")
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(2)
    check_only_text(page)
    go_to(page, f"#/parcels/{made['id']}")
    page.get_by_role("button", name="Form", exact=True).click()
    page.get_by_role("textbox", name="label", exact=True).fill("odder")
    check_only_text(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").get_by_text("Saved")).to_be_visible()
    stored = parcels("GET", f"/{made['id']}").json
    own = {name: stored[name] for name in stored if name not in ("id", "createdAt", "updatedAt", "version")}
    assert own == {"label": "odder", **OBJECT}

    # A patch of an inherited name reads and writes only that property.
    page.get_by_role("button", name="JSON", exact=True).click()
    text = page.get_by_label("The item as JSON")
    text.fill('{"label": "odder", "__proto__": {"polluted": 2}, "constructor": "c"}')
    with page.expect_response(lambda response: response.request.method == "PATCH"):
        page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Version")).to_be_visible()
    settle(page)
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    check_only_text(page)
    stored = parcels("GET", f"/{made['id']}").json
    assert stored["__proto__"] == {"polluted": 2}
    assert "toString" not in stored


def test_responses_in_the_documentation_are_only_text(visit: Open, parcels: Api) -> None:
    for text in TEXTS.values():
        parcels.create({"label": text[:3000], TEXTS["image"]: OBJECT})
    page = visit("#/docs/listParcels")
    page.get_by_label("limit").fill("100")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Response body")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    check_only_text(page)


ROUTES = [
    "#/__proto__",
    "#/constructor/prototype",
    "#/todos/__proto__",
    "#/todos/..%2F..%2Fcustomers",
    "#/todos/%",
    "#/%E0%A4%A",
    "#//attacker.example",
    "#javascript:alert(1)",
    "#/<img src=x onerror=alert(1)>",
    "#/todos?__proto__=x&completed=<script>alert(1)</script>",
    "#/todos/+table?limit=-1&cursor=x&constructor=y",
    "#/docs/__proto__",
    "#/todos/" + "x" * 5000,
    "?code=%3Cscript%3E&state=__proto__#/docs",
]


def test_addresses_are_only_text(visit: Open, todos: Api) -> None:
    page = visit("#/docs")
    for route in ROUTES:
        go_to(page, route)
        page.reload()
        settle(page)
        expect(page.get_by_role("heading").first).to_be_visible()
        check_only_text(page, route)
        assert page.evaluate("location.hostname") == "localhost", route
