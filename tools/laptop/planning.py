"""Plan an environment that does not exist yet, without AWS, against an empty emulator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools import tfvars
from tools.laptop.emulator import ACCOUNT, Emulator, free_port
from tools.laptop.systems import local_folder
from tools.terraform import Terraform, environment, stage

EMULATED_ACCOUNT = ACCOUNT  # the id of the account in an emulated AWS


def plan_without_aws(var_files: Sequence[Path], folder: Path | None = None) -> dict[str, Any]:
    """Return the plan: https://developer.hashicorp.com/terraform/internals/json-format"""
    tfvars.check(var_files)
    folder = folder or local_folder() / "cost"
    root = stage(folder / "root", folder / "terraform.tfstate")
    # Until the emulator is up, Terraform must reach nothing: port 1 refuses every connection.
    variables = environment("http://127.0.0.1:1", "us-east-1")
    terraform = Terraform(root, variables, folder / "terraform.log")
    region = terraform.facts(var_files)["region"]
    terraform.init_once()
    emulator = Emulator(folder / "emulator")
    try:
        running = emulator.start(free_port(), region)
        terraform.environment = environment(running.endpoint, region)
        return terraform.plan(var_files)
    finally:
        emulator.stop()
