"""Existing resources: topic, log bucket, code signing, firewall and mail; and the budget."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.plan.conftest import CODE_SIGNING, EQUIPPED, IDENTITY, TOPIC, WEB_ACL
from tests.plan.planner import REGION, Plan
from tools.aws import existing_resources, preflight
from tools.aws.findings import Context

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

LOGS = "example-access-logs"
ACCOUNT = "000000000000"


@pytest.fixture(scope="module")
def equipped(systems: dict[str, Plan]) -> Plan:
    return systems["equipped"]


def test_off_by_default(plan: Plan, systems: dict[str, Plan]) -> None:
    for system in (plan, systems["audited"], systems["with_website"], systems["with_scopes"]):
        assert {"aws_s3_bucket_logging", "aws_budgets_budget"}.isdisjoint(+system.counts)
        for function in system.all("aws_lambda_function").values():
            assert function["code_signing_config_arn"] is None
        for distribution in system.all("aws_cloudfront_distribution").values():
            assert distribution["logging_config"] == []
        for pool in system.all("aws_cognito_user_pool").values():
            assert not any(each.get("source_arn") for each in pool.get("email_configuration") or ())
        assert system.outputs["policy_statements"] == {"log_bucket": [], "topic": [], "topic_key": []}


def test_every_bucket_logs_to_the_given_one(equipped: Plan) -> None:
    buckets = {each["bucket"] for each in equipped.all("aws_s3_bucket").values()}
    assert len(buckets) == equipped.counts["aws_s3_bucket_logging"] == 2
    found = {each["bucket"]: each for each in equipped.all("aws_s3_bucket_logging").values()}
    assert found.keys() == buckets, "each bucket that is made, whichever comes next"
    for name, logging in found.items():
        assert (logging["target_bucket"], logging["target_prefix"]) == (LOGS, f"s3/{name}/")


def test_the_distribution_logs_where_its_bucket_does(equipped: Plan, systems: dict[str, Plan]) -> None:
    (logging,) = equipped.one("aws_cloudfront_distribution")["logging_config"]
    assert logging == {
        "bucket": f"{LOGS}.s3.amazonaws.com",
        "include_cookies": False,
        "prefix": "cloudfront/shop-website-test-us-west-2/",
    }
    without = systems["equipped_without_acl"]
    assert without.one("aws_cloudfront_distribution")["logging_config"] == []
    assert without.one("aws_s3_bucket_logging")["target_bucket"] == LOGS


def matching(pattern: str, text: str) -> bool:
    """Return whether a text has the prefix of an ARN that ends with a star."""
    assert pattern.count("*") == 1
    assert pattern.endswith("*")
    return text.startswith(pattern[:-1])


def test_the_log_buckets_policy_lets_our_buckets_write_and_no_others(equipped: Plan) -> None:
    (statement,) = equipped.outputs["policy_statements"]["log_bucket"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "s3:PutObject")
    assert statement["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    sources = statement["Condition"]["ArnLike"]["aws:SourceArn"]
    for logging in equipped.all("aws_s3_bucket_logging").values():
        key = f"arn:aws:s3:::{LOGS}/{logging['target_prefix']}2026-11-27"
        assert sum(matching(each, key) for each in statement["Resource"]) == 1
        assert sum(matching(each, f"arn:aws:s3:::{logging['bucket']}") for each in sources) == 1
    for other in ("shop-website-prod-1", "shops-website-test-1", LOGS):
        assert not any(matching(each, f"arn:aws:s3:::{other}") for each in sources)


def test_alarms_tell_an_existing_topic(equipped: Plan) -> None:
    assert {"aws_sns_topic", "aws_sns_topic_policy", "aws_sns_topic_subscription"}.isdisjoint(+equipped.counts)
    telling = [a for a in equipped.all("aws_cloudwatch_composite_alarm").values() if a["alarm_actions"]]
    telling += [a for a in equipped.all("aws_cloudwatch_metric_alarm").values() if a["alarm_actions"]]
    assert {tuple(alarm["alarm_actions"]) for alarm in telling} == {(TOPIC,)}
    names = {alarm["alarm_name"] for alarm in telling}
    asked = equipped.outputs["policy_statements"]
    (topic,), (key,) = asked["topic"], asked["topic_key"]
    assert (topic["Action"], topic["Resource"]) == ("sns:Publish", TOPIC)
    assert (key["Action"], key["Resource"]) == (["kms:Decrypt", "kms:GenerateDataKey*"], "*")
    for statement in (topic, key):
        assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        assert {source.partition(":alarm:")[2] for source in sources} == names, "the alarms that tell, and no others"
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def test_a_made_topic_has_the_statement_itself(systems: dict[str, Plan]) -> None:
    policy = json.loads(systems["watched"].one("aws_sns_topic_policy")["policy"])
    (publish,) = (s for s in policy["Statement"] if s["Effect"] == "Allow")
    assert publish["Resource"] == f"arn:aws:sns:us-west-2:{ACCOUNT}:shop-alarms-test"
    assert systems["watched"].outputs["policy_statements"]["topic"] == []


def test_every_function_has_the_code_signing_configuration(equipped: Plan, triggers: dict[str, Plan]) -> None:
    """Also those of own functions."""
    for plan in (equipped, triggers["full"]):
        arns = {a: f["code_signing_config_arn"] for a, f in plan.all("aws_lambda_function").items()}
        assert set(arns.values()) == {CODE_SIGNING}
    assert any(".own_function[" in address for address in arns)


def test_the_distribution_has_the_firewall(equipped: Plan) -> None:
    assert equipped.one("aws_cloudfront_distribution")["web_acl_id"] == WEB_ACL


def test_users_get_mail_from_ses(equipped: Plan) -> None:
    (email,) = equipped.one("aws_cognito_user_pool")["email_configuration"]
    assert email == {
        "configuration_set": "shop",
        "email_sending_account": "DEVELOPER",
        "from_email_address": "Shop <no-reply@example.com>",
        "reply_to_email_address": "help@example.com",
        "source_arn": IDENTITY,
    }


def test_the_budget_counts_this_system_alone(equipped: Plan) -> None:
    budget = equipped.one("aws_budgets_budget")
    assert (budget["name"], budget["budget_type"], budget["time_unit"]) == ("shop-test-us-west-2", "COST", "MONTHLY")
    assert (budget["limit_amount"], budget["limit_unit"]) == ("50.00", "USD")
    (by,) = budget["cost_filter"]
    assert (by["name"], sorted(by["values"])) == ("TagKeyValue", ["user:Environment$test", "user:Project$shop"])
    tags = equipped.one("aws_lambda_function")["tags_all"]
    assert {f"user:{name}${tags[name]}" for name in ("Environment", "Project")} == set(by["values"]), (
        "what has the tags"
    )
    told = [(n["notification_type"], n["threshold"], n["threshold_type"]) for n in budget["notification"]]
    assert sorted(told) == [
        ("ACTUAL", 80, "PERCENTAGE"),
        ("ACTUAL", 100, "PERCENTAGE"),
        ("FORECASTED", 100, "PERCENTAGE"),
    ]
    for notification in budget["notification"]:
        assert notification["comparison_operator"] == "GREATER_THAN"
        assert notification["subscriber_email_addresses"] == EQUIPPED["budget"]["emails"]


@mock_aws
def test_preflight_reads_real_plans_and_answers(equipped: Plan) -> None:
    """Only the real provider shows the names of attributes and errors."""
    account = "123456789012"
    variables = {name: {"value": value} for name, value in equipped.variables.items()}
    statements = json.loads(json.dumps(equipped.outputs["policy_statements"]).replace(ACCOUNT, account))
    plan = {
        "planned_values": {"outputs": {"policy_statements": {"value": statements}}},
        "resource_changes": list(equipped.changes.values()),
        "variables": variables,
    }

    def client(service: str, region: str = REGION) -> Any:
        make: Any = boto3.client
        return make(service, region_name=region)

    context = Context("test", REGION, client, plan=plan, account=account)

    def found(check: preflight.Check) -> list[tuple[str, str]]:
        return [(each.level, each.text) for each in check(context)]

    assert found(existing_resources.topic) == [("stop", f"{TOPIC}, in alarms.topic_arn, does not exist.")]
    assert found(existing_resources.log_bucket) == [("stop", f"The bucket {LOGS} does not exist.")]
    assert found(existing_resources.mail) == [("stop", "Amazon SES has no identity example.com in us-west-2.")]
    assert found(existing_resources.firewall) == [("stop", f"{WEB_ACL} does not exist.")]

    client("sns").create_topic(Name="on-call")
    silent = {"Version": "2012-10-17", "Statement": []}
    client("sns").set_topic_attributes(
        TopicArn=TOPIC, AttributeName="Policy", AttributeValue=json.dumps(silent | {"Statement": statements["topic"]})
    )
    assert found(existing_resources.topic) == [("ok", f"{TOPIC} exists, and lets CloudWatch publish.")]
    s3 = client("s3")
    s3.create_bucket(Bucket=LOGS, CreateBucketConfiguration={"LocationConstraint": REGION})
    ((level, text),) = found(existing_resources.log_bucket)
    assert (level, text) == ("warning", f"The policy of {LOGS} does not allow AccessLogs.")
    s3.put_bucket_policy(Bucket=LOGS, Policy=json.dumps(silent | {"Statement": statements["log_bucket"]}))
    assert found(existing_resources.log_bucket) == [("ok", f"{LOGS} accepts access logs.")]
    s3.put_bucket_ownership_controls(
        Bucket=LOGS, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    ((level, text),) = found(existing_resources.log_bucket)
    assert (level, "has ACLs disabled" in text) == ("stop", True)
