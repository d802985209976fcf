"""Copies of the tables by AWS Backup: their vault, their retention, and the roles that create and restore them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plan.conftest import BOUNDARY
from tests.plan.planner import UNKNOWN, Plan

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

TABLE = "arn:aws:dynamodb:us-west-2:000000000000:table/shop-todos-test"
KINDS = {"aws_backup_vault", "aws_backup_vault_policy", "aws_backup_plan", "aws_backup_selection"}
# The permissions that AWS lists for DynamoDB, without those for the key.
RIGHTS = {
    "backup": {
        "CreateBackup", "DeleteBackup", "DescribeBackup", "DescribeTable", "ListTagsOfResource",
        "StartAwsBackupJob",
    },
    "restore": {
        "BatchWriteItem", "DeleteItem", "DescribeTable", "GetItem", "PutItem", "Query",
        "RestoreTableFromAwsBackup", "RestoreTableFromBackup", "Scan", "UpdateItem",
    },
}  # fmt: skip


def statements(plan: Plan, role: str) -> dict[str, Any]:
    """Return the statements of a role's policy on tables by their Sid."""
    policy = plan.one("aws_iam_role_policy", f'module.backup[0].aws_iam_role_policy.tables["{role}"]')
    return {s["Sid"]: s for s in json.loads(policy["policy"])["Statement"]}


def retention_rules(plan: Plan) -> dict[str, tuple[str, int]]:
    """Return the start of each rule of the plan, and the days for which it keeps backups."""
    rules = plan.one("aws_backup_plan")["rule"]
    return {r["rule_name"]: (r["schedule"], r["lifecycle"][0]["delete_after"]) for r in rules}


def test_off_by_default(plan: Plan) -> None:
    assert KINDS.isdisjoint(+plan.counts)


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("backed_up", {"daily": ("cron(0 3 * * ? *)", 35)}),
        (
            "backed_up_for_long",
            {"daily": ("cron(0 3 * * ? *)", 7), "monthly": ("cron(0 5 1 * ? *)", 365)},
        ),
    ],
)
def test_recovery_points_are_kept(systems: dict[str, Plan], system: str, expected: dict[str, tuple[str, int]]) -> None:
    plan = systems[system]
    assert retention_rules(plan) == expected
    assert {r["target_vault_name"] for r in plan.one("aws_backup_plan")["rule"]} == {"shop-test"}


def test_all_tables_and_nothing_else_are_backed_up(systems: dict[str, Plan]) -> None:
    selection = systems["backed_up_for_long"].one("aws_backup_selection")
    assert set(selection["resources"]) == {TABLE, TABLE.replace("todos", "notes")}
    assert not selection["selection_tag"]
    assert selection["not_resources"] in (UNKNOWN, [], None)


def test_the_vault_is_under_the_customer_key(systems: dict[str, Plan]) -> None:
    plan = systems["backed_up"]
    vault = plan.one("aws_backup_vault")
    assert (vault["name"], vault["kms_key_arn"]) == ("shop-test", UNKNOWN)
    (made,) = (
        resource
        for resource in plan.configuration["module_calls"]["backup"]["module"]["resources"]
        if resource["type"] == "aws_backup_vault"
    )
    assert made["expressions"]["kms_key_arn"]["references"] == ["var.kms_key_arn"]


def test_deletion_protection_is_for_recovery_points_too(systems: dict[str, Plan]) -> None:
    plan = systems["backed_up"]
    assert plan.one("aws_backup_vault")["force_destroy"] is False
    (denied,) = json.loads(plan.one("aws_backup_vault_policy")["policy"])["Statement"]
    assert (denied["Effect"], denied["Principal"]) == ("Deny", "*")
    assert {"backup:DeleteRecoveryPoint", "backup:DeleteBackupVault"} <= set(denied["Action"])
    assert not [action for action in denied["Action"] if "Policy" in action], "nobody could take it off"
    unprotected = systems["backed_up_for_long"]
    assert unprotected.one("aws_backup_vault")["force_destroy"] is True
    assert unprotected.counts["aws_backup_vault_policy"] == 0


@pytest.mark.parametrize("role", RIGHTS)
def test_a_role_has_what_its_half_needs(systems: dict[str, Plan], role: str) -> None:
    plan = systems["backed_up"]
    found = plan.one("aws_iam_role", f'module.backup[0].aws_iam_role.this["{role}"]')
    assert (found["name"], found["permissions_boundary"]) == (f"shop-{role}-test-us-west-2", BOUNDARY)
    (trust,) = json.loads(found["assume_role_policy"])["Statement"]
    assert trust["Principal"] == {"Service": "backup.amazonaws.com"}
    allowed = statements(plan, role).values()
    actions = [a for s in allowed for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])]
    assert set(actions) == {f"dynamodb:{action}" for action in RIGHTS[role]}
    assert not plan.all("aws_iam_role_policy_attachment")


def test_roles_reach_our_tables_and_their_copies(systems: dict[str, Plan]) -> None:
    plan = systems["backed_up"]
    backup, restore = statements(plan, "backup"), statements(plan, "restore")
    tables = TABLE.replace("todos", "*")
    assert backup["CopyTables"]["Resource"] == tables
    assert restore["FillTables"]["Resource"] == [tables, f"{tables}-restored"]
    assert backup["KeepCopies"]["Resource"] == restore["ReadCopies"]["Resource"] == f"{tables}/backup/*"
    for role in RIGHTS:
        address = f'module.backup[0].aws_iam_role_policy.key["{role}"]'
        assert plan.one("aws_iam_role_policy", address)["policy"] == UNKNOWN
    assert plan.one("aws_backup_selection")["iam_role_arn"] == UNKNOWN


def test_the_key_is_used_through_dynamodb(systems: dict[str, Plan]) -> None:
    """The plan of a new key does not know its ARN, but the plan with an existing key does."""
    backup = systems["backed_up"].configuration["module_calls"]["backup"]["module"]["resources"]
    (key,) = (r for r in backup if r["type"] == "aws_iam_role_policy" and r["name"] == "key")
    references = set(key["expressions"]["policy"]["references"])
    assert {"var.kms_key_arn", "var.scope.region", "var.scope.dns_suffix"} <= references
