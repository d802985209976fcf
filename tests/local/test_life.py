"""The life of one small stack: started, interrupted, killed, broken, purged. Each test builds on the last."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import Stack
from tests.local.runner import Local, is_listening, sentence, small_system


@pytest.fixture(scope="module")
def var_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The variables of a system of one function."""
    file = tmp_path_factory.mktemp("life") / "small.tfvars"
    file.write_text(small_system("list"))
    return file


@pytest.fixture(scope="module")
def small(var_file: Path) -> Iterator[Local]:
    """A stack that has never run."""
    stack = Local(var_file.parent / "state")
    yield stack
    stack("down")


def test_an_interrupted_apply_leaves_nothing(small: Local, var_file: Path) -> None:
    run = small.start("up", "--port", str(small.port), "--var-file", var_file)
    assert run.stderr
    while "Applying" not in run.stderr.readline():
        assert run.poll() is None
    # Until it has made something, and is making more.
    while "apply_complete" not in (small.folder / "terraform.log").read_text():
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=120)
    assert run.returncode == 130
    assert not is_listening(small.port)
    # Terraform may not know all that was made, which would be in the way of the next run.
    assert {f.name for f in small.folder.iterdir()} == {"api-keys.json", "lock"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_in_the_foreground_shows_logs_and_stops_gracefully(
    small: Local, var_file: Path, number: signal.Signals
) -> None:
    run = small.start("up", "--port", str(small.port), "--var-file", var_file)
    assert run.stderr
    assert run.stdout
    said = ""
    while "Ctrl-C stops everything" not in said:
        line = run.stderr.readline()
        assert line, said
        said += line
    curl = next(line for line in said.splitlines() if "curl" in line).removeprefix("Try").strip()
    pasted = subprocess.run(["bash", "-c", curl], check=True, capture_output=True, text=True).stdout
    assert pasted.startswith("HTTP/1.1 200 ")
    assert json.loads(pasted.splitlines()[-1]) == {"items": [], "count": 0, "next": None}
    while '"operation":"list"' not in run.stdout.readline():
        assert run.poll() is None
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 0, said
    assert not is_listening(small.port)


def test_a_restart_without_changes_applies_nothing(small: Local, var_file: Path) -> None:
    done = small.up(var_file)
    assert (done.returncode, "Nothing has changed since the last apply." in done.stderr) == (0, True)
    assert small.api()("GET").status == 200


def test_a_tag_reaches_everything_in_place(small: Local, var_file: Path, tmp_path: Path) -> None:
    tagged = tmp_path / "tagged.tfvars"
    tagged.write_text('tags = { Team = "x" }\n')
    before = small.outputs()
    done = small.up(var_file, tagged)
    assert done.returncode == 0, done.stderr
    assert "Applied: 0 added, " in done.stderr
    assert not Stack(small.folder).has_changes([var_file, tagged])
    assert small.outputs() == before
    function = small.client("lambda").get_function(FunctionName="small-items-list-local")
    assert function["Tags"]["Team"] == "x"


def test_data_lost_to_a_kill_is_said_and_made_anew(small: Local, var_file: Path) -> None:
    small.kill()
    assert small("status").returncode == 3
    done = small.up(var_file)
    assert done.returncode == 0, done.stderr
    assert "The emulator was killed and its data is lost: starting afresh." in done.stderr
    assert small.api()("GET").status == 200


def test_a_failed_apply_leaves_nothing_running(small: Local, var_file: Path) -> None:
    assert small("down").returncode == 0
    # What exists without Terraform's knowing cannot be made. One thing only: which of several errors comes
    # first is a matter of chance.
    state = small.folder / "terraform.tfstate"
    known = json.loads(state.read_text())
    forgotten = [one for one in known["resources"] if one["type"] == "aws_dynamodb_table"]
    assert len(forgotten) == 1
    known["resources"].remove(forgotten[0])
    state.write_text(json.dumps(known))
    var_file.write_text(small_system("list") + 'tags = { Team = "x" }\n')
    said = sentence(small.up(var_file))
    assert said.startswith("terraform apply failed: ")
    assert "already exists" in said
    assert str(small.folder / "terraform.log") in said
    assert "`python local.py down --purge` deletes all of the stack" in said
    assert not is_listening(small.port)
    assert small("status").returncode == 3


def test_purge_deletes_the_data(small: Local) -> None:
    assert small("down", "--purge").returncode == 0
    assert {f.name for f in small.folder.iterdir()} == {"lock"}
