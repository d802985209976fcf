"""Test the format of HCL where `terraform fmt` has no rule."""

from __future__ import annotations

from pathlib import Path

import hcl2
import pytest

from tests.untraced import untraced
from tools.sources import sources

ROOT = Path(__file__).resolve().parents[2]
LONGEST_LINE = 140
FOLDERS = ("bootstrap", "environments", "examples", "modules", "tests/independent", "tests/terraform")
FILES = [
    *sources(ROOT, "*.tf"),
    *(f for folder in FOLDERS for kind in ("hcl", "tf", "tfvars") for f in sources(ROOT / folder, f"**/*.{kind}")),
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_lines_end_at_140_columns(file: Path) -> None:
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    assert [number for number, line in lines if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("file", [f for f in FILES if f.suffix == ".tf"], ids=lambda file: str(file.relative_to(ROOT)))
def test_the_tools_can_read_what_terraform_reads(file: Path) -> None:
    """The tools follow module calls with python-hcl2, which does not support all of Terraform's syntax."""
    assert untraced(hcl2.parses)(file.read_text(encoding="utf-8"))
