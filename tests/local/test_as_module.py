"""A root of the user's own that calls modules/service, on this machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.local.runner import ROOT, Local

pytestmark = pytest.mark.slow

TASK = {"title": "Write it down", "done": False, "due": "2026-12-01"}


def test_a_root_of_ones_own_is_applied_driven_and_changed(tmp_path: Path) -> None:
    root = tmp_path / "my platform"
    shutil.copytree(ROOT / "examples" / "as-module", root, ignore=shutil.ignore_patterns("dist", ".terraform*"))
    local = Local(tmp_path / "state")
    try:
        done = local("up", "--detach", "--port", str(local.port), "--root", root)
        assert done.returncode == 0, done.stderr
        assert "guest-demo is up" in done.stderr
        assert (root / "dist" / "manifest.json").exists()
        tasks = local.api("tasks")
        made = tasks.make(TASK)
        assert tasks("GET", "?done=false").json["items"] == [made.json]
        tasks("POST", body={**TASK, "title": ""}).problem(422, "invalid-item")
        names = local.outputs()["function_names"]["tasks"]
        functions = local.client("lambda")
        arn = functions.get_function(FunctionName=names["get"])["Configuration"]["FunctionArn"]
        tags = functions.list_tags(Resource=arn)["Tags"]
        own = {"CostCentre": "42", "Environment": "demo", "ManagedBy": "terraform", "Project": "guest"}
        assert tags == {**own, "Owner": "platform"}
        assert not local.stack.has_changes([])

        schema = root / "schemas" / "task.json"
        changed = json.loads(schema.read_text())
        changed["properties"]["title"]["maxLength"] = 20
        schema.write_text(json.dumps(changed))
        done = local("up", "--detach")  # what ran last
        assert done.returncode == 0, done.stderr
        tasks = local.api("tasks")
        assert tasks("GET", made.location).json == made.json
        tasks("POST", body={**TASK, "title": "t" * 21}).problem(422, "invalid-item")
    finally:
        local("down")
