"""The tutorial, from its first file to its last command, in a copy of the repository."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.runner import copy_files
from tests.tutorial import run_commands, steps
from tools.laptop import emulator


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "trestle"
    copy_files(folder)
    try:
        yield folder
    finally:
        subprocess.run([sys.executable, "local.py", "down"], cwd=folder, env=_environment(), check=False)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "TRESTLE_"))}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_block_does_what_the_page_says(copy: Path) -> None:
    """Nothing but the port differs, since others may use the one that `up` takes by itself."""
    port = emulator.free_port()
    for step in steps():
        if step.what:
            step.carry_out(copy)
            continue
        commands = [
            (command.replace("up --detach", f"up --detach --port {port}"), shown) for command, shown in step.commands()
        ]
        run_commands(commands, copy, _environment())
