"""The tutorial, from its first file to its last command, in a copy of the repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.runner import copy_files
from tests.tutorial import steps
from tools.laptop import emulator

MARK = "----- end of a command -----"


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
        commands = list(step.commands())
        script = "".join(f"{command}\necho; echo {MARK!r}\n" for command, _ in commands)
        done = subprocess.run(
            ["bash", "-e", "-c", script.replace("up --detach", f"up --detach --port {port}")],
            cwd=copy, env=_environment(), check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        for (command, shown), said in zip(commands, done.stdout.split(MARK), strict=False):
            pattern = ".*".join(map(re.escape, shown.split("…")))
            assert re.search(pattern, said, re.DOTALL), f"{command}\n{said}"
