"""Hooks for Schemathesis: remove from valid requests what breaks rules that OpenAPI cannot express.

docs/reference/http-api.md lists these rules. Without the hooks Schemathesis would report each refusal of such a
request as a fault of the document. Requests that are meant to be invalid are sent unchanged.
"""

# mypy: ignore-errors
# Schemathesis is installed in its own environment.

from __future__ import annotations

import json
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import schemathesis

STORABLE_NUMBERS = range(-129, 126)  # exponents of numbers that DynamoDB can store
DEPTH = 30
CONTRACT = Path(__file__).parents[2] / "contract" / "problems.json"
# Trestle's own problem types.
PROBLEMS = [f"urn:trestle:problem:{kind}" for kind in json.loads(CONTRACT.read_text(encoding="utf-8"))["kinds"]]


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Remove from a valid request what another part of it, or an earlier request, makes invalid."""
    case.query = without_fields(dict(case.query or {}))
    if not case.meta or not case.meta.generation.mode.is_positive:
        return
    sorts = sorts_by_filter(case)
    case.query = keep_one_filter(case.query, sorts)
    if takes_owner(case) and case.query.keys() & sorts.keys():  # the list of all owners' items has no filters
        case.query.setdefault("owner", "acme")
    headers = case.headers or {}
    # The key may have been used with another body.
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = uuid.uuid4().hex
    for name in headers.keys() & {"If-Match", "If-None-Match"}:
        # Schemathesis 4.32.5 parses a single entity tag as JSON, and so removes its quotes.
        if not headers[name].startswith(("*", ",", '"', "W/")):
            headers[name] = f'"{headers[name]}"'
    # A route without a schema accepts any JSON.
    if isinstance(case.body, dict | list | int | float):
        case.body = make_storable(case.body)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Report own code's refusal of a valid request as a conflict.

    The document says that own code may refuse (4XX), but not which requests.
    """
    if "4XX" not in case.operation.definition.raw["responses"] or not 400 <= response.status_code < 500:
        return
    if response.json()["type"] not in PROBLEMS:
        response.status_code = 409


def without_fields(query: dict[str, Any]) -> dict[str, Any]:
    """Return a query without `fields`, which would make items incomplete.

    A malformed `fields` stays.
    """
    fields = query.get("fields")
    if isinstance(fields, str) and all(fields.split(",")):
        return {name: value for name, value in query.items() if name != "fields"}
    return query


def sorts_by_filter(case: Any) -> dict[str, str]:
    """Return a list's filters with their sort properties."""
    parameters = case.operation.definition.raw.get("parameters", [])
    return {each["name"]: each["x-sorted-by"] for each in parameters if "x-sorted-by" in each}


def takes_owner(case: Any) -> bool:
    """Return whether an operation has the parameter `owner`."""
    parameters = case.operation.definition.raw.get("parameters", [])
    return any(each.get("$ref") == "#/components/parameters/owner" for each in parameters)


def keep_one_filter(query: dict[str, Any], sorts: dict[str, str]) -> dict[str, Any]:
    """Return a list's query with one filter and its bounds, and without an invented cursor."""
    kept = {name: value for name, value in query.items() if name != "cursor"}
    chosen = next((name for name in kept if name in sorts), None)
    ends: set[str] = set()
    for name in list(kept):
        sort, dot, operator = name.rpartition(".")
        if dot:
            end = operator[:2]
            taken = "pr" in ends or (end == "pr" and ends) or end in ends
            if chosen is None or sort != sorts[chosen] or taken:
                del kept[name]
            else:
                ends.add(end)
        elif name in sorts and name != chosen:
            del kept[name]
    return kept


def make_storable(value: Any, depth: int = 0) -> Any:
    """Return a value with only storable numbers and nesting depth."""
    if isinstance(value, dict):
        return {name: make_storable(member, depth + 1) for name, member in value.items()} if depth < DEPTH else {}
    if isinstance(value, list):
        return [make_storable(element, depth + 1) for element in value] if depth < DEPTH else []
    if isinstance(value, int | float) and not isinstance(value, bool) and value:
        exact = Decimal(str(value))
        digits = "".join(map(str, exact.as_tuple().digits)).strip("0")
        if exact.adjusted() not in STORABLE_NUMBERS or len(digits) > 38:
            return 1
    return value
