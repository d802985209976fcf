"""What policies of resources allow, as preflights tell it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.aws.policies import allows

SERVICE = "cloudwatch.amazonaws.com"
TOPIC = "arn:aws:sns:us-west-2:1:on-call"
ALARM = "arn:aws:cloudwatch:us-west-2:1:alarm:shop-prod"
KEYS = {"aws:SourceAccount": "1", "aws:SourceArn": ALARM, "aws:SecureTransport": "true"}
ALLOW: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": SERVICE},
    "Action": "sns:Publish",
    "Resource": TOPIC,
}
ANYONE = {"AWS": "*"}


def condition(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {**ALLOW, "Condition": {operator: {key: value}}}


DENY = {**ALLOW, "Effect": "Deny", "Principal": "*", "Action": "sns:*"}


@pytest.mark.parametrize(
    "statements",
    [
        [ALLOW],
        [{**ALLOW, "Principal": "*"}],
        [{**ALLOW, "Principal": ANYONE, "Action": ["SNS:Subscribe", "SNS:PUBLISH"]}],
        [{**ALLOW, "Principal": {"Service": ["s3.amazonaws.com", SERVICE]}, "Action": "sns:Pub*", "Resource": "*"}],
        [{key: value for key, value in ALLOW.items() if key != "Resource"}],
        [condition("StringEquals", "AWS:SourceAccount", ["2", "1"])],
        [condition("ArnLike", "aws:SourceArn", "arn:aws:cloudwatch:us-west-2:1:alarm:*")],
        [condition("ArnEquals", "aws:SourceArn", ALARM)],
        [condition("StringNotEquals", "aws:SourceAccount", "2")],
        [condition("StringNotEquals", "aws:SourceOrgID", "o-1")],
        [condition("StringEqualsIfExists", "aws:SourceOrgID", "o-1")],
        [condition("ForAnyValue:StringLike", "aws:SourceAccount", ["?"])],
        [condition("StringEqualsIgnoreCase", "aws:SourceAccount", "1")],
        [condition("Null", "aws:SourceOrgID", "true")],
        [ALLOW, {**DENY, "Condition": {"Bool": {"aws:SecureTransport": False}}}],
        [ALLOW, {**DENY, "Principal": {"Service": "events.amazonaws.com"}}],
        [ALLOW, {**DENY, "Action": "sns:Subscribe"}],
        [ALLOW, {"Effect": "Deny", "NotPrincipal": {"Service": SERVICE}, "Action": "*", "Resource": "*"}],
        [ALLOW, {"Effect": "Deny", "Principal": "*", "NotAction": "sns:Publish", "Resource": "*"}],
        [ALLOW, {"Effect": "Deny", "Principal": "*", "Action": "*", "NotResource": TOPIC}],
    ],
    ids=json.dumps,
)
def test_allowed(statements: list[dict[str, Any]]) -> None:
    assert allows(json.dumps({"Statement": statements}), SERVICE, "sns:Publish", TOPIC, KEYS)
    if len(statements) == 1:
        assert allows(json.dumps({"Statement": statements[0]}), SERVICE, "sns:Publish", TOPIC, KEYS)


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [{**ALLOW, "Principal": {"Service": "events.amazonaws.com"}}],
        [{**ALLOW, "Principal": {"AWS": "arn:aws:iam::1:root"}}],
        [{**ALLOW, "Action": "sns:Publishing"}],
        [{**ALLOW, "Resource": f"{TOPIC}-other"}],
        [condition("StringEquals", "aws:SourceAccount", "2")],
        [condition("StringEquals", "aws:SourceAccount", "?")],
        [condition("StringEquals", "aws:SourceOrgID", "o-1")],
        [condition("ArnLike", "aws:SourceArn", "arn:aws:cloudwatch:us-west-2:2:alarm:*")],
        [condition("StringNotLike", "aws:SourceAccount", "*")],
        [condition("Null", "aws:SourceAccount", "true")],
        [condition("IpAddress", "aws:SourceAccount", "10.0.0.0/8")],
        [condition("Not an operator", "aws:SourceAccount", "1")],
        [ALLOW, DENY],
        [ALLOW, {**DENY, "Condition": {"ArnNotLike": {"aws:SourceArn": "arn:aws:cloudwatch:us-west-2:2:*"}}}],
    ],
    ids=json.dumps,
)
def test_not_allowed(statements: list[dict[str, Any]]) -> None:
    assert not allows(json.dumps({"Statement": statements}), SERVICE, "sns:Publish", TOPIC, KEYS)


def test_without_a_policy_nothing_is_allowed() -> None:
    assert not allows(None, SERVICE, "sns:Publish", TOPIC, KEYS)
