"""Apply bootstrap/, which has a state for each account, name and region.

`python -m tools.aws.bootstrap [--write] ARGS`, where ARGS go to `terraform apply`. With one state for all of
them, Terraform would replace the first region's bucket and roles with the second's. `--write` writes the
bucket's name into environments/*.s3.tfbackend. Without it, the command asks if it runs in a terminal.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tools import tfvars
from tools.aws.deployed import PLACEHOLDERS, SIGN_IN, explain_aws_error
from tools.errors import UserError, user_errors
from tools.terraform import ROOT, attend, find_mirror, find_terraform, first_error

FOLDER = ROOT / "bootstrap"
LEGACY = "terraform.tfstate"  # the only state, before each place had its own


class Installation(NamedTuple):
    """What a state of bootstrap/ belongs to. All names in the state contain these three."""

    name: str
    account: str
    region: str

    @property
    def file(self) -> str:
        """The state's file in bootstrap/."""
        return f"{'-'.join(self)}.tfstate"

    def __str__(self) -> str:
        return f"{self.name} in {self.region} of account {self.account}"


def variables(arguments: Sequence[str]) -> tuple[str, str]:
    """Return the variables name and region, as `terraform apply` with these arguments takes them."""
    given = []
    for index, argument in enumerate(arguments):
        option, _, value = argument.lstrip("-").partition("=")
        if argument.startswith("-") and option in ("var", "var-file"):
            value = value or next(iter(arguments[index + 1 :]), "")
            # Relative to where Terraform runs.
            given.append(f"-{option}={FOLDER / value if option == 'var-file' else value}")
    with tempfile.TemporaryDirectory(prefix="trestle-") as folder:
        rules = (FOLDER / "names.tf", FOLDER / "variables.tf")
        loaded = [*rules, *FOLDER.glob("terraform.tfvars*"), *FOLDER.glob("*.auto.tfvars*")]
        for source in loaded:
            if source.is_file():
                (Path(folder) / source.name).symlink_to(source)
        done = subprocess.run(
            [find_terraform(), "console", "-no-color", *given], check=False, capture_output=True, text=True,
            cwd=folder, input="jsonencode([var.name, var.region])\n",
            env={name: value for name, value in os.environ.items() if name != "TF_DATA_DIR"},
        )  # fmt: skip
    answer = next((line for line in done.stdout.splitlines() if line.startswith('"')), None)
    if done.returncode or answer is None or "Error: " in done.stderr:
        raise UserError(f"make bootstrap: {first_error(done.stderr)}")
    name, region = json.loads(json.loads(answer))
    return name, region


def account() -> str:
    """Return the account that the credentials belong to."""
    try:
        # Whatever region: an account has one number in all of them.
        return str(boto3.client("sts", region_name="us-east-1").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise UserError(explain_aws_error(error, SIGN_IN)) from error


def installation_of(state: dict[str, Any]) -> Installation | None:
    """Return the place of a state, by the names of its bucket and its log role; None for an empty state.

    Raise ValueError if it holds resources, but neither of these two.
    """
    found: dict[str, dict[str, Any]] = {
        f"{each['type']}.{each['name']}": each["instances"][0]["attributes"]
        for each in state.get("resources", ())
        if each["mode"] == "managed" and each["instances"]
    }
    if bucket := found.get("aws_s3_bucket.state"):
        match = re.fullmatch(r"(.+)-state-(\d{12})-([a-z0-9-]+)", bucket["bucket"])
        if match:
            return Installation(*match.groups())
    if role := found.get("aws_iam_role.logs"):
        match = re.fullmatch(r"(.+)-api-gateway-logs-([a-z0-9-]+)", role["name"])
        if match:
            return Installation(match[1], role["arn"].split(":")[4], match[2])
    if found:
        raise ValueError
    return None


def read_installation(file: Path) -> Installation | None:
    """Return the place of a state's file; None if there is no file, or nothing in it."""
    try:
        return installation_of(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UserError(
            f"bootstrap/{file.name} does not say which account and region it is of: rename it to "
            "NAME-ACCOUNT-REGION.tfstate, or restore it from a copy."
        ) from None


def adopt_legacy_state() -> None:
    """Rename the state of an older checkout, if there is one."""
    legacy = FOLDER / LEGACY
    if (of := read_installation(legacy)) is None:
        return
    own = FOLDER / of.file
    if own.exists():
        raise UserError(
            f"bootstrap/{LEGACY} and bootstrap/{of.file} are both of {of}: keep the newer one as "
            f"bootstrap/{of.file}, and move the other away."
        )
    legacy.rename(own)
    print(f"bootstrap/{LEGACY} is the state of {of}: it is bootstrap/{of.file} now.")


def apply(wanted: Installation, arguments: Sequence[str]) -> dict[str, Any]:
    """Apply bootstrap/ with the state of a place; return its outputs by name."""
    state = FOLDER / wanted.file
    if (of := read_installation(state)) not in (None, wanted):
        raise UserError(
            f"bootstrap/{state.name} is the state of {of}, and not of {wanted}: nothing was changed. "
            f"Rename it to bootstrap/{of.file if of else LEGACY}, and run `make bootstrap` again."
        )
    terraform = [str(find_terraform()), f"-chdir={FOLDER}"]
    mirror = find_mirror()
    from_mirror = [f"-plugin-dir={mirror}"] if mirror else []
    place = f"-backend-config=path={state}"
    for command in (
        [*terraform, "init", "-input=false", "-reconfigure", place, *from_mirror],
        [*terraform, "apply", *arguments],
    ):
        if code := attend(command):
            raise UserError(f"terraform {command[2]} ended with exit code {code}: see above.")
    done = subprocess.run([*terraform, "output", "-json"], check=False, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"terraform output failed: {first_error(done.stderr)}")
    return {name: output["value"] for name, output in json.loads(done.stdout).items()}


def backends_without_bucket(region: str) -> list[Path]:
    """Return the backend files that name no bucket, of environments in the region."""
    found = []
    for file in sorted((ROOT / "environments").glob("*.s3.tfbackend")):
        var_file = file.with_name(f"{file.name.removesuffix('.s3.tfbackend')}.tfvars")
        home = tfvars.region_of(var_file) if var_file.is_file() else tfvars.default("region")
        if home == region and (tfvars.read(file) or {}).get("bucket") in PLACEHOLDERS:
            found.append(file)
    return found


def fill_backend(text: str, bucket: str, region: str) -> str:
    """Return a backend file's text with the bucket and its region."""
    wanted = {"bucket": bucket, "region": region}
    lines = []
    for line in text.splitlines():
        match = re.match(r"#?\s*(bucket|region)\s*=", line)
        if not match:
            lines.append(line)
        elif match[1] in wanted:
            lines.append(f'{match[1]:12} = "{wanted.pop(match[1])}"')
    return "\n".join([*lines, *(f'{name:12} = "{value}"' for name, value in wanted.items())]) + "\n"


def offer_bucket(bucket: str, region: str, *, write: bool) -> None:
    """Write the bucket into the backend files without one if the user wants that; else print how."""
    files = backends_without_bucket(region)
    if not files:
        return
    names = ", ".join(tfvars.display_name(file) for file in files)
    if not write and sys.stdin.isatty():
        write = input(f"Write this bucket into {names}? Answer yes to write it: ").strip() == "yes"
    if not write:
        print(f'{names}: no bucket yet. `make bootstrap WRITE=1` writes bucket = "{bucket}" there.')
        return
    for file in files:
        file.write_text(fill_backend(file.read_text(encoding="utf-8"), bucket, region), encoding="utf-8")
    print(f'bucket = "{bucket}" is in {names} now.')


def main(arguments: Sequence[str]) -> int:
    """Apply, and offer to write down the bucket; return the exit code."""
    rest = [argument for argument in arguments if argument != "--write"]
    os.umask(0o077)  # a state is its owner's alone
    try:
        name, region = variables(rest)
        wanted = Installation(name, account(), region)
        adopt_legacy_state()
        outputs = apply(wanted, rest)
        if "backend" in outputs:  # not after `-destroy`
            offer_bucket(outputs["backend"]["bucket"], region, write="--write" in arguments)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except (EOFError, KeyboardInterrupt):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(user_errors(main)(sys.argv[1:]))
