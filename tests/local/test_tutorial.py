"""Follow the README and the tutorials, from the first file to the last command, in a copy of the repository."""

from __future__ import annotations

import json
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
def test_each_block_works_as_the_page_says(copy: Path, page: Path) -> None:
    """The ports differ, since the default ports may be in use.

    An emulator takes AWS's place, and a release does not wait for its canary.
    """
    port, other = emulator.free_port(), emulator.free_port()
    variables = _environment() | {"TF_VAR_release": json.dumps({"minutes": 0, "percent": 100})}
    for step in steps(page):
        if step.what:
            step.carry_out(copy)
            continue
        commands = [(in_place_of_aws(with_ports(command, port), other), shown) for command, shown in step.commands()]
        variables = run_commands(commands, copy, variables)


def with_ports(command: str, port: int) -> str:
    """Return the command with a port of the test."""
    command = command.replace("up --detach", f"up --detach --port {port}")
    return command.replace("make local DETACH=1", f"make local DETACH=1 PORT={port}")


def in_place_of_aws(command: str, port: int) -> str:
    """Return the command with an emulator in the place of AWS, and boto3 in that of the AWS CLI."""
    if command.startswith("aws configure"):
        return f"python local.py emulator --detach --region eu-west-1 --port {port}"
    if command.startswith("export AWS_PROFILE"):
        return 'eval "$(python local.py emulator --env)"'
    if command.startswith("aws "):
        return f"python {Path(__file__).with_name('aws_cli.py')} {command.removeprefix('aws ')}"
    return command.replace("emulator --detach", f"emulator --detach --port {port}")
