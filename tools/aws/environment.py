"""An environment in AWS: its files, its Terraform, its state and its functions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tools import tfvars
from tools.aws.redeploy import Routes
from tools.dist import build_functions
from tools.environment import function_names, worker_names
from tools.errors import UserError
from tools.suggestions import correction
from tools.terraform import ROOT, Progress, Terraform, facts, own_environment

NO_BACKEND = "Run `make bootstrap`, which creates the bucket and offers to write its name there."

ATTEMPTS = 10

# Values of a backend file that is not filled in yet.
PLACEHOLDERS = (None, "", "...")

# Resources that no apply can move to another region. Their ARNs contain the region.
REGIONAL = ("aws_api_gateway_rest_api", "aws_cognito_user_pool", "aws_dynamodb_table", "aws_kms_key",
            "aws_lambda_function")  # fmt: skip


class AwsEnvironment:
    """The environment of environments/NAME.tfvars."""

    project = ROOT

    def __init__(self, name: str, progress: Progress) -> None:
        """Find the tfvars. Raise UserError if there are none, or if this Trestle is a module of another root."""
        if ".terraform" in ROOT.parts:
            raise UserError(
                f"{ROOT} is a copy of Trestle that `terraform init` made for your own configuration, but these "
                "commands work only on Trestle's own root. Run terraform in your configuration instead, as "
                "examples/as-module/README.md shows.",
                exit_code=2,
            )
        self.name = name
        self.progress = progress
        self.var_file = ROOT / "environments" / f"{name}.tfvars"
        self.apply_command = f"make apply ENV={name}"
        if not self.var_file.is_file():
            known = [file.stem for file in self.var_file.parent.glob("*.tfvars")]
            raise UserError(
                f"There is no environments/{name}.tfvars: {correction(name, known, 'create it first')}", exit_code=2
            )

    @cached_property
    def terraform(self) -> Terraform:
        """Return Terraform on the root configuration, with the environment's own data folder and backend."""
        data = ROOT / ".terraform" / self.name
        return Terraform(ROOT, own_environment(TF_DATA_DIR=str(data)), progress=self.progress)

    @property
    def backend_argument(self) -> str:
        """Return the argument of `terraform init` that names the backend file."""
        return f"-backend-config=environments/{self.name}.s3.tfbackend"

    @property
    def var_file_argument(self) -> str:
        """Return the argument that names the var-file."""
        return f"-var-file=environments/{self.name}.tfvars"

    # --- Before Terraform works on it ---

    def check_var_file(self) -> None:
        """Raise UserError if a var-file of the environment has faults."""
        tfvars.check(tfvars.all_var_files([self.var_file]), os.environ)

    @cached_property
    def variables(self) -> dict[str, Any]:
        """Return local.tools of modules/service, from all var-files of the environment."""
        return facts(tfvars.all_var_files([self.var_file]))

    def prepare(self) -> Terraform:
        """Build, check the files, and initialise Terraform. Raise UserError if the state is another environment's."""
        # An emulator runs the functions on this machine.
        build_functions(self.progress, is_laptop="AWS_ENDPOINT_URL" in os.environ)
        self.check_var_file()
        self.initialise()
        self.check_state(self.terraform.state())
        return self.terraform

    def initialise(self) -> None:
        """Initialise Terraform with the environment's backend. Raise UserError if its file is not filled in."""
        _, fault, remedy = read_backend(self.name)
        if fault:
            raise UserError(f"{fault} {remedy}")
        self.progress("Initialising Terraform ...")
        try:
            self.terraform.init(self.backend_argument)
        except UserError as error:
            raise UserError(f"{error} Run `make preflight ENV={self.name}` to see why.") from None

    def check_state(self, state: dict[str, Any]) -> None:
        """Raise UserError if a state belongs to another environment, system or region.

        Compare with the variable `environment`, not with the file's name: two regions may share an
        environment.
        """
        wanted = self.variables
        if others := tags_in(state, "Environment") - {wanted["environment"]}:
            raise UserError(
                f"environments/{self.name}.s3.tfbackend names the state of {' and '.join(sorted(others))}: "
                "give each environment its own `key`."
            )
        if names := sorted(tags_in(state, "Project") - {wanted["name"]}):
            raise UserError(
                f"{self.name} is deployed with the name {' and '.join(names)}, but its tfvars say {wanted['name']}: an "
                "apply would replace its tables, keys and API with empty ones of that name. "
                f'Set name = "{names[0]}" in environments/{self.name}.tfvars. For a system with another name, create '
                "tfvars and a backend file with its own `key`."
            )
        if elsewhere := sorted(regions_in(state) - {wanted["region"]}):
            raise UserError(
                f"{self.name} is deployed in {' and '.join(elsewhere)}, but its tfvars say {wanted['region']}: an "
                "apply would create its tables, keys and API again, and lose track of those in "
                f'{elsewhere[0]}. Set region = "{elsewhere[0]}" in environments/{self.name}.tfvars. For a second '
                "region, create tfvars and a backend file with its own `key`."
            )

    # --- What is deployed ---

    def apply(self, arguments: Sequence[str]) -> int:
        """Apply with the user watching, and redeploy the API if routes were removed; return Terraform's exit code."""
        inputs = [self.var_file_argument, *arguments]
        routes = Routes(self.terraform)
        routes.remember()
        if code := self.terraform.attend("apply", *inputs):
            return code
        routes.finish(inputs)
        return 0

    def outputs(self) -> dict[str, Any]:
        """Return Terraform's outputs by name. Raise UserError if nothing is deployed or Terraform fails."""
        if not (self.terraform.data_dir / "terraform.tfstate").exists():  # in a fresh checkout
            self.initialise()
        try:
            found = self.terraform.outputs()
        except UserError as error:
            raise UserError(f"{error} Run `make preflight ENV={self.name}` to see why.") from None
        if "api_url" not in found:
            raise UserError(f"Nothing is deployed yet: run `make deploy ENV={self.name}` first.")
        return found

    def entities(self) -> dict[str, Any]:
        """Return the derived attributes of each entity for the tools, by the entity's name."""
        found: dict[str, Any] = self.variables["entities"]
        return found

    def functions(self) -> dict[str, Any]:
        """Return the derived attributes of each function of app/ for the tools, by its key in the tfvars."""
        found: dict[str, Any] = self.variables["functions"]
        return found

    # --- Without Terraform, so that a rollback is fast ---

    @cached_property
    def region(self) -> str:
        """Return the region in the var-files."""
        return tfvars.region_of(self.var_file)

    @cached_property
    def values(self) -> dict[str, Any]:
        """Return the variables as written in the var-files."""
        values = tfvars.values_of(self.var_file)
        written = [values.get(key) for key in ("name", "environment")]
        if not all(isinstance(each, str) and "${" not in each for each in written):
            raise UserError(
                f"environments/{self.name}.tfvars has no literal name and environment: write both as plain strings."
            )
        return values

    @property
    def system(self) -> str:
        """Return NAME-ENVIRONMENT."""
        return "{name}-{environment}".format(**self.values)

    @property
    def live_file(self) -> Path:
        """Return the file with the live versions."""
        return ROOT / "environments" / f"{self.values['environment']}.live.json"

    def client(self, service: str, *, timeout: int | None = None) -> Any:
        """Return a client that retries on AWS's rate limits and on transactions that change the same item.

        timeout: seconds to wait for a response. With it, the client does not retry.
        """
        config = Config(retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS})
        if timeout is not None:
            config = Config(retries={"total_max_attempts": 1}, read_timeout=timeout)
        make: Any = boto3.client  # typed for each service's literal name
        client = make(service, region_name=self.region, config=config)
        client.meta.events.register("needs-retry.dynamodb", wait_for_transaction)
        return client

    def function_names(self) -> set[str]:
        """Return the names of the functions, from Terraform's outputs."""
        return function_names(self.outputs())

    def worker_names(self) -> set[str]:
        """Return the names of the user's functions on jobs, events or changes."""
        return worker_names(self.outputs())

    def release_settings(self) -> dict[str, Any]:
        """Return the variable `release` with its defaults."""
        found: dict[str, Any] = self.variables["release"]
        return found


def wait_for_transaction(response: Any, attempts: int, **_: Any) -> float | None:
    """Return the seconds until the next attempt if a transaction is changing the item, or None.

    botocore does not retry such requests. Ours are safe to retry: they have conditions, or replace
    any item.
    """
    code = response[1].get("Error", {}).get("Code") if response else None
    return 0.05 * attempts if code == "TransactionConflictException" and attempts < ATTEMPTS else None


def tags_in(state: dict[str, Any], key: str) -> set[str]:
    """Return the values of a tag of the resources in a state."""
    instances = [i for resource in state.get("resources", []) for i in resource.get("instances", [])]
    tags = [i["attributes"].get("tags_all") or {} for i in instances]
    return {t[key] for t in tags if key in t}


def regions_in(state: dict[str, Any]) -> set[str]:
    """Return the regions of a state's resources with data or code, from their ARNs."""
    return {
        instance["attributes"]["arn"].split(":")[3]
        for resource in state.get("resources", [])
        if resource.get("type") in REGIONAL
        for instance in resource.get("instances", [])
        if instance["attributes"].get("arn")
    }


def read_backend(environment: str) -> tuple[dict[str, str], str, str]:
    """Return the values in an environment's backend file, its fault or "", and the remedy."""
    file = ROOT / "environments" / f"{environment}.s3.tfbackend"
    if not file.is_file():
        return {}, f"There is no environments/{file.name}.", NO_BACKEND
    found = tfvars.read(file)
    if found is None:
        return {}, f"environments/{file.name} cannot be read.", 'Write lines of NAME = "VALUE".'
    missing = [name for name in ("bucket", "key", "region") if found.get(name) in PLACEHOLDERS]
    if missing:
        return found, f"environments/{file.name} has no {' and no '.join(missing)}.", NO_BACKEND
    for other in sorted(file.parent.glob("*.s3.tfbackend")):
        values = (tfvars.read(other) or {}) if other != file else {}
        if all(values.get(name) == found[name] for name in ("bucket", "key")):
            fault = f"environments/{file.name} and {other.name} name the same state."
            return found, fault, "Give each environment its own `key`."
    return found, "", ""
