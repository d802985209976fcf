"""Test the command tree: options, help, exit codes and errors work the same in all commands."""

from __future__ import annotations

import argparse
import ast
import importlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.unit import commands as running
from tools import commands, suggestions
from tools.commands import LAPTOP, TOOLS, Command, count
from tools.errors import UserError, user_errors

ROOT = Path(__file__).resolve().parents[2]
ALL = [("python -m tools", TOOLS, each) for each in TOOLS] + [("local.py", LAPTOP, each) for each in LAPTOP]


@pytest.mark.parametrize(("program", "group", "command"), ALL, ids=lambda each: getattr(each, "name", ""))
def test_every_command_has_help_and_a_handler(
    program: str, group: tuple[Command, ...], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as done:
        commands.parse(program, group, [command.name, "--help"])
    assert done.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith(f"usage: {program} {command.name} [-h]")
    assert all(option.settings.get("help") for option in command.options)
    assert ("Further arguments go to" in said) is bool(command.forwards_to)
    module, _, function = command.handler.partition(":")
    handler = getattr(importlib.import_module(module), function)
    assert [*handler.__annotations__.values()] == ["argparse.Namespace", "int"]


def test_options_have_the_same_names_in_all_commands() -> None:
    kinds: dict[str, set[object]] = {}
    for command in TOOLS:
        for option in command.options:
            kinds.setdefault(option.flags[0], set()).add(option.settings.get("type"))
    assert {flag: types for flag, types in kinds.items() if len(types) > 1} == {"--after": {None, count}}
    assert all(flag.startswith("--") and flag == flag.lower() for flag in kinds.keys() - {"locks"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan"], "Name the environment: make plan ENV=dev"),
        (["plan", "--env", ""], "Name the environment: make plan ENV=dev"),
        (["export", "--env", "prod"], "Name the entity: make export ENV=prod ENTITY=items"),
        (["reindex", "--env", ""], "Name the environment and the entity: make reindex ENV=dev ENTITY=items"),
        (["run", "--env", "dev"], "Name the function: make run ENV=dev FUNCTION=report"),
        (["redrive", "--function", "mail"], "Name the environment: make redrive ENV=dev FUNCTION=mail"),
        (
            ["import", "--env", "dev", "--entity", "", "--file", ""],
            "Name the entity and the file: make import ENV=dev ENTITY=items FILE=items.jsonl",
        ),
    ],
)
def test_missing_options_are_named_as_make_variables(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert running.run(*arguments) == 2
    assert capsys.readouterr().err == f"{said}\n"


@pytest.mark.parametrize(
    ("program", "arguments", "said"),
    [
        (
            "tools",
            ["live", "--env", "dev", "-var", "a=b"],
            "live does not accept the argument -var: run `PROGRAM live --help`.",
        ),
        ("tools", ["none"], "has no command none: run `PROGRAM --help`, which lists them."),
        ("tools", ["pln"], "has no command pln: did you mean plan?"),
        ("tools", ["Deploy"], "has no command Deploy: did you mean deploy?"),
        ("tools", ["cost", "--req", "5"], "cost has no option --req: did you mean --requests?"),
        ("tools", ["export", "--entty=a"], "export has no option --entty: did you mean --entity?"),
        (
            "tools",
            ["release", "--unprven", "--env", "dev"],
            "release has no option --unprven: did you mean --unproven?",
        ),
        ("tools", ["plan", "--evn", "dev"], "plan has no option --evn: did you mean --env?"),
        ("local.py", ["upp"], "has no command upp: did you mean up?"),
        ("local.py", ["up", "--detatch"], "up has no option --detatch: did you mean --detach?"),
        ("local.py", ["up", "shop.tfvars"], "up does not accept the argument shop.tfvars: run `PROGRAM up --help`."),
        ("local.py", ["down", "--zzz"], "down has no option --zzz: run `PROGRAM down --help`, which lists them."),
        ("local.py", ["token", "--usr", "ada"], "token has no option --usr: did you mean --user?"),
    ],
)
def test_unknown_arguments_are_refused_in_one_sentence(program: str, arguments: list[str], said: str) -> None:
    name, group = ("python -m tools", TOOLS) if program == "tools" else ("local.py", LAPTOP)
    with pytest.raises(UserError) as stopped:
        commands.parse(name, group, arguments)
    assert str(stopped.value) == f"{name} {said.replace('PROGRAM', name)}"
    assert stopped.value.exit_code == 2


def test_no_command_at_all_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        running.run()
    assert stopped.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_options_of_other_programs_pass() -> None:
    rest = ["--target=x", "--var", "a=b", "--", "--evn"]
    assert commands.parse("python -m tools", TOOLS, ["plan", "--env", "dev", *rest]).arguments == rest
    smoke = commands.parse("python -m tools", TOOLS, ["deploy", "--env", "dev", "--smoke", "--path", "x", "--evn", "y"])
    assert smoke.smoke == ["--path", "x", "--evn", "y"]


def test_examples_name_existing_entities_and_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "ROOT", tmp_path)
    monkeypatch.delenv("TRESTLE_LOCAL_DIR", raising=False)
    assert commands.examples_of("") == {
        "ENV": "dev", "ENTITY": "todos", "FILE": "todos.jsonl", "FUNCTION": "report",
    }  # fmt: skip
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "test.tfvars").write_text(
        'name = "a"\nentities = {\n  # one\n  "orders" = {}\n  lines = {}\n}\nfunctions = { mail = {} }\n'
    )
    (folder / "local.tfvars").write_text("entities = { notes = {} }")
    assert commands.examples_of("") == {
        "ENV": "test", "ENTITY": "orders", "FILE": "orders.jsonl", "FUNCTION": "mail",
    }  # fmt: skip
    assert suggestions.example_entity("local") == "notes"
    ran = tmp_path / ".local" / "shop-local"
    ran.mkdir(parents=True)
    (ran.parent / "last.json").write_text('{"folder": "shop-local", "var_files": []}')
    (ran / "settings.json").write_text('{"settings": {"entities": {"products": {}, "orders": {}}}}')
    assert suggestions.example_entity("local") == "products"
    for broken in ("entities = {", "\xff", "entities = local.x"):
        (folder / "test.tfvars").write_text(broken, encoding="latin-1")
        assert suggestions.example_entity("test") == "todos"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            "tenant_id",
            "'tenant_id' is not a claim: write NAME=VALUE, with a name of 1 to 128 printable ASCII characters",
        ),
        ("=acme", "'=acme' is not a claim: write NAME=VALUE"),
        ("tenant id=acme", "'tenant id=acme' is not a claim: write NAME=VALUE"),
        ("tenänt=acme", "'tenänt=acme' is not a claim: write NAME=VALUE"),
        (f"{'n' * 129}=acme", "is not a claim: write NAME=VALUE"),
        (f"tenant_id={'x' * 1025}", "the value of tenant_id is not text of at most 1024 printable characters"),
        ("tenant_id=a\nb", "the value of tenant_id is not text of at most 1024 printable characters"),
    ],
)
def test_an_invalid_claim_is_refused(given: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        commands.parse("local.py", LAPTOP, ["token", "--user", "ada", "--claim", given])
    assert stopped.value.code == 2
    shown = capsys.readouterr().err.splitlines()[-1]
    assert "error: argument --claim: " in shown
    assert said in shown


def test_a_claims_name_ends_at_the_first_equals_sign() -> None:
    known = commands.parse("local.py", LAPTOP, ["token", "--user", "a", "--claim", "x=1=2", "--claim", "y="])
    assert known.claims == [("x", "1=2"), ("y", "")]


def test_further_arguments_keep_their_order() -> None:
    rest = ["-var", "a=b", "-target=x", "y", "-lock=false", "-no-color"]
    assert commands.parse("python -m tools", TOOLS, ["plan", *rest, "--env", "dev"]).arguments == rest
    deploy = commands.parse("python -m tools", TOOLS, ["deploy", "--env", "dev", *rest, "--smoke", "--path", "x"])
    assert (deploy.arguments, deploy.smoke) == (rest, ["--path", "x"])


CASES: list[tuple[BaseException, str, int, str]] = [
    (UserError("No.", 3), "live", 3, "No.\n"),
    (KeyboardInterrupt(), "live", 130, ""),
    (BrokenPipeError(), "live", 141, ""),
    (OSError(28, "No space left on device", "/x"), "live", 1, "The disk is full (/x): free some space"),
    (
        ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, "GetAlias"),
        "live",
        1,
        "AWS refused: An error occurred (AccessDenied) when calling the GetAlias operation: No. "
        "Run `make preflight ENV=dev` to see why.",
    ),
    (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "status", 1, "The emulator does not respond: Could"),
    (FileExistsError(17, "File exists", "/x"), "status", 1, "/x: File exists. Move that file, or"),
]


@pytest.mark.parametrize(("error", "name", "code", "said"), CASES)
def test_all_commands_report_errors_alike(
    error: BaseException, name: str, code: int, said: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def fail(_: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr("tools.aws.release.run_live", fail)
    monkeypatch.setattr(commands, "find_environment", lambda *_: None)
    monkeypatch.setattr("tools.laptop.cli.status", fail)
    monkeypatch.setattr("tools.errors.drop_output", lambda: None)  # the other tests share stdout
    program, group, arguments = (
        ("local.py", LAPTOP, ["status"]) if name == "status" else ("python -m tools", TOOLS, ["live", "--env", "dev"])
    )
    ended = user_errors(lambda: commands.run(commands.parse(program, group, arguments)))()
    shown = capsys.readouterr().err
    assert ended == code
    assert shown.startswith(said) if said else shown == ""


@pytest.mark.parametrize(
    ("number", "seconds", "said"), [(signal.SIGTERM, 60, "terminated"), (signal.SIGINT, 1, "ended")]
)
def test_a_signal_to_the_tool_is_passed_to_terraform(
    tmp_path: Path, number: signal.Signals, seconds: int, said: str
) -> None:
    """A terminal's Ctrl-C already reaches both, and a second signal would make Terraform give up."""
    terraform = tmp_path / "terraform"
    terraform.write_text(
        '#!/bin/sh\n[ "$1" = version ] && exit\n'
        f"trap 'kill $!; echo terminated; exit 5' TERM\nsleep {seconds} &\necho ready\nwait\necho ended\n"
    )
    terraform.chmod(0o755)
    program = (
        "import signal, subprocess, sys; from pathlib import Path; from tools import commands, terraform\n"
        f"signal.signal({int(number)}, commands.interrupt)\n"
        "terraform.find_terraform()  # which asks for its version\n"
        "wait = subprocess.Popen.wait\n"
        "subprocess.Popen.wait = lambda *each: print('ready', flush=True) or wait(*each)\n"
        "terraform.Terraform(Path(), terraform.own_environment()).attend('apply')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )  # fmt: skip
    assert process.stdout
    assert [process.stdout.readline() for _ in range(2)] == ["ready\n"] * 2
    process.send_signal(number)
    assert said in process.communicate()[0].split()


def test_the_tree_imports_no_handler() -> None:
    """Each import here delays every command, and some commands run before any package is installed."""
    program = (
        "import sys; from tools import commands\n"
        "print(*(name for name in sys.modules if name.startswith(('tools', 'boto', 'hcl2'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert {*done.stdout.split()} == {
        "tools", "tools.claims", "tools.commands", "tools.console", "tools.environment", "tools.errors", "tools.files",
        "tools.hcl_keys", "tools.suggestions", "tools.venv", "tools.version",
    }  # fmt: skip


def test_tools_import_each_other_only_through_their_interfaces() -> None:
    """tools/aws uses tools/laptop only as an environment and for plans without AWS; tools/laptop never uses AWS."""
    doors = {"tools.laptop.environment", "tools.laptop.planning"}
    found = {
        (file.relative_to(ROOT).as_posix(), name)
        for folder, other in (("aws", "laptop"), ("laptop", "aws"))
        for file in (ROOT / "tools" / folder).rglob("*.py")
        for name in imported_modules(file)
        if name.startswith(f"tools.{other}")
    }
    assert {name for _, name in found} <= doors
    assert {
        name for file in (ROOT / "tools").glob("*.py") for name in imported_modules(file) if "laptop" in name
    } <= doors


def imported_modules(file: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names if alias.name.islower())}
    return {name for name in found if name.startswith("tools") and (ROOT / f"{name.replace('.', '/')}.py").exists()}
