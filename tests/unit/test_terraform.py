"""Test how Terraform and its provider are found, and how its errors become one sentence."""

from __future__ import annotations

import argparse
import base64
import fcntl
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConfigParseError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)

from tools import commands, terraform, tfvars, validation
from tools.aws import deploy, environment
from tools.aws.environment import AwsEnvironment
from tools.aws.errors import SIGN_IN, explain_aws_error
from tools.errors import UserError
from tools.terraform import ROOT
from tools.urls import domain_of, local_urls, reachable_urls


def mirror(folder: Path, version: str, zipped: bool = False) -> Path:
    """Create a fake mirror of the AWS provider."""
    provider = folder / terraform.PROVIDER
    if zipped:
        provider.mkdir(parents=True)
        (provider / f"terraform-provider-aws_{version}_linux_amd64.zip").touch()
    else:
        (provider / version).mkdir(parents=True)
    return folder


@pytest.mark.parametrize("zipped", [False, True])
def test_a_named_mirror_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool) -> None:
    monkeypatch.setenv("TRESTLE_PLUGIN_DIR", str(mirror(tmp_path, terraform.provider_version(), zipped)))
    assert terraform.find_mirror() == tmp_path


def test_a_named_mirror_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRESTLE_PLUGIN_DIR", str(mirror(tmp_path, "0.0.1")))
    with pytest.raises(UserError, match="does not contain the AWS provider"):
        terraform.find_mirror()


def test_terraforms_own_mirrors_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRESTLE_PLUGIN_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    found = mirror(tmp_path / "data/terraform/plugins", terraform.provider_version())
    assert terraform.find_mirror() == found


def install(folder: Path, script: str) -> dict[str, str]:
    """Install a script as a folder's provider; return the environment it needs."""
    program = folder / ".terraform/providers" / terraform.PROVIDER / terraform.provider_version()
    program = program / "linux_amd64" / "terraform-provider-aws_v1"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": os.environ["PATH"], "FOLDER": str(folder)}


STARTED = """echo $$ > $FOLDER/pid; echo "$1 $TMPDIR" > $FOLDER/began; trap 'echo > $FOLDER/ended; exit' TERM
echo 'Set it as follows:'; echo "TF_REATTACH_PROVIDERS='{}'"; while :; do sleep 0.1; done"""


def test_the_provider_runs_as_long_as_it_is_used(tmp_path: Path) -> None:
    with terraform.provider(tmp_path, install(tmp_path, STARTED)) as reached:
        assert reached == {"TF_REATTACH_PROVIDERS": "{}"}
        argument, own = (tmp_path / "began").read_text().split()
        assert argument == "-debug"
        assert stat.S_IMODE(Path(own).stat().st_mode) == 0o700
    assert (tmp_path / "ended").exists()
    assert not Path(own).exists()


def test_the_provider_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from tools import terraform\n"
        f"with terraform.provider(Path({str(tmp_path)!r}), os.environ): os.kill(os.getpid(), 9)"
    )
    environment = install(tmp_path, STARTED)
    killed = subprocess.run([sys.executable, "-c", program], check=False, cwd=terraform.ROOT, env=environment)
    assert killed.returncode == -9
    own, deadline = Path((tmp_path / "began").read_text().split()[1]), time.monotonic() + 60
    while own.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (tmp_path / "ended").exists()


def test_a_provider_that_does_not_start_is_named(tmp_path: Path) -> None:
    environment = install(tmp_path, "exit 3")
    with (
        pytest.raises(UserError, match=r"does not start. Run `\S+-provider-aws_v1 -debug` to see why"),
        terraform.provider(tmp_path, environment),
    ):
        raise AssertionError


def test_a_terraform_that_ends_early_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "terraform"
    program.write_text('#!/bin/sh\nexec 0<&-\necho "Error: No." >&2\nexit 3\n')
    program.chmod(0o755)
    monkeypatch.setattr(terraform, "find_terraform", lambda: program)
    tool = terraform.Terraform(tmp_path, dict(os.environ), tmp_path / "log", lambda _: None)
    assert tool.run(["console"], "x" * 1_000_000) == terraform.Result(3, "", "Error: No.\n")


def interrupt_terraform(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: str, at_interrupt: str, again: str = ""
) -> list[str]:
    """Interrupt a Terraform that has started a child process and waits; return the progress messages.

    Interrupt it again at the message that contains `again`. Return once all its processes have ended.
    """
    program, said = folder / "terraform", []
    program.write_text(f"#!/bin/sh\ntrap '{at_interrupt}' INT\nsleep 10000 &\necho begun\nwhile :; do sleep 0.05; done")
    program.chmod(0o755)
    monkeypatch.setattr(terraform, "find_terraform", lambda: program)

    def progress(step: str) -> None:
        said.append(step)
        if again and again in step:
            os.kill(os.getpid(), signal.SIGINT)

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    tool = terraform.Terraform(folder, {**os.environ, "FOLDER": str(folder)}, folder / "log", progress)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(KeyboardInterrupt):
            tool.run([command], each_line=interrupt, pass_fds=[lock.fileno()])
    with (folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    return said


# More than a pipe's buffer.
FAREWELL = 'head -c 300000 /dev/zero | tr "\\0" x; echo; echo > "$FOLDER/ended"; kill $!; exit 1'


def test_the_output_of_an_interrupted_apply_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = interrupt_terraform(tmp_path, monkeypatch, "apply", FAREWELL)
    assert said == ["Terraform is finishing, for 60 s at most; press Ctrl-C again to stop it ..."]
    assert (tmp_path / "ended").exists()
    assert "x" * 300000 in (tmp_path / "log").read_text()


def test_a_second_interrupt_ends_terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(terraform.GRACE, "apply", 1e6)
    before = signal.getsignal(signal.SIGINT)
    interrupt_terraform(tmp_path, monkeypatch, "apply", ":", again="press Ctrl-C again")
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize("command", ["init", "validate", "plan", "console", "output", "state"])
def test_commands_without_changes_are_ended_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(terraform, "GRACE", {"apply": 1e6, "plan": min(terraform.GRACE["plan"], 0.05)})
    monkeypatch.setattr(terraform, "SHORT_GRACE", min(terraform.SHORT_GRACE, 0.05))
    interrupt_terraform(tmp_path, monkeypatch, command, ":")


def test_the_stage_does_not_change_the_repository(tmp_path: Path) -> None:
    override = {"modules/function": {"locals": {"x": 1}}}
    for _ in range(2):
        root = terraform.stage(tmp_path / "root", tmp_path / "state", override)
    assert (root / "main.tf").resolve() == terraform.ROOT / "main.tf"
    backend = json.loads((root / "local_override.tf.json").read_text())["terraform"]["backend"]
    assert backend == {"local": {"path": str(tmp_path / "state")}}
    assert json.loads((root / "modules/function/local_override.tf.json").read_text()) == {"locals": {"x": 1}}
    for folder in (terraform.ROOT, terraform.ROOT / "modules" / "function"):
        assert not (folder / "local_override.tf.json").exists()
    terraform.stage(root, tmp_path / "state")
    assert not (root / "modules/function/local_override.tf.json").exists()


def test_the_developers_aws_settings_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "TF_VAR_name", "TF_CLI_ARGS", "TF_WORKSPACE"):
        monkeypatch.setenv(name, "theirs")
    found = terraform.environment("http://127.0.0.1:1", "eu-west-1")
    assert "theirs" not in found.values()
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert found["AWS_REGION"] == "eu-west-1"


def test_terraform_collects_garbage_seldom_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOGC", raising=False)
    assert terraform.environment("http://127.0.0.1:1", "eu-west-1")["GOGC"] == "400"
    monkeypatch.setenv("GOGC", "50")
    assert terraform.environment("http://127.0.0.1:1", "eu-west-1")["GOGC"] == "50"


ERRORS = {
    "Error: Invalid value for variable\n\n  on main.tf line 13:\n  13: variable \"region\" {\n"
    "    ├────\n    │ var.region is \"x\"\n\nWrite a region.\n\nThis was checked by the rule at x:16.\n":
        "Invalid value for variable Write a region.",
    "╷\n│ Error: First\n│ \n│ because\n╵\n╷\n│ Error: Second\n╵\n": "First because",
    "Error: creating Role: exists (module.a.aws_iam_role.b)\n\n\n\n":
        "creating Role: exists (module.a.aws_iam_role.b)",
    "Error: Missing expression\n\n  on my.tfvars line 3:\n   3: name =\n\nExpected one.\n":
        "Missing expression Expected one. (my.tfvars, line 3)",
    "Error: Missing expression\n\n  on /my work/é (1)/README.md line 3:\n   3: name =\n\nExpected one.\n":
        "Missing expression Expected one. (/my work/é (1)/README.md, line 3)",
    "Error: No value for required variable\n\n  on variables.tf line 5:\n   5: variable\n\nNone.\n\n"
    "Error: Variables not allowed\n\n  on my.tfvars line 2:\n   2: name = var.x\n\nNot here.\n":
        "Variables not allowed Not here. (my.tfvars, line 2)",
    "Error: No value for required variable\n\n  on variables.tf line 5:\n   5: variable\n\nNone.\n":
        "No value for required variable None.",
    "Error: Bad\n\n  on modules/a/main.tf line 5, in locals:\n   5: x\n\nNo.\n": "Bad No.",
    "": "it wrote nothing",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ERRORS.items())
def test_errors_become_one_sentence(text: str, expected: str) -> None:
    assert terraform.first_error(text) == expected


@pytest.mark.parametrize(
    "title", ["Invalid value for variable", 'Resource precondition failed (module.x["eu"].terraform_data.build)']
)
def test_errors_of_our_own_rules_are_shown_without_terraforms_text(tmp_path: Path, title: str) -> None:
    made = terraform.Terraform(tmp_path, {}, tmp_path / "terraform.log", lambda _: None)
    text = f"Error: {title}\n\n  on my.tfvars line 3:\n   3: x\n\ntags: no.\n"
    assert str(made.failure("plan", text)) == "tags: no. (my.tfvars, line 3)"
    assert str(made.failure("plan", "Error: No region\n")).startswith("terraform plan failed: No region (")


@pytest.mark.parametrize("value", ["shop", "var.name", 'upper("shop")'])
def test_expressions_in_a_var_file(tmp_path: Path, value: str) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text(f'environment = "dev"\nentities = {{ todos = {{}} }}\nname = {value}\n')
    with pytest.raises(UserError) as error:
        terraform.facts([file])
    assert str(error.value) == (
        f"{file}, line 3: a var-file allows only plain values. Put strings into quotation marks, and replace "
        "references and function calls with their values."
    )


def test_deleted_resources_have_the_address_of_the_state() -> None:
    follower = terraform.EventReader(lambda _: None)
    moved = {"resource": {"addr": "module.service.a.b"}, "previous_resource": {"addr": "a.b"}, "action": "delete"}
    for change in (moved, {"resource": {"addr": "c.d"}, "action": "replace"}):
        follower.line(json.dumps({"type": "planned_change", "change": change}))
    assert follower.deleted == {"a.b", "c.d"}


def test_urls_of_stages_are_mapped_to_this_machine() -> None:
    made = {
        "api_url": "https://abc123.execute-api.us-west-2.amazonaws.com/dev",
        "china": ["https://abc123.execute-api.cn-north-1.amazonaws.com.cn/dev/openapi.json"],
        "none": None,
        "id": "abc123",
    }
    assert local_urls(made, "http://127.0.0.1:1") == {
        "api_url": "http://127.0.0.1:1/_aws/execute-api/abc123/dev",
        "china": ["http://127.0.0.1:1/_aws/execute-api/abc123/dev/openapi.json"],
        "none": None,
        "id": "abc123",
    }


def test_urls_of_domains_and_vpc_endpoints_are_mapped_to_this_machine() -> None:
    made = {
        "api_url": "https://api.example.com",
        "domain_target": {"name": "d-1.execute-api.us-west-2.amazonaws.com", "zone_id": "Z1"},
        "openapi_url": "https://api.example.com/openapi.json",
        "others": ["https://api.example.com.br/x", "https://api.example.community", "https://api-example.com"],
    }
    address = "http://127.0.0.1:1/_aws/domains/api.example.com"
    assert domain_of(made) == "api.example.com"
    assert local_urls(made, "http://127.0.0.1:1", domain_of(made)) == {
        **made, "api_url": address, "openapi_url": f"{address}/openapi.json",
    }  # fmt: skip
    private = {"api_url": "https://abc-vpce-0a1b.execute-api.us-west-2.amazonaws.com/dev", "domain_target": None}
    assert domain_of(private) is None
    assert local_urls(private["api_url"], "http://127.0.0.1:1") == (
        "http://127.0.0.1:1/_aws/execute-api/abc-vpce-0a1b/dev"
    )


VARIABLES = {"environment": "dev", "name": "shop", "region": "eu-west-1"}


@pytest.fixture
def check_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a check of a state against tfvars of the system shop in an environment and a region."""

    def check(state: dict[str, Any], written: str = "dev", region: str = "eu-west-1", name: str = "dev") -> None:
        monkeypatch.setattr(environment, "ROOT", tmp_path)
        variables = {**VARIABLES, "environment": written, "region": region}
        monkeypatch.setattr(environment, "facts", lambda _: variables)
        (tmp_path / "environments").mkdir(exist_ok=True)
        (tmp_path / f"environments/{name}.tfvars").touch()
        AwsEnvironment(name, lambda _: None).check_state(state)

    return check


def test_the_state_of_another_environment_is_refused(check_state: Callable[..., None]) -> None:
    def state(*environments: str) -> dict[str, Any]:
        instances = [{"attributes": {"tags_all": {"Environment": e}}} for e in environments]
        return {"resources": [{"instances": [*instances, {"attributes": {"id": "x"}}]}]}

    check_state({})
    check_state(state())
    check_state(state("dev", "dev"))
    check_state(state("dev"), name="dev-eu")
    with pytest.raises(UserError, match=r"environments/dev\.s3\.tfbackend names the state of prod: give each"):
        check_state(state("dev", "prod"))


def test_the_state_of_another_name_is_refused(check_state: Callable[..., None]) -> None:
    def state(*names: str) -> dict[str, Any]:
        instances = [{"attributes": {"tags_all": {"Environment": "dev", "Project": name}}} for name in names]
        return {"resources": [{"instances": [*instances, {"attributes": {"tags_all": None}}]}]}

    check_state(state("shop", "shop"))
    said = (
        r"^dev is deployed with the name store, but its tfvars say shop: an apply would replace its tables, .*"
        r'Set name = "store" in environments/dev\.tfvars\. For a system with another name, create tfvars and a backend'
    )
    with pytest.raises(UserError, match=said):
        check_state(state("shop", "store"))


def test_the_state_of_another_region_is_refused(check_state: Callable[..., None]) -> None:
    def state(kind: str, arn: str | None) -> dict[str, Any]:
        return {"resources": [{"type": kind, "instances": [{"attributes": {"arn": arn}}]}]}

    table = state("aws_dynamodb_table", "arn:aws:dynamodb:us-west-2:1:table/shop-todos-dev")
    check_state(table, region="us-west-2")
    said = (
        r"^dev is deployed in us-west-2, but its tfvars say eu-west-1: .*"
        r'Set region = "us-west-2" in environments/dev\.tfvars'
    )
    with pytest.raises(UserError, match=said):
        check_state(table)
    # Resources without a region, or allowed in another region.
    check_state(state("aws_iam_role", "arn:aws:iam::1:role/x"))
    check_state(state("aws_acm_certificate", "arn:aws:acm:us-east-1:1:certificate/x"))
    check_state(state("aws_lambda_function", None))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root configuration with the environment dev, and a fake terraform that records its commands.

    Commands listed in the file "fails" fail. Each command prints the content of the file with its name.
    """
    for module in (deploy, environment, tfvars):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "build_functions", lambda *_, **__: (tmp_path / "asked").write_text("build\n"))
    monkeypatch.setattr(terraform, "find_mirror", lambda: Path("/mirror"))
    monkeypatch.setattr(environment, "facts", lambda _: {**VARIABLES, "entities": {}})
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n[ "$1" = version ] && exit\necho "$@" >> asked\ncat "$1" 2>/dev/null\n'
        '[ "$1" != init ] || { mkdir -p "$TF_DATA_DIR"; touch "$TF_DATA_DIR/terraform.tfstate"; }\n'
        'if grep -qsx "$1" fails; then echo "Error: No.\n\nBecause." >&2; exit 3; fi\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "environments").mkdir()
    (tmp_path / "variables.tf").write_text((ROOT / "variables.tf").read_text())
    (tmp_path / "environments/dev.tfvars").write_text('name = "shop"\nenvironment = "dev"\nentities = { todos = {} }\n')
    (tmp_path / "environments/dev.s3.tfbackend").write_text('bucket = "mine"\nkey = "k"\nregion = "eu-west-1"\n')
    return tmp_path


def options(*arguments: str, smoke: list[str] | None = None) -> argparse.Namespace:
    return argparse.Namespace(env="dev", arguments=[*arguments], smoke=smoke, progress=lambda _: None)


INIT = (
    "init -input=false -no-color -lockfile=readonly -reconfigure -backend-config=environments/dev.s3.tfbackend "
    "-plugin-dir=/mirror"
)
PREPARED = ["build", INIT, "state pull"]
VAR_FILE = "-var-file=environments/dev.tfvars"


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (deploy.plan, [f"plan {VAR_FILE} -lock=false"]),
        (deploy.apply, ["state list", f"apply {VAR_FILE} -lock=false", "state list"]),
        (deploy.destroy, ["state pull", f"destroy {VAR_FILE} -lock=false"]),
        (deploy.outputs, ["output -json -no-color", "output -no-color"]),
    ],
)
def test_a_command_prepares_before_terraform_runs(
    root: Path, command: Callable[[argparse.Namespace], int], asked: list[str]
) -> None:
    (root / "output").write_text('{"api_url": {"value": "https://x"}}')
    assert command(options("-lock=false")) == 0
    assert (root / "asked").read_text().splitlines() == [*PREPARED, *asked]


def test_a_deploy_is_an_apply_and_a_smoke_test(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proven: list[Any] = []

    def prove(_: AwsEnvironment, arguments: list[str]) -> int:
        proven.append(arguments)
        return 5

    monkeypatch.setattr(deploy, "prove", prove)
    assert deploy.deploy(options("-auto-approve", smoke=["--path", "todos"])) == 5
    assert (root / "asked").read_text().splitlines()[3:5] == ["state list", f"apply {VAR_FILE} -auto-approve"]
    (root / "fails").write_text("apply\n")
    assert deploy.deploy(options()) == 3
    assert proven == [["--path", "todos"]]


def test_values_known_only_in_a_plan_do_not_hide_the_others(tmp_path: Path) -> None:
    """A count may depend on a resource that does not exist yet. That is not reported as a fault."""
    text = """
resource "terraform_data" "own" {}

resource "terraform_data" "counted" {
  count = coalesce(terraform_data.own.id) == null ? 1 : 0
}

output "tools" {
  value = { name = "shop", made = length(terraform_data.counted) }
}
"""
    (tmp_path / "main.tf").write_text(text)
    found = terraform.Terraform(tmp_path, terraform.own_environment())
    found.call("init", "-input=false")
    asked = {"name": '"shop"', "made": "length(terraform_data.counted)"}
    assert found.evaluate_each(asked) == {"name": "shop"}
    (tmp_path / "main.tf").write_text(f"{text}locals {{\n  wrong = nobody.here\n}}\n")
    with pytest.raises(UserError, match="undeclared resource"):
        found.evaluate_each(asked)


def test_each_environment_is_initialised_in_a_folder_of_its_own(root: Path) -> None:
    found = AwsEnvironment("dev", lambda _: None).terraform
    assert found.data_dir == root / ".terraform" / "dev"
    assert found.environment["TF_DATA_DIR"] == str(found.data_dir)
    assert found.environment["GOGC"] == "400"


def test_a_destroy_deletes_the_record_of_live_versions(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    live = root / "environments/dev.live.json"
    live.touch()
    (root / "fails").write_text("destroy\n")
    assert deploy.destroy(options()) == 3
    assert deploy.apply(options()) == 0
    kept = "environments/dev.live.json pins the live versions: run `make release ENV=dev` for newer code.\n"
    assert capsys.readouterr().err.endswith(kept)
    (root / "fails").unlink()
    assert deploy.destroy(options()) == 0
    assert not live.exists()


def test_errors_stop_a_command_before_terraform_runs(root: Path) -> None:
    (root / "fails").write_text("init\n")
    failed = r"^terraform init failed: No\. Because\. Run `make preflight ENV=dev` to see why\.$"
    with pytest.raises(UserError, match=failed):
        deploy.apply(options())
    (root / "environments/dev.s3.tfbackend").write_text("")
    with pytest.raises(UserError, match=r"dev\.s3\.tfbackend has no bucket and no key and no region\. Run `make boot"):
        deploy.apply(options())
    (root / "environments/dev.tfvars").write_text("colour = 1\n")
    with pytest.raises(UserError, match=r"environments/dev\.tfvars: colour: no such variable"):
        deploy.apply(options())
    assert (root / "asked").read_text().splitlines() == ["build"]
    (root / "environments/dev.tfvars").unlink()
    with pytest.raises(UserError, match=r"^There is no environments/dev\.tfvars: create it first\.$") as stopped:
        deploy.apply(options())
    assert stopped.value.exit_code == 2


def test_faults_of_a_backend_file(root: Path) -> None:
    file = root / "environments/dev.s3.tfbackend"

    def said() -> str:
        _, fault, remedy = environment.read_backend("dev")
        return f"{fault} {remedy}".strip()

    assert said() == ""
    other = file.with_name("prod.s3.tfbackend")
    other.write_text('bucket = "another"\nkey = "k"\nregion = "us-west-2"\n')
    assert said() == ""
    other.write_text(file.read_text())
    shared = "environments/dev.s3.tfbackend and prod.s3.tfbackend name the same state."
    assert said() == f"{shared} Give each environment its own `key`."
    file.write_text((ROOT / "environments" / "dev.s3.tfbackend").read_text())
    if "\nbucket" not in file.read_text():  # the checkout is not deployed
        assert said() == f"environments/dev.s3.tfbackend has no bucket. {environment.NO_BACKEND}"
    file.write_text('bucket = "..."\nregion = "eu-west-1"\n')
    assert said() == f"environments/dev.s3.tfbackend has no bucket and no key. {environment.NO_BACKEND}"
    file.write_text("bucket: mine\n")
    assert said().startswith('environments/dev.s3.tfbackend cannot be read. Write lines of NAME = "VALUE".')
    file.unlink()
    assert said() == f"There is no environments/dev.s3.tfbackend. {environment.NO_BACKEND}"


@pytest.mark.parametrize("command", ["plan", "deploy", "release", "rollback", "export", "preflight", "destroy"])
def test_trestle_used_as_a_module_is_not_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Its tfvars are Trestle's examples, so their deployment would be another system."""
    copy = tmp_path / ".terraform" / "modules" / "api"
    (copy / "environments").mkdir(parents=True)
    (copy / "environments" / "dev.tfvars").write_text((ROOT / "environments" / "dev.tfvars").read_text())
    monkeypatch.setattr(environment, "ROOT", copy)
    arguments = [command, "--env", "dev", *(["--entity", "items"] if command == "export" else [])]
    with pytest.raises(UserError, match=r"is a copy of Trestle that `terraform init` made .* Run terraform in your"):
        commands.run(commands.parse("python -m tools", commands.TOOLS, arguments))


def test_the_terraform_of_all_tools_formats(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "ROOT", root)
    for is_check in (False, True):
        assert commands.run(commands.parse("python -m tools", commands.TOOLS, ["fmt", *["--check"][:is_check]])) == 0
    assert (root / "asked").read_text() == "fmt -recursive\nfmt -recursive -check\n"
    (root / "fails").write_text("fmt\n")
    assert commands.run(commands.parse("python -m tools", commands.TOOLS, ["fmt", "--check"])) == 3


class Gateway:
    """A fake API Gateway with one key."""

    def get_api_key(self, **_: object) -> dict[str, str]:
        return {"value": "name"}


def test_the_smoke_test_gets_its_key_in_the_environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "output").write_text(
        json.dumps({"api_url": {"value": "https://a.example/dev"}, "api_key_ids": {"value": {"default": "k"}}})
    )
    (root / "tests").mkdir()
    (root / "tests/smoke.py").write_text(
        "import json, os, pathlib, sys\n"
        "pathlib.Path('got').write_text(json.dumps([sys.argv[1:], os.environ.get('TRESTLE_API_KEY')]))\n"
    )
    monkeypatch.chdir(root)
    monkeypatch.setattr(environment.AwsEnvironment, "client", lambda *_: Gateway())
    assert deploy.smoke(options("--path", "todos")) == 0
    assert json.loads((root / "got").read_text()) == [["https://a.example/dev", "--path", "todos"], "name"]


@pytest.mark.parametrize(
    ("deployed", "arguments", "said"),
    [
        (
            {"private_urls": {"vpce-1": "https://a-vpce-1.example/dev"}},
            [],
            "the API is reachable only in its VPCs. Run",
        ),
        ({"domain_target": {"name": "d"}}, ["--path", "x"], "the API requires a client certificate. Name one: make sm"),
        ({"domain_target": {"name": "d"}}, ["--client-cert=c.pem"], ""),
        ({"domain_target": None, "private_urls": {}}, [], ""),
    ],
)
def test_a_smoke_test_that_cannot_reach_the_api_is_skipped(
    monkeypatch: pytest.MonkeyPatch, deployed: dict[str, Any], arguments: list[str], said: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    known: Any = SimpleNamespace(variables={"domain": {"has_mutual_tls": True}})
    found = deploy.out_of_reach(known, deployed, arguments)
    assert found.startswith(said)
    assert bool(found) == bool(said)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert deploy.out_of_reach(known, deployed, arguments) == "", "an emulator has no VPC and no TLS"


def test_the_smoke_test_chooses_a_suitable_entity() -> None:
    every = dict.fromkeys(["create", "delete", "get", "list", "merge", "replace"], "api_key")

    def entity(path: str, access: dict[str, str], schema: str | None = None) -> dict[str, Any]:
        methods = {operation: {"access": each} for operation, each in access.items()}
        return {"methods": methods, "path": path, "schema": schema}

    entities = {
        "validated": entity("validated", every, "schemas/validated.json"),
        "kept": entity("kept", {k: v for k, v in every.items() if k != "delete"}),
        "signed": entity("signed", every | {"get": "iam"}),
        "merging": entity("v1/open", every | {"merge": "iam", "list": "open"}),
    }
    assert deploy.smoke_path(entities) == "v1/open"
    del entities["merging"]
    assert deploy.smoke_path(entities) is None


def test_an_environment_includes_files_that_terraform_loads_automatically(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (environment, tfvars):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/dev.tfvars").write_text('environment = "dev"\nentities = { todos = {} }\n')
    (tmp_path / "team.auto.tfvars").write_text(
        'name = "shop"\nenvironment = "x"\nregion = "eu-west-1"\nrelease = { percent = 5 }\n'
    )
    found = AwsEnvironment("dev", lambda _: None).variables
    assert (found["name"], found["environment"], found["region"]) == ("shop", "dev", "eu-west-1")
    assert found["release"]["percent"] == 5


VAR_FILES = sorted(file for folder in ("environments", "examples") for file in (ROOT / folder).glob("*.tfvars"))


@pytest.mark.parametrize("var_file", VAR_FILES, ids=lambda file: file.stem)
def test_every_expression_of_the_tools_has_a_value(var_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tools ask Terraform only for local.tools, and these are all the members they read."""
    monkeypatch.setenv("TF_DATA_DIR", "/nowhere")  # set by make, for the root
    found = terraform.facts([var_file])
    written = tfvars.read(var_file) or {}
    assert (found["name"], found["environment"]) == (written["name"], written["environment"])
    assert found["region"] == written.get("region", tfvars.default("region"))
    assert found["release"].keys() == {"faults", "minutes", "percent"}
    assert found["takes_website"] is (written.get("docs") != "none")
    assert found["domain"] is None
    assert found["faults"] == []
    assert found["api_keys"]
    assert found["entities"].keys() == {name.strip('"') for name in written["entities"]}
    for entity in found["entities"].values():
        assert entity.keys() == {"methods", "options", "path", "schema"}
        for method in entity["methods"].values():
            assert method.keys() == {"access", "group", "scope"}
            assert method["access"] in ("open", "api_key", "cognito", "iam", "jwt")


def test_the_tools_report_schema_faults_before_a_plan(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    text = 'name = "shop"\nenvironment = "dev"\nentities = { todos = { schema = "schemas/absent.json" } }\n'
    file.write_text(text, encoding="utf-8")
    (fault,) = terraform.facts([file])["faults"]
    assert fault.startswith("entities.todos.schema: there is no schemas/absent.json.")


def test_the_tools_ask_terraform_only_for_local_tools() -> None:
    """An expression in a string is checked only when it is used, so a wrong one would fail late."""
    found = set()
    for file in (ROOT / "Makefile", *(ROOT / "tools").rglob("*.py"), ROOT / "build.py", ROOT / "local.py"):
        found |= set(re.findall(r"(?:local|module|var)\.[a-z_.]+(?=[)\"'])", encoding_calls(file.read_text())))
    assert found == {"local.tools", "module.service.openapi_document"}


def encoding_calls(text: str) -> str:
    """Return a text's calls of Terraform's encoding functions, which mark Terraform expressions."""
    return "\n".join(re.findall(r"(?:jsonencode|base64encode)\(.*", text))


def test_the_openapi_document_is_written_with_the_apis_url(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = {"info": {"title": "Über"}, "servers": [{"url": "."}]}
    url = "https://abc.execute-api.eu-west-1.amazonaws.com/dev"
    (root / "output").write_text(json.dumps({"api_url": {"value": url}}))
    (root / "console").write_text(f'"{base64.b64encode(json.dumps(document).encode()).decode()}"\n')
    before = {file.name for file in root.iterdir()}
    for endpoint, server in [
        ("", url),
        ("http://127.0.0.1:5500", "http://127.0.0.1:5500/_aws/execute-api/abc/dev"),
    ]:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        assert deploy.openapi(options()) == 0
        assert capsys.readouterr().out == "openapi-dev.json\n"
        written = json.loads((root / "openapi-dev.json").read_text(encoding="utf-8"))
        assert written == document | {"servers": [{"url": server}]}
    assert {file.name for file in root.iterdir()} - before == {".terraform", "asked", "openapi-dev.json"}
    (root / "output").write_text("{}")
    for command in (deploy.openapi, deploy.outputs, deploy.smoke):
        with pytest.raises(UserError, match=r"^Nothing is deployed yet: run `make deploy ENV=dev` first\.$"):
            command(options())


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "No."}}, "GetAlias")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ProfileNotFound(profile="x"), "No valid AWS credentials: The config profile (x) could not be found."),
        (NoCredentialsError(), "No valid AWS credentials: Unable to locate credentials. Sign in"),
        (ConfigParseError(path="c"), "No valid AWS credentials: Unable to parse config file: c. Sign in"),
        (client_error("ExpiredToken"), "No valid AWS credentials: An error occurred (ExpiredToken)"),
        (client_error("AccessDenied"), "AWS refused: An error occurred (AccessDenied)"),
        (EndpointConnectionError(endpoint_url="u"), "AWS refused: Could not connect to the endpoint URL"),
    ],
)  # fmt: skip
def test_errors_of_aws_have_a_remedy(error: Any, said: str) -> None:
    found = explain_aws_error(error, "Look.")
    assert found.startswith(said)
    assert found.endswith(SIGN_IN if "credentials:" in said else " Look.")
    assert ".." not in found


def test_urls_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        'api_url = "https://abc.execute-api.eu-west-1.amazonaws.com/dev"\n'
        'sign_in_url = "https://shop-dev.auth.eu-west-1.amazoncognito.com"\n'
    )
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert reachable_urls(text, {}) == text
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5500/")
    assert reachable_urls(text, {}) == (
        'api_url = "http://127.0.0.1:5500/_aws/execute-api/abc/dev"\nsign_in_url = "http://127.0.0.1:5500"\n'
    )
