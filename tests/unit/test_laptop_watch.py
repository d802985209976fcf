"""Test `up --watch` after a saved file: which functions get code, when Terraform runs, and what waits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tools import commands
from tools.errors import UserError
from tools.laptop import cli, watch
from tools.laptop.logs import lines

MANIFEST: dict[str, Any] = {
    "app": {"notes": {"file": "app/notes.py", "functions": {}, "hooks": ["present"]}},
    "functions": {"get": {"source_code_hash": "1"}, "create.notes": {"source_code_hash": "2"}},
    "schemas": {"schemas/note.json": {"sha256": "a", "body": "{}"}},
}


def manifest(**parts: dict[str, Any]) -> dict[str, Any]:
    return {**MANIFEST, **parts}


@pytest.mark.parametrize(
    ("after", "files"),
    [
        (manifest(), []),
        (manifest(functions={**MANIFEST["functions"], "get": {"source_code_hash": "3"}}), []),
        (manifest(schemas={"schemas/note.json": {"sha256": "b", "body": "{}"}}), []),
        (manifest(schemas={"schemas/note.json": {"sha256": "b", "body": "{1}"}}), ["schemas/note.json"]),
        (manifest(schemas={}), ["schemas/note.json"]),
        (manifest(app={"notes": {**MANIFEST["app"]["notes"], "functions": {"new": {}}}}), []),
        (manifest(app={"notes": {**MANIFEST["app"]["notes"], "hooks": []}}), ["app/notes.py"]),
        (manifest(app={**MANIFEST["app"], "money": {"file": "app/money.py", "functions": {}, "hooks": []}}), []),
        (manifest(functions={"get": {"source_code_hash": "1"}}), ["dist/create.notes.zip"]),
    ],
)
def test_terraform_runs_if_more_than_code_differs(after: dict[str, Any], files: list[str]) -> None:
    assert watch.needs_apply(MANIFEST, after, ["get", "create.notes"]) == files


def test_entities_that_running_functions_use_must_exist() -> None:
    """Otherwise a save would break the running functions."""
    fine, fault = {"line": 3}, {"line": 9, "fault": "takes (x) but is called with (event, context)"}
    functions = {"pay": fine, "handle": fine, "refund": fault}
    found = manifest(app={"notes": {"file": "app/notes.py", "functions": functions, "hooks": []}})
    routes = {"POST /pay": {"call": "pay"}, "POST /refund": {"call": "refund"}, "GET /pay": {"call": "tell"}}
    assert watch.function_faults({"report": {"code": "notes"}}, found) == []
    configurations: dict[str, dict[str, Any]] = {
        "api": {"code": "notes", "kind": "routes", "routes": routes},
        "gone": {"code": "gone", "handle": "work", "kind": "queue"},
        **{
            kind: {"code": "notes", "handle": "refund", "kind": kind}
            for kind in ("changes", "event", "job", "schedule")
        },
    }
    assert watch.function_faults(configurations, found) == [
        "app/notes.py line 9: refund takes (x) but is called with (request, context).",
        "app/notes.py does not define tell, which the function api calls.",
        "app/notes.py line 9: refund takes (x) but is called with (change, context).",
        "app/notes.py line 9: refund takes (x) but is called with (event, context).",
        "app/gone.py does not define work, which the function gone calls.",
        "app/notes.py line 9: refund takes (x) but is called with (job, context).",
        "app/notes.py line 9: refund takes (x) but is called with (job, context).",
    ]


def test_functions_with_changed_code_are_updated() -> None:
    packages = {"get": "get", "other-get": "get", "create": "create.notes", "gone": "delete", "new": "get"}
    deployed = {"get": "0", "other-get": "1", "create": "2", "gone": "0"}
    assert watch.packages_to_push(deployed, packages, MANIFEST) == {"get": "get"}
    # A function whose alias may still be on the old version gets its code again.
    assert watch.packages_to_push({**deployed, "create": ""}, packages, MANIFEST) == {
        "get": "get",
        "create": "create.notes",
    }


def test_leftovers_of_editors_are_ignored_and_saves_are_noticed(tmp_path: Path) -> None:
    for name in ("app", "schemas"):
        (tmp_path / name).mkdir()
    code = tmp_path / "app" / "notes.py"
    code.write_text("a = 1\n")

    def look() -> dict[Path, watch.Stamp]:
        return watch.stamps(watch.code_files(tmp_path))

    before = look()
    assert code in before
    assert any(file.parts[-2:] == ("get", "index.py") for file in before)
    for name in (".notes.py.swp", "notes.py~", "#notes.py#", ".#notes.py"):
        (tmp_path / "app" / name).write_text("")
    assert look() == before
    times = code.stat()
    other = tmp_path / "app" / ".notes.py.new"
    other.write_text("a = 2\n")  # of the same length, and saved by renaming
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(code)
    assert look() != before
    code.unlink()
    assert code not in look()


def test_settings_are_the_var_files_and_the_terraform_of_a_root(tmp_path: Path) -> None:
    named = tmp_path / "my.tfvars"
    for name in ("main.tf", "more.tf.json", "a.auto.tfvars", ".main.tf.swp"):
        (tmp_path / name).write_text("")
    assert watch.settings_files([named], None)[-1] == named
    found = {file.name for file in watch.settings_files([named], tmp_path)}
    assert found == {"my.tfvars", "main.tf", "more.tf.json", "a.auto.tfvars"}
    assert named not in watch.contents([named])


def test_a_save_in_several_steps_is_one_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    file = Path("x")
    looks = iter([{}, {file: (1, 0, 1)}, {file: (2, 9, 1)}, {file: (2, 9, 1)}])
    assert watch.wait_until_settled({file: (0, 0, 0)}, lambda: next(looks)) == {file: (2, 9, 1)}
    assert next(looks, None) is None


def test_logs_of_a_deleted_function_cause_no_error() -> None:
    class NotFoundError(Exception):
        pass

    class Logs:
        class exceptions:  # noqa: N801 - boto3's name
            ResourceNotFoundException = NotFoundError

        def get_paginator(self, _: str) -> Logs:
            return self

        def paginate(self, **named: Any) -> Any:
            if named["logGroupName"] == "gone":
                raise NotFoundError
            return [{"events": [{"timestamp": 1, "message": "here"}]}]

    found = lines(Logs(), {"gone": "a.get", "there": "b.get"}, 0)
    assert [line.function for line in found] == ["b.get"]


def test_watching_detached_is_refused() -> None:

    options = commands.parse("local.py", commands.LAPTOP, ["up", "--watch", "--detach"])
    with pytest.raises(UserError, match="cannot be combined with --detach") as refused:
        cli.up(options)
    assert refused.value.exit_code == 2
