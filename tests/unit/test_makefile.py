"""Test the Makefile's recipes with fake programs, in any folder and with any variables."""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tools import commands

ROOT = Path(__file__).parent.parent.parent
MAKEFILE = (ROOT / "Makefile").read_text()
PHONY = re.search(r"^TARGETS := ((?:.*\\\n)*.*)", MAKEFILE, re.MULTILINE)
ENVIRONMENT = re.search(r"^ENVIRONMENT := ((?:.*\\\n)*.*)", MAKEFILE, re.MULTILINE)
assert PHONY
assert ENVIRONMENT
ENVIRONMENT_TARGETS = ENVIRONMENT[1].replace("\\", " ").split()
TARGETS = [
    name
    for name in PHONY[1].replace("\\", " ").replace("$(ENVIRONMENT)", " ".join(ENVIRONMENT_TARGETS)).split()
    if name != "help"
]
FOLDER = """my work ü (1), it's $HOME & "co"; <#1>"""

# It records each call: name, environment, arguments and an empty line, each followed by a NUL.
FAKE_COMMAND = """\
#!/bin/sh
{ printf '%s\\0' "${0##*/}" "$TF_DATA_DIR" "$TMPDIR" "$PYTHONPATH$PYTHONSAFEPATH" "$@"; printf '\\n\\0'; } \\
  >> "$CALLS"
"""


class Call(NamedTuple):
    """A call of a fake command."""

    program: str
    data_dir: str
    temporary: str
    astray: str
    arguments: list[str]


def run_make(folder: Path, target: str, *arguments: str, **environment: str) -> list[Call]:
    """Run a target with fakes of terraform, git and Python; return their calls."""
    folder.mkdir(parents=True)
    for program in (
        ".venv/bin/python",
        ".venv-audit/bin/python",
        ".venv-docs/bin/python",
        "bin/terraform",
        "bin/git",
        "bin/uv",
    ):
        path = folder / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FAKE_COMMAND)
        path.chmod(0o755)
    (folder / "bin/python3").symlink_to("../.venv/bin/python")
    (folder / "environments").mkdir()
    (folder / "environments/dev.tfvars").touch()
    (folder / "environments/local.tfvars").touch()
    (folder / ".local").mkdir()
    (folder / "requirements").mkdir()
    (folder / "app").mkdir()
    (folder / "app/requirements.in").touch()
    (folder / "modules/service").mkdir(parents=True)
    (folder / "modules/service/variables.tf").touch()
    shutil.copy(ROOT / "Makefile", folder)
    calls = folder / "calls"
    search = f"{folder / 'bin'}:{os.environ['PATH']}"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(
        ["make", target, *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env={**kept, "PATH": search, "CALLS": str(calls), **environment},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    noted = [each.split("\0") for each in calls.read_text().split("\0\n\0")[:-1]] if calls.exists() else []
    return [Call(each[0], each[1], each[2], each[3], each[4:]) for each in noted]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_works_in_any_folder(tmp_path: Path, target: str) -> None:
    there = tmp_path / FOLDER
    calls = run_make(there, target, "ENV=dev", "ENTITY=todos", "FILE=my items.jsonl", "FUNCTION=report")
    assert calls
    # The tools choose a terraform, since the one on PATH may be too old.
    assert "terraform" not in {each.program for each in calls}
    for each in calls:
        # No value was split at a blank: each argument is the Makefile's or a complete value.
        assert not {"work", "ü", "(1),", "it's", "items.jsonl", "&"} & set(each.arguments)


@pytest.mark.parametrize("target", ENVIRONMENT_TARGETS)
def test_a_target_of_an_environment_runs_the_command_of_that_name(tmp_path: Path, target: str) -> None:
    """Each variable arrives unsplit, as one of the command's options."""
    given = {
        "ENV": 'my "dev" $$x', "ENTITY": "it's", "FILE": "my items.jsonl", "REQUESTS": "5", "FUNCTION": "it's",
        "BODY": "my job.json", "REQUEST": "it's", "SINCE": "2h", "FOLLOW": "1",
    }  # fmt: skip
    (each,) = run_make(tmp_path / FOLDER, target, *(f"{name}={value}" for name, value in given.items()))
    parsed = commands.parse("python -m tools", commands.TOOLS, each.arguments[2:])
    assert each.arguments[:3] == ["-m", "tools", target]
    assert (parsed.env, parsed.arguments) == ('my "dev" $x', [])
    if target in ("export", "import"):
        assert (parsed.entity, parsed.file) == ("it's", Path("my items.jsonl"))
    if target in ("run", "redrive"):
        assert parsed.function == "it's"
    if target == "run":
        assert parsed.body == Path("my job.json")
    if target == "logs":
        assert (parsed.entity, parsed.function, parsed.request) == ("it's", "it's", "it's")
        assert (parsed.since, parsed.follow) == (7200, True)
    if target == "cost":
        assert parsed.requests == 5


def test_further_arguments_reach_the_program_that_a_command_runs(tmp_path: Path) -> None:
    folders = itertools.count()

    def parsed(target: str, *variables: str) -> argparse.Namespace:
        (each,) = run_make(tmp_path / str(next(folders)), target, "ENV=dev", *variables)
        return commands.parse("python -m tools", commands.TOOLS, each.arguments[2:])

    arguments = ["-auto-approve", "-var", "a=b c", "-lock=false"]
    given = "ARGS=-auto-approve -var 'a=b c' -lock=false"
    for target in ("plan", "apply", "deploy", "destroy", "release"):
        assert parsed(target, given).arguments == arguments
    assert parsed("release", f"{given} --unproven").unproven
    body = ["--path", "todos", "--body", '{"a": 1}']
    assert parsed("smoke", """SMOKE=--path todos --body '{"a": 1}'""").arguments == body
    deploy = parsed("deploy", """SMOKE=--path todos --body '{"a": 1}'""", given)
    assert (deploy.arguments, deploy.smoke) == (arguments, body)
    assert parsed("import", "ENTITY=a", "FILE=b", "ARGS=--replace --after 3").after == 3


def test_locking_requires_a_list_of_packages(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    variables = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    command = ["make", "requirements", "PYTHON=true"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 2
    said = "There is no app/requirements.in: create it with the packages that app/ imports, one per line."
    assert done.stderr.splitlines()[0] == said


def test_every_target_is_in_a_group_of_the_help() -> None:
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    groups = re.findall(r"^(\w+)$", listed, re.MULTILINE)
    assert groups == ["Run", "Test", "Deploy", "Operate", "Data", "Develop"]
    # These two are only prerequisites of others.
    assert sorted(re.findall(r"^  ([a-z]+)", listed, re.MULTILINE)) == sorted({*TARGETS} - {"ready", "tools"})


def test_variables_that_mislead_python_or_sockets_are_removed(tmp_path: Path) -> None:
    astray = {
        "CDPATH": str(ROOT), "PYTHONPATH": "/nowhere", "PYTHONSAFEPATH": "1", "TMPDIR": f"/tmp/{'long' * 20}",
    }  # fmt: skip
    calls = run_make(tmp_path / "folder", "plan", "ENV=dev", **astray)
    assert {(each.astray, each.temporary) for each in calls} == {("", "/tmp")}


def test_a_usable_temporary_folder_is_kept(tmp_path: Path) -> None:
    short = Path("/tmp") / f"trestle-{os.getpid()}"
    short.mkdir()
    try:
        calls = run_make(tmp_path / "folder", "plan", "ENV=dev", TMPDIR=str(short))
    finally:
        short.rmdir()
    assert {each.temporary for each in calls} == {str(short)}


def test_targets_keep_their_order_with_parallel_jobs(tmp_path: Path) -> None:
    calls = run_make(tmp_path / "folder", "test", MAKEFLAGS="-j8")
    words = [word for each in calls for word in each.arguments if word in ("ruff", "mypy", "validate", "pytest")]
    assert list(dict.fromkeys(words)) == ["ruff", "mypy", "validate", "pytest"]


def test_lint_in_another_users_checkout_has_a_remedy(tmp_path: Path) -> None:
    """git refuses such a checkout, and in a pipe its failure would go unnoticed."""
    there = tmp_path / FOLDER
    run_make(there, "lint")
    (there / "bin/git").write_text("#!/bin/sh\necho fatal: detected dubious ownership >&2\nexit 128\n")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(
        ["make", "lint"], cwd=there, capture_output=True, text=True, check=False,
        env={**kept, "PATH": f"{there / 'bin'}:{os.environ['PATH']}", "CALLS": str(there / "calls")},
    )  # fmt: skip
    assert done.returncode != 0
    sentence, *rest = done.stderr.splitlines()
    assert sentence.startswith("git cannot list the files to search for secrets. If this checkout belongs to")
    command = sentence.partition("run: ")[2]
    assert shlex.split(command) == ["git", "config", "--global", "--add", "safe.directory", str(there)]
    assert [line for line in rest if not line.startswith("make: ***")] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pln"], "There is no target pln: did you mean plan? `make help` lists the targets."),
        (["tests"], "There is no target tests: did you mean test? `make help` lists the targets."),  # a folder
        (["xyzzy"], "There is no target xyzzy: run `make help`, which lists the targets."),
        (["help", "EVN=dev"], "There is no variable EVN: did you mean ENV? `make help` names the variables."),
        (["help", "entity=a"], "There is no variable entity: did you mean ENTITY? `make help` names the variables."),
        (["pln", "PYTHON=/nowhere/python"], "There is no target pln: run `make help`."),
    ],
)
def test_misspelt_variables_are_refused_in_one_sentence(arguments: list[str], said: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, env=kept)
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(rf"Makefile:\d+: \*\*\* {re.escape(said)} +Stop\.", line)
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("name", ["AWS_PROFILE", "PAGER", "SHELL", "PYTHONWARNINGS", "V", "WORKERS"])
def test_variables_of_other_programs_pass(name: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(
        ["make", "help", f"{name}=/bin/sh"], cwd=ROOT, capture_output=True, text=True, env=kept, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_variable_of_a_recipe_is_known() -> None:
    """A variable missing from the list could be refused as a misspelling of another."""
    listed = re.search(r"^VARIABLES := (.*)$", MAKEFILE, re.MULTILINE)
    assert listed
    helped = set(re.findall(r"\b([A-Z]+)=", "".join(re.findall(r"^[a-z]+:.*## .*$", MAKEFILE, re.MULTILINE))))
    assert helped <= {*listed[1].split()}
