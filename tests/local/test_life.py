"""Test the life of a small system: started, interrupted, killed, broken, purged.

The tests share the system to save time, but each also passes alone and after any other.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.runner import Local, error_sentence, is_listening, small_system


@pytest.fixture(scope="module")
def var_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The var-file of a system with two functions."""
    file = tmp_path_factory.mktemp("life") / "small.tfvars"
    file.write_text(small_system("create", "list"))
    return file


@pytest.fixture(scope="module")
def small(var_file: Path) -> Iterator[Local]:
    """A system that has not run yet."""
    stack = Local(var_file.parent / "state")
    yield stack
    stack("down")


@pytest.fixture
def ensure_running(small: Local, var_file: Path) -> None:
    """Start the system from the var-file, whichever tests ran before."""
    done = small.up(var_file)
    assert done.returncode == 0, done.stderr


def test_an_interrupted_apply_ends_at_once(tmp_path: Path, var_file: Path) -> None:
    small = Local(tmp_path / "state")
    run = small.start("up", "--port", str(small.port), "--var-file", var_file)
    assert run.stderr
    while "Applying" not in run.stderr.readline():
        assert run.poll() is None
    # Wait until it has created something and is still creating.
    while "apply_complete" not in (small.folder / "small-local" / "terraform.log").read_text():
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=120)
    assert run.returncode == 130
    assert not is_listening(small.port)
    # Terraform may not know all that was created. The next run starts from the state before the
    # apply.
    assert (small.folder / "small-local" / "before").is_dir()
    assert small.up(var_file).returncode == 0
    assert small("down").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_in_the_foreground_shows_logs_and_stops_gracefully(
    small: Local, var_file: Path, number: signal.Signals
) -> None:
    small("down")
    run = small.start("up", "--port", str(small.port), "--var-file", var_file)
    assert run.stderr
    assert run.stdout
    said = ""
    while "Ctrl-C stops the system" not in said:
        line = run.stderr.readline()
        assert line, said
        said += line
    assert not (small.folder / "small-local" / "before").exists()
    curl = next(line for line in said.splitlines() if "curl" in line).removeprefix("Try").strip()
    pasted = subprocess.run(["bash", "-c", curl], check=True, capture_output=True, text=True).stdout
    assert pasted.startswith("HTTP/1.1 200 ")
    page = json.loads(pasted.splitlines()[-1])
    assert page == {"items": page["items"], "count": len(page["items"]), "next": None}
    while '"operation":"list"' not in run.stdout.readline():
        assert run.poll() is None
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 0, said
    assert not is_listening(small.port)


@pytest.mark.usefixtures("ensure_running")
def test_a_restart_without_changes_applies_nothing(small: Local, var_file: Path) -> None:
    for stopped in (False, True):
        if stopped:
            assert small("down").returncode == 0
        done = small.up(var_file)
        assert (done.returncode, "Nothing has changed since the last apply." in done.stderr) == (0, True), stopped
    assert small.api()("GET").status == 200


@pytest.mark.usefixtures("ensure_running")
def test_the_running_system_is_restarted_without_a_var_file(small: Local) -> None:
    done = small("up", "--detach")
    assert (done.returncode, "Nothing has changed since the last apply." in done.stderr) == (0, True)
    assert small("status").stdout.startswith(f"small-local is running on port {small.port}: ")


@pytest.mark.slow
@pytest.mark.usefixtures("ensure_running")
def test_manual_changes_are_reverted(small: Local, var_file: Path) -> None:
    change = {"FunctionName": "small-items-list-local", "MemorySize": 333}
    before = small.client("lambda").get_function_configuration(FunctionName=change["FunctionName"])
    small.client("lambda").update_function_configuration(**change)
    done = small.up(var_file)
    assert done.returncode == 0, done.stderr
    after = small.client("lambda").get_function_configuration(FunctionName=change["FunctionName"])
    assert after["MemorySize"] == before["MemorySize"] != 333


@pytest.mark.usefixtures("ensure_running")
def test_a_new_tag_is_applied_to_all_resources_in_place(small: Local, var_file: Path, tmp_path: Path) -> None:
    tagged = tmp_path / "tagged.tfvars"
    tagged.write_text('tags = { Team = "x" }\n')
    before = small.outputs()
    done = small.up(var_file, tagged)
    assert done.returncode == 0, done.stderr
    assert "Applied: 0 added, " in done.stderr
    assert not small.system.has_changes([var_file, tagged])
    assert small.outputs() == before
    function = small.client("lambda").get_function(FunctionName="small-items-list-local")
    assert function["Tags"]["Team"] == "x"


def item_names(small: Local) -> list[str]:
    """Return the items' names."""
    return sorted(item["name"] for item in small.api()("GET").json["items"])


def wait_until_saved(small: Local, name: str) -> None:
    """Wait until the emulator has saved an item, which it does periodically."""
    saved = small.system.emulator.saved_file
    while name not in saved.read_text():
        time.sleep(0.05)


@pytest.mark.usefixtures("ensure_running")
def test_items_survive_a_kill_of_the_emulator(small: Local) -> None:
    others = item_names(small)
    # A property may have the name that the emulator uses to mark types in saved data.
    small.api().create({"name": "kept-1", "__bytes__": "x", "__scoped__": {"data": True}})
    wait_until_saved(small, "kept-1")
    small.kill()
    assert small("status").returncode == 3
    done = small("up", "--detach")  # the system that ran last, on its port
    assert done.returncode == 0, done.stderr
    assert item_names(small) == sorted([*others, "kept-1"])
    assert small.running().port == small.port


@pytest.mark.slow
@pytest.mark.usefixtures("ensure_running")
def test_items_survive_a_full_disk(small: Local, var_file: Path) -> None:
    others = item_names(small)
    small.api().create({"name": "kept-2"})  # the function has started, so it writes no more files
    wait_until_saved(small, "kept-2")
    emulator = small.running().pid
    saved = small.system.emulator.saved_file.stat().st_size
    _, most = resource.prlimit(emulator, resource.RLIMIT_FSIZE)
    resource.prlimit(emulator, resource.RLIMIT_FSIZE, (saved // 2, most))
    small.api().create({"name": "kept-3"})
    said = error_sentence(small("down"))
    assert said.startswith("small-local keeps running, because its latest changes cannot be saved ([Errno 27]")
    assert item_names(small) == sorted([*others, "kept-2", "kept-3"]), "no item is lost while it runs"
    small.kill()
    assert small.up(var_file).returncode == 0
    assert set(item_names(small)) >= {*others, "kept-2"}, "the items saved earlier are there"
    assert small("down").returncode == 0


@pytest.mark.usefixtures("ensure_running")
def test_an_entity_with_items_is_removed_only_with_consent(small: Local, var_file: Path, tmp_path: Path) -> None:
    small.api().create({"name": "kept-4"})
    other = tmp_path / "other.tfvars"
    other.write_text(small_system("create", "list", entity="things"))
    count = len(item_names(small))
    said = error_sentence(small.up(other))
    assert said == (
        f"Nothing was changed, because this would delete {count} item{'s' * (count > 1)} in the table "
        "small-items-local of small-local. To delete them, add --yes."
    )
    done = small.up(var_file)
    assert (done.returncode, "Nothing has changed since the last apply." in done.stderr) == (0, True)
    assert len(item_names(small)) == count


@pytest.mark.usefixtures("ensure_running")
def test_a_failed_apply_leaves_no_process_and_can_be_purged(small: Local, tmp_path: Path) -> None:
    # Terraform cannot create a resource that already exists. Only one exists here, since with
    # several the order of the errors would vary.
    emulator, running = small.system.emulator, small.running()
    known = emulator.terraform_state(running)
    forgotten = [one for one in known["resources"] if one["type"] == "aws_dynamodb_table"]
    assert len(forgotten) == 1
    known["resources"].remove(forgotten[0])
    emulator.put_terraform_state(running, json.dumps(known).encode())
    assert small("down").returncode == 0
    changed = tmp_path / "changed.tfvars"
    changed.write_text(small_system("create", "list") + 'tags = { Team = "x" }\n')
    said = error_sentence(small.up(changed))
    assert said.startswith("terraform apply failed: ")
    assert "already exists" in said
    assert str(small.folder / "small-local" / "terraform.log") in said
    assert "`python local.py down --purge`, which deletes small-local with all its items" in said
    assert not is_listening(small.port)
    assert small("status").returncode == 3

    assert small("down", "--purge").returncode == 0
    assert not (small.folder / "small-local").exists()
    assert small("status").returncode == 3
