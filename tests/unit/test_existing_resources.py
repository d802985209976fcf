"""Test preflight findings on your own topic, log bucket, code signing, firewall and mail, and on the budget."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_preflight import change, check_findings, client_error
from tools.aws import existing_resources, preflight

TOPIC = "arn:aws:sns:eu-west-1:1:on-call"
KEY = "arn:aws:kms:eu-west-1:1:key/k"
ALARM = "arn:aws:cloudwatch:eu-west-1:1:alarm:shop-dev"
CLOUDWATCH = {"Service": "cloudwatch.amazonaws.com"}

PUBLISH = {"Principal": CLOUDWATCH, "Action": "sns:Publish", "Resource": TOPIC}
USE = {"Principal": CLOUDWATCH, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*"}
WRITE = {
    "Principal": {"Service": "logging.s3.amazonaws.com"},
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::logs/*",
}
OURS = {
    "Condition": {"ArnEquals": {"aws:SourceArn": [ALARM, f"{ALARM}/4xx"]}, "StringEquals": {"aws:SourceAccount": "1"}}
}
THEIRS = {"Condition": {"StringEquals": {"aws:SourceAccount": "2"}}}
THAT_OF_AN_ORGANIZATION = {"Condition": {"StringEquals": {"aws:SourceOrgID": "o-1"}}}
# The output policy_statements, as a plan has it.
NEEDED = {
    "log_bucket": [
        {
            "Sid": "AccessLogs", **WRITE, "Resource": ["arn:aws:s3:::logs/s3/shop-site-*"],
            "Condition": {"ArnLike": {"aws:SourceArn": ["arn:aws:s3:::shop-site-*"]}},
        }
    ],
    "topic": [{"Sid": "AlarmsPublish", **PUBLISH, **OURS}],
    "topic_key": [{"Sid": "AlarmsEncrypt", **USE, **OURS}],
}  # fmt: skip


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", **each} for each in statements]})


def plan(*changes: dict[str, Any], **variables: Any) -> dict[str, Any]:
    given = {"environment": "dev", "name": "shop", **variables}
    outputs = {"policy_statements": {"value": NEEDED}}
    return {
        "planned_values": {"outputs": outputs},
        "resource_changes": changes,
        "variables": {name: {"value": value} for name, value in given.items()},
    }


def creation(kind: str, **values: Any) -> dict[str, Any]:
    return change(kind, "create", after=values)


@pytest.mark.parametrize(
    "check",
    [check for group in preflight.GROUPS for check in group if check.__module__ == existing_resources.__name__],
)
def test_nothing_is_checked_without_existing_resources(check: Any) -> None:
    pool = creation("aws_cognito_user_pool", email_configuration=[{"email_sending_account": "COGNITO_DEFAULT"}])
    others = (
        creation("aws_cloudfront_distribution", logging_config=[], web_acl_id=None),
        creation("aws_lambda_function", code_signing_config_arn=None),
        change("aws_budgets_budget", "delete"),
        pool,
    )
    for variables in ({}, {"alarms": None}, {"alarms": {"emails": ["a@example.com"]}}):
        ((level, _),) = check_findings(check, plan(*others, **variables))
        assert level == "ok"


# --- the topic


def topic_findings(attributes: Any, **answers: Any) -> list[tuple[str, str]]:
    found = attributes if isinstance(attributes, Exception) else {"Attributes": attributes}
    return check_findings(
        existing_resources.topic, plan(alarms={"topic_arn": TOPIC}), get_topic_attributes=found, **answers
    )  # fmt: skip


@pytest.mark.parametrize("more", [{}, OURS])
def test_a_topic_that_alarms_can_publish_to(more: dict[str, Any]) -> None:
    said = topic_findings({"Policy": policy({**PUBLISH, **more})})
    assert said == [("ok", f"{TOPIC} exists, and lets CloudWatch publish.")]


def test_a_missing_topic() -> None:
    assert topic_findings(client_error("NotFound")) == [("stop", f"{TOPIC}, in alarms.topic_arn, does not exist.")]
    with pytest.raises(Exception, match="AuthorizationError"):
        topic_findings(client_error("AuthorizationError"))


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [{**PUBLISH, **THEIRS}],
        [{**PUBLISH, "Principal": {"Service": "events.amazonaws.com"}}],
        # The ARN of one of the two alarms that notify.
        [{**PUBLISH, "Condition": {"ArnEquals": {"aws:SourceArn": ALARM}}}],
    ],
)
def test_a_topic_whose_policy_denies_alarms(statements: list[dict[str, Any]]) -> None:
    assert topic_findings({"Policy": policy(*statements)}) == [
        ("warning", f"The policy of {TOPIC} does not allow AlarmsPublish.")
    ]


def test_a_topic_whose_policy_has_unknown_conditions() -> None:
    (found,) = topic_findings({"Policy": policy({**PUBLISH, **THAT_OF_AN_ORGANIZATION})})
    text = f"The policy of {TOPIC} has principals or conditions that may refuse AlarmsPublish."
    assert found == ("warning", text)


def test_a_topic_whose_statements_are_known_after_apply() -> None:
    unknown = {**plan(alarms={"topic_arn": TOPIC}), "planned_values": {"outputs": {"policy_statements": {}}}}
    found = check_findings(
        existing_resources.topic, unknown, get_topic_attributes={"Attributes": {"Policy": policy(PUBLISH)}}
    )
    assert found == [("warning", f"The statements that the policy of {TOPIC} needs are known only after the apply.")]


@pytest.mark.parametrize(
    ("manager", "statements", "level", "said"),
    [
        ("AWS", [], "stop", "is encrypted with AWS's key alias/k, which CloudWatch cannot use"),
        ("CUSTOMER", [USE], "ok", "exists, and lets CloudWatch publish."),
        ("CUSTOMER", [{**USE, **OURS}], "ok", "exists, and lets CloudWatch publish."),
        ("CUSTOMER", [{**USE, **THEIRS}], "warning", f"The policy of {KEY} does not allow AlarmsEncrypt."),
        ("CUSTOMER", [{**USE, "Action": "kms:Decrypt"}], "warning", "does not allow AlarmsEncrypt."),
        ("CUSTOMER", [{**USE, **THAT_OF_AN_ORGANIZATION}], "warning", "has principals or conditions that may refuse"),
    ],
)
def test_the_key_of_a_topic(manager: str, statements: list[dict[str, Any]], level: str, said: str) -> None:
    described = {"KeyMetadata": {"Arn": KEY, "KeyId": "k", "KeyManager": manager, "KeyState": "Enabled"}}
    attributes = {"KmsMasterKeyId": "alias/k", "Policy": policy(PUBLISH)}
    found = topic_findings(attributes, describe_key=described, get_key_policy={"Policy": policy(*statements)})
    ((found_level, text),) = found
    assert found_level == level
    assert said in text


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [
        (
            "alias/aws/sns",
            client_error("NotFoundException"),
            f"{TOPIC} is encrypted with AWS's key alias/aws/sns, which",
        ),
        ("alias/gone", client_error("NotFoundException"), f"alias/gone, the key of {TOPIC}, does not exist, so no "),
        (
            "k",
            {"KeyMetadata": {"Arn": KEY, "KeyId": "k", "KeyManager": "CUSTOMER", "KeyState": "Disabled"}},
            f"{KEY}, the key of {TOPIC}, is Disabled, so no alarm would arrive.",
        ),
    ],
)
def test_an_unusable_key_of_a_topic(key: str, answer: Any, said: str) -> None:
    attributes = {"KmsMasterKeyId": key, "Policy": policy(PUBLISH)}
    ((level, text),) = topic_findings(attributes, describe_key=answer)
    assert (level, text[: len(said)]) == ("stop", said)


def test_an_unreadable_key_of_a_topic() -> None:
    with pytest.raises(Exception, match="AccessDenied"):
        topic_findings({"KmsMasterKeyId": KEY, "Policy": policy(PUBLISH)}, describe_key=client_error())


# --- access logs

LOGGING = creation("aws_s3_bucket_logging", bucket="shop-site", target_bucket="logs", target_prefix="s3/shop-site/")
DISTRIBUTION = creation("aws_cloudfront_distribution", logging_config=[{"bucket": "logs.s3.amazonaws.com"}])
GOOD: dict[str, Any] = {
    "head_bucket": {},
    "get_bucket_encryption": client_error("ServerSideEncryptionConfigurationNotFoundError"),
    "get_bucket_location": {"LocationConstraint": "eu-west-1"},
    "get_bucket_ownership_controls": client_error("OwnershipControlsNotFoundError"),
    "get_bucket_policy": {"Policy": policy(WRITE)},
    "get_bucket_request_payment": {"Payer": "BucketOwner"},
    "get_object_lock_configuration": client_error("ObjectLockConfigurationNotFoundError"),
}
ENCRYPTED = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
ENFORCED = {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}


def bucket_findings(*changes: dict[str, Any], **answers: Any) -> list[tuple[str, str]]:
    return check_findings(
        existing_resources.log_bucket, plan(*(changes or (LOGGING, DISTRIBUTION))), **{**GOOD, **answers}
    )


def test_a_bucket_that_accepts_access_logs() -> None:
    assert bucket_findings() == [("ok", "logs accepts access logs.")]
    assert bucket_findings(LOGGING, get_bucket_ownership_controls=ENFORCED) == [("ok", "logs accepts access logs.")]
    assert bucket_findings(DISTRIBUTION, get_bucket_policy=client_error()) == [("ok", "logs accepts access logs.")]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"head_bucket": client_error("404")}, "The bucket logs does not exist."),
        ({"head_bucket": client_error("403")}, "The bucket logs cannot be read with this account's credentials (403)."),
        ({"get_bucket_location": {"LocationConstraint": None}}, "The bucket logs is in us-east-1, and S3 writes"),
        (
            {"get_bucket_encryption": {"ServerSideEncryptionConfiguration": ENCRYPTED}},
            "The bucket logs encrypts with KMS, and S3 cannot",
        ),
        (
            {"get_object_lock_configuration": {"ObjectLockConfiguration": {"Rule": {"DefaultRetention": {}}}}},
            "The bucket logs locks each new object, so S3 cannot",
        ),
        ({"get_bucket_request_payment": {"Payer": "Requester"}}, "The bucket logs has Requester Pays, so S3"),
        ({"get_bucket_ownership_controls": ENFORCED}, "The bucket logs has ACLs disabled, and CloudFront needs"),
    ],
)
def test_a_bucket_that_does_not_accept_access_logs(answers: dict[str, Any], said: str) -> None:
    ((level, text),) = bucket_findings(**answers)
    assert level == "stop"
    assert text.startswith(said)


@pytest.mark.parametrize(
    "answer",
    [client_error("NoSuchBucketPolicy"), {"Policy": policy({**WRITE, "Resource": "arn:aws:s3:::logs/other/*"})}],
)
def test_a_bucket_whose_policy_denies_s3_logs(answer: Any) -> None:
    said = "The policy of logs does not allow AccessLogs."
    assert bucket_findings(get_bucket_policy=answer) == [("warning", said)]


# --- signed code


@pytest.mark.parametrize(
    ("mode", "signed", "level", "said"),
    [
        ("Warn", True, "ok", "The packages are signed. The policy is Warn."),
        ("Enforce", True, "ok", "The packages are signed. The policy is Enforce."),
        ("Warn", False, "warning", "1 packages are not signed, such as get.zip: Lambda deploys them, with"),
        ("Enforce", False, "stop", "1 packages are not signed, such as get.zip: Lambda refuses them."),
        ("Enforce", None, "stop", "1 packages are not signed, such as get.zip: Lambda refuses them."),
    ],
)
def test_signed_code(tmp_path: Path, mode: str, signed: bool | None, level: str, said: str) -> None:
    package = tmp_path / "get.zip"
    if signed is not None:
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("index.py", "")
            if signed:
                archive.writestr("META-INF/aws_signer_signature_v1.0.SF", "")
    function = creation("aws_lambda_function", code_signing_config_arn="arn:csc", filename=str(package))
    answer = {"CodeSigningConfig": {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": mode}}}
    ((found, text),) = check_findings(existing_resources.code_signing, plan(function), get_code_signing_config=answer)
    assert found == level
    assert said in text


def test_a_missing_code_signing_configuration() -> None:
    function = creation("aws_lambda_function", code_signing_config_arn="arn:csc", filename="get.zip")
    error = client_error("ResourceNotFoundException")
    said = check_findings(existing_resources.code_signing, plan(function), get_code_signing_config=error)
    assert said == [("stop", "arn:csc does not exist.")]
    with pytest.raises(Exception, match="AccessDenied"):
        check_findings(existing_resources.code_signing, plan(function), get_code_signing_config=client_error())


# --- the firewall


def test_the_distributions_firewall() -> None:
    asked: list[Any] = []
    planned = plan(
        creation("aws_cloudfront_distribution", web_acl_id="arn:aws:wafv2:us-east-1:1:global/webacl/edge/0a")
    )  # fmt: skip
    assert check_findings(existing_resources.firewall, planned, asked, get_web_acl={}) == [("ok", "edge exists.")]
    assert asked == [("get_web_acl", "us-east-1", {"Name": "edge", "Scope": "CLOUDFRONT", "Id": "0a"})]
    gone = check_findings(existing_resources.firewall, planned, get_web_acl=client_error("WAFNonexistentItemException"))
    assert gone == [("stop", "arn:aws:wafv2:us-east-1:1:global/webacl/edge/0a does not exist.")]
    with pytest.raises(Exception, match="AccessDenied"):
        check_findings(existing_resources.firewall, planned, get_web_acl=client_error())


# --- mail

VERIFIED = {"VerifiedForSendingStatus": True}
OUT_OF_THE_SANDBOX = {"ProductionAccessEnabled": True}


def mail_findings(
    place: str = "eu-west-1", configuration_set: str | None = "shop", **answers: Any
) -> list[tuple[str, str]]:
    email = {
        "configuration_set": configuration_set,
        "email_sending_account": "DEVELOPER",
        "source_arn": f"arn:aws:ses:{place}:1:identity/example.com",
    }
    given = {"get_account": OUT_OF_THE_SANDBOX, "get_configuration_set": {}, "get_email_identity": VERIFIED, **answers}
    return check_findings(
        existing_resources.mail, plan(creation("aws_cognito_user_pool", email_configuration=[email])), **given
    )


@pytest.mark.parametrize(
    ("arguments", "level", "said"),
    [
        ({}, "ok", "example.com is verified."),
        ({"configuration_set": None, "get_configuration_set": client_error()}, "ok", "example.com is verified."),
        ({"get_account": {}}, "warning", "Amazon SES is in the sandbox in eu-west-1: only verified addresses get mail"),
        ({"place": "us-east-1"}, "warning", "example.com is in us-east-1, the pool in eu-west-1."),
        ({"get_email_identity": {}}, "stop", "The identity example.com is not verified in eu-west-1 yet."),
        (
            {"get_email_identity": client_error("NotFoundException")},
            "stop",
            "Amazon SES has no identity example.com in eu-west-1.",
        ),
        (
            {"get_configuration_set": client_error("NotFoundException")},
            "stop",
            "Amazon SES has no configuration set shop in eu-west-1.",
        ),
    ],
)
def test_mail_by_ses(arguments: dict[str, Any], level: str, said: str) -> None:
    ((found, text),) = mail_findings(**arguments)
    assert found == level
    assert text.startswith(said)


@pytest.mark.parametrize("operation", ["get_configuration_set", "get_email_identity"])
def test_ses_settings_that_cannot_be_read(operation: str) -> None:
    with pytest.raises(Exception, match="AccessDenied"):
        mail_findings("eu-west-1", "shop", **{operation: client_error()})


# --- the budget


@pytest.mark.parametrize(
    ("active", "level", "said"),
    [
        (["Environment", "Project"], "ok", "Its cost allocation tags are active."),
        (["Project"], "warning", "The budget counts no costs until these cost allocation tags are active: Env"),
        (client_error(), "warning", "The cost allocation tags (Environment, Project) could not be checked: Acc"),
    ],
)
def test_the_tags_of_a_budget(active: Any, level: str, said: str) -> None:
    answer = active if isinstance(active, Exception) else {"CostAllocationTags": [{"TagKey": name} for name in active]}
    asked: list[Any] = []
    planned = plan(creation("aws_budgets_budget", name="shop-dev"))
    ((found, text),) = check_findings(existing_resources.budget, planned, asked, list_cost_allocation_tags=answer)
    assert found == level
    assert text.startswith(said)
    ((_, place, arguments),) = asked
    assert (place, arguments) == ("us-east-1", {"TagKeys": ["Environment", "Project"], "Status": "Active"})
