"""What the Makefile asks about an environment in AWS; TF_DATA_DIR says where Terraform is initialised for it.

`python -m tools.aws.deployed backend ENV` stops when the backend file does not name the state's place.
`python -m tools.aws.deployed check ENV` stops when Terraform's state is another environment's or region's.
`python -m tools.aws.deployed openapi ENV` writes the OpenAPI document into openapi-ENV.json.
`python -m tools.aws.deployed outputs ENV` prints Terraform's outputs.
`python -m tools.aws.deployed smoke ENV` runs tests/smoke.py on an entity of the API; further arguments go to it.

Where AWS_ENDPOINT_URL names an emulator, printed and requested URLs are those at which it answers.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from tools import tfvars
from tools.errors import UserError, user_errors
from tools.laptop.stack import local_urls
from tools.terraform import ROOT, facts, find_terraform, first_error

NO_BACKEND = "Run `make bootstrap`, which makes the bucket and offers to write its name there."

# What a backend file's bucket is before somebody fills it in.
PLACEHOLDERS = (None, "", "...")

# Resources that no apply can move to another region. Their ARNs name the region.
REGIONAL = ("aws_api_gateway_rest_api", "aws_cognito_user_pool", "aws_dynamodb_table", "aws_kms_key",
            "aws_lambda_function")  # fmt: skip

# The one expression that needs the provider; every plan has this output of the module.
DOCUMENT = "base64encode(module.service.openapi_document)\n"

# What smoke.py tries, and the access it can try it with.
STEPS = {"create", "get", "list", "replace", "delete"}
ACCESS = {"open", "api_key"}


# Errors that mean an unknown caller. Others mean a known caller without the right.
CREDENTIAL_ERRORS = (ConfigNotFound, ConfigParseError, CredentialRetrievalError, NoAuthTokenError, NoCredentialsError,
           PartialCredentialsError, ProfileNotFound, SSOError, TokenRetrievalError)  # fmt: skip
CREDENTIAL_ERROR_CODES = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch",
                 "UnrecognizedClientException")  # fmt: skip
SIGN_IN = "Sign in, for example by `aws sso login`, and set AWS_PROFILE."


def explain_aws_error(error: BotoCoreError | ClientError, remedy: str) -> str:
    """Return what AWS said and what to do: the remedy, unless AWS does not know the caller."""
    text = str(error).strip().rstrip(".")
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    if isinstance(error, CREDENTIAL_ERRORS) or code in CREDENTIAL_ERROR_CODES:
        return f"AWS does not know you: {text}. {SIGN_IN}"
    return f"AWS refused: {text}. {remedy}"


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


def evaluate_variables(name: str) -> dict[str, Any]:
    """Return local.tools of modules/service for an environment, from all var-files that Terraform loads for it."""
    return facts(tfvars.all_var_files([ROOT / "environments" / f"{name}.tfvars"]))


def environments_in(state: dict[str, Any]) -> set[str]:
    """Return the environments that the resources in a state are tagged with."""
    instances = [i for resource in state.get("resources", []) for i in resource.get("instances", [])]
    tags = [i["attributes"].get("tags_all") or {} for i in instances]
    return {t["Environment"] for t in tags if "Environment" in t}


def regions_in(state: dict[str, Any]) -> set[str]:
    """Return the regions of a state's resources that hold data or code, from their ARNs."""
    return {
        instance["attributes"]["arn"].split(":")[3]
        for resource in state.get("resources", [])
        if resource.get("type") in REGIONAL
        for instance in resource.get("instances", [])
        if instance["attributes"].get("arn")
    }


def check(name: str, state: str) -> None:
    """Stop when the state, as `terraform state pull` prints it, belongs to another environment or region.

    `name` is that of the files: a system in two regions has the same environment in both.
    """
    wanted, found = evaluate_variables(name), json.loads(state or "{}")
    if others := environments_in(found) - {wanted["environment"]}:
        raise UserError(
            f"environments/{name}.s3.tfbackend names the state of {' and '.join(sorted(others))}: "
            "give each environment a `key` of its own."
        )
    if elsewhere := sorted(regions_in(found) - {wanted["region"]}):
        raise UserError(
            f"{name} is deployed in {' and '.join(elsewhere)}, but its tfvars say {wanted['region']}: an "
            "apply would create its tables, keys and API again, and lose track of those in "
            f'{elsewhere[0]}. Write region = "{elsewhere[0]}" into environments/{name}.tfvars. For a second '
            "region, write tfvars and a backend file with a `key` of its own."
        )


def backend(environment: str) -> tuple[dict[str, str], str, str]:
    """Return what the backend file of an environment says; what is wrong with it, or ""; and the remedy."""
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
            return found, fault, "Give each environment a `key` of its own."
    return found, "", ""


def smoke_path(entities: dict[str, dict[str, Any]]) -> str | None:
    """Return the path of the first entity that smoke.py can try: any item, every step, open or with a key."""
    for entity in entities.values():
        access = {operation: method["access"] for operation, method in entity["methods"].items()}
        if entity["schema"] is None and set(access) >= STEPS and {access[step] for step in STEPS} <= ACCESS:
            return str(entity["path"])
    return None


def with_reachable_urls(text: str) -> str:
    """Return a text with its URLs of APIs and sign-in as they answer: in AWS, or at AWS_ENDPOINT_URL."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    return str(local_urls(text, endpoint)) if endpoint else text


def outputs(environment: str) -> dict[str, Any]:
    """Return Terraform's outputs by name. Raises UserError where nothing is deployed."""
    found = {name: each["value"] for name, each in json.loads(terraform("output", "-json")).items()}
    if "api_url" not in found:
        raise UserError(f"Nothing is deployed yet: run `make deploy ENV={environment}` first.")
    return found


def openapi(environment: str) -> Path:
    """Write the document, with the URL at which the API answers, into a file; return it."""
    url = with_reachable_urls(outputs(environment)["api_url"])
    var_file = f"-var-file=environments/{environment}.tfvars"
    # Encoded, so that the console, which quotes text, leaves it as it is.
    said = terraform("console", "-no-color", var_file, stdin=DOCUMENT)
    document = json.loads(base64.b64decode(said.strip().strip('"'))) | {"servers": [{"url": url}]}
    file = ROOT / f"openapi-{environment}.json"
    partial = file.with_suffix(".partial.json")
    partial.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    return partial.replace(file)


def smoke(environment: str, arguments: Sequence[str]) -> int:
    """Run the smoke test on the first entity that allows it, with the first API key; return its exit code."""
    deployed = outputs(environment)
    url = deployed["api_url"]
    command = [sys.executable, str(ROOT / "tests" / "smoke.py"), with_reachable_urls(url), *arguments]
    if "--path" not in arguments:
        path = smoke_path(evaluate_variables(environment)["entities"])
        if path is None:
            print("Smoke test skipped: no entity without a schema has all operations open or behind an API key.")
            print("Name an entity: make smoke SMOKE=\"--path todos --body '{...}'\"")
            return 0
        command += ["--path", path]
    if keys := deployed["api_key_ids"]:
        gateway = boto3.client("apigateway", region_name=region(url))
        key = gateway.get_api_key(apiKey=next(iter(keys.values())), includeValue=True)
        command += ["--api-key", key["value"]]
    return subprocess.run(command, check=False).returncode


def main(command: str, environment: str, *arguments: str) -> int:
    """Run one of them."""
    try:
        if command == "backend":
            _, fault, remedy = backend(environment)
            if fault:
                raise UserError(f"{fault} {remedy}")
            return 0
        if command == "check":
            check(environment, terraform("state", "pull"))
            return 0
        if command == "openapi":
            print(openapi(environment).name)
            return 0
        if command == "outputs":
            print(with_reachable_urls(terraform("output", "-no-color")), end="", flush=True)
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
        print(explain_aws_error(error, f"Run `make preflight ENV={environment}` to see why."), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(user_errors(main)(*sys.argv[1:]))
