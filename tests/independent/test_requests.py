"""Every feature applied on two emulators, with each request held against AWS's service models.

The models are stricter than either emulator: names, lengths, ranges and choices are AWS's own.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.independent import wire
from tests.independent.policies import judged
from tests.plan.planner import REGION, ROOT
from tools import terraform
from tools.laptop.emulator import Emulator, free_port

HERE = Path(__file__).parent
EVERYTHING = HERE / "everything.tfvars"

# What moto 5.2.5 does not implement. The other emulator has it all.
NOT_IN_MOTO = {
    "modules/monitoring": {
        "resource": {
            "aws_cloudwatch_composite_alarm": {"api": {"count": 0}, "entity": {"for_each": {}}},
            "aws_cloudwatch_query_definition": {"this": {"for_each": {}}},
        }
    }
}
# Whole features stay out for what they need: backup selections, and CloudFront's response headers policies.
WITHOUT = {"backup": None, "website": None}


class Proxied:
    """A proxy before an emulated AWS, and what it has seen."""

    def __init__(self, endpoint: str, report: Path) -> None:
        self.endpoint = endpoint
        self.report = report

    def requests(self) -> list[dict[str, Any]]:
        """Return the operation and the faults of each request so far."""
        return [json.loads(line) for line in self.report.read_text().splitlines()]


@contextmanager
def serving(*command: str | Path, port: int, log: Path) -> Iterator[None]:
    """Run a server of this Python until the block ends; return once it accepts connections."""
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 60
            while not listens(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(30)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def proxied(upstream: int, folder: Path) -> Iterator[Proxied]:
    """Put the proxy before the emulator at a port."""
    report, port = folder / "requests.jsonl", free_port()
    report.touch()
    command = ("-m", "tests.independent.wire", str(port), str(upstream), report)
    with serving(*command, port=port, log=folder / "proxy.log"):
        yield Proxied(f"http://127.0.0.1:{port}", report)


@contextmanager
def moto(folder: Path) -> Iterator[Proxied]:
    """Run moto's server behind the proxy."""
    port = free_port()
    with ExitStack() as stack:
        stack.enter_context(serving("-m", "moto.server", "-p", str(port), port=port, log=folder / "moto.log"))
        yield stack.enter_context(proxied(port, folder))


@contextmanager
def ministack(folder: Path) -> Iterator[Proxied]:
    """Run the laptop's emulator behind the proxy."""
    emulator = Emulator(folder / "emulator")
    try:
        running = emulator.start(free_port(), REGION)
        with proxied(running.port, folder) as proxy:
            yield proxy
    finally:
        emulator.stop()


def applied(folder: Path, proxy: Proxied, overrides: dict[str, Any], **variables: Any) -> None:
    """Apply everything.tfvars and variables that override it, through the proxy."""
    root = terraform.stage(folder / "root", folder / "terraform.tfstate", overrides)
    more = folder / "more.tfvars.json"
    more.write_text(json.dumps(variables))
    here = terraform.Terraform(
        root, terraform.environment(proxy.endpoint, REGION), folder / "terraform.log", lambda _: None
    )
    here.init()
    here.apply([EVERYTHING, more])


def bootstrapped(folder: Path, proxy: Proxied) -> None:
    """Apply bootstrap/ for a repository that deploys, through the proxy."""
    root = shutil.copytree(
        ROOT / "bootstrap", folder / "bootstrap", ignore=shutil.ignore_patterns(".terraform", "*.tfstate*")
    )
    variables = folder / "bootstrap.tfvars.json"
    variables.write_text(json.dumps({"name": "every", "repository": "octo/shop"}))
    here = terraform.Terraform(
        root, terraform.environment(proxy.endpoint, REGION), folder / "bootstrap.log", lambda _: None
    )
    here.init()
    here.apply([variables])


def faults(proxy: Proxied) -> list[str]:
    """Return what is wrong with the requests that the proxy has seen."""
    return sorted({f"{r['operation']}: {fault}" for r in proxy.requests() for fault in r["faults"]})


def policies(proxy: Proxied) -> set[str]:
    """Return the policy documents that the proxy has seen."""
    return {policy for r in proxy.requests() for policy in r["policies"]}


def operations(proxy: Proxied) -> set[str]:
    """Return which operations the proxy has seen."""
    return {r["operation"] for r in proxy.requests()}


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    subprocess.run([sys.executable, ROOT / "build.py"], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_request_on_moto_is_as_aws_models_it(tmp_path: Path) -> None:
    with moto(tmp_path) as proxy:
        applied(tmp_path, proxy, NOT_IN_MOTO, **WITHOUT)
    assert faults(proxy) == []
    assert len(operations(proxy)) > 90


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_request_on_ministack_is_as_aws_models_it(tmp_path: Path) -> None:
    with ministack(tmp_path) as proxy:
        bootstrapped(tmp_path, proxy)
        applied(tmp_path, proxy, {})
    assert faults(proxy) == []
    assert judged(policies(proxy)) == []
    assert len(policies(proxy)) > 30
    assert {
        "backup:CreateBackupPlan",
        "cloudfront:CreateFunction",
        "cloudwatch:PutCompositeAlarm",
    } <= operations(proxy)


@pytest.mark.slow
def test_a_request_that_aws_would_refuse_is_reported(tmp_path: Path) -> None:
    with moto(tmp_path) as proxy:
        unchecked = Config(parameter_validation=False, retries={"total_max_attempts": 1})
        client = boto3.client(
            "lambda", endpoint_url=proxy.endpoint, region_name=REGION, config=unchecked,
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip
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
    assert judged([policy(Action="dynamodb:GetItem", Resource=table)]) == []
    (unknown,) = judged([policy(Action="dynamodb:FetchItem", Resource=table)])
    assert "UNKNOWN_ACTION" in unknown
    (unusable,) = judged([policy(Action="s3:GetObject", Resource=table)])
    assert "s3:GetObject: allowed on no resource" in unusable
    assert any("privilege" in f for f in judged([policy(Action="iam:CreatePolicyVersion", Resource="*")]))


def test_patterns_of_the_models_are_read() -> None:
    assert wire.pattern(r"[\p{Alnum}_-]+").fullmatch("a_1-")  # type: ignore[union-attr]
    assert not wire.pattern(r"[\p{Alnum}_-]+").fullmatch("a b")  # type: ignore[union-attr]
    assert wire.pattern(r"\p{Lu}+") is None
