"""Resources with data stay at their addresses: at another, Terraform would create them again, empty."""

from __future__ import annotations

import re

import pytest

from tests.plan.planner import ROOT, Plan
from tools.aws.findings import STOP
from tools.aws.preflight import LOSSES

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

# Addresses in modules/service since the first version. A change needs a `moved` block, and an edit
# here.
ADDRESSES = {
    'module.table["todos"].aws_dynamodb_table.this',
    "module.access[0].aws_cognito_user_pool.this[0]",
    "module.api.aws_api_gateway_rest_api.this",
    "module.audit[0].aws_s3_bucket.this",
    "module.backup[0].aws_backup_vault.this",
    "module.encryption[0].aws_kms_key.this",
}

# Resources that are newer than modules/service.
NEVER_IN_THE_ROOT = {
    "aws_cloudwatch_event_rule.this",
    "aws_cloudwatch_event_target.this",
    "aws_iam_role.schedule",
    "aws_iam_role_policy.schedule",
    "aws_iam_role_policy.schedule_key",
    "aws_lambda_event_source_mapping.changes",
    "aws_lambda_event_source_mapping.jobs",
    "aws_scheduler_schedule.this",
    "aws_scheduler_schedule_group.this",
    "module.authorizer",
    "module.domain",
    "module.existing_network",
    "module.own_function",
    "module.queue",
}

WITHOUT_RESOURCES = {"module.key_policy", "module.openapi"}


def test_what_holds_data_stays_at_its_address(systems: dict[str, Plan]) -> None:
    holding = {kind for kind, (level, *_) in LOSSES.items() if level == STOP}
    plans = [systems[name] for name in ("audited", "backed_up", "with_scopes")]
    found = {address for plan in plans for kind in holding for address in plan.all(kind)}
    assert found == ADDRESSES, "write a `moved` block for what has moved"


def test_what_the_root_held_is_now_in_the_module(plan: Plan) -> None:
    moved = dict(re.findall(r"from = (.+)\n\s+to\s+= (.+)\n", (ROOT / "moved.tf").read_text()))
    assert moved == {old: f"module.service.{old}" for old in moved}
    resources = {f"{r['type']}.{r['name']}" for r in plan.configuration["resources"] if r["mode"] == "managed"}
    modules = {f"module.{name}" for name in plan.configuration["module_calls"]} - WITHOUT_RESOURCES
    assert moved.keys() == (resources | modules) - NEVER_IN_THE_ROOT
    assert all(r["address"].startswith("module.service.") for r in plan.data["resource_changes"])
