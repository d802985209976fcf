"""The preflight with the real Terraform and an emulated AWS: an empty account, a table that would be deleted."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.local.runner import small_system
from tests.plan.planner import Planner
from tools import tfvars
from tools.aws import environment, preflight
from tools.laptop.emulator import Emulator, Running, client, free_port
from tools.terraform import ROOT, find_mirror, find_terraform, provider
from tools.terraform import environment as emulated

pytestmark = pytest.mark.xdist_group("preflight")

REGION = "us-west-2"
BUCKET = "shop-state-000000000000-us-west-2"

GROUPS = preflight.GROUPS
BEFORE_A_PLAN = 3  # of them, since a plan takes long

Preflight = Callable[..., tuple[int, list[str]]]


@pytest.fixture(scope="module")
def empty_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An account with nothing in it."""
    emulator = Emulator(tmp_path_factory.mktemp("account"))
    try:
        yield emulator.start(free_port(), REGION)
    finally:
        emulator.stop()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository, with its own environment."""
    folder = tmp_path_factory.mktemp("root")
    subprocess.run(["make", "-C", ROOT, "build"], check=True, capture_output=True)
    for source in (
        *ROOT.glob("*.tf"),
        *(ROOT / name for name in ("app", "dist", "lambda_src", "modules", "requirements", "schemas")),
    ):
        (folder / source.name).symlink_to(source)
    shutil.copyfile(ROOT / ".terraform.lock.hcl", folder / ".terraform.lock.hcl")
    (folder / "environments").mkdir()
    # Open, because the emulator does not generate values of keys.
    system = (
        small_system("list").replace('"local"', '"small"').replace("{ oper", '{ access = { default = "open" }, oper')
    )
    (folder / "environments" / "small.tfvars").write_text(system)
    (folder / "environments" / "small.s3.tfbackend").write_text(
        f'bucket = "{BUCKET}"\nregion = "{REGION}"\nkey = "small.tfstate"\nuse_lockfile = true\n'
    )
    return folder


@pytest.fixture(scope="module")
def account_environment(empty_account: Running, planner: Planner) -> Iterator[dict[str, str]]:
    """The environment in which Terraform and SDKs use that account."""
    variables = emulated(empty_account.endpoint, REGION)
    with provider(planner.root, variables) as reached:
        yield variables | reached


@pytest.fixture
def run_preflight(
    account_environment: dict[str, str], root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Preflight:
    """Runs the preflight; its exit code and its lines with a level."""
    for name, value in account_environment.items():
        monkeypatch.setenv(name, value)
    for module in (environment, tfvars):
        monkeypatch.setattr(module, "ROOT", root)
    monkeypatch.setattr(preflight, "build_functions", lambda _: None)

    def run(name: str = "small", groups: int | None = None) -> tuple[int, list[str]]:
        monkeypatch.setattr(preflight, "GROUPS", GROUPS[:groups])
        code = preflight.preflight(argparse.Namespace(env=name, progress=lambda _: None))
        said = capsys.readouterr().out.splitlines()
        return code, [line for line in said if line.partition(" ")[0] in ("ok", "warning", "stop")]

    return run


def levels(lines: list[str]) -> dict[str, str]:
    return {line[9:24].strip(): line.partition(" ")[0] for line in lines}


def terraform(root: Path, *arguments: str) -> None:
    own = {**os.environ, "TF_DATA_DIR": str(root / ".terraform/small")}
    subprocess.run([find_terraform(), *arguments], check=True, cwd=root, capture_output=True, env=own)


def an_account_where_nothing_is_prepared(run_preflight: Preflight) -> None:
    code, lines = run_preflight()
    assert code == 1
    assert levels(lines) == {
        "credentials": "warning",
        "region": "ok",
        "state": "stop",
        "not checked": "warning",
    }
    assert f"stop     state           The bucket {BUCKET} does not exist." in lines


def a_first_apply(run_preflight: Preflight, empty_account: Running) -> None:
    client("s3", empty_account).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    code, lines = run_preflight(groups=BEFORE_A_PLAN)
    assert (code, levels(lines)["gateway's role"]) == (1, "stop")
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}
    made = client("iam", empty_account).create_role(RoleName="logs", AssumeRolePolicyDocument=json.dumps(trust))
    role = {"op": "replace", "path": "/cloudwatchRoleArn", "value": made["Role"]["Arn"]}
    client("apigateway", empty_account).update_account(patchOperations=[role])
    code, lines = run_preflight()
    assert code == 0, "\n".join(lines)
    assert "ok       environment     Nothing is deployed yet." in lines
    assert {subject for subject, level in levels(lines).items() if level != "ok"} == {"credentials"}
    assert {
        "losses",
        "indexes",
        "concurrency",
        "addresses",
        "networks",
        "interfaces",
        "certificate",
    } <= levels(lines).keys()


def somebody_who_is_at_work(run_preflight: Preflight, empty_account: Running) -> None:
    s3 = client("s3", empty_account)
    held = {
        "ID": "x",
        "Who": "ada@laptop",
        "Operation": "OperationTypeApply",
        "Created": "2026-01-02T03:04:05Z",
    }
    s3.put_object(Bucket=BUCKET, Key="small.tfstate.tflock", Body=json.dumps(held).encode())
    code, lines = run_preflight(groups=BEFORE_A_PLAN)
    s3.delete_object(Bucket=BUCKET, Key="small.tfstate.tflock")
    assert code == 1
    assert "stop     lock            ada@laptop since 2026-01-02T03:04:05Z: OperationTypeApply." in lines


def a_table_that_would_go(run_preflight: Preflight, root: Path) -> None:
    file = root / "environments" / "small.tfvars"
    mirror = [f"-plugin-dir={folder}"] if (folder := find_mirror()) else []
    terraform(root, "init", "-input=false", "-backend-config=environments/small.s3.tfbackend", *mirror)
    only = "-target=module.service.module.table"  # the functions would take half a minute
    terraform(root, "apply", "-input=false", "-auto-approve", only, f"-var-file={file}")
    file.write_text(file.read_text().replace("items =", "things ="))
    code, lines = run_preflight()
    assert code == 1
    lost = 'module.service.module.table["items"].aws_dynamodb_table.this is deleted, and its items would be lost.'
    assert f"stop     losses          {lost}" in lines


def another_environments_state(run_preflight: Preflight, root: Path) -> None:
    for suffix in ("tfvars", "s3.tfbackend"):
        shutil.copyfile(root / f"environments/small.{suffix}", root / f"environments/other.{suffix}")
    code, lines = run_preflight("other")
    assert (code, levels(lines)["state"]) == (1, "stop")
    assert any("other.s3.tfbackend and small.s3.tfbackend name the same state." in line for line in lines)
    file = root / "environments" / "other.tfvars"
    file.write_text(file.read_text().replace('"small"', '"other"'))
    (root / "environments" / "small.s3.tfbackend").rename(root / "small.s3.tfbackend")
    code, lines = run_preflight("other", groups=BEFORE_A_PLAN)
    (root / "small.s3.tfbackend").rename(root / "environments" / "small.s3.tfbackend")
    assert (code, levels(lines)["environment"]) == (1, "stop")
    assert any("other.s3.tfbackend names the state of small" in line for line in lines)


@pytest.mark.slow
def test_from_an_empty_account_to_the_state_of_another_environment(
    run_preflight: Preflight, root: Path, empty_account: Running
) -> None:
    """One test, because each step continues from the state of the previous one."""
    an_account_where_nothing_is_prepared(run_preflight)
    a_first_apply(run_preflight, empty_account)
    somebody_who_is_at_work(run_preflight, empty_account)
    a_table_that_would_go(run_preflight, root)
    another_environments_state(run_preflight, root)
