"""Test `up --watch`, which applies saved files."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.local.runner import ROOT, Local

pytestmark = pytest.mark.slow

PATIENCE = 300  # seconds

HOOK = """from trestle.app import Context, Draft


def before_create(draft: Draft, context: Context) -> None:
    draft["title"] = "{}"
"""

VARIABLES = """
variable "operations" {
  description = "What tasks offer."
  type        = set(string)
}
"""


class Watched:
    """A process of `up --watch` and its output."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.said += line

    def wait_for(self, holds: Callable[[], bool]) -> float:
        """Wait until the condition is true; return the seconds it took."""
        began = time.monotonic()
        while not holds():
            assert self.process.poll() is None, self.said
            assert time.monotonic() - began < PATIENCE, self.said
            time.sleep(0.05)
        return time.monotonic() - began

    def wait_to_hear(self, text: str) -> None:
        """Wait until the output contains a text."""
        self.wait_for(lambda: text in self.said)

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(PATIENCE)
        self._reader.join()
        return code


def save(file: Path, text: str) -> None:
    """Save as most editors do: write a new file, then rename it."""
    partial = file.with_name(f".{file.name}.swp")
    partial.write_text(text)
    partial.replace(file)


def test_saved_files_are_live(tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "as-module", root, ignore=shutil.ignore_patterns("dist", ".terraform*"))
    main = (root / "main.tf").read_text()
    schema_line = '      schema  = "schemas/task.json"\n'
    assert schema_line in main
    more = '      hooks = { code = "tasks" }\n      operations = var.operations\n'
    (root / "main.tf").write_text(main.replace(schema_line, schema_line + more))
    (root / "variables.tf").write_text((root / "variables.tf").read_text() + VARIABLES)
    (root / "app").mkdir()
    hooks = root / "app" / "tasks.py"
    hooks.write_text(HOOK.format("first"))
    var_file = tmp_path / "demo.tfvars"
    var_file.write_text('operations = ["create", "delete", "list"]\n')
    local = Local(tmp_path / "state")
    up: tuple[Any, ...] = ("up", "--root", root, "--var-file", var_file, "--port", str(local.port))
    watched = Watched(local.start(*up, "--watch"))
    try:
        watched.wait_to_hear("Watching ")
        tasks = local.api("tasks")
        task = {"title": "x", "done": False, "due": "2026-12-01"}

        def title() -> str:
            found: str = tasks.create(task).json["title"]
            return found

        assert title() == "first"
        save(hooks, HOOK.format("second"))
        seconds = watched.wait_for(lambda: title() == "second")
        print(f"A saved hook answered after {seconds:.2f} s.")

        save(hooks, "def before_create(draft, context):\n    return (\n")
        watched.wait_to_hear("app/tasks.py line 2 is not valid Python")
        assert title() == "second"
        save(hooks, HOOK.format("third").replace("before_create", "before_craete"))
        watched.wait_to_hear("app/tasks.py line 4")
        assert title() == "second"
        save(hooks, HOOK.format("third"))
        watched.wait_for(lambda: title() == "third")

        # A changed shape needs Terraform, which publishes the changed code once more.
        schema = root / "schemas" / "task.json"
        due = '"due": {'
        save(schema, schema.read_text().replace(due, f'"note": {{ "type": "string" }}, {due}'))
        watched.wait_to_hear("Applying schemas/task.json.")
        watched.wait_to_hear("is up to date.")
        assert title() == "third"
        assert tasks.create({**task, "note": "new"}).json["note"] == "new"
        assert not local.system.has_changes([var_file])

        watched.said = ""
        save(var_file, 'operations = ["create", "delete", "lisst"]\n')
        watched.wait_to_hear("The previous code stays live")
        assert title() == "third"
        watched.said = ""
        save(var_file, 'operations = ["create", "delete", "get", "list"]\n')
        watched.wait_to_hear("is up to date.")
        made = tasks.create(task)
        assert tasks("GET", made.location).json["title"] == "third"

        save(hooks, HOOK.format("fourth"))
        watched.wait_for(lambda: title() == "fourth")
        assert watched.interrupt() == 0
        assert "Stopping ..." in watched.said

        done = local("up", "--detach")  # the system that ran last
        assert done.returncode == 0, done.stderr
        assert title() == "fourth"
        assert not local.system.has_changes([var_file])
    finally:
        if watched.process.poll() is None:
            watched.process.kill()
        local("down")
