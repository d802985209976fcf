"""trestle.testing: the fixture `system` answers as the gateway and the functions behind it do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

import trestle.testing
from tools.errors import UserError
from tools.terraform import ROOT
from tools.testing.project import Project, read_project
from trestle.testing import System

NOON = "2027-01-01T12:00:00.000000Z"
GUIDE = (ROOT / "docs" / "reference" / "testing.md").read_text(encoding="utf-8")
VARIABLES = """
name        = "shop"
environment = "test"
entities = {
  notes = {
    schema = "schemas/note.json", access = { default = "open" }, filters = { kind = {} }, ttl = "until"
    hooks  = { code = "notes", uses = { before_create = { notes = ["list"] } } }
  }
  prices = {
    access = { default = "open", create = "cognito:group=staff", merge = "cognito:scope=write", delete = "iam" }
    path   = "v1/prices"
  }
  plain = { functions = "per_entity", list = "unordered", ids = "client", operations = ["create", "get", "list"] }
}
"""
SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"type": "string"},
        "until": {"type": "integer"},
        "seen": {"type": "integer", "readOnly": True},
        "at": {"type": "string", "readOnly": True},
    },
}
# Members that the system itself calls.
FOR_FUNCTIONS = ("Clock.time", "Clock.time_ns", "Lists.backend", "System.answer")
HOOKS = """
from trestle.app import entity


def before_create(draft, context):
    draft["seen"] = len(list(entity("notes").list()))
    draft["at"] = context.now
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("shop")
    for name, text in {
        "schemas/note.json": json.dumps(SCHEMA),
        "app/notes.py": HOOKS,
        "shop.tfvars": VARIABLES,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return read_project(folder, folder / "shop.tfvars")


@pytest.fixture
def system(shop: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    with mock_aws():
        yield System(shop, monkeypatch)


def test_terraform_is_asked_once_for_the_same_inputs(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.testing.project._evaluate", None)
    assert read_project(shop.folder, shop.folder / "shop.tfvars") == shop


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shop.tfvars": VARIABLES.replace("ttl ", "tll ")}, "tll"),
        ({"shop.tfvars": VARIABLES.replace('"notes",', '"no",')}, "there is no app/no.py"),
        ({"shop.tfvars": VARIABLES.replace("kind =", "other =")}, 'has no property "other"'),
        ({"app/notes.py": "def before_craete(draft, context): ..."}, "before_craete"),
    ],
)
def test_what_a_plan_would_refuse_is_refused(
    shop: Project, tmp_path: Path, changes: dict[str, str], sentence: str
) -> None:
    for name in ("schemas/note.json", "app/notes.py", "shop.tfvars"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(changes.get(name) or (shop.folder / name).read_text())
    with pytest.raises(UserError, match=re.escape(sentence)):
        read_project(tmp_path, tmp_path / "shop.tfvars")


def test_a_var_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no .*/none.tfvars"):
        read_project(tmp_path, tmp_path / "none.tfvars")


def test_the_gateway_checks_access(system: System) -> None:
    staff, ada = system.user("eve", groups=["staff", "other"]), system.user("ada")
    made = staff.post("/v1/prices", {"of": "tea"})
    assert made.status == 201
    path = f"/v1/prices/{made.json['id']}"
    refused = system.anonymous.post("/v1/prices", {})
    assert (refused.status, refused.json["type"]) == (401, "urn:trestle:problem:unauthorized")
    assert list(refused.json) == ["type", "title", "status", "detail", "requestId"]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers.get("WWW-Authenticate") == "Bearer"
    assert ada.post("/v1/prices", {}).status == 403
    assert ada.patch(path, {}).status == 401
    assert system.user("ada", scopes=["write"]).patch(path, {"of": "ice"}).json["of"] == "ice"
    assert system.machine("m1", scopes=["write"]).patch(path, {"of": "oil"}, If_Match=made.etag).status == 412
    assert system.machine("m1", scopes=["read"]).patch(path, {}).status == 401
    assert system.anonymous.get(path).json["of"] == "ice"
    assert ada.delete(path).status == 404
    assert system.iam("arn:aws:iam::123456789012:role/ops").delete(path).status == 204


def test_api_keys(system: System) -> None:
    assert system.anonymous.get("/plain").status == 403
    assert system.key("default").get("/plain").json["items"] == []
    with pytest.raises(ValueError, match='There is no API key "gold"'):
        system.key("gold")


def test_paths_and_methods_that_are_not_there(system: System) -> None:
    refused = system.anonymous.put("/notes", {})
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, OPTIONS, POST")
    assert system.anonymous.get("/nothing").status == 404
    assert system.anonymous.get("/notes/1/2").status == 404
    assert system.key().delete("/plain/1").headers["allow"] == "GET, OPTIONS"


def test_the_clock(system: System) -> None:
    system.clock.set(NOON)
    made = system.anonymous.post("/notes", {"until": int(datetime(2027, 1, 2, tzinfo=UTC).timestamp())}).json
    assert (made["createdAt"], made["at"]) == (NOON, NOON)
    system.clock.advance(hours=11)
    assert system.anonymous.get(f"/notes/{made['id']}").status == 200
    assert [each.id for each in system.entity("notes").all()] == [made["id"]]
    system.clock.advance(hours=2)
    assert system.anonymous.get(f"/notes/{made['id']}").status == 404
    assert system.entity("notes").find(made["id"]) is None
    assert system.entity("notes").all() == []
    with pytest.raises(ValueError, match="has no time zone"):
        system.clock.set("2027-01-01T12:00:00")


def test_lists_that_lag(system: System) -> None:
    client = system.anonymous
    first = client.post("/notes", {"kind": "a"}).json
    assert first["seen"] == 0
    system.lists.lag()
    second = client.post("/notes", {"kind": "a"}).json
    client.patch(f"/notes/{first['id']}", {"kind": "b"})
    assert second["seen"] == 1
    assert client.post("/notes", {}).json["seen"] == 1
    assert client.list("/notes", {"kind": "a"}) == [first]
    assert client.get(f"/notes/{second['id']}").json == second
    assert len(system.entity("notes").all()) == 3
    system.lists.catch_up()
    assert client.list("/notes", {"kind": "a"}) == [second]
    assert len(client.list("/notes", {"limit": 1})) == 3


def test_lists_of_scans_lag_as_well(system: System) -> None:
    system.lists.lag()
    made = system.key().post("/plain", {"id": "a"})
    assert (made.status, system.key().list("/plain")) == (201, [])


def test_items_that_are_there_already(system: System) -> None:
    notes = system.entity("notes")
    made = notes.create({"kind": "a", "seen": 7}, id="n1")
    assert notes.find("n1") == made
    assert system.anonymous.get("/notes?kind=a").json["items"][0]["seen"] == 7
    with pytest.raises(ValueError, match='there is an item "n1" already'):
        notes.create({}, id="n1")
    with pytest.raises(ValueError, match="/kind"):
        notes.create({"kind": 1})
    with pytest.raises(ValueError, match="have no owners"):
        notes.find("n1", owner="ada")
    with pytest.raises(ValueError, match='There is no entity "note"'):
        system.entity("note")


def test_the_docs_name_each_public_name() -> None:
    public = [name for name in trestle.testing.__all__ if not name.startswith(("_", "pytest_"))]
    assert [name for name in public if not re.search(rf"\b{name}\b", GUIDE)] == []
    members = {
        f"{name}.{member}": member
        for name in public
        if name != "system"  # the fixture
        for member in vars(getattr(trestle.testing, name))
        if not member.startswith("_") and f"{name}.{member}" not in FOR_FUNCTIONS
    }
    assert "System.user" in members
    assert [full for full, member in members.items() if not re.search(rf"`{member}[`(]", GUIDE)] == []


@pytest.mark.parametrize("page", ["own-code.md", "reference/testing.md"])
def test_the_examples_of_the_docs(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (example,) = (block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "mark.system" in block)
    names: dict[str, Any] = {}
    exec(example, names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    with mock_aws():
        test(System(read_project(ROOT, ROOT / test.pytestmark[0].args[0]), monkeypatch))
