"""What the Makefile asks about an environment in AWS.

`python -m local.deployed check ENV` reads a Terraform state from stdin and stops when it is another's.
`python -m local.deployed smoke ENV` reads `terraform output -json` and runs tests/smoke.py against the API.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import boto3

from local.errors import UserError
from local.terraform import ROOT


def environments(state: dict[str, Any]) -> set[str]:
    """Return the environments that the resources in a state are tagged with."""
    instances = [i for resource in state.get("resources", []) for i in resource.get("instances", [])]
    tags = [i["attributes"].get("tags_all") or {} for i in instances]
    return {t["Environment"] for t in tags if "Environment" in t}


def check(environment: str, state: str) -> None:
    """Stop when the state, as `terraform state pull` prints it, belongs to another environment."""
    if others := environments(json.loads(state or "{}")) - {environment}:
        raise UserError(
            f"environments/{environment}.s3.tfbackend names the state of {' and '.join(sorted(others))}: "
            "give each environment a `key` of its own."
        )


def smoke(outputs: dict[str, Any]) -> int:
    """Run the smoke test on the API of some outputs, with the first API key; return its exit code."""
    command = [sys.executable, str(ROOT / "tests" / "smoke.py"), outputs["api_url"]["value"]]
    if keys := outputs["api_key_ids"]["value"]:
        key = boto3.client("apigateway").get_api_key(apiKey=next(iter(keys.values())), includeValue=True)
        command += ["--api-key", key["value"]]
    return subprocess.run(
        [*command, "--path", next(iter(outputs["table_names"]["value"]))], check=False
    ).returncode


def main(command: str, environment: str) -> int:
    """Run one of the two."""
    said = sys.stdin.read()
    try:
        if command == "check":
            check(environment, said)
            return 0
        return smoke(json.loads(said))
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
