"""The commands that run Terraform on an environment in AWS, and those that read a deployed environment.

If AWS_ENDPOINT_URL names an emulator, URLs are rewritten so that they reach it.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.aws.destroy import check_protection, consequences
from tools.aws.environment import AwsEnvironment
from tools.console import print_lines, print_note
from tools.terraform import ROOT
from tools.urls import reachable_urls

# Evaluated by `terraform console` on the state.
DOCUMENT = "base64encode(module.service.openapi_document)"

# The operations that smoke.py calls, and the access that it supports.
STEPS = {"create", "get", "list", "replace", "delete"}
ACCESS = {"open", "api_key"}


def plan(options: argparse.Namespace) -> int:
    """Show what an apply would change."""
    environment = AwsEnvironment(options.env, options.progress)
    return environment.prepare().attend("plan", environment.var_file_argument, *options.arguments)


def apply(options: argparse.Namespace) -> int:
    """Change the environment."""
    environment = AwsEnvironment(options.env, options.progress)
    environment.prepare()
    return apply_and_note(environment, options.arguments)


def deploy(options: argparse.Namespace) -> int:
    """Change the environment and prove that it works."""
    environment = AwsEnvironment(options.env, options.progress)
    environment.prepare()
    return apply_and_note(environment, options.arguments) or prove(environment, options.smoke or ())


def destroy(options: argparse.Namespace) -> int:
    """Report what is lost and what takes long, and delete the environment."""
    environment = AwsEnvironment(options.env, options.progress)
    terraform = environment.prepare()
    state = terraform.state()
    check_protection(environment.name, state)
    print_lines(f"- {sentence}" for sentence in consequences(environment.name, state))
    code = terraform.attend("destroy", environment.var_file_argument, *options.arguments)
    if not code:
        live_file(environment).unlink(missing_ok=True)  # a new deployment numbers its versions from 1
    return code


def smoke(options: argparse.Namespace) -> int:
    """Prove that the deployed API works."""
    environment = AwsEnvironment(options.env, options.progress)
    environment.prepare()
    return prove(environment, options.arguments)


def outputs(options: argparse.Namespace) -> int:
    """Print the outputs."""
    environment = AwsEnvironment(options.env, options.progress)
    terraform = environment.prepare()
    deployed = environment.outputs()  # raises UserError if nothing is deployed
    print(reachable_urls(terraform.call("output", "-no-color"), deployed), end="", flush=True)
    return 0


def openapi(options: argparse.Namespace) -> int:
    """Write the OpenAPI document into openapi-ENV.json."""
    environment = AwsEnvironment(options.env, options.progress)
    environment.prepare()
    print(write_document(environment).name)
    return 0


def apply_and_note(environment: AwsEnvironment, arguments: Sequence[str]) -> int:
    """Apply, and print a note if the live file pins versions; return Terraform's exit code."""
    code = environment.apply(arguments)
    if not code and (file := live_file(environment)).exists():
        print_note(
            f"environments/{file.name} pins the live versions: run `make release ENV={environment.name}` "
            "for newer code."
        )
    return code


def live_file(environment: AwsEnvironment) -> Path:
    """Return the live file of the environment, by its name in the evaluated variables."""
    return ROOT / "environments" / f"{environment.variables['environment']}.live.json"


def write_document(environment: AwsEnvironment) -> Path:
    """Write the OpenAPI document, with the API's URL, to a file; return the file."""
    deployed = environment.outputs()
    url = reachable_urls(deployed["api_url"], deployed)
    # Encoded, because `terraform console` quotes text.
    encoded = environment.terraform.evaluate(DOCUMENT, [environment.var_file_argument])
    document = json.loads(base64.b64decode(encoded)) | {"servers": [{"url": url}]}
    file = ROOT / f"openapi-{environment.name}.json"
    partial = file.with_suffix(".partial.json")
    partial.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    return partial.replace(file)


def prove(environment: AwsEnvironment, arguments: Sequence[str]) -> int:
    """Run the smoke test on the first suitable entity, with the first API key; return its exit code."""
    deployed = environment.outputs()
    if why := out_of_reach(environment, deployed, arguments):
        print(f"Smoke test skipped: {why}")
        return 0
    command = [sys.executable, str(ROOT / "tests" / "smoke.py"), reachable_urls(deployed["api_url"], deployed)]
    if not any(argument.partition("=")[0] == "--path" for argument in arguments):
        path = smoke_path(environment.variables["entities"])
        if path is None:
            print("Smoke test skipped: no entity without a schema has all operations open or behind an API key.")
            print("Name an entity: make smoke SMOKE=\"--path todos --body '{...}'\"")
            return 0
        command += ["--path", path]
    variables = {**os.environ}
    if keys := deployed["api_key_ids"]:
        key = environment.client("apigateway").get_api_key(apiKey=next(iter(keys.values())), includeValue=True)
        # Every user of the machine can read the arguments of a process.
        variables["TRESTLE_API_KEY"] = key["value"]
    # Last, so that the user's arguments take precedence.
    return subprocess.run([*command, *arguments], check=False, env=variables).returncode


def out_of_reach(environment: AwsEnvironment, deployed: dict[str, Any], arguments: Sequence[str]) -> str:
    """Return why this machine cannot reach the API, and the remedy; "" if it can."""
    if os.environ.get("AWS_ENDPOINT_URL"):
        return ""
    if deployed.get("private_urls"):
        return (
            "the API is reachable only in its VPCs. Run there: python tests/smoke.py URL, with a URL of private_urls."
        )
    has_certificate = any(each.partition("=")[0] == "--client-cert" for each in arguments)
    if deployed.get("domain_target") and not has_certificate and environment.variables["domain"]["has_mutual_tls"]:
        return (
            "the API requires a client certificate. Name one: "
            'make smoke SMOKE="--client-cert client.pem --client-key client.key"'
        )
    return ""


def smoke_path(entities: dict[str, dict[str, Any]]) -> str | None:
    """Return the path of the first entity that smoke.py can test: no schema, all steps, open or with a key."""
    for entity in entities.values():
        access = {operation: method["access"] for operation, method in entity["methods"].items()}
        if entity["schema"] is None and set(access) >= STEPS and {access[step] for step in STEPS} <= ACCESS:
            return str(entity["path"])
    return None
