"""Compare two operations with other implementations: frameworks, a lean handler, and the minimum."""

from __future__ import annotations

import json

from benchmarks.bench import REQUESTS, Bench, cold, milliseconds, ratio, warm

TUTORIAL = "tutorial handler, no validation"
OTHERS = {
    "Powertools resolver, pydantic": "powertools",
    "FastAPI, Mangum, pydantic": "fastapi",
    "Chalice": "chalice",
    "lean handler on boto3.client": "boto3_client",
}
FLOOR = "floor: http.client, signed by hand"
SCHEMA = {
    "type": "object",
    "required": ["title"],
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 200},
        "done": {"type": "boolean", "default": False},
        "priority": {"type": "integer", "minimum": 1, "maximum": 5, "default": 3},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 20, "default": []},
    },
}
HOOKS = """
def before_create(draft, context):
    pass


def present(items, context):
    pass
"""
OPERATIONS = ("create", "get")


def table(bench: Bench, rounds: int, warm_requests: int) -> str:
    """Return the table."""
    dist = bench.build({"schemas/todo.json": json.dumps(SCHEMA), "app/rules.py": HOOKS})
    others = [bench.handler(name, folder) for name, folder in {TUTORIAL: "tutorial", **OTHERS}.items()]
    floor = bench.handler(FLOOR, "floor", uses_packages=False)
    # Terraform passes the schema to operations that write.
    options: dict[str, dict[str, str]] = {"create": {"schema": "todo"}, "get": {}}
    handlers = {
        name: [
            *others,
            bench.function("Trestle", dist / f"{name}.zip", ENTITY_OPTIONS=json.dumps(options[name])),
            bench.function(
                "Trestle, an empty hook", dist / f"{name}.rules.zip", entry="hooked",
                ENTITY_OPTIONS=json.dumps({**options[name], "hooks": "rules"}),
            ),
            floor,
        ]
        for name in OPERATIONS
    }  # fmt: skip
    samples = bench.measure(handlers, rounds, warm_requests, REQUESTS)
    rows = []
    for handler in (each.name for each in handlers["get"]):
        cells = [handler]
        for name in OPERATIONS:
            these, tutorial = samples[handler, name], samples[TUTORIAL, name]
            for value, digits in ((cold, 1), (warm, 3)):
                cells.append(f"{milliseconds(these, value):.{digits}f}")
                cells.append(f"**{ratio(these, tutorial, value):.3f}**")
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(
        [
            "| handler | create: cold, ms | ratio | warm, ms | ratio | get: cold, ms | ratio | warm, ms | ratio |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
        ]
    )
