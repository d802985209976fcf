"""What the Makefile asks about an environment in AWS; TF_DATA_DIR says where Terraform is initialised for it.

`python -m local.deployed check ENV` stops when Terraform's state is another environment's.
`python -m local.deployed outputs ENV` prints Terraform's outputs.
`python -m local.deployed smoke ENV` runs tests/smoke.py on an entity of the API; further arguments go to it.

Where AWS_ENDPOINT_URL names an emulator, printed and requested URLs are those at which it answers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.errors import UserError
from local.stack import local_urls
from local.terraform import ROOT, facts, find_terraform, first_error

# What smoke.py tries, and the access it can try it with.
STEPS = {"create", "get", "list", "replace", "delete"}
ACCESS = {"open", "api_key"}


def terraform(*arguments: str, stdin: str = "") -> str:
    """Run one command in the root configuration; return what it printed."""
    done = subprocess.run(
        [find_terraform(), *arguments], check=False, cwd=ROOT, input=stdin, capture_output=True, text=True
    )
    if done.returncode or "Error: " in done.stderr:
        raise UserError(f"terraform {arguments[0]} failed: {first_error(done.stderr)}")
    return done.stdout


def region(api_url: str) -> str:
    """The region in https://ID.execute-api.REGION.amazonaws.com/STAGE."""
    return api_url.split(".")[2]


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


def testable(entities: dict[str, dict[str, Any]]) -> str | None:
    """Return the path of the first entity that smoke.py can try: any item, every step, open or with a key."""
    for entity in entities.values():
        access = {operation: method["access"] for operation, method in entity["methods"].items()}
        if entity["schema"] is None and set(access) >= STEPS and {access[step] for step in STEPS} <= ACCESS:
            return str(entity["path"])
    return None


def reachable(text: str) -> str:
    """Return a text with its URLs of APIs and sign-in as they answer: in AWS, or at AWS_ENDPOINT_URL."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    return str(local_urls(text, endpoint)) if endpoint else text


def smoke(environment: str, arguments: Sequence[str]) -> int:
    """Run the smoke test on the first entity that allows it, with the first API key; return its exit code."""
    outputs = json.loads(terraform("output", "-json"))
    if "api_url" not in outputs:
        raise UserError(f"Nothing is deployed yet: run `make deploy ENV={environment}` first.")
    url = outputs["api_url"]["value"]
    command = [sys.executable, str(ROOT / "tests" / "smoke.py"), reachable(url), *arguments]
    if "--path" not in arguments:
        path = testable(facts([ROOT / "environments" / f"{environment}.tfvars"])["entities"])
        if path is None:
            print(
                "Not smoked: no entity takes any item and has every operation open or for holders of a key."
            )
            print("Name one: make smoke SMOKE=\"--path todos --body '{...}'\"")
            return 0
        command += ["--path", path]
    if keys := outputs["api_key_ids"]["value"]:
        gateway = boto3.client("apigateway", region_name=region(url))
        key = gateway.get_api_key(apiKey=next(iter(keys.values())), includeValue=True)
        command += ["--api-key", key["value"]]
    return subprocess.run(command, check=False).returncode


def main(command: str, environment: str, *arguments: str) -> int:
    """Run one of them."""
    try:
        if command == "check":
            check(environment, terraform("state", "pull"))
            return 0
        if command == "outputs":
            print(reachable(terraform("output", "-no-color")), end="", flush=True)
            return 0
        return smoke(environment, arguments)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Who reads has enough, as `head` has. What is left must not be tried again on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (BotoCoreError, ClientError) as error:
        print(f"AWS refused: {error}. Run `make preflight ENV={environment}` to see why.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
