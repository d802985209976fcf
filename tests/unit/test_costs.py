"""Compare docs/reference/request-costs.md with the requests that each operation sends."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.unit.api import OPERATIONS
from tests.unit.conftest import Make

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "request-costs.md"


def documented_costs(table: int) -> dict[str, str]:
    """Return the requests by operation from one of the page's tables."""
    text = DOCUMENT.read_text(encoding="utf-8").split("\n| operation |")[table + 1].partition("\n\n")[0]
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| ")]
    return {name.strip(): requests.strip() for name, requests in rows}


READ_ONLY = "replace, the schema has `readOnly`, or `fields` keep properties from the caller"
PRICED = {"properties": {"price": {"type": "number", "readOnly": True}}}


def test_every_operation_sends_the_documented_requests(make_api: Make) -> None:
    api = make_api({"filters": {"status": {}}})
    priced = make_api({"filters": {"status": {}}, "schema": "priced"}, {"priced": PRICED})
    todo = {"status": "open", "text": "x"}
    path = f"/items/{api.create(todo)['id']}"
    for _ in range(26):
        api.create(todo)
    sent = {}
    for name, method, url, body, query in [
        ("create", "POST", "/items", todo, None),
        ("get", "GET", path, None, None),
        ("replace", "PUT", path, todo, None),
        (READ_ONLY, "PUT", path, todo, None),
        ("merge, flat", "PATCH", path, {"text": "y", "tags": [{}]}, None),
        ("merge that changes the filter's value", "PATCH", path, {"status": "done"}, None),
        ("merge, a value is an object", "PATCH", path, {"a": {"b": None}}, None),
        ("list of 25", "GET", "/items", None, None),
        ("list of 25 by a filter", "GET", "/items", None, {"status": "open"}),
        ("delete", "DELETE", path, None, None),
    ]:
        answer, requests = (priced if name == READ_ONLY else api).requests_of(method, url, body, query=query)
        assert answer.status < 300
        if name.startswith("list"):
            assert (answer.json["count"], answer.json["next"] is None) == (25, False)
        sent[name] = " and ".join(f"{count} {action}" for action, count in Counter(requests).items())
    assert sent == documented_costs(0)


def test_access_to_others_items_sends_the_documented_requests(make_api: Make) -> None:
    options = {
        "owner": "claim:tenant_id", "sees_all": "group=support", "acts_for": "group=support",
        "filters": {"status": {}}, "signed_in": list(OPERATIONS.values()),
    }  # fmt: skip
    api = make_api(options)
    support = api.as_issued("sue", groups=["support"], tenant_id="support")
    tenant = api.as_issued("ada", tenant_id="acme")
    own, theirs = (f"/items/{each.create({'status': 'open'})['id']}" for each in (support, tenant))
    for _ in range(26):
        tenant.create({"status": "open"})
    sent = {}
    for name, method, url, body, query in [
        ("get of an item of theirs", "GET", own, None, None),
        ("get of another's item", "GET", theirs, None, None),
        ("get of another's item, with `owner`", "GET", theirs, None, {"owner": "acme"}),
        ("merge, flat, of another's item", "PATCH", theirs, {"text": "y"}, None),
        ("merge, flat, of another's item, with `owner`", "PATCH", theirs, {"text": "y"}, {"owner": "acme"}),
        ("create with `owner`", "POST", "/items", {"text": "y"}, {"owner": "acme"}),
        ("list of 25 of all owners", "GET", "/items", None, None),
        ("list of 25 with `owner`", "GET", "/items", None, {"owner": "acme"}),
        ("delete of another's item", "DELETE", theirs, None, None),
    ]:
        answer, requests = support.requests_of(method, url, body, query=query)
        assert answer.status < 300, answer.body
        sent[name] = " and ".join(f"{count} {action}" for action, count in Counter(requests).items())
    assert sent == documented_costs(1)
