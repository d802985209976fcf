"""Test the version, and the GitHub workflows."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest

from tools import commands
from tools.terraform import ROOT
from tools.version import VERSION

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_the_version_is_the_same_everywhere() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
    released = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == VERSION


@pytest.mark.parametrize(("program", "known"), [("local.py", commands.LAPTOP), ("python -m tools", commands.TOOLS)])
def test_each_program_prints_the_version(
    program: str, known: tuple[commands.Command, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.parse(program, known, ["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"Trestle {VERSION}\n")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_to_a_commit(workflow: object) -> None:
    text = (ROOT / ".github" / "workflows" / str(workflow)).read_text()
    used = re.findall(r"uses: (.*)", text)
    assert used
    for each in used:
        assert re.fullmatch(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each


def test_every_workflow_has_minimal_permissions_by_default() -> None:
    assert [file.name for file in WORKFLOWS if "\npermissions:\n  contents: read\n" not in file.read_text()] == []


def test_no_file_has_merge_conflict_markers() -> None:
    found = subprocess.run(
        ["git", "grep", "--untracked", "-nE", "^(<{7} |>{7} )"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert (found.returncode, found.stdout) == (1, "")
