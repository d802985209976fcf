"""The virtual environments that the commands make and keep."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local import venv
from local.errors import UserError


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "dev.txt").write_text("")
    monkeypatch.setattr(venv, "ROOT", tmp_path)
    return tmp_path


def test_it_is_made_once_and_again_when_the_requirements_change(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[str] = []

    def run(*command: str, remedy: str) -> None:
        commands.append(" ".join(command))
        if "venv" in command:
            (root / ".venv" / "bin").mkdir(parents=True)
            (root / ".venv" / "bin" / "python").symlink_to(sys.executable)

    monkeypatch.setattr(venv, "run", run)
    assert venv.ensure() == root / ".venv" / "bin" / "python"
    assert [c.split()[2] for c in commands] == ["venv", "pip"]
    venv.ensure()
    assert len(commands) == 2
    (root / "requirements" / "dev.txt").write_text("# another")
    venv.ensure()
    assert "install -r" in commands[-1]
    assert sum("-m venv" in c for c in commands) == 1


def test_one_that_was_there_is_added_to_not_replaced(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (root / ".venv" / "mine").write_text("kept")
    monkeypatch.setattr(venv, "run", lambda *command, remedy: None)
    venv.ensure()
    assert (root / ".venv" / "mine").read_text() == "kept"


def test_a_folder_without_python_is_left_alone(root: Path) -> None:
    (root / ".venv").mkdir()
    (root / ".venv" / "mine").write_text("kept")
    with pytest.raises(UserError, match="remove it"):
        venv.ensure()
    assert (root / ".venv" / "mine").read_text() == "kept"


def test_an_older_python_is_named(root: Path) -> None:
    old = root / ".venv" / "bin" / "python"
    old.parent.mkdir(parents=True)
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    with pytest.raises(UserError, match=r"older Python than 3\.11"):
        venv.ensure()
