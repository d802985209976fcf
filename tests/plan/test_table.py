"""One table per entity, and the key that encrypts it."""

from __future__ import annotations

import fnmatch
import json

import pytest

from tests.plan.planner import ROOT, UNKNOWN, Plan, Values

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

UNIT_TABLE = ROOT / "tests" / "unit" / "table.json"


def test_table_is_on_demand_protected_and_streams_both_images(plan: Plan) -> None:
    table = plan.one("aws_dynamodb_table")
    assert table["name"] == "shop-todos-test"
    assert table["billing_mode"] == "PAY_PER_REQUEST"
    assert (table["hash_key"], table["range_key"]) == ("id", None)
    assert {"name": "id", "type": "S"} in table["attribute"]
    assert table["stream_enabled"] is True
    assert table["stream_view_type"] == "NEW_AND_OLD_IMAGES"
    assert table["point_in_time_recovery"][0]["enabled"] is True
    assert table["deletion_protection_enabled"] is False
    assert table["timeouts"]["update"] == "24h", "an index of a large table takes hours to fill"
    assert table["tags_all"] == {"Project": "shop", "Environment": "test", "ManagedBy": "terraform"}


def test_table_is_encrypted_with_the_customer_key(plan: Plan) -> None:
    (encryption,) = plan.one("aws_dynamodb_table")["server_side_encryption"]
    assert encryption == {"enabled": True, "kms_key_arn": UNKNOWN}
    key = plan.one("aws_kms_key")
    assert key["enable_key_rotation"] is True
    assert key["deletion_window_in_days"] == 30
    assert plan.one("aws_kms_alias")["name"] == "alias/shop-test"


def test_the_key_policy_names_the_account_and_its_log_groups(plan: Plan) -> None:
    account, logs, *_ = json.loads(plan.one("aws_kms_key")["policy"])["Statement"]
    assert account["Principal"] == {"AWS": "arn:aws:iam::000000000000:root"}
    assert logs["Principal"] == {"Service": "logs.us-west-2.amazonaws.com"}
    assert "kms:*" not in logs["Action"]
    arns = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    group = "arn:aws:logs:us-west-2:000000000000:log-group:"
    names = {g["name"] for g in plan.all("aws_cloudwatch_log_group").values()} - {UNKNOWN}
    assert len(names) == 8, "a group a function, the gateway's and the flow logs'"
    for name in {*names, "API-Gateway-Execution-Logs_x1/test", "aws-waf-logs-shop-test"}:
        assert [arn for arn in arns if fnmatch.fnmatchcase(group + name, arn)], name
        others = (name.replace("shop", "other"), name.replace("test", "prod"), "/aws/lambda/other")
        for other in set(others) - {name}:
            assert not [arn for arn in arns if fnmatch.fnmatchcase(group + other, arn)], other


def test_without_a_customer_key_aws_owned_keys_encrypt(changed_plan: Plan) -> None:
    plan = changed_plan
    assert plan.counts["aws_kms_key"] == plan.counts["aws_kms_alias"] == 0
    assert plan.outputs["kms_key_arn"] is None
    assert plan.one("aws_dynamodb_table")["server_side_encryption"][0]["enabled"] is False
    assert {g["kms_key_id"] for g in plan.all("aws_cloudwatch_log_group").values()} <= {None, ""}
    assert {f["kms_key_arn"] for f in plan.all("aws_lambda_function").values()} <= {None, ""}
    for policy in plan.all("aws_iam_role_policy").values():
        assert "kms:" not in policy["policy"]


def test_created_index_orders_the_collection(plan: Plan) -> None:
    table = plan.one("aws_dynamodb_table")
    (index,) = table["global_secondary_index"]
    assert (index["name"], index["hash_key"], index["range_key"]) == ("created", "collection", "createdAt")
    assert index["projection_type"] == "ALL"
    assert sorted((a["name"], a["type"]) for a in table["attribute"]) == [
        ("collection", "S"), ("createdAt", "S"), ("id", "S"),
    ]  # fmt: skip


def test_unordered_needs_no_index(systems: dict[str, Plan]) -> None:
    plan = systems["unordered"]
    table = plan.one("aws_dynamodb_table")
    assert table["global_secondary_index"] == []
    assert table["attribute"] == [{"name": "id", "type": "S"}]


def test_every_filter_is_an_index(systems: dict[str, Plan]) -> None:
    table = systems["filtered"].one("aws_dynamodb_table")
    indexes = {
        i["name"]: (i["hash_key"], i["range_key"], i["projection_type"]) for i in table["global_secondary_index"]
    }
    assert indexes == {
        "created": ("collection", "createdAt", "ALL"),
        "by_status": ("by_status", "number_quantity", "ALL"),
        "by_userId": ("by_userId", "createdAt", "ALL"),
    }
    assert {a["name"]: a["type"] for a in table["attribute"]} == {
        "by_status": "S", "by_userId": "S", "collection": "S", "createdAt": "S", "id": "S",
        "number_quantity": "N",
    }  # fmt: skip


def test_who_sees_the_items_of_all_owners_has_indexes_for_it(systems: dict[str, Plan]) -> None:
    indexes = {
        i["name"]: (i["hash_key"], i["range_key"], i["projection_type"])
        for i in systems["shared"].one("aws_dynamodb_table")["global_secondary_index"]
    }
    assert indexes == {
        "created": ("collection", "createdAt", "ALL"),
        "by_status": ("by_status", "createdAt", "ALL"),
        "everyone": ("everyone", "createdAt", "ALL"),
        "ids": ("bareId", "id", "KEYS_ONLY"),
    }


def test_filters_with_the_same_sort_share_its_attribute(systems: dict[str, Plan]) -> None:
    table = systems["filtered_unordered"].one("aws_dynamodb_table")
    assert {i["name"]: i["range_key"] for i in table["global_secondary_index"]} == {
        "by_title": "sort_title", "by_year": "sort_title",
    }  # fmt: skip
    assert {a["name"]: a["type"] for a in table["attribute"]} == {
        "by_title": "S", "by_year": "S", "id": "S", "sort_title": "S",
    }  # fmt: skip


@pytest.mark.parametrize(("system", "enabled"), [("expiring", True), ("small", False)])
def test_expiry_is_always_written(systems: dict[str, Plan], system: str, enabled: bool) -> None:
    """The provider ignores a missing block, and DynamoDB would continue to delete items after ttl was removed."""
    (ttl,) = systems[system].one("aws_dynamodb_table")["ttl"]
    # The provider plans no name for a block that it leaves unchanged.
    assert (ttl["attribute_name"], ttl["enabled"]) == ("expires" if enabled else None, enabled)


def test_deletion_protection(systems: dict[str, Plan]) -> None:
    assert systems["unordered"].one("aws_dynamodb_table")["deletion_protection_enabled"] is True


def test_unit_tests_make_the_planned_table(plan: Plan) -> None:
    """tests/unit creates its table under moto from a file, which this test compares with the plan.

    After a change, copy the output of the failure to tests/unit/table.json.
    """
    assert json.loads(UNIT_TABLE.read_text()) == create_table_arguments(plan.one("aws_dynamodb_table"))


def create_table_arguments(table: Values) -> Values:
    """Return the arguments of DynamoDB's CreateTable for a planned table, without its name."""

    def schema(keys: Values) -> list[Values]:
        kinds = (("HASH", keys["hash_key"]), ("RANGE", keys["range_key"]))
        return [{"AttributeName": name, "KeyType": kind} for kind, name in kinds if name]

    return {
        "BillingMode": table["billing_mode"],
        "KeySchema": schema(table),
        "AttributeDefinitions": [
            {"AttributeName": a["name"], "AttributeType": a["type"]}
            for a in sorted(table["attribute"], key=lambda a: str(a["name"]))
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": i["name"],
                "KeySchema": schema(i),
                "Projection": {"ProjectionType": i["projection_type"]},
            }
            for i in table["global_secondary_index"]
        ],
    }
