"""Fixtures of the tests on emulators."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.plan.planner import ROOT


@pytest.fixture(scope="session")
def packages() -> None:
    """Build the functions' packages, which an apply uploads."""
    subprocess.run([sys.executable, ROOT / "build.py"], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def whole_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the packages with the authorizer's libraries, apart from those of other tests; return their folder."""
    project = tmp_path_factory.mktemp("project")
    for name in ("app", "schemas"):
        (project / name).symlink_to(ROOT / name)
    command = [sys.executable, str(ROOT / "build.py"), "--authorizer", "--project", str(project)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return project / "dist"
