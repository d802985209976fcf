"""Compare a route of own code, which reads and changes an item, with the same route in Powertools."""

from __future__ import annotations

import json

from benchmarks.bench import Bench, Request, cold, milliseconds, ratio, warm
from benchmarks.peers import SCHEMA

COLD_TARGET = 0.2
POWERTOOLS, OURS = "Powertools resolver, pydantic", "Trestle"
ROUTE = "POST /items/{id}/rate"
RATING = {
    "type": "object",
    "required": ["priority"],
    "properties": {"priority": {"type": "integer", "minimum": 1, "maximum": 5}},
}
CODE = """
from trestle.app import Response, entity


def rate(request, context):
    items = entity("items")
    item = items.get(request.path["id"])
    item = items.merge(item.id, request.body, if_match=item.etag)
    return Response(200, {"id": item.id, "title": item["title"], "done": item["done"]})
"""
FUNCTION = {
    "name": "ratings",
    "kind": "routes",
    "code": "ratings",
    "routes": {ROUTE: {"call": "rate", "body": "rating"}},
}
ENTITIES = {"items": {"table": "items", "options": {"schema": "todo"}, "operations": ["get", "merge"]}}


def table(bench: Bench, rounds: int, warm_requests: int) -> str:
    """Return the table."""
    files = {"schemas/todo.json": json.dumps(SCHEMA), "schemas/rating.json": json.dumps(RATING), "app/ratings.py": CODE}
    handlers = [
        bench.handler(POWERTOOLS, "powertools_route"),
        bench.function(
            OURS, bench.build(files) / "app.ratings.zip",
            FUNCTION=json.dumps(FUNCTION), ENTITIES=json.dumps(ENTITIES),
        ),
    ]  # fmt: skip
    method, _, resource = ROUTE.partition(" ")
    requests = {"rate": Request(method, resource, {"priority": 1}, 200)}
    samples = bench.measure({"rate": handlers}, rounds, warm_requests, requests)
    theirs = samples[POWERTOOLS, "rate"]
    rows = [
        f"| {handler.name} | {milliseconds(these, cold):.1f} | **{ratio(these, theirs, cold):.3f}** "
        f"| {milliseconds(these, warm):.3f} | **{ratio(these, theirs, warm):.3f}** "
        f"| {bench.count_requests(handler, requests['rate'])} |"
        for handler in handlers
        for these in [samples[handler.name, "rate"]]
    ]
    return "\n".join(
        [
            "| handler | cold, ms | ratio | warm, ms | ratio | DynamoDB requests |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"The bound: {COLD_TARGET} of the resolver's cold start.",
        ]
    )
