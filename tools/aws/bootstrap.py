"""Apply bootstrap/, with a separate state for each account, name and region.

With a common state, Terraform would replace the first region's bucket and roles with the second's.
`--write` writes the bucket's name into environments/*.s3.tfbackend. Without it, the command asks in
a terminal.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tools import tfvars
from tools.aws.environment import PLACEHOLDERS
from tools.aws.errors import SIGN_IN, explain_aws_error
from tools.errors import UserError
from tools.laptop.planning import EMULATED_ACCOUNT
from tools.terraform import ROOT, Progress, Terraform, own_environment

FOLDER = ROOT / "bootstrap"
LEGACY = "terraform.tfstate"  # the only state in older checkouts


class Installation(NamedTuple):
    """The name, account and region of a state of bootstrap/. All names in the state contain them."""

    name: str
    account: str
    region: str

    @property
    def file(self) -> str:
        """Return the name of the state's file in bootstrap/."""
        return f"{'-'.join(self)}.tfstate"

    def __str__(self) -> str:
        return f"{self.name} in {self.region} of account {self.account}"


def variables(arguments: Sequence[str]) -> tuple[str, str]:
    """Return the variables name and region that `terraform apply` gets with these arguments."""
    given = []
    for index, argument in enumerate(arguments):
        option, _, value = argument.lstrip("-").partition("=")
        if argument.startswith("-") and option in ("var", "var-file"):
            value = value or next(iter(arguments[index + 1 :]), "")
            # Relative to the folder in which Terraform runs.
            given.append(f"-{option}={FOLDER / value if option == 'var-file' else value}")
    with tempfile.TemporaryDirectory(prefix="trestle-") as folder:
        rules = (FOLDER / "names.tf", FOLDER / "variables.tf")
        loaded = [*rules, *FOLDER.glob("terraform.tfvars*"), *FOLDER.glob("*.auto.tfvars*")]
        for source in loaded:
            if source.is_file():
                (Path(folder) / source.name).symlink_to(source)
        terraform = Terraform(Path(folder), own_environment())
        try:
            name, region = json.loads(terraform.evaluate("jsonencode([var.name, var.region])", given))
        except UserError as error:
            raise UserError(f"make bootstrap: {error}") from None
    return name, region


def account() -> str:
    """Return the account that the credentials belong to."""
    try:
        # The account id is the same in every region.
        return str(boto3.client("sts", region_name="us-east-1").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise UserError(explain_aws_error(error, SIGN_IN)) from error


def installation_of(state: dict[str, Any]) -> Installation | None:
    """Return the installation of a state, from the names of its bucket and log role; None if the state is empty.

    Raise ValueError if it has resources, but neither of these two.
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
    """Return the installation of a state file; None if the file is missing or the state empty."""
    try:
        return installation_of(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UserError(
            f"bootstrap/{file.name} does not name its account and region: rename it to "
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
            f"bootstrap/{LEGACY} and bootstrap/{of.file} are both states of {of}: keep the newer one as "
            f"bootstrap/{of.file}, and remove the other."
        )
    legacy.rename(own)
    print(f"Renamed bootstrap/{LEGACY}, the state of {of}, to bootstrap/{of.file}.")


def apply(wanted: Installation, arguments: Sequence[str], progress: Progress) -> dict[str, Any]:
    """Apply bootstrap/ with the state of an installation; return its outputs by name."""
    state = FOLDER / wanted.file
    if (of := read_installation(state)) not in (None, wanted):
        raise UserError(
            f"bootstrap/{state.name} is the state of {of}, not of {wanted}. Nothing was changed. "
            f"Rename it to bootstrap/{of.file if of else LEGACY}, and run `make bootstrap` again."
        )
    terraform = Terraform(FOLDER, own_environment(), progress=progress)
    progress("Initialising Terraform ...")
    terraform.init(f"-backend-config=path={state}")
    if not state.exists():
        # The provider waits 50 s for lifecycle rules, even in the emulator.
        progress("Applying. The first time takes a minute, because the AWS provider waits for S3's lifecycle rules ...")
    if code := terraform.attend("apply", *arguments):
        raise UserError(f"terraform apply failed with exit code {code}: see its errors above.")
    return terraform.outputs()


def backends_without_bucket(region: str, bucket: str) -> list[Path]:
    """Return the backend files of environments in the region that name no bucket, or that of a rehearsal.

    A rehearsal on an emulated account leaves its bucket's name, under which no real account has a
    bucket.
    """
    found = []
    for file in sorted((ROOT / "environments").glob("*.s3.tfbackend")):
        var_file = file.with_name(f"{file.name.removesuffix('.s3.tfbackend')}.tfvars")
        home = tfvars.region_of(var_file) if var_file.is_file() else tfvars.default("region")
        named = (tfvars.read(file) or {}).get("bucket")
        if home == region and (named in PLACEHOLDERS or f"-state-{EMULATED_ACCOUNT}-" in named) and named != bucket:
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
    """Write the bucket into the backend files without one if the user agrees; otherwise print how."""
    files = backends_without_bucket(region, bucket)
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
    print(f'Wrote bucket = "{bucket}" into {names}.')


def bootstrap(options: argparse.Namespace) -> int:
    """Apply, and offer to write the bucket into backend files; return the exit code."""
    os.umask(0o077)  # only the owner may read a state
    name, region = variables(options.arguments)
    wanted = Installation(name, account(), region)
    adopt_legacy_state()
    outputs = apply(wanted, options.arguments, options.progress)
    if "backend" in outputs:  # not after `-destroy`
        offer_bucket(outputs["backend"]["bucket"], region, write=options.write)
    return 0
