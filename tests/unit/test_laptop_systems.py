"""Test several systems on one machine: their folders, which one runs, and what of the user's stays untouched."""

from __future__ import annotations

import argparse
import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tools import commands, terraform
from tools.errors import UserError, explain_os_error
from tools.laptop import cli, emulator, logs, system, systems
from tools.laptop.emulated_aws import PROXIES, UNPROXIED
from tools.laptop.emulator import Emulator, Running
from tools.laptop.system import System
from tools.laptop.systems import Systems

ROOT = Path(__file__).resolve().parents[2]


class Machine:
    """Systems with fake emulators; nothing is built or applied."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.systems = Systems(folder)
        self.runs: dict[Path, Running] = {}
        self.fault = ""

        def apply(each: System, settings: Any, var_files: Sequence[Path], port: int, _: Any) -> None:
            self.runs[each.emulator.folder] = Running(1, port, "us-west-2")
            each.emulator.folder.mkdir(exist_ok=True)
            known = {"settings": settings, "var_files": [str(file) for file in var_files]}
            (each.folder / "settings.json").write_text(json.dumps(known))

        monkeypatch.setattr(Emulator, "running", lambda each: self.runs.get(each.folder))
        monkeypatch.setattr(Emulator, "stop", lambda each: self.runs.pop(each.folder, None))
        monkeypatch.setattr(Emulator, "save", lambda *_: self.fault)
        monkeypatch.setattr(Emulator, "is_responding", lambda *_: True)
        monkeypatch.setattr(System, "apply", apply)
        monkeypatch.setattr(systems, "build_functions", lambda *_, **__: None)
        monkeypatch.setattr(Systems, "_settings", lambda _, files, _root: json.loads(files[0].read_text()))
        monkeypatch.setattr(systems, "find_terraform", lambda: None)
        monkeypatch.setattr(systems, "find_mirror", lambda: None)
        monkeypatch.setattr(systems, "check_port", lambda _: None)
        monkeypatch.setattr("tools.tfvars.check", lambda _: None)

    def var_file(self, name: str, environment: str) -> Path:
        """Write a system's var-file."""
        file = self.systems.folder.parent / f"{name}+{environment}.tfvars"
        file.write_text(json.dumps({"name": name, "environment": environment}))
        return file

    @property
    def running(self) -> dict[str, int]:
        """Return the port of each system's emulator by the name of its folder."""
        return {folder.parent.name: running.port for folder, running in self.runs.items()}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine on which nothing has run."""
    return Machine(tmp_path / "local", monkeypatch)


def test_each_system_has_a_folder_and_one_runs(machine: Machine) -> None:
    shop, todos = machine.var_file("shop", "demo"), machine.var_file("todos", "local")
    with pytest.raises(UserError, match="No system has run here yet") as none:
        machine.systems.current()
    assert none.value.exit_code == 3
    assert machine.systems.down() is None
    assert machine.systems.up([shop], 5000).name == "shop-demo"
    data = machine.systems.folder / "shop-demo" / "terraform.tfstate"
    data.write_text("of the shop")
    assert machine.systems.up([todos]).name == "todos-local"
    assert machine.running == {"todos-local": 5000}, "the port is reused"
    assert data.read_text() == "of the shop"
    assert machine.systems.other_names() == ["shop-demo"]
    assert machine.systems.down() == ("todos-local", True)
    assert machine.systems.current().name == "todos-local", "the system that ran last"
    assert machine.systems.up([]).name == "todos-local"
    assert machine.systems.up([shop]).name == "shop-demo"
    assert machine.systems.down(purge=True) == ("shop-demo", True)
    assert not data.exists()
    assert (machine.systems.folder / "todos-local").is_dir()
    assert machine.systems.up([]).folder == data.parent, "the system that ran last, now empty"
    shop.unlink()
    with pytest.raises(UserError, match=r"The var-file .*shop\+demo.tfvars of the last run does not exist"):
        machine.systems.up([])


@pytest.mark.parametrize("ends", ["stopped", "crashed", "purged"])
def test_the_last_system_keeps_its_port(machine: Machine, ends: str) -> None:
    shop, todos = machine.var_file("shop", "demo"), machine.var_file("todos", "local")

    def end() -> None:
        if ends == "crashed":
            machine.runs.clear()
        else:
            machine.systems.down(purge=ends == "purged")

    for var_files, port, expected in (
        ([shop], 5000, {"shop-demo": 5000}),
        ([], None, {"shop-demo": 5000}),
        ([shop], None, {"shop-demo": 5000}),
        ([], 5001, {"shop-demo": 5001}),
        ([todos], None, {"todos-local": 5001}),
    ):
        machine.systems.up(var_files, port)
        assert machine.running == expected
        end()


def test_an_invalid_schema_keeps_the_running_system(machine: Machine) -> None:
    shop, todos = machine.var_file("shop", "demo"), machine.var_file("todos", "local")
    machine.systems.up([shop], 5000)
    todos.write_text(json.dumps(json.loads(todos.read_text()) | {"faults": ["One.", "Two."]}))
    with pytest.raises(UserError, match=r"^One\.\nTwo\.$"):
        machine.systems.up([todos])
    assert machine.running == {"shop-demo": 5000}


@pytest.mark.parametrize("port", ["80", "65536", "22x", "", "-1", "4566.0"])
def test_invalid_ports(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        commands.parse("local.py", commands.LAPTOP, ["up", f"--port={port}"])
    assert f"argument --port: {port} is not a port: write a number from 1024 to 65535" in capsys.readouterr().err


def test_the_first_system_is_local(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems, "FIRST_VAR_FILE", machine.var_file("trestle", "local"))
    assert machine.systems.up([]).name == "trestle-local"
    assert systems.FIRST_VAR_FILE != ROOT / "environments" / "local.tfvars"
    assert machine.running == {"trestle-local": system.DEFAULT_PORT}


def test_systems_with_the_same_name_have_separate_folders(machine: Machine) -> None:
    one, other = machine.var_file("a-b", "c"), machine.var_file("a", "b-c")
    third = machine.var_file("a-b", "c-2")  # its folder would have the second's name
    ups = [machine.systems.up([file]) for file in (one, other, third, one, other)]
    assert [system.folder.name for system in ups] == ["a-b-c", "a-b-c-2", "a-b-c-2-2", "a-b-c", "a-b-c-2"]
    told_apart = 'a-b-c (name "a", environment "b-c")'
    assert [system.name for system in ups] == [
        "a-b-c",
        told_apart,
        'a-b-c-2 (name "a-b", environment "c-2")',
        "a-b-c",
        told_apart,
    ]
    assert machine.systems.other_names() == ["a-b-c", 'a-b-c-2 (name "a-b", environment "c-2")']
    assert machine.systems.down(purge=True) == (told_apart, True)
    assert {folder.name for folder in machine.systems.folder.iterdir() if folder.is_dir()} == {"a-b-c", "a-b-c-2-2"}
    # A folder without the file, as of an earlier version, is recognised by what was applied.
    (ups[0].folder / "system.json").unlink()
    assert machine.systems.up([one]).folder == ups[0].folder
    assert (ups[0].folder / "system.json").exists()
    assert machine.systems.up([other]).folder.name == "a-b-c-2"


def test_an_unfinished_folder_is_reused(machine: Machine) -> None:
    begun = machine.systems.folder / "shop-demo"
    begun.mkdir(parents=True)
    (begun / "system.json.partial").touch()
    assert machine.systems.up([machine.var_file("shop", "demo")]).folder == begun


def test_a_system_that_cannot_be_saved_keeps_running(machine: Machine) -> None:
    shop, todos = machine.var_file("shop", "demo"), machine.var_file("todos", "local")
    machine.systems.up([shop])
    machine.fault = "No space left on device"
    for command in (machine.systems.down, lambda: machine.systems.up([todos])):
        with pytest.raises(UserError, match=r"shop-demo keeps running, .*\(No space left on device\)"):
            command()
        assert list(machine.running) == ["shop-demo"]
    assert machine.systems.down(purge=True) == ("shop-demo", True), "a deleted system need not be saved"


@pytest.mark.parametrize("runs", [True, False])
@pytest.mark.parametrize("command", ["up", "down", "another"])
def test_the_single_folder_of_an_earlier_version_is_migrated(machine: Machine, runs: bool, command: str) -> None:
    """An earlier version kept its only system in the folder itself."""
    shop, folder = machine.var_file("shop", "demo"), machine.systems.folder
    (folder / "emulator" / "state").mkdir(parents=True)
    known = {"settings": json.loads(shop.read_text()), "var_files": [str(shop)]}
    kept = {"settings.json": json.dumps(known), "terraform.tfstate": "state", "api-keys.json": "{}"}
    kept["emulator/state/dynamodb.json"] = "items"
    for name, text in kept.items():
        (folder / name).write_text(text)
    if runs:
        machine.runs[folder / "emulator"] = Running(1, 4999, "us-west-2")
    assert machine.systems.current().name == "shop-demo"
    if command == "down":
        assert machine.systems.down() == ("shop-demo", runs)
    else:
        machine.systems.up([] if command == "up" else [machine.var_file("todos", "local")])
        name = "shop-demo" if command == "up" else "todos-local"
        assert machine.running == {name: 4999 if runs else system.DEFAULT_PORT}
    assert {name: (folder / "shop-demo" / name).read_text() for name in kept} == kept
    assert not any((folder / name).exists() for name in kept)


def test_the_users_aws_settings_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "config"
    broken.write_text("[[[")
    nobody = "http://127.0.0.1:1"
    hostile = {
        "AWS_PROFILE": "none", "AWS_CONFIG_FILE": str(broken), "AWS_SHARED_CREDENTIALS_FILE": str(broken),
        "AWS_CA_BUNDLE": "/none", "AWS_ENDPOINT_URL": nobody, "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_ENDPOINT_URL_DYNAMODB": nobody, "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "HTTP_PROXY": nobody, "HTTPS_PROXY": nobody, "http_proxy": nobody,
        "ALL_PROXY": nobody, "NO_PROXY": "example.com", "TF_VAR_name": "x", "TF_LOG": "TRACE",
        "TF_CLI_ARGS": "-none", "TF_WORKSPACE": "x", "TF_DATA_DIR": "/none", "TF_CLI_CONFIG_FILE": "/none",
    }  # fmt: skip
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    isolated = dict(os.environ)
    systems.isolate(isolated)
    left = {name for name in isolated if name.startswith(("AWS_", "TF_"))}
    assert left == {
        "AWS_CONFIG_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_SHARED_CREDENTIALS_FILE", "TF_CLI_CONFIG_FILE"
    }  # fmt: skip
    given = terraform.environment("http://127.0.0.1:4566", "us-west-2")
    assert {name: given.get(name) for name in hostile if given.get(name) == hostile[name]}.keys() <= {
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"
    }  # fmt: skip
    assert given["NO_PROXY"] == "example.com,127.0.0.1"
    # With only these settings a client reaches the emulator and nothing else.
    program = (
        "import sys; from tools.laptop import systems; from tools.laptop.emulator import Running, client\n"
        "systems.local_systems()\n"
        "print(client('dynamodb', Running(1, int(sys.argv[1]), 'us-west-2')).list_tables()['TableNames'])"
    )
    with HTTPServer(("127.0.0.1", 0), Tables) as server:
        threading.Thread(target=server.handle_request).start()
        done = subprocess.run(
            [sys.executable, "-c", program, str(server.server_port)],
            check=False, capture_output=True, text=True, cwd=ROOT, env=os.environ,
        )  # fmt: skip
    assert done.stdout == "['mine']\n", done.stderr


class Tables(BaseHTTPRequestHandler):
    """Respond to every request with the name of a table."""

    def do_POST(self) -> None:
        """Send the response."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"TableNames": ["mine"]}')


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_env_can_be_evaluated_by_a_shell(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shell: str
) -> None:
    for name in (*PROXIES, *UNPROXIED):
        monkeypatch.delenv(name, raising=False)
    machine.systems.up([machine.var_file("shop", "demo")])
    monkeypatch.setattr(cli, "local_systems", lambda _: machine.systems)
    options = argparse.Namespace(progress=None)
    key = 'it\'s $HOME `id` \\ "x" ü;\n!'
    for keys, value in (({"default": key}, key), ({}, "")):
        outputs = {"api_url": "http://127.0.0.1:1/x/", "api_keys": keys, "website_url": "http://localhost:1"}
        monkeypatch.setattr(System, "outputs", lambda _, known=outputs: known)
        assert cli.env(options) == 0
        printed = capsys.readouterr().out
        script = 'KEY=before; eval "$PRINTED"; printf "%s|%s|%s" "$URL" "$KEY" "$CONSOLE"'
        done = subprocess.run(
            [shell, "-c", script],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PRINTED": printed},
        )
        assert done.stdout == f"http://127.0.0.1:1/x|{value}|http://localhost:1"
        assert "NO_PROXY" not in printed
    # With a proxy, requests to this machine do not go through it.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert cli.env(options) == 0
    assert "export NO_PROXY='example.com,127.0.0.1,localhost'" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space"), (errno.EFBIG, "free some space"), (errno.EROFS, "is read-only"),
        (errno.EACCES, "name another folder"), (errno.EEXIST, "Move that file, or set"),
        (errno.ENOTDIR, "Move that file, or set"), (errno.EIO, "error."),
    ],
)  # fmt: skip
def test_errors_of_the_operating_system_are_one_sentence(number: int, remedy: str) -> None:
    said = explain_os_error(OSError(number, os.strerror(number), "/a folder"))
    assert "/a folder" in said
    assert remedy in said


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "my folder").touch()
    done = subprocess.run(
        [sys.executable, ROOT / "local.py", "down"], check=False, capture_output=True, text=True,
        cwd=tmp_path, env={**os.environ, "TRESTLE_LOCAL_DIR": "my folder"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        1,
        f"{tmp_path / 'my folder'}: File exists. Move that file, or set TRESTLE_LOCAL_DIR to another folder.\n",
    )


def test_ignored_signals_stay_ignored(tmp_path: Path) -> None:
    """As under nohup, and in a shell's background jobs."""
    program = (
        "import signal, sys; from pathlib import Path; from tools import commands; from tools.laptop import cli\n"
        "both = signal.SIGHUP, signal.SIGTERM\n"
        "commands.venv.enter = lambda *_: None\n"
        "cli.status = lambda *_: print(*map(signal.getsignal, both)) or 0\n"
        "sys.exit(commands.main('local.py', Path('local.py'), commands.LAPTOP, ['status']))"
    )

    def ignore() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def heed() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    for ignored in (True, False):
        done = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT,
            env={**os.environ, "TRESTLE_LOCAL_DIR": str(tmp_path)},
            preexec_fn=ignore if ignored else heed,  # regardless of what this process inherited
        )  # fmt: skip
        hangup, terminate = done.stdout.strip().replace("Handlers.", "").split(" ", 1)
        assert (hangup == str(signal.SIG_IGN.value)) is ignored
        assert "interrupt" in terminate


def test_the_provider_works_in_the_configurations_folder(tmp_path: Path) -> None:
    """It opens the configuration's files from any working directory."""
    program = tmp_path / ".terraform/providers" / terraform.PROVIDER / terraform.provider_version()
    program = program / "linux_amd64" / "terraform-provider-aws_v1"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\npwd > started; echo \"TF_REATTACH_PROVIDERS='{}'\"; exec sleep 60\n")
    program.chmod(0o755)
    with terraform.provider(tmp_path, {"PATH": os.environ["PATH"]}):
        assert (tmp_path / "started").read_text() == f"{tmp_path}\n"


def test_losses_are_confirmed_by_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"yes\n": True, "y\n": True, "\n": False, "no\n": False, "": False}
    for terminal in (True, False):
        monkeypatch.setattr(sys.stdin, "isatty", lambda known=terminal: known, raising=False)
        monkeypatch.setattr(sys.stderr, "isatty", lambda known=terminal: known, raising=False)
        for answer, agreed in answers.items():
            monkeypatch.setattr(sys.stdin, "readline", lambda known=answer: known, raising=False)
            assert cli.confirm_losses(["3 items in the table x"]) is (agreed and terminal)


def test_resources_with_data_are_found_by_their_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"one": "1 item in the table one", "none": None}
    monkeypatch.setitem(system.USER_DATA, "aws_dynamodb_table", lambda _, table: counts[table["name"]])
    monkeypatch.setitem(system.USER_DATA, "aws_cognito_user_pool", lambda _, pool: f"2 users in {pool['name']}")
    resources = [
        {"module": 'module.table["a"]', "type": "aws_dynamodb_table", "name": "this",
         "instances": [{"attributes": {"name": "one"}}]},
        {"module": 'module.table["b"]', "type": "aws_dynamodb_table", "name": "this",
         "instances": [{"attributes": {"name": "none"}}]},
        {"module": "module.users", "type": "aws_cognito_user_pool", "name": "this",
         "instances": [{"index_key": "it", "attributes": {"name": "pool"}}]},
        {"type": "aws_iam_role", "name": "x", "instances": [{"attributes": {}}]},
    ]  # fmt: skip
    monkeypatch.setattr(Emulator, "terraform_state", lambda *_: {"resources": resources})
    assert System(tmp_path)._user_data(Running(1, 1, "us-west-2")) == {
        'module.table["a"].aws_dynamodb_table.this': "1 item in the table one",
        'module.users.aws_cognito_user_pool.this["it"]': "2 users in pool",
    }


def test_a_port_in_use_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    free = emulator.free_port()
    with socket.create_server((emulator.HOST, emulator.free_port())) as taken:
        monkeypatch.setattr(emulator, "FREE_PORTS", [taken.getsockname()[1], free])
        assert {emulator.free_port() for _ in range(30)} == {free}


def test_an_emulator_that_does_not_respond_has_no_state() -> None:
    assert emulator.ask(emulator.free_port(), "GET", "/_trestle/state", 1) == (0, {})


@pytest.mark.parametrize("kind", [KeyboardInterrupt, terraform.InterruptedApplyError, UserError, None])
def test_an_interrupted_apply_is_rolled_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException] | None
) -> None:
    each, running, saved = System(tmp_path), Running(1, 1, "us-west-2"), System(tmp_path).emulator.saved_file
    saved.parent.mkdir(parents=True)
    saved.write_text('{"terraform": "before"}\n')
    monkeypatch.setattr(System, "name", "x-y")
    monkeypatch.setattr(Emulator, "save", lambda *_: "")
    with suppress(BaseException), each._recoverable(running):
        saved.write_text('{"terraform": "after"}\n')
        unsent = tmp_path / "root" / "errored.tfstate"
        unsent.parent.mkdir()
        unsent.touch()
        if kind:
            raise kind("No.")
    # A failed apply has finished: Terraform knows what it created.
    cut_short = kind not in (UserError, None)
    assert (tmp_path / "before").exists() is cut_short
    each._recover()
    assert json.loads(saved.read_text()) == {"terraform": "before" if cut_short else "after"}
    assert not (tmp_path / "before").exists()
    assert unsent.exists() is not cut_short


@pytest.mark.parametrize("copied", ["before", None])
def test_an_interrupted_apply_of_an_earlier_version_is_rolled_back(tmp_path: Path, copied: str | None) -> None:
    """It kept Terraform's state in a file, which did not exist before the first apply."""
    each, before = System(tmp_path), tmp_path / "before"
    for file in (each.emulator.saved_file, before / "saved"):
        file.parent.mkdir(parents=True)
        file.write_text("{}\n")
    (before / "lock").touch()
    (tmp_path / "terraform.tfstate").write_text("after")
    if copied:
        (before / "terraform.tfstate").write_text(copied)
    each._recover()
    left = [file.read_text() for file in tmp_path.glob("terraform.tfstate")]
    assert left == ([copied] if copied else [])


def test_an_apply_does_not_start_if_nothing_can_be_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(System, "name", "x-y")
    monkeypatch.setattr(Emulator, "save", lambda *_: "No space left on device")
    with (
        pytest.raises(UserError, match=r"x-y cannot save its state \(No space left on device\)"),
        System(tmp_path)._recoverable(Running(1, 1, "us-west-2")),
    ):
        pytest.fail("it began")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("is_empty", [True, False])
def test_the_state_file_of_an_earlier_version_is_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_empty: bool
) -> None:
    """An emulator that lost its resources does not take the state, which would describe missing resources."""
    events: list[Any] = []
    monkeypatch.setattr(Emulator, "running", lambda _: None)
    monkeypatch.setattr(Emulator, "start", lambda *_: Running(1, 1, "us-west-2"))
    monkeypatch.setattr(Emulator, "state", lambda *_: {"changes": 1, "empty": is_empty, "notice": "Lost."})
    monkeypatch.setattr(Emulator, "put_terraform_state", lambda *given: events.append(given[-1]))
    monkeypatch.setattr(System, "_save", lambda *_: events.append("saved"))
    monkeypatch.setattr(System, "_run_apply", lambda *_, **__: events.append("applied"))
    monkeypatch.setattr(system, "fingerprint", lambda *_: "")
    (tmp_path / "terraform.tfstate").write_text("known")
    said: list[str] = []
    System(tmp_path, said.append).apply({"region": "us-west-2"}, [], 1, lambda _: False)
    assert events == (["applied"] if is_empty else [b"known", "saved", "applied"])
    assert [file.read_text() for file in tmp_path.glob("terraform.tfstate*")] == (["known"] if is_empty else [])
    assert not (tmp_path / "terraform.tfstate").exists()
    assert said == ["Lost."]


@pytest.mark.parametrize("same", ["version", "region", "both"])
def test_an_emulator_of_another_version_or_region_is_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same: str
) -> None:
    version = "of another commit" if same == "region" else emulator.corrections_version()
    runs = [Running(1, 4999, "eu-west-1" if same == "version" else "us-west-2", version)]

    def start(_: Emulator, port: int, region: str) -> Running:
        runs.append(Running(2, port, region))
        return runs[-1]

    monkeypatch.setattr(Emulator, "running", lambda _: runs[-1] if runs else None)
    monkeypatch.setattr(Emulator, "save", lambda *_: "")
    monkeypatch.setattr(Emulator, "stop", lambda _: runs.clear())
    monkeypatch.setattr(Emulator, "start", start)
    monkeypatch.setattr(Emulator, "state", lambda *_: {"changes": 1})
    monkeypatch.setattr(System, "_run_apply", lambda *_, **__: None)
    monkeypatch.setattr(system, "fingerprint", lambda *_: "")
    System(tmp_path).apply({"region": "us-west-2"}, [], 1, lambda _: False)
    assert [(each.pid, each.port, each.region) for each in runs] == [(1 if same == "both" else 2, 4999, "us-west-2")]


def test_a_record_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """The record lacks the version of the running emulator, so the emulator is restarted."""
    record = tmp_path / "running"
    record.write_text('{"pid": 1, "port": 4566, "region": "us-west-2"}')
    with record.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        running = Emulator(tmp_path).running()
    assert running == Running(1, 4566, "us-west-2")
    assert running.version != emulator.corrections_version()


@pytest.mark.parametrize(
    ("applied", "died", "refreshes"),
    [
        ({"fingerprint": "same", "changes": 7}, False, []),
        ({"fingerprint": "same", "changes": 7}, True, [True]),
        ({"fingerprint": "same", "changes": 6}, False, [True]),
        ({"fingerprint": "other", "changes": 7}, False, [False]),
        ({"fingerprint": "other", "changes": 6}, False, [True]),
        (None, False, [True]),
        ({"fingerprint": "same", "changes": 7, "issuer": "http://127.0.0.1:1/_trestle/issuer"}, False, []),
        # The deployed resources name the issuer at another port.
        ({"fingerprint": "same", "changes": 7, "issuer": "http://127.0.0.1:2/_trestle/issuer"}, False, [False]),
    ],
)
@pytest.mark.parametrize("runs", [True, False])
def test_an_unchanged_system_is_not_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: bool, applied: Any, died: bool, refreshes: list[bool]
) -> None:
    """Neither inputs nor resources changed; the emulator counts changes made by hand.

    Resources without such changes are not refreshed when new inputs are applied.
    """
    started = Running(1, 1, "us-west-2", emulator.corrections_version())
    monkeypatch.setattr(Emulator, "running", lambda _: started if runs else None)
    monkeypatch.setattr(Emulator, "has_died", died)
    monkeypatch.setattr(Emulator, "start", lambda *_: started)
    monkeypatch.setattr(Emulator, "state", lambda *_: {"changes": 7, "empty": False, "notice": ""})
    applies: list[bool] = []
    monkeypatch.setattr(System, "_run_apply", lambda *_, refresh: applies.append(refresh))
    monkeypatch.setattr(system, "fingerprint", lambda *_: "same")
    if applied:
        (tmp_path / "applied").write_text(json.dumps(applied))
    System(tmp_path).apply({"region": "us-west-2"}, [], 1, lambda _: False)
    assert applies == refreshes
    written = {"fingerprint": "same", "changes": 7, "issuer": None} if applies else applied
    assert json.loads((tmp_path / "applied").read_text()) == written


def test_logs_continue_after_the_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hour = 3_600_000
    at = {1: 10 * hour, 2: 9 * hour, 3: 9 * hour}
    looks = 0

    def lines(_: Any, __: Any, since: int) -> list[logs.LogLine]:
        nonlocal looks
        looks += 1
        if looks > len(at):
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")
        known = [logs.LogLine(time, "items.get", "x", f"at look {look}") for look, time in at.items()]
        return [line for line, look in zip(known, at, strict=True) if look <= looks and line.time >= since]

    monkeypatch.setattr(logs, "lines", lines)
    monkeypatch.setattr(logs, "client", lambda *_: None)
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("time.time", lambda: at[min(looks + 1, len(at))] / 1000)
    logs.follow({"function_names": {}}, Running(1, 1, "us-west-2"), 0, forever=True)
    assert [line.rsplit(" ", 1)[1] for line in capsys.readouterr().out.splitlines()] == ["1", "2", "3"]
