"""Check the existing KMS key that a system is to use, before an apply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from tools.aws.findings import OK, STOP, WARNING, Context, Finding, Findings
from tools.aws.policies import policy_findings

SUBJECT = "key"

REMEDIES = {
    "Disabled": "Run `aws kms enable-key --key-id {arn}`.",
    "PendingDeletion": "Run `aws kms cancel-key-deletion --key-id {arn}` and `aws kms enable-key --key-id {arn}`.",
}


def existing_key(context: Context) -> Findings:
    """Check that an existing key is usable, and that its policy lets this system use it."""
    arn = (context.variable("encryption") or {}).get("key_arn")
    if not arn:
        yield Finding(OK, SUBJECT, "No existing key is used.")
        return
    owner = arn.split(":")[4]
    kms = context.client("kms")
    try:
        found = kms.describe_key(KeyId=arn)["KeyMetadata"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NotFoundException":
            yield Finding(STOP, SUBJECT, f"{arn} does not exist.", "Correct encryption.key_arn.")
            return
        remedy = "Ask its owner to allow kms:DescribeKey, or look in the console of its account."
        yield Finding(WARNING, SUBJECT, f"The state of {arn} cannot be read: {code}.", remedy)
    else:
        faults = list(unfit_findings(arn, found))
        yield from faults
        if faults:
            return
        yield from rotation_findings(kms, arn, found)
    yield from policy_statement_findings(context, kms, arn, owner)


def unfit_findings(arn: str, key: Mapping[str, Any]) -> Findings:
    """Yield the reasons why a key cannot be used."""
    if key["KeyManager"] == "AWS":
        text = f"{arn} is managed by AWS, and its policy cannot be changed."
        yield Finding(STOP, SUBJECT, text, "Name a customer managed key, or omit key_arn to let Trestle create one.")
    elif key.get("KeySpec") != "SYMMETRIC_DEFAULT" or key.get("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
        text = f"{arn} has the spec {key.get('KeySpec')} and the usage {key.get('KeyUsage')}."
        yield Finding(STOP, SUBJECT, text, "Name a symmetric encryption key (SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT).")
    elif key["KeyState"] != "Enabled":
        remedy = REMEDIES.get(key["KeyState"], "Ask its owner to make it available.").format(arn=arn)
        yield Finding(STOP, SUBJECT, f"{arn} is {key['KeyState']}.", remedy)


def rotation_findings(kms: Any, arn: str, key: Mapping[str, Any]) -> Findings:
    """Check that a key with key material from AWS is rotated."""
    if key.get("Origin") != "AWS_KMS":
        return
    try:
        is_rotated = kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"]
    except ClientError:
        return  # the key's owner decides about rotation
    if not is_rotated:
        remedy = f"Its owner may run `aws kms enable-key-rotation --key-id {arn}`."
        yield Finding(WARNING, SUBJECT, f"{arn} is not rotated.", remedy)


def policy_statement_findings(context: Context, kms: Any, arn: str, owner: str) -> Findings:
    """Check that a key's policy has the statements that the system needs."""
    needed = context.output("kms_key_statements")
    try:
        policy = kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
    except ClientError as error:
        where = f", in account {owner}" if owner != context.account else ""
        text = f"You may not read the policy of {arn}{where}: {error.response['Error']['Code']}."
        remedy = f"Ask its owner to check that it has these statements: {json.dumps(needed)}"
        yield Finding(WARNING, SUBJECT, text, remedy)
        return
    found = list(policy_findings(SUBJECT, arn, policy, needed, context.account))
    yield from found
    if not found:
        yield Finding(OK, SUBJECT, f"{arn} is enabled, and its policy lets the system use it.")
