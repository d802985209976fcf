"""Terraform's use of contract/: an operation that is added there is everywhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.plan import documents
from tests.plan.planner import ROOT

COUNT = {
    "method": "GET",
    "path": "count",
    "summary": "Count those",
    "description": "As of now.",
    "parameters": ["header.If-Match"],
    "takes_filters": True,
    "plural": True,
    "answers": {"200": {"description": "How many there are.", "schema": "Count"}},
    "problems": ["invalid-request"],
    "settings": ["filters"],
    "actions": ["DescribeTable"],
    "index_actions": ["Query"],
    "variants": {"list": {"unordered": {"actions": ["Scan"], "problems": ["conflict"]}}},
    "workload": "lists",
}
ENTITIES = {
    "todos": {"schema": "schemas/todo.json", "ids": "client", "filters": {"completed": {}}},
    "items": {"list": "unordered", "operations": ["count", "list"], "access": {"count": "cognito"}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration whose contract has one more operation."""
    folder = documents.folder_for_documents(tmp_path_factory.mktemp("contract"))
    (folder / "contract").unlink()
    shutil.copytree(ROOT / "contract", folder / "contract")
    file = folder / "contract" / "operations.json"
    contract = json.loads(file.read_text())
    contract["operations"]["count"] = COUNT
    contract["schemas"]["Count"] = {"type": "object", "properties": {"count": {"type": "integer"}}}
    file.write_text(json.dumps(contract))
    return folder


def evaluate(folder: Path, name: str) -> Any:
    """Return a local of modules/service."""
    variables = folder / "count.tfvars.json"
    variables.write_text(json.dumps({"name": "shop", "environment": "test", "entities": ENTITIES}))
    said = documents.run(folder, "console", f"-var-file={variables}", expression=f"jsonencode(local.{name})\n")
    return json.loads(json.loads(said.strip().splitlines()[-1]))


def test_an_entity_has_a_new_operation_by_default(folder: Path) -> None:
    functions = evaluate(folder, "functions")
    todos = functions["todos.count"]
    assert (todos["name"], todos["package"]) == ("shop-todos-count-test", "count")
    assert todos["settings"]["filters"] == {"completed": {}}
    assert todos["settings"]["schema"] == "todo"
    rights = {statement["sid"]: statement["actions"] for statement in todos["statements"]}
    assert rights == {"UseTable": ["dynamodb:DescribeTable"], "QueryIndexes": ["dynamodb:Query"]}
    assert functions["todos.create"]["settings"]["reserved_ids"] == ["count"], "no item can have its path"


def test_an_attribute_changes_an_operation(folder: Path) -> None:
    rights = evaluate(folder, "functions")["items.count"]["statements"]
    assert [statement["actions"] for statement in rights] == [["dynamodb:Scan"]]


def test_the_document_describes_a_new_operation(folder: Path) -> None:
    found = documents.document(folder, entities=ENTITIES)
    todos, items = found["paths"]["/todos/count"]["get"], found["paths"]["/items/count"]["get"]
    assert (todos["operationId"], todos["summary"]) == ("countTodos", "Count those of todos")
    assert "completed" in [parameter.get("name") for parameter in todos["parameters"]]
    answer = {"$ref": "#/components/schemas/Count"}
    assert todos["responses"]["200"]["content"]["application/json"]["schema"] == answer
    assert found["components"]["schemas"]["Count"]["properties"] == {"count": {"type": "integer"}}
    usual = {"200", "429", "500", "502", "503", "504"}
    assert todos["responses"].keys() == usual | {"400", "403"}
    assert items["responses"].keys() == usual | {"401", "403", "409"}
