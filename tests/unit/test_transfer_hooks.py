"""Test `make import --hooks`: hooks check and change new items, and write other items with them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit import commands
from tests.unit.api import TABLE, Api
from tests.unit.commands import FakeEnvironment
from tests.unit.conftest import Make
from trestle.store import boto3_client

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "price": {"type": "integer", "readOnly": True}},
    "required": ["n", "price"],
}
RULES = """
from trestle.app import Refuse, entity

ran = []

def before_create(draft, context):
    ran.append((context.via, context.caller, draft.id))
    if draft["n"] > 99:
        raise Refuse("Too many.")
    if draft["n"] < 0:
        raise KeyError("s3cr3t")
    draft["price"] = 2 * draft["n"] + len(entity("counts").find("base") or ())
    context.transaction.create("counts", {}, id=f"of-{draft.id}", otherwise=Refuse("Counted already."))
"""
STAMPS = {"createdAt": "2026-01-02T03:04:05.000006Z", "updatedAt": "2026-02-02T03:04:05.000006Z", "version": 3}

Import = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def tables(make_api: Make) -> Api:
    make_api({"ids": "client"}, TABLE_NAME="test-counts")
    return make_api({"schema": "task"}, {"task": SCHEMA})


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    for name in ("app", "schemas", "dist"):
        (tmp_path / name).mkdir()
    (tmp_path / "app" / "rules.py").write_text(RULES)
    (tmp_path / "schemas" / "task.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "dist" / "manifest.json").write_text("{}")
    known = [*sys.path]
    yield tmp_path
    sys.path[:] = known
    boto3_client._given.clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "app"]:
        del sys.modules[name]


@pytest.fixture
def run(tables: Api, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Import:
    """Return a function that imports lines and returns exit code and output: run({"id": "a", "n": 1}, owners=True)."""

    def run(*lines: Any, arguments: Any = ("--hooks",), owners: bool = False, **changes: Any) -> tuple[int, list[str]]:
        options = {"schema": "task", "hooks": "rules", **({"owner": "sub"} if owners else {})}
        used = {"counts": {"table": "test-counts", "options": {"ids": "client"}, "operations": ["get", "create"]}}
        variables = {
            "ENTITY_OPTIONS": json.dumps({**options, **changes.get("options", {})}), "ENTITIES": json.dumps(used),
        }  # fmt: skip
        settings = {"CodeSha256": "x", "Environment": {"Variables": variables}}
        functions = SimpleNamespace(
            get_function_configuration=lambda **_: settings,
            exceptions=SimpleNamespace(ResourceNotFoundException=KeyError),
        )
        names = changes.get("functions", {"create": "a"})
        outputs = {"table_names": {"items": TABLE}, "function_names": {"items": names}}
        environment = FakeEnvironment(outputs, {"lambda": functions, "dynamodb": tables.client}, project)
        environment.known = {"items": {"options": {}}}
        monkeypatch.setattr("tools.commands.find_environment", lambda *_: environment)
        file = project / "items.jsonl"
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        capsys.readouterr()
        code = commands.run("import", "--env", "dev", "--entity", "items", "--file", file, *arguments)
        said = capsys.readouterr().err.splitlines()
        return int(code), [line for line in said if " s  [" not in line and "were not built from" not in line]

    return run


def records(api: Api, table: str) -> dict[str, Any]:
    return {each["id"]["S"]: each for each in api.client.scan(TableName=table)["Items"]}


def test_new_items_are_created_as_by_the_api(run: Import, tables: Api) -> None:
    tables.client.put_item(TableName="test-counts", Item={
        "id": {"S": "base"}, "createdAt": {"S": "2026-01-01T00:00:00.000000Z"}, "version": {"N": "1"},
        "updatedAt": {"S": "2026-01-01T00:00:00.000000Z"}, "doc": {"M": {"a": {"N": "1"}}},
    })  # fmt: skip
    # Properties that clients cannot write are set by the hook.
    assert run({"id": "a", "n": 1, "price": 7}, {"id": "b", "n": 2}) == (0, [f"{TABLE}: 2 written."])
    made = records(tables, TABLE)
    assert {name: each["doc"]["M"] for name, each in made.items()} == {
        "a": {"n": {"N": "1"}, "price": {"N": "3"}}, "b": {"n": {"N": "2"}, "price": {"N": "5"}},
    }  # fmt: skip
    counted = records(tables, "test-counts")
    assert set(counted) == {"base", "of-a", "of-b"}
    assert all(each["write"]["S"].startswith("import/") for each in (made["a"], made["b"], counted["of-a"]))
    assert sys.modules["app.rules"].ran == [("import", None, "a"), ("import", None, "b")]


def test_a_second_run_runs_no_hook(run: Import, tables: Api) -> None:
    assert run({"id": "a", "n": 1})[0] == 0
    before = records(tables, TABLE)
    assert run({"id": "a", "n": 1}, {"id": "b", "n": 1}) == (0, [f"{TABLE}: 1 unchanged, 1 written."])
    assert records(tables, TABLE)["a"] == before["a"]
    assert [each[2] for each in sys.modules["app.rules"].ran] == ["a", "b"]
    assert run({"id": "a", "n": 3}) == (1, [
        f"{TABLE}: 1 refused.", "line 1: the table has another item with this id", "Lines that were not written: 1.",
    ])  # fmt: skip


def test_items_refused_by_a_hook_are_left_out(run: Import, tables: Api) -> None:
    tables.client.put_item(TableName="test-counts", Item={"id": {"S": "of-c"}})
    code, said = run({"id": "a", "n": 100}, {"id": "b", "n": 1}, {"id": "c", "n": 1})
    assert (code, said) == (1, [
        f"{TABLE}: 2 refused by a hook, 1 written.", "line 1: Too many.", "line 3: Counted already.",
        "Lines that were not written: 2.",
    ])  # fmt: skip
    assert set(records(tables, TABLE)) == {"b"}


def test_a_hook_that_fails_stops_the_import(run: Import, tables: Api) -> None:
    code, said = run({"id": "a", "n": 1}, {"id": "b", "n": -1}, {"id": "c", "n": 1})
    assert code == 1
    assert said[-1] == (
        "line 2: The hook before_create of items failed at app/rules.py:11 with KeyError. So far: 1 written. "
        "Import the file again: items that the table already has stay."
    )
    assert run({"id": "a", "n": 1}, {"id": "c", "n": 1}) [1][-1] in (
        f"{TABLE}: 1 unchanged, 1 written.", f"{TABLE}: 2 unchanged.",
    )  # fmt: skip


def test_items_with_owners(run: Import, tables: Api) -> None:
    assert run({"id": "ada#a", "n": 1}, owners=True) == (0, [f"{TABLE}: 1 written."])
    made = records(tables, TABLE)["ada#a"]
    assert (made["owner"], made["collection"]) == ({"S": "ada"}, {"S": "ada#items"})


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ValueError", "The import of app/rules.py failed at app/rules.py:1 with ValueError."),
        (
            "import nowhere",
            "The import of app/rules.py failed at app/rules.py:1 with ModuleNotFoundError. Install its packages into "
            ".venv first.",
        ),
        ("", "items has no hook before_create for its create operation: omit --hooks."),
        ("def before_update(draft, current, context): ...", "items has no hook before_create for its create op"),
    ],
)  # fmt: skip
def test_hooks_that_cannot_run(run: Import, project: Path, tables: Api, code: str, said: str) -> None:
    (project / "app" / "rules.py").write_text(code)
    ended, lines = run({"id": "a", "n": 1})
    assert ended == 1
    assert lines[-1].startswith(said)
    assert records(tables, TABLE) == {}


def test_options_that_exclude_hooks(run: Import, tables: Api) -> None:
    for more in ("--replace", "--as-stored"):
        assert run({"id": "a", "n": 1}, arguments=("--hooks", more)) == (
            2, ["--hooks creates new items, and cannot be combined with --as-stored or --replace."],
        )  # fmt: skip
    assert run({"id": "a", "n": 1, "price": 2, **STAMPS}) == (1, [
        "line 1: has times and a version, so it is not a new item: omit --hooks to store it unchanged",
        f"Lines of {Path(sys.path[0]) / 'items.jsonl'} with faults: 1.",
        "Nothing was written: correct the file, and import it again.",
    ])  # fmt: skip
    none = (1, ["items has no hook before_create for its create operation: omit --hooks."])
    assert run({"id": "a", "n": 1}, functions={}) == none
    assert run({"id": "a", "n": 1}, functions={"get": "a"}) == none
    assert records(tables, TABLE) == {}


def test_without_the_flag_no_hook_runs(run: Import, tables: Api) -> None:
    assert run({"id": "a", "n": 1, "price": 7}, arguments=())[0] == 0
    assert records(tables, TABLE)["a"]["doc"]["M"]["price"] == {"N": "7"}
    assert records(tables, "test-counts") == {}
    assert "app.rules" not in sys.modules


def test_an_item_too_large_and_an_item_made_invalid_by_its_hook(run: Import, project: Path, tables: Api) -> None:
    (project / "app" / "rules.py").write_text(
        "def before_create(draft, context):\n    draft['price'] = 1\n    draft['text'] = 'x' * (draft['n'] * 500_000)\n"
    )
    code, said = run({"id": "a", "n": 1}, {"id": "b", "n": 0})
    assert (code, said[0], said[1]) == (
        1, f"{TABLE}: 1 too large, 1 written.", "line 1: the item exceeds DynamoDB's 400 KB",
    )  # fmt: skip
    (project / "app" / "rules.py").write_text("def before_create(draft, context):\n    draft['price'] = 'x'\n")
    del sys.modules["app.rules"]
    assert run({"id": "c", "n": 1})[1][-1].startswith("line 1: The hook before_create of items at app/rules.py:1 left")
