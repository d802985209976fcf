"""Test bootstrap/: one state per account, name and region, and its bucket in backend files without one."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from tests.unit import commands
from tools import terraform, tfvars
from tools.aws import bootstrap as tool
from tools.errors import UserError
from tools.terraform import ROOT, SERVICE

BACKEND = """# The bucket, and its region, that `make bootstrap` printed:
# bucket     = "..."
region       = "us-west-2"
key          = "trestle/dev.tfstate"
use_lockfile = true
"""
OTHER = {"mode": "managed", "type": "x", "name": "y", "instances": [{"attributes": {}}]}
WEST, EAST = "us-west-2", "us-east-1"


def state(region: str = WEST, without: str = "") -> dict[str, Any]:
    """Return Terraform's state of an applied bootstrap/."""
    bucket = {"bucket": f"shop-state-123456789012-{region}"}
    role = {"name": f"shop-api-gateway-logs-{region}", "arn": "arn:aws:iam::123456789012:role/bootstrap/x"}
    resources = [("aws_s3_bucket", "state", bucket), ("aws_iam_role", "logs", role)]
    return {
        "resources": [
            {"mode": "managed", "type": kind, "name": called, "instances": [{"attributes": values}]}
            for kind, called, values in resources
            if called != without
        ]
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's bootstrap/ folder, next to its environments/."""
    for name in ("bootstrap", "environments"):
        (tmp_path / name).mkdir()
    for name in ("names.tf", "variables.tf"):
        shutil.copyfile(ROOT / "bootstrap" / name, tmp_path / "bootstrap" / name)
    shutil.copyfile(ROOT / "variables.tf", tmp_path / "variables.tf")
    for module in (tool, tfvars):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "FOLDER", tmp_path / "bootstrap")
    for variable in ("TF_VAR_region", "TF_VAR_name"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "bootstrap"


class FakeTerraform:
    """A fake Terraform that writes the state an apply would write."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, outputs: dict[str, Any]) -> None:
        self.commands: list[list[str]] = []
        self.code = self.init_code = self.output_code = 0
        answer = json.dumps({name: {"value": value} for name, value in outputs.items()})
        monkeypatch.setattr(terraform.Terraform, "attend", self.attend)
        monkeypatch.setattr(terraform.Terraform, "run", self.run)
        self.answer = answer
        monkeypatch.setattr(tool, "account", lambda: "123456789012")
        # The resources' values without running Terraform.
        wanted = [("name", "shop"), ("region", WEST)]
        monkeypatch.setattr(
            tool,
            "variables",
            lambda given: tuple(
                next((each.split(f"{name}=")[1] for each in given if f"{name}=" in each), other)
                for name, other in wanted
            ),
        )
        monkeypatch.setattr(terraform, "find_mirror", lambda: Path("/mirror"))

    def attend(self, *command: str) -> int:
        self.commands.append([*command])
        return self.code

    def run(self, command: list[str], *_: Any) -> terraform.Result:
        if command[0] != "output":
            self.commands.append(command)
            return terraform.Result(self.init_code, "", "Error: No provider\n")
        return terraform.Result(self.output_code, self.answer, "Error: No state\n")


def use_fake_terraform(monkeypatch: pytest.MonkeyPatch, region: str = WEST) -> FakeTerraform:
    bucket = f"shop-state-123456789012-{region}"
    return FakeTerraform(monkeypatch, {"backend": {"bucket": bucket, "region": region}})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ("trestle", WEST)),
        (["-auto-approve", "-var", "region=eu-west-1", "-var=name=shop"], ("shop", "eu-west-1")),
        (["--var-file", "my.tfvars", "-var=name=other"], ("other", "eu-west-3")),
        (["-var-file=my.tfvars"], ("filed", "eu-west-3")),
    ],
)
def test_variables_are_read_as_terraform_reads_them(
    folder: Path, arguments: list[str], expected: tuple[str, str]
) -> None:
    (folder / "my.tfvars").write_text('name = "filed"\nregion = "eu-west-3"\n')
    assert tool.variables(arguments) == expected


def test_files_and_variables_that_terraform_finds_by_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "terraform.tfvars").write_text('name = "shop"\n')
    (folder / "more.auto.tfvars").write_text('repository = "octo/shop"\n')
    monkeypatch.setenv("TF_VAR_region", "ap-south-1")
    monkeypatch.setenv("TF_DATA_DIR", "/nowhere")
    assert tool.variables([]) == ("shop", "ap-south-1")


def test_a_wrong_variable_is_reported_in_one_sentence(folder: Path) -> None:
    with pytest.raises(UserError, match=r'^make bootstrap: .*region: "here" is not a region\'s code\. Write a region'):
        tool.variables(["-var", "region=here"])


def test_names_have_the_rules_and_messages_of_the_root() -> None:
    """Compares both as text: a rule or message changed in only one of them fails."""
    for variable in ("name", "region"):
        first, second = (
            re.search(rf'^variable "{variable}" {{\n.*?^}}$', file.read_text(), re.DOTALL | re.MULTILINE)
            for file in (ROOT / SERVICE / "variables.tf", ROOT / "bootstrap" / "variables.tf")
        )
        assert first
        assert second
        rules = [
            re.findall(r"^  validation {\n.*?^  }$", each[0], re.DOTALL | re.MULTILINE) for each in (first, second)
        ]
        assert rules[0]
        assert rules[0] == rules[1]
    both = [
        " ".join(file.read_text().split()) for file in (ROOT / SERVICE / "locals.tf", ROOT / "bootstrap" / "names.tf")
    ]
    # Formatted as by Terraform, except for blanks.
    for name in ("character_names", "name_pattern", "reserved_name"):
        expressions = [re.search(rf" {name} = (merge\(.*? }}\)|\S+)", text) for text in both]
        assert expressions[0]
        assert expressions[1]
        assert expressions[0][1] == expressions[1][1]


def test_each_invalid_environment_is_named(folder: Path) -> None:
    given = json.dumps(["", "a", "my env", "Prod", "2nd", "dev-", "e" * 21, "a--b"])
    with pytest.raises(UserError) as error:
        tool.variables([f"-var=environments={given}"])
    write = "Write 2 to 20 lower-case letters, digits and hyphens, a letter first, such as"
    said = {
        "": "is empty",
        "2nd": "does not begin with a letter",
        "Prod": "contains the capital letter P",
        "a": "has one character",
        "dev-": "ends in a hyphen",
        "e" * 21: "has 21 characters",
        "my env": "contains a space",
    }
    sentences = " ".join(f'environments: "{name}" {fault}. {write} "dev".' for name, fault in said.items())
    assert sentences in str(error.value)


def test_no_environment_at_all_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"environments is empty\. Write at least one"):
        tool.variables(["-var=environments=[]"])


def test_each_region_has_a_state_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = use_fake_terraform(monkeypatch)
    for region in (WEST, EAST):
        assert commands.run("bootstrap", "-auto-approve", "-var=name=shop", f"-var=region={region}") == 0
    paths = [command[5] for command in made.commands if command[0] == "init"]
    assert paths == [f"-backend-config=path={folder}/shop-123456789012-{region}.tfstate" for region in (WEST, EAST)]
    fixed = ["init", "-input=false", "-no-color", "-lockfile=readonly", "-reconfigure"]
    assert made.commands[0] == [*fixed, paths[0], "-plugin-dir=/mirror"]
    assert made.commands[1] == ["apply", "-auto-approve", "-var=name=shop", f"-var=region={WEST}"]


def test_the_first_apply_says_why_it_takes_a_minute(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_fake_terraform(monkeypatch)
    said = "the AWS provider waits for S3's lifecycle rules"
    assert commands.run("bootstrap", "-var=name=shop") == 0
    assert said in capsys.readouterr().err
    (folder / f"shop-123456789012-{WEST}.tfstate").write_text(json.dumps(state(WEST)))
    assert commands.run("bootstrap", "-var=name=shop") == 0
    assert said not in capsys.readouterr().err


@pytest.mark.parametrize("without", ["", "state", "logs"])
def test_the_single_state_of_an_earlier_version_is_moved(
    folder: Path, monkeypatch: pytest.MonkeyPatch, without: str
) -> None:
    use_fake_terraform(monkeypatch)
    text = json.dumps(state(EAST, without))
    (folder / "terraform.tfstate").write_text(text)
    assert commands.run("bootstrap", "-var=name=shop") == 0  # a run for another region
    assert {f.name: f.read_text() for f in folder.glob("*.tfstate")} == {f"shop-123456789012-{EAST}.tfstate": text}


def test_an_empty_state_of_an_earlier_version_is_ignored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake_terraform(monkeypatch)
    (folder / "terraform.tfstate").write_text('{"resources": []}')
    assert commands.run("bootstrap") == 0
    assert (folder / "terraform.tfstate").exists()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {f"shop-123456789012-{WEST}.tfstate": state(EAST)},
            f"bootstrap/shop-123456789012-{WEST}.tfstate is the state of shop in {EAST} of account "
            f"123456789012, not of shop in {WEST} of account 123456789012. Nothing was changed.",
        ),
        (
            {"terraform.tfstate": state(), f"shop-123456789012-{WEST}.tfstate": state()},
            f"bootstrap/terraform.tfstate and bootstrap/shop-123456789012-{WEST}.tfstate are both states of shop",
        ),
        (
            {"terraform.tfstate": {"resources": [{"mode": "managed"}]}},
            "bootstrap/terraform.tfstate does not name its account and region",
        ),
        (
            {"terraform.tfstate": {"resources": [OTHER]}},
            "bootstrap/terraform.tfstate does not name its account and region",
        ),
    ],
)  # fmt: skip
def test_a_state_of_another_system_stops_it(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, dict[str, Any]],
    said: str,
) -> None:
    made = use_fake_terraform(monkeypatch)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    assert commands.run("bootstrap", "-var=name=shop") == 1
    assert capsys.readouterr().err.startswith(said)
    assert made.commands == []


def test_a_failed_terraform_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = use_fake_terraform(monkeypatch)
    made.code = 1
    assert commands.run("bootstrap") == 1
    assert capsys.readouterr().err.endswith("\nterraform apply failed with exit code 1: see its errors above.\n")
    made.init_code = 1
    assert commands.run("bootstrap") == 1
    assert capsys.readouterr().err.endswith("\nterraform init failed: No provider\n")


def test_unreadable_outputs(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made = use_fake_terraform(monkeypatch)
    made.output_code = 1
    assert commands.run("bootstrap") == 1
    assert capsys.readouterr().err.endswith("\nterraform output failed: No state\n")


def test_without_credentials_it_stops(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Sts:
        def get_caller_identity(self) -> None:
            raise NoCredentialsError

    monkeypatch.setattr("boto3.client", lambda *_, **__: Sts())
    assert commands.run("bootstrap") == 1
    assert capsys.readouterr().err.startswith("No valid AWS credentials: Unable to locate credentials. Sign in")


def environments(folder: Path, **backends: tuple[str, str]) -> dict[str, Path]:
    """Write each environment's tfvars and backend file; return the backend files by name."""
    found = {}
    for name, (tfvars_text, text) in backends.items():
        found[name] = folder.parent / "environments" / f"{name}.s3.tfbackend"
        found[name].write_text(text)
        found[name].with_name(f"{name}.tfvars").write_text(tfvars_text)
    return found


FILLED = BACKEND.replace('# bucket     = "..."', 'bucket       = "mine"')


def test_the_bucket_is_written_to_backend_files_without_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = environments(
        folder,
        dev=('region = "us-east-1"\n', BACKEND),
        elsewhere=("", BACKEND),
        bare=('region = "us-east-1"\n', 'key = "bare.tfstate"\n'),
        named=('region = "us-east-1"\n', FILLED),
        dots=('region = "us-east-1"\n', 'bucket = "..."\nkey = "dots.tfstate"\n'),
        rehearsed=(
            'region = "us-east-1"\n', 'bucket = "shop-state-000000000000-us-east-1"\nkey = "rehearsed.tfstate"\n'
        ),
    )  # fmt: skip
    use_fake_terraform(monkeypatch, EAST)
    assert commands.run("bootstrap", "--write", "-var", f"region={EAST}") == 0
    assert files["dev"].read_text() == BACKEND.replace(
        '# bucket     = "..."\nregion       = "us-west-2"',
        'bucket       = "shop-state-123456789012-us-east-1"\nregion       = "us-east-1"',
    )
    for name in ("bare", "dots", "rehearsed"):
        assert tfvars.read(files[name]) == {
            "bucket": "shop-state-123456789012-us-east-1", "key": f"{name}.tfstate", "region": "us-east-1"
        }  # fmt: skip
    assert (files["elsewhere"].read_text(), files["named"].read_text()) == (BACKEND, FILLED)


@pytest.mark.parametrize(("answer", "is_written"), [("yes\n", True), ("no\n", False), (None, False)])
def test_backend_files_are_written_only_with_consent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    answer: str | None, is_written: bool,
) -> None:  # fmt: skip
    files = environments(folder, dev=("", BACKEND))
    use_fake_terraform(monkeypatch)
    terminal = io.StringIO(answer or "")
    monkeypatch.setattr(terminal, "isatty", lambda: answer is not None)
    monkeypatch.setattr("sys.stdin", terminal)
    assert commands.run("bootstrap") == 0
    assert (files["dev"].read_text() != BACKEND) == is_written
    if not is_written:
        assert "`make bootstrap WRITE=1` writes bucket" in capsys.readouterr().out


def test_destroy_writes_no_bucket(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = environments(folder, dev=("", BACKEND))
    FakeTerraform(monkeypatch, {})
    assert commands.run("bootstrap", "--write", "-destroy") == 0
    assert files["dev"].read_text() == BACKEND


def test_backend_files_leave_encryption_to_the_bucket() -> None:
    """With `encrypt`, the backend would request S3's own key instead of the bucket's KMS key."""
    files = sorted((ROOT / "environments").glob("*.s3.tfbackend"))
    assert len(files) >= 3
    assert [file.name for file in files if "encrypt" in (tfvars.read(file) or {"encrypt": "unread"})] == []
