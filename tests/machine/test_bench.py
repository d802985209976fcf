"""The benchmarks run, with one round each: what they measure is not looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"


@pytest.mark.slow
@pytest.mark.parametrize(("table", "rows"), [("operations", 6), ("peers", 8), ("hooks", 7), ("routes", 2)])
def test_a_table_has_a_row_for_each_handler(table: str, rows: int) -> None:
    before = RESULTS.read_bytes()
    command = [sys.executable, "-m", "benchmarks.run", "--only", table, "--rounds", "1", "--warm", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    shown = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert len(shown) == 1 + rows, done.stdout
    assert RESULTS.read_bytes() == before
