"""Test the progress lines and tables that all commands print."""

from __future__ import annotations

import os
import sys

import pytest

from tools.console import ERASE, Console, table_row


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A fake clock: the elapsed seconds."""
    passed = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: passed[0])
    return passed


def test_progress_in_a_file_is_a_line_every_few_seconds_and_the_last(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console()
    console("Applying ...")
    for done in range(1, 14):
        clock[0] += 1
        console(f"[{done}/13] module.table")
    console("[7,000 items] written ...")
    clock[0] += 1
    console("[60 of 60 s] 0 faults")
    console("Applied.")
    assert [line.lstrip() for line in capsys.readouterr().err.splitlines()] == [
        "0 s  Applying ...",
        "5 s  [5/13] module.table",
        "10 s  [10/13] module.table",
        "13 s  [13/13] module.table",
        "14 s  [60 of 60 s] 0 faults",
        "14 s  Applied.",
    ]


def test_progress_on_a_terminal_is_one_line(
    clock: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((20, 24)))
    console = Console()
    console("[1/2] module.table.this")
    console("[2/2] module.table")
    console("Applied.")
    assert capsys.readouterr().err == (f"{ERASE}   0 s  [1/2] modul{ERASE}   0 s  [2/2] modul{ERASE}   0 s  Applied.\n")


def test_the_columns_of_a_table_are_aligned() -> None:
    widths = (6, -8, 0)
    assert table_row(("item", "1.50", "x"), widths) == "item      1.50x"
    assert table_row(("", "12.00", ""), widths) == "         12.00"
