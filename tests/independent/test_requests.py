"""Every feature applied on two emulators, with each request checked against AWS's service models.

The models are stricter than either emulator: names, lengths, ranges and choices are AWS's own.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.independent import wire
from tests.independent.policies import policy_findings
from tests.independent.servers import NOT_IN_MOTO, ProxiedAws, proxied_ministack, proxied_moto
from tests.plan.planner import ROOT
from tools import terraform

HERE = Path(__file__).parent
EVERYTHING = HERE / "everything.tfvars"

# Features for which moto lacks an operation: backup selections, subscribers of budgets, attributes of queues, and
# response headers policies. Without a website, jwt must have no client.
OVERRIDES = {
    "backup": None,
    "budget": None,
    "functions": {},
    "jwt": {"audiences": ["https://api.example.com"], "issuer": "https://auth.example.com"},
    "website": None,
}


def apply_everything(
    folder: Path, packages: Path, proxy: ProxiedAws, overrides: dict[str, Any], **variables: Any
) -> None:
    """Apply everything.tfvars and variables that override it, through the proxy."""
    root = terraform.stage(folder / "root", folder / "terraform.tfstate", overrides)
    (root / "dist").unlink()
    (root / "dist").symlink_to(packages)
    more = folder / "more.tfvars.json"
    more.write_text(json.dumps(variables))
    proxy.apply(root, [EVERYTHING, more], folder / "terraform.log")


def apply_bootstrap(folder: Path, proxy: ProxiedAws) -> None:
    """Apply bootstrap/ for a repository that deploys, through the proxy."""
    root = shutil.copytree(
        ROOT / "bootstrap", folder / "bootstrap", ignore=shutil.ignore_patterns(".terraform", "*.tfstate*")
    )
    variables = folder / "bootstrap.tfvars.json"
    variables.write_text(json.dumps({"name": "every", "repository": "octo/shop"}))
    proxy.apply(root, [variables], folder / "bootstrap.log")


def sent_policies(proxy: ProxiedAws) -> set[str]:
    """Return the policy documents that the proxy has seen."""
    return {policy for r in proxy.requests() for policy in r["policies"]}


def sent_operations(proxy: ProxiedAws) -> set[str]:
    """Return the operations that the proxy has seen."""
    return {r["operation"] for r in proxy.requests()}


@pytest.mark.slow
def test_every_request_on_moto_is_as_aws_models_it(tmp_path: Path, whole_packages: Path) -> None:
    with proxied_moto(tmp_path) as proxy:
        apply_everything(tmp_path, whole_packages, proxy, NOT_IN_MOTO, **OVERRIDES)
    assert proxy.faults() == []
    assert len(sent_operations(proxy)) > 90


@pytest.mark.slow
def test_every_request_on_ministack_is_as_aws_models_it(tmp_path: Path, whole_packages: Path) -> None:
    with proxied_ministack(tmp_path) as proxy:
        apply_bootstrap(tmp_path, proxy)
        apply_everything(tmp_path, whole_packages, proxy, {})
    assert proxy.faults() == []
    assert policy_findings(sent_policies(proxy)) == []
    assert len(sent_policies(proxy)) > 30
    assert {
        "backup:CreateBackupPlan",
        "cloudfront:CreateFunction",
        "cloudwatch:PutCompositeAlarm",
    } <= sent_operations(proxy)


@pytest.mark.slow
def test_a_request_that_aws_would_refuse_is_reported(tmp_path: Path) -> None:
    with proxied_moto(tmp_path) as proxy:
        unchecked = Config(parameter_validation=False, retries={"total_max_attempts": 1})
        client = proxy.client("lambda", config=unchecked)
        with pytest.raises(ClientError):
            client.create_function(
                FunctionName="two words",
                Role="no-arn",
                Runtime="python1.0",
                Timeout=0,
                Code={"ZipFile": b"x"},
            )
    (request,) = proxy.requests()
    assert request["operation"] == "lambda:CreateFunction"
    found = {fault.split(":")[0] for fault in request["faults"]}
    assert {"FunctionName", "Role", "Runtime", "Timeout"} <= found


def test_a_policy_that_goes_too_far_is_found() -> None:
    def policy(**statement: Any) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})

    table = "arn:aws:dynamodb:us-west-2:000000000000:table/items"
    assert policy_findings([policy(Action="dynamodb:GetItem", Resource=table)]) == []
    (unknown,) = policy_findings([policy(Action="dynamodb:FetchItem", Resource=table)])
    assert "UNKNOWN_ACTION" in unknown
    (unusable,) = policy_findings([policy(Action="s3:GetObject", Resource=table)])
    assert "s3:GetObject: allowed on no resource" in unusable
    assert any("privilege" in f for f in policy_findings([policy(Action="iam:CreatePolicyVersion", Resource="*")]))


def test_patterns_of_the_models_are_read() -> None:
    pattern = wire.python_pattern(r"[\p{Alnum}_-]+")
    assert pattern
    assert pattern.fullmatch("a_1-")
    assert not pattern.fullmatch("a b")
    assert wire.python_pattern(r"\p{Lu}+") is None
