"""Test that items survive when another system runs, and when any process is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.runner import ROOT, Local, error_sentence, small_system
from tools.laptop.corrections import TERRAFORM_PASSWORD
from tools.laptop.systems import PREVIOUS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small.tfvars, other.tfvars, and more.tfvars, which has one more entity."""
    folder = tmp_path_factory.mktemp("my data ü (1)")
    small = small_system("create", "list")
    (folder / "small.tfvars").write_text(small)
    (folder / "other.tfvars").write_text(small.replace('"small"', '"other"'))
    more = small.replace("entities           = { ", 'entities = { more = { operations = ["create", "list"] }, ')
    assert more != small
    (folder / "more.tfvars").write_text(more)
    return folder


@pytest.fixture(scope="module")
def small(folder: Path) -> Iterator[Local]:
    """A running system with an item named "first"."""
    local = Local(folder / "state")
    done = local.up(folder / "small.tfvars")
    assert done.returncode == 0, done.stderr
    local.api().create({"name": "first"})
    yield local
    local("down")


def item_names(local: Local) -> set[str]:
    """Return the names of the items."""
    return {item["name"] for item in local.api()("GET").json["items"]}


def test_another_system_does_not_change_the_items(small: Local, folder: Path) -> None:
    done = small.up(folder / "other.tfvars")
    assert done.returncode == 0, done.stderr
    assert "Stopping small-local (its data is kept) ..." in done.stderr
    assert item_names(small) == set()
    small.api().create({"name": "of the other"})
    assert small("status").stdout.startswith("other-local is running")
    assert small("down").stderr == "other-local was stopped.\n"
    assert "other-local is not running" in small("status").stderr
    assert small("up", "--detach").stderr.count("other-local is up") == 1
    assert item_names(small) == {"of the other"}
    done = small.up(folder / "small.tfvars")
    assert "Nothing has changed since the last apply." in done.stderr
    assert item_names(small) == {"first"}


def test_the_files_of_an_earlier_version_are_migrated(small: Local, folder: Path) -> None:
    assert small("down").returncode == 0
    before = small.system.folder
    # Earlier, Terraform's state was a file.
    saved = small.system.emulator.saved_file
    header, *services = saved.read_text().splitlines(keepends=True)
    known = json.loads(header)
    (before / "terraform.tfstate").write_text(known.pop("terraform"))
    saved.write_text("".join([f"{json.dumps(known)}\n", *services]))
    for name in PREVIOUS:
        if (before / name).exists():
            (before / name).rename(small.folder / name)
    newer = (before / "system.json", before / TERRAFORM_PASSWORD)
    for file in (*newer, small.folder / "last.json", small.folder / "evaluated.json"):
        file.unlink()
    before.rmdir()
    done = small("up", "--detach", "--port", str(small.port))
    assert done.returncode == 0, done.stderr
    assert item_names(small) == {"first"}
    assert not small.system.has_changes([folder / "small.tfvars"])
    for left in (small.folder, small.folder / "small-local"):
        assert not (left / "terraform.tfstate").exists(), "the emulator has the state now"


def processes_of(run: subprocess.Popen[str]) -> list[int]:
    """Return the ids of a process's running children."""
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text()
    return [int(child) for child in children.split()]


@pytest.mark.parametrize("victim", ["emulator", "local.py", "terraform"])
def test_an_apply_may_be_killed(small: Local, folder: Path, victim: str) -> None:
    log = small.system.terraform_log
    known = len(log.read_text())
    known_items = item_names(small)
    emulator = small.running().pid
    run = small.start("up", "--detach", "--var-file", folder / "more.tfvars")
    # Wait until it has created something and is still creating.
    while not re.search(r'"action":"create".*"type":"apply_complete"', log.read_text()[known:]):
        time.sleep(0.05)
        assert run.poll() is None
    (terraform,) = (p for p in processes_of(run) if b"apply" in Path(f"/proc/{p}/cmdline").read_bytes())
    # The apply must not end before the emulator has written its file.
    os.kill(terraform, signal.SIGSTOP)
    small.api().create({"name": victim})
    if victim == "emulator":
        saved = small.system.emulator.saved_file
        while victim not in saved.read_text():
            time.sleep(0.05)
        os.kill(emulator, signal.SIGKILL)
    elif victim == "local.py":
        run.kill()
    # A stopped process can be killed. Once killed, it may be gone before a further signal.
    os.kill(terraform, signal.SIGKILL if victim == "terraform" else signal.SIGCONT)
    _, said = run.communicate()
    assert run.returncode, said
    assert "Traceback" not in said
    assert (small.system.folder / "before").exists(), said
    done = small.up(folder / "more.tfvars")
    assert done.returncode == 0, done.stderr
    assert "The last apply was interrupted" in done.stderr
    assert item_names(small) == known_items | {victim}
    assert small.api("more").create().status == 201
    assert not small.system.has_changes([folder / "more.tfvars"])
    done = small("up", "--detach", "--yes", "--var-file", folder / "small.tfvars")
    assert done.returncode == 0, done.stderr
    assert item_names(small) == known_items | {victim}
    assert small.api("more")("GET").status == 404, "--yes accepted the loss of its only item"


def test_a_removed_operation_is_gone_once_up_returns(small: Local, folder: Path) -> None:
    """In the emulator the change takes effect without a second deployment."""
    (folder / "fewer.tfvars").write_text(small_system("list"))
    for file, status in (("small.tfvars", 400), ("fewer.tfvars", 405), ("small.tfvars", 400)):
        done = small.up(folder / file)
        assert done.returncode == 0, done.stderr
        assert small.api()("POST", body=["no object"]).status == status


def test_it_works_from_any_folder_and_with_any_user_settings(folder: Path) -> None:
    """The user's settings of AWS, proxies and Terraform differ, and paths are relative to the user's folder."""
    (folder / "elsewhere").mkdir()
    broken = folder / "broken"
    broken.write_text("[[[")
    nobody = "http://127.0.0.1:1"
    hostile = {
        "HTTP_PROXY": nobody, "HTTPS_PROXY": nobody, "ALL_PROXY": nobody, "http_proxy": nobody,
        "https_proxy": nobody, "NO_PROXY": "", "AWS_PROFILE": "none", "AWS_CONFIG_FILE": str(broken),
        "AWS_SHARED_CREDENTIALS_FILE": str(broken), "AWS_CA_BUNDLE": "/none", "AWS_ENDPOINT_URL": nobody,
        "AWS_ENDPOINT_URL_S3": nobody, "AWS_USE_FIPS_ENDPOINT": "true", "TF_VAR_name": "Wrong!",
        "TF_CLI_ARGS": "-none", "TF_WORKSPACE": "none", "TF_LOG": "TRACE", "TF_DATA_DIR": str(broken),
        "CHECKPOINT_DISABLE": "", "TRESTLE_LOCAL_DIR": "in here",
    }  # fmt: skip
    elsewhere = Local(folder / "elsewhere" / "in here")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [ROOT / ".venv" / "bin" / "python", ROOT / "local.py", *arguments], check=False,
            capture_output=True, text=True, cwd=folder / "elsewhere", env={**os.environ, **hostile},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        run("up", "--detach", "--port", str(elsewhere.port), "--var-file", "../other.tfvars")
        api = elsewhere.api()
        assert api.create().status == 201
        tool = ["-m", "tools", "export", "--env", "local", "--entity", "items", "--file", str(folder / "x.jsonl")]
        subprocess.run(
            [ROOT / ".venv" / "bin" / "python", *tool], check=True, cwd=ROOT,
            env={**os.environ, **hostile, "TRESTLE_LOCAL_DIR": str(elsewhere.folder)},
        )  # fmt: skip
        script = 'eval "$PRINTED"; curl -sf --noproxy "*" "$URL/items" -H "x-api-key: $KEY"'
        listed = subprocess.run(
            ["sh", "-c", script], check=True, capture_output=True, text=True,
            env={**os.environ, "PRINTED": run("env")},
        )  # fmt: skip
        assert '"count":1' in listed.stdout
        assert "in here" in error_sentence(elsewhere("up", "--detach", "--var-file", "in here/none.tfvars"))
    finally:
        run("down", "--purge")
