"""The commands, code and messages that documents show exist as they are shown."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

from tests.tutorial import code_blocks
from tests.unit.test_docs import PAGES, ROOT
from tools.commands import LAPTOP, TOOLS, Command
from trestle import app

# Options of the AWS CLI itself.
GLOBAL_OPTIONS = {"query", "output", "region", "profile"}
# Commands of the AWS CLI that are no operations of a service.
OWN_COMMANDS = {
    ("cloudtrail", "validate-logs"): {"trail-arn", "start-time"},
    ("configure", "sso"): {"profile"},
    ("s3", "cp"): set(),
    ("s3", "ls"): {"recursive"},
}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def texts(page: Path) -> Iterator[str]:
    """Yield the commands of a page: lines of its blocks, with continued lines joined, and spans of code."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^ *```(?:bash|console)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    for block in blocks:
        for line in block.splitlines():
            yield line.strip().removeprefix("$ ")
    without_blocks = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", without_blocks))


@cache
def service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)


def aws_faults(command: str) -> Iterator[str]:
    """Yield what the AWS CLI would refuse in a command, by the models of its services."""
    words = re.sub(r"\$\([^()]*\)", "", command).partition(")")[0].split()
    group, name, rest = words[0], words[1], " ".join(words[2:])
    options = set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)", rest)) - GLOBAL_OPTIONS
    if (group, name) in OWN_COMMANDS:
        yield from (f"--{each}" for each in options - OWN_COMMANDS[group, name])
        return
    try:
        model = service({"s3api": "s3"}.get(group, group))
    except UnknownServiceError:
        yield group
        return
    if name == "wait":
        waiters = botocore.session.get_session().get_waiter_model(group).waiter_names
        yield from {words[2]} - {xform_name(each, "-") for each in waiters}
        return
    operations = {xform_name(each, "-"): each for each in model.operation_names}
    if name not in operations:
        yield name
        return
    shape = model.operation_model(operations[name]).input_shape
    members = {} if shape is None else shape.members
    known = {xform_name(member, "-") for member in members}
    known |= {f"no-{xform_name(member, '-')}" for member, each in members.items() if each.type_name == "boolean"}
    yield from (f"--{each}" for each in options - known)


def test_commands_of_the_aws_cli_are_those_of_its_services() -> None:
    commands = [
        (page, each)
        for page in PAGES
        for text in texts(page)
        for each in re.findall(r"(?:^|\(|&& )aws (?=([a-z0-9-]+ [a-z0-9-]+(?: .*|$)))", text)
    ]
    assert len(commands) > 30
    faults = {f"{page.relative_to(ROOT)}: aws {each}": [*aws_faults(each)] for page, each in commands}
    assert {command: found for command, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    ("command", "faults"),
    [
        ("dynamodb describe-table --table-name T --query Table", []),
        ("dynamodb describe-tabel --table-name T", ["describe-tabel"]),
        ("dynamodb describe-table --table T", ["--table"]),
        ("dynamodb wait table-exist --table-name T", ["table-exist"]),
        ("dynamo describe-table", ["dynamo"]),
        ("s3 ls s3://b/ --recursively", ["--recursively"]),
    ],
)
def test_a_fault_in_a_command_of_the_aws_cli_is_found(command: str, faults: list[str]) -> None:
    assert [*aws_faults(command)] == faults


def make_faults(command: str) -> Iterator[str]:
    """Yield what `make` would refuse in a command: unknown targets, variables and options in ARGS."""
    declared = re.search(r"^TARGETS := (.*?\n)(?=\S)", MAKEFILE, re.DOTALL | re.MULTILINE)
    environment = re.search(r"^ENVIRONMENT := (.*?\n)(?=\S|\n)", MAKEFILE, re.DOTALL | re.MULTILINE)
    variables = re.search(r"^VARIABLES := (.*)$", MAKEFILE, re.MULTILINE)
    assert declared
    assert environment
    assert variables
    targets = {*declared[1].split(), *environment[1].split()}
    quoted = re.sub(r"=('[^']*'|\"[^\"]*\")", "=", command)
    for word in quoted.split():
        name, is_variable, _ = word.partition("=")
        if name not in (variables[1].split() if is_variable else targets):
            yield word
    given = re.search(r"ARGS=('[^']*'|\"[^\"]*\"|\S+)", command)
    tools = {each.name: each for each in TOOLS}
    target = tools.get(quoted.split()[0])
    if given and target and not target.forwards_to:
        yield from option_faults(target, given[1].strip("'\""))


def option_faults(command: Command, rest: str) -> Iterator[str]:
    """Yield the options that a command does not have."""
    known = {flag for option in command.options for flag in option.flags}
    yield from (each for each in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", rest) if each not in known)


WORD = r"""(?:[a-z]+|[A-Z]+=(?:'[^']*'|"[^"]*"|\S+))"""
MAKE = re.compile(rf"(?:^|&& )make ({WORD}(?: +{WORD})*)")


def test_targets_of_make_exist_with_their_variables() -> None:
    commands = [(page, each) for page in PAGES for text in texts(page) for each in MAKE.findall(text)]
    assert len(commands) > 100
    faults = {f"{page.relative_to(ROOT)}: make {each}": [*make_faults(each)] for page, each in commands}
    assert {command: found for command, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    ("command", "faults"),
    [
        ("import ENV=dev ENTITY=todos FILE=a.jsonl ARGS='--after 5 --replace'", []),
        ("import ENV=dev ARGS=--replaces", ["--replaces"]),
        ("releases ENV=dev", ["releases"]),
        ("export ENVIRONMENT=dev", ["ENVIRONMENT=dev"]),
    ],
)
def test_a_fault_in_a_command_of_make_is_found(command: str, faults: list[str]) -> None:
    assert [*make_faults(command)] == faults


@pytest.mark.parametrize(("program", "commands"), [("local.py", LAPTOP), ("python -m tools", TOOLS)])
def test_our_own_commands_exist_with_their_options(program: str, commands: tuple[Command, ...]) -> None:
    known = {each.name: each for each in commands}
    pattern = re.compile(rf"(?:^|\(|\| )(?:python )?{re.escape(program)} ([^)|#]+)")
    shown = [(page, each) for page in PAGES for text in texts(page) for each in pattern.findall(text)]
    assert shown
    for page, text in shown:
        name, _, rest = text.partition(" ")
        if name != "--version":
            assert name in known, f"{page.relative_to(ROOT)}: {program} {text}"
            assert [*option_faults(known[name], rest)] == [], f"{page.relative_to(ROOT)}: {program} {text}"


def test_python_that_is_shown_compiles_and_imports_what_there_is() -> None:
    shown = [(page, text) for page in PAGES for text in code_blocks(page, "python")]
    assert len(shown) > 20
    for page, text in shown:
        for node in ast.walk(ast.parse(text, filename=str(page.relative_to(ROOT)))):
            if isinstance(node, ast.ImportFrom) and node.module == "trestle.app":
                assert {name.name for name in node.names} <= {*app.__all__}, f"{page.relative_to(ROOT)}:\n{text}"


def test_json_that_is_shown_is_json() -> None:
    """A block may also hold members of an object."""
    shown = [(page, text) for page in PAGES for text in code_blocks(page, "json")]
    assert len(shown) > 5
    for page, text in shown:
        try:
            json.loads(text)
        except ValueError:
            assert json.loads(f"{{{text}}}"), page


# Code that a page quotes from a file.
QUOTED = [
    ("claim-ids.md", "app/bookings.py", "context.transaction.create"),
    ("claim-ids.md", "tests/app/cases/app/tables.py", "writes.create"),
    ("exactly-once.md", "tests/app/cases/app/points.py", "writes.merge"),
    ("uploads.md", "tests/app/cases/app/uploads.py", "generate_presigned_url"),
]


@pytest.mark.parametrize(("page", "file", "mark"), QUOTED)
def test_code_that_is_quoted_is_in_its_file(page: str, file: str, mark: str) -> None:
    (block,) = (text for text in code_blocks(ROOT / "docs" / "how-to" / page, "python") if mark in text)
    source = [line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    # The pages leave out annotations, and imports of names that only annotations use.
    lines = [line.strip() for line in block.splitlines() if not line.strip().startswith(("def ", "from trestle"))]
    assert [line for line in lines if line and line not in source] == []


def test_messages_of_releases_are_quoted_as_they_are() -> None:
    text = (ROOT / "docs" / "how-to" / "fix-a-release.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^\| `(?:… )?([^`…]+?)(?: …)?` \|", text, re.MULTILINE)
    assert len(quoted) > 5
    source = (ROOT / "tools" / "aws" / "release.py").read_text(encoding="utf-8")
    assert [each for each in quoted if each not in source] == []
