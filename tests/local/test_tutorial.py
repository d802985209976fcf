"""Follow the README and the tutorials, from the first file to the last command, in a copy of the repository."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.runner import copy_files
from tests.tutorial import PAGES, run_commands, steps
from tools.laptop import emulator


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "trestle"
    copy_files(folder)
    try:
        yield folder
    finally:
        for command in (["down"], ["emulator", "--stop"]):
            subprocess.run([sys.executable, "local.py", *command], cwd=folder, env=_environment(), check=False)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "TRESTLE_"))}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_block_does_what_the_page_says(copy: Path, page: Path) -> None:
    """Only the ports differ, since the default ports may be in use."""
    port, other = emulator.free_port(), emulator.free_port()
    for step in steps(page):
        if step.what:
            step.carry_out(copy)
            continue
        commands = [(with_ports(command, port, other), shown) for command, shown in step.commands()]
        run_commands(commands, copy, _environment())


def with_ports(command: str, port: int, other: int) -> str:
    """Return the command with a port of the test."""
    command = command.replace("up --detach", f"up --detach --port {port}")
    command = command.replace("make local DETACH=1", f"make local DETACH=1 PORT={port}")
    return command.replace("emulator --detach", f"emulator --detach --port {other}")
