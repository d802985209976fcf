"""Names of indexes and their keys, which follow from the variables and the schemas alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plan.planner import REGION, Values
from tools.terraform import OF_VARIABLES, ROOT, Terraform, environment
from trestle.store.derived import hash_name, sort_name

NAMES = [
    *("dueDate", "due-date", "due date", "fällig", "a.b", "a~b", "a+b", "a%2Eb", "a,b", "$ref", "é"),
    *("😀", "__proto__", "State", "state", "x" * 240, "x" * 241, "\u2028", "\t", "<&>"),
]  # fmt: skip

Evaluate = Callable[[Values, Values], Any]


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Tells what locals.tf makes of an entity and its schema, without a provider."""
    for name in ("contract", *OF_VARIABLES):
        (tmp_path / Path(name).name).symlink_to(ROOT / name)
    (tmp_path / "schemas").mkdir()
    terraform = Terraform(tmp_path, environment("", REGION))

    def evaluate(entity: Values, schema: Values) -> Any:
        (tmp_path / "schemas" / "odd.json").write_text(json.dumps(schema))
        variables = {"name": "shop", "environment": "dev", "entities": {"odd": entity}}
        (tmp_path / "odd.tfvars.json").write_text(json.dumps(variables))
        asked = "jsonencode([local.entities.odd.filters, local.list_parameters.odd, local.faults])"
        return json.loads(terraform.evaluate(asked, [f"-var-file={tmp_path / 'odd.tfvars.json'}"]))

    return evaluate


def filtered_entity(filters: Values) -> Values:
    return {"schema": "schemas/odd.json", "filters": filters, "list": "unordered"}


def schema_of_types(types: dict[str, str]) -> Values:
    return {"required": list(types), "properties": {name: {"type": kind} for name, kind in types.items()}}


@pytest.mark.parametrize("kind", ["string", "integer", "number"])
def test_functions_and_table_have_the_same_names(evaluate: Evaluate, kind: str) -> None:
    sorts = dict(zip(NAMES, [*NAMES[1:], ""], strict=True))
    schema = schema_of_types(dict.fromkeys([*NAMES, ""], kind))
    is_number = kind != "string"
    filters, _, faults = evaluate(filtered_entity({name: {"sort": sort} for name, sort in sorts.items()}), schema)
    assert faults == []
    assert filters == {
        name: {
            "index": hash_name(name),
            "number": is_number,
            "range": sort_name(sort, is_number),
            "sort": sort,
        }
        for name, sort in sorts.items()
    }


def test_an_index_is_another_where_its_sort_has_another_type(evaluate: Evaluate) -> None:
    """The provider compares an index's keys by their names: one of the same name would keep its old type."""
    ranges = []
    for kind in ("string", "integer", "number"):
        (found,) = evaluate(
            filtered_entity({"flag": {"sort": "rank"}}), schema_of_types({"flag": "boolean", "rank": kind})
        )[0].values()
        ranges.append((found["range"], found["number"]))
    assert ranges == [("sort_rank", False), ("number_rank", True), ("number_rank", True)]


def test_only_what_api_gateway_takes_is_declared(evaluate: Evaluate) -> None:
    schema = schema_of_types({"due-date": "string", "ü": "string", "[0]": "string", "a.b": "integer"})
    filters = {"due-date": {"sort": "ü"}, "ü": {"sort": "a.b"}, "[0]": {}, "a.b": {}}
    created = [f"querystring.createdAt.{operator}" for operator in ("gt", "gte", "lt", "lte", "prefix")]
    assert sorted(evaluate(filtered_entity(filters), schema)[1]) == sorted(
        [
            *created,
            *(f"querystring.a.b.{operator}" for operator in ("gt", "gte", "lt", "lte")),
            *("querystring.due-date", "querystring.a.b"),
        ]
    )
