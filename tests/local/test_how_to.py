"""Test that the how-tos that change an API work as they are written, one after the other, on one system."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.local.api import Api
from tests.local.test_release import RepositoryCopy, copy_of_repository
from tests.tutorial import code_blocks
from tools import tfvars

pytestmark = pytest.mark.slow

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "string", "enum": ["open", "done"], "default": "open"},
        "dueDate": {"type": "string", "format": "date"},
    },
    "required": ["title", "dueDate"],  # filters sort by required properties
}


@dataclass
class Reader(RepositoryCopy):
    """A copy of the repository, whose reader follows pages. A deployment is an `up` of the local run."""

    variables: dict[str, Any] = field(default_factory=dict)
    schema: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(SCHEMA)))

    def deploy(self, *arguments: str) -> None:
        """Write the var-file and the schema, and apply them."""
        (self.root / "schemas" / "todo.json").write_text(json.dumps(self.schema))
        (self.root / "walk.tfvars.json").write_text(json.dumps(self.variables))
        up = ["up", "--detach", "--port", str(self.port), "--var-file", "walk.tfvars.json", *arguments]
        self.command("local.py", *up)

    def make(self, target: str, *arguments: str) -> str:
        """Run the command of a target of `make` with ENV=local."""
        return self.command("-m", "tools", target, "--env", "local", *arguments)

    def command(self, *arguments: str) -> str:
        running = self.run(*arguments)
        output = running.communicate()[0]
        assert running.returncode == 0, output
        return output

    def todos(self, path: str = "todos") -> Api:
        return Api(f"{json.loads(self.command('local.py', 'outputs'))['api_url']}/{path}", None)


def hcl(page: str, number: int) -> dict[str, Any]:
    """Return the tfvars of a block that a page shows."""
    values = tfvars.parse(Path(page), code_blocks(HOW_TO / page, "hcl")[number])
    assert values
    return values


def python(page: str) -> str:
    (code,) = code_blocks(HOW_TO / page, "python")
    return code


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    found = Reader(tmp_path_factory.mktemp("stack"), root=copy_of_repository(tmp_path_factory.mktemp("copy")))
    found.variables = {
        "name": "walk",
        "environment": "local",
        "dashboard": False,
        "encryption": {"customer_key": False},
        "entities": {
            "todos": {"access": {"default": "open"}, "functions": "per_entity", "schema": "schemas/todo.json"}
        },
        "network": None,
    }
    (found.root / "app").mkdir(exist_ok=True)
    try:
        found.deploy()
        yield found
    finally:
        found.run("local.py", "down").communicate()


def wait_until(check: Any) -> None:
    """Wait for what a queue or an index does later."""
    while not check():
        time.sleep(0.2)


@pytest.mark.timeout(900)
def test_from_a_new_property_to_a_new_name(reader: Reader) -> None:
    todos = reader.todos()
    old = todos.create({"title": "Old", "dueDate": "2026-12-01"}).json

    # A new property that is optional, then in all stored items, then required.
    (block,) = code_blocks(HOW_TO / "new-property.md", "json")
    reader.schema["properties"] |= json.loads(f"{{{block}}}")
    (reader.root / "app" / "fill.py").write_text(python("new-property.md"))
    reader.variables |= hcl("new-property.md", 0)
    reader.deploy()
    new = todos.create({"title": "New", "dueDate": "2027-02-01"}).json
    assert new["priority"] == "low"
    assert "priority" not in todos("GET", f"/{old['id']}").json
    assert "fill is done" in reader.make("run", "--function", "fill")
    assert todos("GET", f"/{old['id']}").json["priority"] == "low"
    reader.schema["required"].append("priority")

    # A filter finds what was stored before after a reindex.
    entity = reader.variables["entities"]["todos"]
    entity |= hcl("new-filter.md", 0)["entities"]["todos"]
    reader.deploy()
    narrowed = "?status=open&dueDate.lt=2027-01-01&order=desc"
    assert todos("GET", narrowed).json["items"] == []
    assert "2 items read, 2 changed." in reader.make("reindex", "--entity", "todos")
    wait_until(lambda: [item["id"] for item in todos("GET", narrowed).json["items"]] == [old["id"]])

    # A property has two names.
    reader.schema["properties"]["name"] = {"type": "string"}
    reader.schema["required"].remove("title")
    (reader.root / "app" / "todos.py").write_text(python("rename.md"))
    entity |= hcl("rename.md", 4)["entities"]["todos"]
    reader.deploy()
    both = todos.create({"name": "Both", "dueDate": "2027-03-01"}).json
    assert (both["title"], both["name"]) == ("Both", "Both")

    # An entity gets another name, and its items go along.
    tag = todos("GET", f"/{both['id']}").headers["etag"]
    common = dict(entity)
    before, between, after = (hcl("rename.md", number)["entities"] for number in (1, 2, 3))
    reader.variables["entities"] = {name: common | each for name, each in before.items()}
    reader.deploy()
    assert todos("POST", "", {"title": "Late", "dueDate": "2027-03-01"}).status == 405
    assert "3 items" in reader.make("export", "--entity", "todos", "--file", "todos.jsonl")
    assert "3 written" in reader.make("import", "--entity", "tasks", "--file", "todos.jsonl")
    for entities in (between, after):
        reader.variables["entities"] = {name: common | each for name, each in entities.items()}
        reader.deploy()
    renamed = reader.todos(after["tasks"]["path"])
    assert renamed("GET", f"/{both['id']}").headers["etag"] == tag
    assert renamed("POST", "", {"title": "In the new table", "dueDate": "2027-03-01"}).status == 201
    del reader.variables["entities"]["todos"], reader.variables["functions"]
    reader.deploy("--yes")
    assert len(renamed("GET").json["items"]) == 4
    assert reader.todos(after["todos"]["path"])("GET").status == 404
