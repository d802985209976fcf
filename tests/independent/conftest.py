"""What the tests on emulators share."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.plan.planner import ROOT


@pytest.fixture(scope="session")
def packages() -> None:
    """Build the functions' packages, which an apply uploads."""
    subprocess.run([sys.executable, ROOT / "build.py"], check=True, stdout=subprocess.DEVNULL)
