"""Test releases on the local system: canaries, rollbacks automatic and by hand, and plans without changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.local.api import Api
from tests.local.runner import ROOT, Local

pytestmark = pytest.mark.slow

SYSTEM = """
name        = "small"
environment = "local"
entities    = { items = { access = { default = "open" }, operations = ["create", "get"] } }
encryption  = { customer_key = false }
network     = null
release     = { minutes = %s, percent = 50 }
"""
PARTS = (
    ".terraform.lock.hcl", "build.py", "contract", "lambda_src", "tools", "local.py", "modules", "requirements",
    "schemas", "web", *(file.name for file in ROOT.glob("*.tf")),
)  # fmt: skip
PLAN = (
    "from tools.laptop.systems import *; "
    "print(local_systems().current().has_changes([Path('system.tfvars').resolve()]))"
)
GET = "small-items-get-local"


@dataclass
class RepositoryCopy(Local):
    """A copy of the repository, in which tests may break code, and its system."""

    root: Path = field(default=Path())

    def run(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in the copy."""
        return subprocess.Popen(
            [sys.executable, *command], cwd=self.root, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "TRESTLE_LOCAL_DIR": str(self.folder)},
        )  # fmt: skip

    def release(self, command: str) -> tuple[int, str]:
        """Run a release command; return its exit code and output."""
        running = self.run("-m", "tools", command, "--env", "local")
        said = running.communicate()[0]
        return running.returncode, said

    def has_changes(self) -> bool:
        """Return whether a plan has changes."""
        said = self.run("-c", PLAN).communicate()[0]
        assert said.endswith(("False\n", "True\n")), said
        return said.endswith("True\n")

    def set_minutes(self, minutes: float) -> None:
        """Set how long a canary runs."""
        (self.root / "system.tfvars").write_text(SYSTEM % minutes)

    def write(self, code: str) -> None:
        """Replace the code that reads an item."""
        file = "lambda_src/trestle/operations/get.py"
        (self.root / file).write_text((ROOT / file).read_text().replace("    return ", f"    {code}\n    return "))

    def live(self) -> str:
        """Return the live version of the reading function, after checking that no canary runs."""
        alias = self.client("lambda").get_alias(FunctionName=GET, Name="live")
        assert "RoutingConfig" not in alias
        file = json.loads(self.system.live_file.read_text())
        assert file["live"]["versions"][GET] == alias["FunctionVersion"]
        assert file["canary"] is None
        return str(alias["FunctionVersion"])

    @contextmanager
    def started(self) -> Iterator[None]:
        """Run the system of system.tfvars during the block."""
        try:
            up = self.run("local.py", "up", "--detach", "--port", str(self.port), "--var-file", "system.tfvars")
            said = up.communicate()[0]
            assert up.returncode == 0, said
            yield
        finally:
            self.run("local.py", "down").communicate()


def copy_of_repository(root: Path) -> Path:
    """Copy the files that a system needs to a folder; return the copy."""
    for name in PARTS:
        part = ROOT / name
        shutil.copytree(part, root / name) if part.is_dir() else shutil.copyfile(part, root / name)
    (root / ".venv").symlink_to(sys.prefix)
    return root


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RepositoryCopy]:
    """The running system of a copy of the repository."""
    root = copy_of_repository(tmp_path_factory.mktemp("copy"))
    found = RepositoryCopy(tmp_path_factory.mktemp("stack"), root=root)
    found.set_minutes(0)
    with found.started():
        yield found


@pytest.fixture
def item(copy: RepositoryCopy) -> tuple[Api, str]:
    """An item's id, and the API to read it."""
    api = Api(copy.api().url, None)
    return api, api.create().location


def test_a_release_is_canaried_aborted_completed_and_rolled_back(copy: RepositoryCopy, item: tuple[Api, str]) -> None:
    api, location = item
    copy.set_minutes(10)
    copy.write("assert item_id")
    trying = copy.run("-m", "tools", "release", "--env", "local")
    assert trying.stdout
    said = next(line for line in trying.stdout if "% of the requests" in line or "Error" in line)
    before, tried = said.split(GET)[1].rstrip(".\n").split()[0], said.split(" -> ")[-1].rstrip(".\n")
    assert said.rstrip().endswith(f"50 % of the requests for 10 minutes: {GET} {before} -> {tried}.")
    assert not copy.has_changes()
    assert {api("GET", location).status for _ in range(40)} == {200}
    streams = copy.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{GET}")
    answered = Counter(stream["logStreamName"].split("[")[1].split("]")[0] for stream in streams["logStreams"])
    assert min(answered[before], answered[tried]) > 5

    assert copy.release("rollback")[0] == 0
    said = trying.communicate()[0]
    assert trying.returncode == 1
    assert "Rolled back: another command changed the aliases." in said
    assert copy.live() == before
    assert not copy.has_changes()

    copy.set_minutes(0)
    code, said = copy.release("release")
    assert (code, copy.live()) == (0, tried), said
    assert f"  {GET:<24}  {tried:<4}" in said
    assert not copy.has_changes()
    assert copy.release("release")[1].count("Nothing to release: the live versions are the newest.") == 1

    code, said = copy.release("rollback")
    assert (code, copy.live()) == (0, before), said
    assert not copy.has_changes()
    assert copy.release("rollback") == (
        1,
        "There is nothing to roll back to: local.live.json records no earlier release.\n",
    )


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ('raise RuntimeError("broken")', 500, ": 500, RuntimeError (requestId "),
        (
            'from trestle.errors import NotFound; raise NotFound("no")',
            404,
            "x 404 not-found); the live version",
        ),
    ],
)
def test_a_broken_release_rolls_itself_back_under_load(
    copy: RepositoryCopy, item: tuple[Api, str], code: str, status: int, reason: str
) -> None:
    api, location = item
    statuses: list[int] = []
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            # Missing items are requested, too: their 404s are not the release's fault.
            assert api("GET", f"{location}0").status in (404, status)
            for _ in range(5):
                statuses.append(api("GET", location).status)
                time.sleep(0.01)

    copy.set_minutes(10)
    copy.write(code)
    callers = [threading.Thread(target=load) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        returned, said = copy.release("release")
        count = len(statuses)
        time.sleep(1)
    finally:
        done.set()
        for caller in callers:
            caller.join()
    assert returned == 1, said
    assert "Rolled back: " in said
    assert reason in said
    assert Counter(statuses)[status] > 0
    assert set(statuses) == {200, status}
    assert set(statuses[count:]) == {200}
    assert Counter(statuses)[200] > Counter(statuses)[status]
    copy.live()
    assert not copy.has_changes()


def test_an_interrupted_rollback_continues(copy: RepositoryCopy) -> None:
    copy.set_minutes(0)
    copy.write("pass")
    code, said = copy.release("release")
    assert code == 0, said
    file = copy.system.live_file
    after, released = json.loads(file.read_text()), copy.live()
    before = after["history"][0]["versions"][GET]
    # The file is written, but no alias has moved yet.
    left = {"leaving": after["live"], "live": after["history"][0], "history": after["history"][1:]}
    file.write_text(json.dumps({**after, **left}))
    assert copy.has_changes()
    code, said = copy.release("rollback")
    assert (code, copy.live()) == (0, before), said
    assert f"Rolled back: {GET} {released} -> {before}." in said
    assert not copy.has_changes()
