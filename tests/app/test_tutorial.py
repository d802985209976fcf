"""Run the tests that the tutorial's page shows. tests/local/test_tutorial.py runs the page's commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.tutorial import OWN_CODE, steps
from tools.terraform import ROOT


def test_the_tests_of_the_tutorial_pass(tmp_path: Path) -> None:
    files = [step for step in steps(OWN_CODE) if step.what]
    for step in files:
        step.carry_out(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--rootdir=.", "-p", "trestle.testing", "-p", "no:randomly", "-q", "tests"],
        cwd=tmp_path, check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'lambda_src'}", "PYTEST_ADDOPTS": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(step.text.count('def test_') for step in files)} passed" in done.stdout
