"""Hooks for Schemathesis: requests that the document allows, less what OpenAPI cannot express.

docs/reference/http-api.md lists these rules. Schemathesis takes each refusal of such a request for a fault of the
document. Requests that are meant to be wrong are sent as they are.
"""

# mypy: ignore-errors
# Schemathesis is in an environment of its own.

from __future__ import annotations

import json
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import schemathesis

STORABLE_NUMBERS = range(-129, 126)  # exponents of numbers that DynamoDB keeps
DEPTH = 30
CONTRACT = Path(__file__).parents[2] / "contract" / "problems.json"
# The types of problems that are Trestle's own.
PROBLEMS = [f"urn:trestle:problem:{kind}" for kind in json.loads(CONTRACT.read_text(encoding="utf-8"))["kinds"]]


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Take out of a valid request what another part of the request, or of an earlier one, makes invalid."""
    case.query = without_fields(dict(case.query or {}))
    if not case.meta or not case.meta.generation.mode.is_positive:
        return
    sorts = sorts_by_filter(case)
    case.query = keep_one_filter(case.query, sorts)
    if takes_owner(case) and case.query.keys() & sorts.keys():  # the list of all owners' items takes no filter
        case.query.setdefault("owner", "acme")
    headers = case.headers or {}
    # The same key may have come with another body before.
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = uuid.uuid4().hex
    for name in headers.keys() & {"If-Match", "If-None-Match"}:
        # Schemathesis 4.32.5 reads a lone entity tag as JSON, and takes its quotes away.
        if not headers[name].startswith(("*", ",", '"', "W/")):
            headers[name] = f'"{headers[name]}"'
    # A route without a schema takes any JSON.
    if isinstance(case.body, dict | list | int | float):
        case.body = make_storable(case.body)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Count a valid request that own code refuses as one that meets a conflict.

    The document says that own code may refuse (4XX), and cannot say which requests.
    """
    if "4XX" not in case.operation.definition.raw["responses"] or not 400 <= response.status_code < 500:
        return
    if response.json()["type"] not in PROBLEMS:
        response.status_code = 409


def without_fields(query: dict[str, Any]) -> dict[str, Any]:
    """Return a query without `fields`, with which items are not all that their schema says.

    A malformed one stays.
    """
    fields = query.get("fields")
    if isinstance(fields, str) and all(fields.split(",")):
        return {name: value for name, value in query.items() if name != "fields"}
    return query


def sorts_by_filter(case: Any) -> dict[str, str]:
    """Return the filters of a list, each with what it sorts by."""
    parameters = case.operation.definition.raw.get("parameters", [])
    return {each["name"]: each["x-sorted-by"] for each in parameters if "x-sorted-by" in each}


def takes_owner(case: Any) -> bool:
    """Tell whether an operation has the parameter that says whose items are meant."""
    parameters = case.operation.definition.raw.get("parameters", [])
    return any(each.get("$ref") == "#/components/parameters/owner" for each in parameters)


def keep_one_filter(query: dict[str, Any], sorts: dict[str, str]) -> dict[str, Any]:
    """Return a list's query without a made-up cursor, with one filter and the bounds that go with it."""
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
    """Return a value with the numbers and the depth that an item can have."""
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
