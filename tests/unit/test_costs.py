"""The requests that docs/reference/request-costs.md says an operation costs are those that it sends."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.unit.conftest import Make

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "request-costs.md"


def documented_costs() -> dict[str, str]:
    """Requests by operation, from the table of costs."""
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| ")]
    return {name.strip(): requests.strip() for name, requests in rows[1:]}


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
    assert sent == documented_costs()
