"""Misspelt tfvars are refused with the right name: Terraform would drop most of them in silence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from local import tfvars
from local.errors import UserError
from local.stack import Stack

ROOT = Path(tfvars.__file__).resolve().parent.parent

# A tfvars, and what is said of it. Where a fault is answered with a list, the list's beginning.
WRONG = {
    "entities = { todos = { operation = [] } }": (
        "entities.todos.operation: no such attribute; did you mean operations?"
    ),
    "entities = { todos = { schemas = null }, notes = { Path = null } }": (
        "entities.todos.schemas: no such attribute; did you mean schema?\n"
        "FILE: entities.notes.Path: no such attribute; did you mean path?"
    ),
    "entities = { todos = { function = { memorySize = 512 } } }": (
        "entities.todos.function.memorySize: no such attribute; did you mean memory_size?"
    ),
    "entities = { todos = { memory_size = 512 } }": (
        "entities.todos.memory_size: no such attribute; write it in function."
    ),
    "entity = { todos = {} }": "entity: no such variable; did you mean entities?",
    "memory_size = 512": "memory_size: no such variable; write it in entities.NAME.function.",
    "nat = null": "nat: no such variable; write it in network.",
    'network = { nats = "none" }': "network.nats: no such attribute; did you mean nat?",
    "usage_plans = { gold = { quota = { limits = 5 } } }": (
        "usage_plans.gold.quota.limits: no such attribute; did you mean limit?"
    ),
    'usage_plans = { gold = { period = "DAY" } }': (
        "usage_plans.gold.period: no such attribute; write it in quota."
    ),
    "entities = ({ todos = {} })": "entities: its names are hidden in an expression; write it out, without",
    "entities = { todos = ({ idz = null }) }": "entities.todos: its names are hidden in an expression;",
    'entities = { for name in ["todos"] : name => {} }': "entities: its names are hidden in an expression;",
    "throttle = { zzz = 1 }": "throttle.zzz: no such attribute; write one of burst_limit, rate_limit.",
    'colour = "red"': "colour: no such variable; write one of alarms, api_key_values, ",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_name_that_is_not_declared(tmp_path: Path, text: str) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text(f"# mine\n{text}\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        tfvars.check([file])
    assert str(caught.value).startswith(f"{file}: {WRONG[text].replace('FILE', str(file))}")


def test_json_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars.json"
    file.write_text(json.dumps({"entities": {"todos": {"list": "created", "acces": {}}}}))
    with pytest.raises(UserError, match=r"entities\.todos\.acces: no such attribute; did you mean access\?"):
        tfvars.check([file])


def test_a_byte_order_mark_hides_nothing(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text("nat = null\n", encoding="utf-8-sig")
    with pytest.raises(UserError, match="nat: no such variable"):
        tfvars.check([file])


def test_a_file_that_the_parser_cannot_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text('tags = { größe = "L" }\nnat = null\n', encoding="utf-8")
    tfvars.check([file])
    assert capsys.readouterr().err == f"{file}: not read here, so misspelt names in it are not found.\n"


def test_all_of_ours_are_right() -> None:
    ours = [*ROOT.glob("environments/*.tfvars"), *ROOT.glob("examples/*.tfvars")]
    assert len(ours) > 4
    assert all(tfvars.read(file) for file in ours)
    tfvars.check(ours)


@pytest.mark.parametrize(
    "text", ["entities = {", "entities = 1", "network = null", "entities = { todos = null }"]
)
def test_what_terraform_says_better_is_left_to_it(tmp_path: Path, text: str) -> None:
    for name in ("my.tfvars", "my.tfvars.json"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        tfvars.check([tmp_path / name])


def test_every_attribute_of_every_variable_is_known() -> None:
    variables = tfvars.declared(ROOT / "variables.tf")
    assert variables.attributes
    plan = variables.attributes["usage_plans"].element
    assert plan
    assert set(plan.attributes or ()) == {"burst_limit", "quota", "rate_limit"}
    assert set((plan.attributes or {})["quota"].attributes or ()) == {"limit", "period"}
    assert variables.attributes["tags"] == tfvars.Type(element=tfvars.Type())


def test_the_local_run_starts_nothing_for_a_wrong_file(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text("entities = { todos = { idz = null } }\n", encoding="utf-8")
    with pytest.raises(UserError, match="did you mean ids"):
        Stack(tmp_path / "stack").up([file])
    assert not (tmp_path / "stack").exists()


@pytest.mark.parametrize("target", ["plan", "apply", "deploy"])
def test_make_looks_before_terraform_does(target: str) -> None:
    command = ["make", "--dry-run", target, "ENV=dev"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    looks = next(n for n, line in enumerate(lines) if "-m local.tfvars environments/dev.tfvars" in line)
    assert looks < next(n for n, line in enumerate(lines) if "terraform init" in line)


def test_command(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text("entities = { todos = { idz = null } }\n", encoding="utf-8")
    command = [sys.executable, "-m", "local.tfvars"]
    wrong = subprocess.run([*command, file], cwd=ROOT, capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert wrong.stderr == f"{file}: entities.todos.idz: no such attribute; did you mean ids?\n"
    right = subprocess.run(
        [*command, "environments/dev.tfvars"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (right.returncode, right.stdout, right.stderr) == (0, "", "")
