"""Test how preflight evaluates resource policies: allowed, denied, or unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.aws.policies import ALLOWED, REFUSED, UNSURE, decide

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


def decision(statements: Any) -> str:
    return decide(json.dumps({"Statement": statements}), "sns:Publish", TOPIC, {"Service": SERVICE}, KEYS)


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
        [condition("StringNotLike", "aws:SourceAccount", ["2", "3*"])],
        [condition("StringEqualsIfExists", "aws:SourceAccount", "1")],
        [condition("ForAnyValue:StringLike", "aws:SourceAccount", ["?"])],
        [condition("StringEqualsIgnoreCase", "aws:SourceAccount", "1")],
        [condition("Null", "aws:SourceAccount", "false")],
        [condition("Bool", "aws:SecureTransport", True)],
        [ALLOW, condition("StringEquals", "aws:SourceOrgID", "o-1")],
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
    assert decision(statements) == ALLOWED
    if len(statements) == 1:
        assert decision(statements[0]) == ALLOWED


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
        [condition("ArnLike", "aws:SourceArn", "arn:aws:cloudwatch:us-west-2:2:alarm:*")],
        [condition("StringNotLike", "aws:SourceAccount", "*")],
        [condition("Null", "aws:SourceAccount", "true")],
        [condition("Bool", "aws:SecureTransport", "false")],
        [ALLOW, DENY],
        [ALLOW, {"Effect": "Deny", "NotPrincipal": {"Service": "events.amazonaws.com"}, "Action": "*"}],
        [ALLOW, {**DENY, "Condition": {"ArnNotLike": {"aws:SourceArn": "arn:aws:cloudwatch:us-west-2:2:*"}}}],
    ],
    ids=json.dumps,
)
def test_refused(statements: list[dict[str, Any]]) -> None:
    assert decision(statements) == REFUSED


@pytest.mark.parametrize(
    "statements",
    [
        [condition("StringEquals", "aws:SourceOrgID", "o-1")],
        [condition("StringNotEquals", "aws:SourceOrgID", "o-1")],
        [condition("StringEqualsIfExists", "aws:SourceOrgID", "o-1")],
        [condition("Null", "aws:SourceOrgID", "true")],
        [condition("IpAddress", "aws:SourceAccount", "10.0.0.0/8")],
        [condition("Not an operator", "aws:SourceAccount", "1")],
        [ALLOW, {**DENY, "Condition": {"StringNotEquals": {"aws:SourceOrgID": "o-1"}}}],
    ],
    ids=json.dumps,
)
def test_unknown_condition_keys_and_operators_are_undecided(statements: list[dict[str, Any]]) -> None:
    assert decision(statements) == UNSURE


def test_nothing_is_allowed_without_a_policy() -> None:
    assert decide(None, "sns:Publish", TOPIC, {"Service": SERVICE}, KEYS) == REFUSED


def test_roles_of_an_account() -> None:
    """The policy names the account's root, one of its roles, or another account."""
    root = {"AWS": "arn:aws:iam::1:root"}
    for principal, expected in (
        ({"AWS": "arn:aws:iam::1:root"}, ALLOWED),
        ({"AWS": "1"}, ALLOWED),
        ({"AWS": "*"}, ALLOWED),
        ({"AWS": ["2", "arn:aws:iam::1:role/deploy"]}, UNSURE),
        ({"AWS": "arn:aws:iam::2:root"}, REFUSED),
        ({"Service": SERVICE}, REFUSED),
    ):
        assert decide({"Statement": {**ALLOW, "Principal": principal}}, "sns:Publish", TOPIC, root, {}) == expected


def test_not_action_and_not_resource() -> None:
    principal = {"AWS": "arn:aws:iam::1:root"}
    statement = {"Effect": "Allow", "Principal": "*", "NotAction": "kms:Put*", "NotResource": "arn:aws:kms:x"}
    for action, resource, expected in (
        ("kms:Decrypt", "arn:aws:kms:y", ALLOWED),
        ("kms:PutKeyPolicy", "arn:aws:kms:y", REFUSED),
        ("kms:Decrypt", "arn:aws:kms:x", REFUSED),
    ):
        assert decide({"Statement": statement}, action, resource, principal, {}) == expected
    denied = {"Effect": "Deny", "NotPrincipal": principal, "Action": "*", "Resource": "*"}
    policy = {"Statement": [{**denied, "Effect": "Allow", "NotPrincipal": {}}, denied]}
    assert decide(policy, "kms:Decrypt", "arn:aws:kms:y", principal, {}) == UNSURE
