"""The second deployment after an apply that removed routes, by the real terraform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from python_terraform import IsFlagged  # type: ignore[import-untyped] # it has no types

from tests.plan.planner import REGION, Planner, run
from tools.aws.redeploy import Routes
from tools.terraform import Terraform

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share


@pytest.mark.slow
def test_a_removed_operation_is_deployed_away(planner: Planner, tmp_path: Path) -> None:
    root = planner.copy_root(tmp_path / "root")
    variables = root / "removed.auto.tfvars.json"

    def apply(*operations: str) -> None:
        system = {
            "name": "shop", "environment": "removed", "dashboard": False, "docs": "none", "network": None,
            "encryption": {"customer_key": False},
            "entities": {"todos": {"access": {"default": "open"}, "operations": operations}},
        }  # fmt: skip
        variables.write_text(json.dumps(system))
        run(root, planner.environment, "apply", input=False, auto_approve=IsFlagged)

    def deployed() -> str:
        make: Any = boto3.client
        gateway = make(
            "apigateway", endpoint_url=planner.environment["AWS_ENDPOINT_URL"], region_name=REGION,
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip
        (api,) = (api for api in gateway.get_rest_apis()["items"] if api["name"] == "shop-removed")
        stage: str = gateway.get_stage(restApiId=api["id"], stageName="removed")["deploymentId"]
        return stage

    routes = Routes(Terraform(root, planner.environment))
    routes.remember()
    apply("create", "list")
    assert routes.finish([]) == [], "a first apply removes nothing"
    routes.remember()
    apply("create")
    stale = deployed()
    assert routes.finish([]) == ["todos.list"]
    assert deployed() != stale
    assert "No changes." in run(root, planner.environment, "plan", input=False)
