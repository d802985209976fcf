"""Count the DynamoDB requests and capacity units of every operation: the figures of docs/reference/http-api.md.

`.venv/bin/python -m benchmarks.costs` calls the functions with real gateway events against the emulator, and
prints Markdown tables. Requests are counted as boto3 sends them. The emulator computes units by DynamoDB's rules, for
the table and each index. It does not compute those of pages, which are calculated from the sizes of their items.
Sources: "DynamoDB read and write operations" and "DynamoDB item sizes and formats" in the developer guide.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lambda_src"))

from tests.unit.api import TABLE, Api
from tests.unit.conftest import ENVIRONMENT, with_filters
from tools.laptop.emulator import Emulator, client

FILTERS = {"status": {"sort": "dueDate"}}
SCHEMA: dict[str, Any] = {
    "required": ["dueDate"],
    "properties": {"status": {"type": "string"}, "dueDate": {"type": "string", "minLength": 1}},
}
ITEM = {"status": "open", "dueDate": "2026-01-01"}
PAGE = 25
ITEM_BYTES = 1000  # just below the size of one write unit


def attribute_size(attribute: dict[str, Any]) -> float:
    """Return the size of an attribute's value in bytes."""
    ((kind, value),) = attribute.items()
    if kind == "S":
        return len(value.encode())
    if kind == "N":
        return 1 + len(value.strip("-0.")) / 2
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + attribute_size(member) for name, member in value.items())
    return 3 + sum(1 + attribute_size(element) for element in value) if kind == "L" else 1


class Meter:
    """One entity on the emulator. `calls` has the emulator's responses with their ConsumedCapacity."""

    def __init__(self, endpoint: str, filters: dict[str, Any], *, read_only: bool = False) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "test")  # the emulator's
        environment = ENVIRONMENT | keys | {"AWS_ENDPOINT_URL": endpoint}
        os.environ.update(environment)
        options = {"schema": "todo", "filters": filters}
        schema = SCHEMA | ({"properties": {**SCHEMA["properties"], "price": {"readOnly": True}}} if read_only else {})
        self.api = Api({**environment, "ENTITY_OPTIONS": json.dumps(options)}, {"todo": schema})
        events = self.api.client.meta.events
        events.register("provide-client-params.dynamodb", self._request_capacity)
        events.register("after-call.dynamodb", self._record_answer)

    @staticmethod
    def _request_capacity(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**params, "ReturnConsumedCapacity": "INDEXES"}

    def _record_answer(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        self.calls.append((model.name, parsed))

    def cost(self, method: str, path: str, body: Any = None, **parts: Any) -> str:
        """Return the requests, and the units of the table and each index, of one request to the API."""
        self.calls.clear()
        answer = self.api.request(method, path, body, **parts)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.body}")
        requests = " and ".join(f"{count} {name}" for name, count in Counter(n for n, _ in self.calls).items())
        units: defaultdict[str, float] = defaultdict(float)
        for name, parsed in self.calls:
            consumed = parsed["ConsumedCapacity"]
            kind = "write" if name not in ("GetItem", "Query") else "read"
            if name == "Query":
                page = sum(attribute_size({"M": record}) for record in parsed["Items"])
                units[f"{kind} (index)"] += -int(-page // 4096) / 2
                continue
            units[f"{kind} (table)"] += consumed["Table"]["CapacityUnits"]
            for index, each in consumed.get("GlobalSecondaryIndexes", {}).items():
                units[f"{kind} ({index})"] += each["CapacityUnits"]
        return f"{requests} | {', '.join(f'{count:g} {name}' for name, count in units.items())}"


def cost_rows(meter: Meter, priced: Meter, filtered: bool) -> list[str]:
    """Return the rows for one entity. `priced` is the same entity with a readOnly property."""
    empty = meter.api.create(ITEM)
    stored = meter.api.client.get_item(TableName=TABLE, Key={"id": {"S": empty["id"]}})["Item"]
    todo = {**ITEM, "text": "x" * (ITEM_BYTES - round(attribute_size({"M": stored})))}
    meter.api.request("DELETE", f"/items/{empty['id']}")
    rows = {"create": meter.cost("POST", "/items", todo)}
    path = f"/items/{meter.api.request('GET', '/items').json['items'][0]['id']}"
    rows["get"] = meter.cost("GET", path)
    rows["replace"] = meter.cost("PUT", path, todo)
    rows["replace, the schema has `readOnly`"] = priced.cost("PUT", path, todo)
    rows["merge, flat"] = meter.cost("PATCH", path, {"text": todo["text"][::-1]})
    if filtered:
        rows["merge that changes the filter's value"] = meter.cost("PATCH", path, {"status": "done"})
    rows["merge, a value is an object"] = meter.cost("PATCH", path, {"status": "open", "a": {"b": None}})
    for _ in range(PAGE):
        meter.api.create(todo)
    rows[f"list {PAGE}"] = meter.cost("GET", "/items")
    if filtered:
        rows[f"list {PAGE} by a filter"] = meter.cost("GET", "/items", query={"status": "open"})
    rows["delete"] = meter.cost("DELETE", path)
    return [f"| {name} | {cost} |" for name, cost in rows.items()]


def main() -> None:
    """Print the tables."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        emulator = Emulator(Path(folder) / "emulator")
        running = emulator.start(port, ENVIRONMENT["AWS_REGION"])
        try:
            for filters in ({}, FILTERS):
                admin = client("dynamodb", running)
                admin.create_table(TableName=TABLE, **with_filters({"filters": filters}))
                print(f"\nAn item of {ITEM_BYTES} bytes, {len(filters)} filters:\n")
                print("| operation | requests | units |\n|---|---|---|")
                meters = [Meter(running.endpoint, filters, read_only=each) for each in (False, True)]
                print("\n".join(cost_rows(meters[0], meters[1], bool(filters))))
                admin.delete_table(TableName=TABLE)
        finally:
            emulator.stop()


if __name__ == "__main__":
    main()
