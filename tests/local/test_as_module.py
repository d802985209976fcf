"""Test a user's root configuration that calls modules/service, on this machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.local.runner import ROOT, Local, error_sentence
from tests.local.test_transfer import run_transfer

pytestmark = pytest.mark.slow

TASK = {"title": "Write it down", "done": False, "due": "2026-12-01"}

KEY = "a-value-that-was-given"

# The sources of the call's arguments.
BESIDE = """data "aws_region" "here" {
  provider = aws.api
}

resource "aws_sns_topic" "own" {
  provider = aws.api
  name     = "own"
}

"""


def check_guest(local: Local, function: str) -> None:
    """Assert that a function is in the root's VPC with Trestle's security group, and uses the root's key."""
    outputs, ec2, kms = local.outputs(), local.client("ec2"), local.client("kms")
    configuration = local.client("lambda").get_function_configuration(FunctionName=function)
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["company"]}])["Vpcs"]
    subnets = [
        each["SubnetId"]
        for each in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    ]
    (key,) = (each["KeyArn"] for each in kms.list_keys()["Keys"])
    assert configuration["VpcConfig"]["VpcId"] == outputs["vpc_id"] == vpc["VpcId"]
    assert sorted(configuration["VpcConfig"]["SubnetIds"]) == sorted(outputs["private_subnet_ids"]) == sorted(subnets)
    assert configuration["VpcConfig"]["SecurityGroupIds"] == [outputs["security_group_ids"]["functions"]]
    assert configuration["KMSKeyArn"] == outputs["kms_key_arn"] == key
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])["Statement"]
    assert policy[1:] == outputs["kms_key_statements"]


def check_tenants(local: Local) -> None:
    """Assert that a token of the laptop's issuer gives access only to its tenant's items."""

    def authorization(user: str, *arguments: str) -> dict[str, str | None]:
        done = local("token", "--user", user, *arguments)
        assert done.returncode == 0, done.stderr
        return {"Authorization": f"Bearer {done.stdout.strip()}", "X_Api_Key": None}

    contracts = local.api("contracts")
    ada, bob = (
        authorization(*who) for who in (("ada", "--claim", "tenant_id=acme"), ("bob", "--claim", "tenant_id=b"))
    )
    contracts("POST", "", {"title": "Lease"}, X_Api_Key=None).problem(401, "unauthorized")
    contracts("POST", "", {"title": "Lease"}, **authorization("eve")).problem(403, "forbidden")
    made = contracts("POST", "", {"title": "Lease"}, **ada)
    assert made.status == 201
    assert contracts("GET", made.location, **ada).json == made.json
    contracts("GET", made.location, **bob).problem(404, "not-found")
    assert contracts("GET", "", **bob).json["items"] == []
    contracts("DELETE", made.location, **ada).problem(403, "forbidden")
    manager = authorization("ada", "--claim", "tenant_id=acme", "--group", "contract-managers")
    assert contracts("DELETE", made.location, **manager).status == 204


def test_a_users_root_is_applied_used_and_changed(tmp_path: Path) -> None:
    root = tmp_path / "my platform"
    shutil.copytree(ROOT / "examples" / "as-module", root, ignore=shutil.ignore_patterns("dist", ".terraform*"))
    main = (root / "main.tf").read_text()
    for old, new in (
        ("= var.region\n  tags", "= data.aws_region.here.name\n  tags"),  # only a plan reads it
        ("  environment = var", f'  api_key_values = {{ default = "{KEY}" }}\n  environment = var'),
        ("  name        =", "  release = { minutes = length(aws_sns_topic.own.arn) }\n  name        ="),
        ('module "api" {', f'{BESIDE}module "api" {{'),
    ):
        assert old in main
        main = main.replace(old, new)
    (root / "main.tf").write_text(main)
    local = Local(tmp_path / "state")
    try:
        named = tmp_path / "my.tfvars"
        named.write_text('enviroment = "demo"\n')
        said = error_sentence(local("up", "--root", root, "--var-file", named))
        assert said == f"{named}: enviroment: no such variable; did you mean environment?"
        done = local("up", "--detach", "--port", str(local.port), "--root", root)
        assert done.returncode == 0, done.stderr
        assert "guest-demo is up" in done.stderr
        assert (root / "dist" / "manifest.json").exists()
        tasks = local.api("tasks")
        made = tasks.create(TASK)
        assert tasks("GET", "?done=false").json["items"] == [made.json]
        tasks("POST", body={**TASK, "title": ""}).problem(422, "invalid-item")
        names = local.outputs()["function_names"]["tasks"]
        functions = local.client("lambda")
        arn = functions.get_function(FunctionName=names["get"])["Configuration"]["FunctionArn"]
        tags = functions.list_tags(Resource=arn)["Tags"]
        own = {"CostCentre": "42", "Environment": "demo", "ManagedBy": "terraform", "Project": "guest"}
        assert tags == {**own, "Owner": "platform"}
        assert local.outputs()["api_keys"] == {"default": KEY}
        check_guest(local, names["get"])
        check_tenants(local)
        tasks("DELETE", tasks.create(TASK).location, X_Api_Key=None).problem(403, "forbidden")
        assert tasks("DELETE", tasks.create(TASK).location).status == 204
        assert local.system.settings["release"]["minutes"] == len("arn:aws:sns:us-west-2:000000000000:own")
        assert not local.system.has_changes([])

        items = tmp_path / "tasks.jsonl"
        done = run_transfer(local, "export", "tasks", items)
        assert (done.returncode, done.stderr) == (0, "2 items of guest-tasks-demo written.\n")
        done = run_transfer(local, "import", "tasks", items)
        assert (done.returncode, "were not built from" in done.stderr) == (0, False)
        assert done.stderr.endswith("guest-tasks-demo: 2 unchanged.\n")
        (root / "schemas" / "task.json").rename(root / "schemas" / "renamed.json")
        done = run_transfer(local, "import", "tasks", items)
        assert done.returncode == 1
        assert done.stderr.startswith(f"{root}/schemas/task.json is missing, and the live functions of the entity")
        assert f"`python local.py up --detach --root '{root}'`" in done.stderr
        (root / "schemas" / "renamed.json").rename(root / "schemas" / "task.json")

        schema = root / "schemas" / "task.json"
        changed = json.loads(schema.read_text())
        changed["properties"]["title"]["maxLength"] = 20
        schema.write_text(json.dumps(changed))
        done = local("up", "--detach")  # the system that ran last
        assert done.returncode == 0, done.stderr
        tasks = local.api("tasks")
        assert tasks("GET", made.location).json == made.json
        tasks("POST", body={**TASK, "title": "t" * 21}).problem(422, "invalid-item")
    finally:
        local("down")
