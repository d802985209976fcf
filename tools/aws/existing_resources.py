"""Preflight's checks that existing resources in the tfvars exist, and let this system use them.

A missing policy statement is a warning: the apply succeeds without it, but alarms or logs do not
arrive.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tools.aws.findings import OK, STOP, WARNING, Context, Finding, Findings
from tools.aws.policies import policy_findings
from tools.terraform import ROOT

# What Lambda's signing platform adds to a package:
# https://docs.aws.amazon.com/signer/latest/developerguide/
SIGNATURE = "META-INF/aws_signer_signature"
# The tags by which a budget attributes costs.
COST_TAGS = ("Environment", "Project")
HOW = "See docs/how-to/security-team.md."


def code_of(error: ClientError) -> str:
    """Return the code of AWS's error."""
    return str(error.response["Error"]["Code"])


def planned_values(context: Context, kind: str) -> Iterator[Mapping[str, Any]]:
    """Yield the planned values of the resources of a type."""
    yield from (each["change"]["after"] for each in context.changes(kind) if each["change"]["after"])


# --- the alarms' topic


def topic(context: Context) -> Findings:
    """Check that the alarms' existing topic exists, and lets CloudWatch publish."""
    arn = (context.variable("alarms") or {}).get("topic_arn")
    if not arn:
        yield Finding(OK, "topic", "Alarms use no existing topic.")
        return
    try:
        found = context.client("sns", arn.split(":")[3]).get_topic_attributes(TopicArn=arn)["Attributes"]
    except ClientError as error:
        if code_of(error) != "NotFound":
            raise
        yield Finding(STOP, "topic", f"{arn}, in alarms.topic_arn, does not exist.", "Correct the ARN.")
        return
    needed = statements(context, "topic")
    faults = list(policy_findings("topic", arn, found.get("Policy"), needed, context.account, level=WARNING))
    yield from faults
    key_faults = list(key_findings(context, arn, found.get("KmsMasterKeyId")))
    yield from key_faults
    if not faults and not key_faults:
        yield Finding(OK, "topic", f"{arn} exists, and lets CloudWatch publish.")


def key_findings(context: Context, arn: str, key: str | None) -> Findings:
    """Yield the faults of a topic's key."""
    if not key:
        return
    kms = context.client("kms", arn.split(":")[3])
    remedy = "Encrypt the topic with a customer managed key, or not at all."
    try:
        described = kms.describe_key(KeyId=key)["KeyMetadata"]
    except ClientError as error:
        if code_of(error) != "NotFoundException":
            raise
        # AWS creates its managed keys at first use.
        described = {"Arn": key, "KeyManager": "AWS"} if "alias/aws/" in key else None
    if described is None:
        yield Finding(STOP, "topic", f"{key}, the key of {arn}, does not exist, so no alarm would arrive.", remedy)
        return
    if described["KeyManager"] == "AWS":
        text = f"{arn} is encrypted with AWS's key {key}, which CloudWatch cannot use, so no alarm would arrive."
        yield Finding(STOP, "topic", text, remedy)
        return
    if described["KeyState"] != "Enabled":
        text = f"{described['Arn']}, the key of {arn}, is {described['KeyState']}, so no alarm would arrive."
        yield Finding(STOP, "topic", text, f"Ask its owner to enable it, or {remedy[0].lower()}{remedy[1:]}")
        return
    policy = kms.get_key_policy(KeyId=described["KeyId"], PolicyName="default")["Policy"]
    needed = statements(context, "topic_key")
    yield from policy_findings("topic", described["Arn"], policy, needed, context.account, level=WARNING)


def statements(context: Context, name: str) -> list[Mapping[str, Any]] | None:
    """Return the statements that an existing resource's policy needs, or None before they are known."""
    found: list[Mapping[str, Any]] | None = (context.output("policy_statements") or {}).get(name)
    return found


# --- access logs


def log_bucket(context: Context) -> Findings:
    """Check that the bucket for access logs exists, and accepts them."""
    loggings = list(planned_values(context, "aws_s3_bucket_logging"))
    distributions = planned_values(context, "aws_cloudfront_distribution")
    configs = [each for values in distributions for each in values.get("logging_config") or ()]
    names = {each["target_bucket"] for each in loggings} | {each["bucket"].partition(".s3.")[0] for each in configs}
    if not names:
        yield Finding(OK, "log bucket", "No access log goes to a bucket.")
    for name in sorted(names):
        s3 = context.client("s3")
        try:
            s3.head_bucket(Bucket=name, ExpectedBucketOwner=context.account)
        except ClientError as error:
            why = (
                "does not exist"
                if code_of(error) == "404"
                else f"cannot be read with this account's credentials ({code_of(error)})"
            )
            remedy = "S3 writes access logs only to buckets of the same account. Set log_bucket to one of these."
            yield Finding(STOP, "log bucket", f"The bucket {name} {why}.", remedy)
            continue
        policy = get_or_empty(s3.get_bucket_policy, Bucket=name).get("Policy")
        needed = statements(context, "log_bucket") if loggings else []
        found = [
            *bucket_faults(context, s3, name, for_distribution=bool(configs)),
            *policy_findings("log bucket", name, policy, needed, context.account, level=WARNING),
        ]
        yield from found
        if not found:
            yield Finding(OK, "log bucket", f"{name} accepts access logs.")


def bucket_faults(context: Context, s3: Any, name: str, *, for_distribution: bool) -> Findings:
    """Yield what prevents S3 or CloudFront from writing access logs to a bucket, except its policy.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    place = s3.get_bucket_location(Bucket=name).get("LocationConstraint") or "us-east-1"
    if place != context.region:
        text = f"The bucket {name} is in {place}, and S3 writes access logs only to buckets of the same region."
        yield Finding(STOP, "log bucket", text, f"Name a bucket in {context.region}.")
    encryption = get_or_empty(s3.get_bucket_encryption, Bucket=name).get("ServerSideEncryptionConfiguration", {})
    defaults = [each.get("ApplyServerSideEncryptionByDefault", {}) for each in encryption.get("Rules", ())]
    if any("kms" in each.get("SSEAlgorithm", "") for each in defaults):
        text = f"The bucket {name} encrypts with KMS, and S3 cannot write access logs with a KMS key."
        yield Finding(STOP, "log bucket", text, "Set its default encryption to SSE-S3 (AES256), or name another.")
    lock = get_or_empty(s3.get_object_lock_configuration, Bucket=name).get("ObjectLockConfiguration", {})
    if lock.get("Rule"):
        text = f"The bucket {name} locks each new object, so S3 cannot write access logs to it."
        yield Finding(STOP, "log bucket", text, "Remove the default retention, or name another bucket.")
    if s3.get_bucket_request_payment(Bucket=name).get("Payer") == "Requester":
        text = f"The bucket {name} has Requester Pays, so S3 cannot write access logs to it."
        yield Finding(STOP, "log bucket", text, "Name another bucket.")
    controls = get_or_empty(s3.get_bucket_ownership_controls, Bucket=name).get("OwnershipControls", {})
    if for_distribution and any(each["ObjectOwnership"] == "BucketOwnerEnforced" for each in controls.get("Rules", ())):
        text = f"The bucket {name} has ACLs disabled, and CloudFront needs an ACL to write its access log."
        remedy = "Set the bucket's object ownership to BucketOwnerPreferred, or set website = { access_log = false }."
        yield Finding(STOP, "log bucket", text, remedy)


def get_or_empty(ask: Any, **arguments: Any) -> Any:
    """Return AWS's response, or an empty dict if the setting does not exist."""
    with suppress(ClientError):
        return ask(**arguments)
    return {}


# --- signed code


def code_signing(context: Context) -> Findings:
    """Check that the code signing configuration exists, and accepts the packages in dist/."""
    functions = [each for each in planned_values(context, "aws_lambda_function") if each.get("code_signing_config_arn")]
    if not functions:
        yield Finding(OK, "code signing", "No function requires signed code.")
        return
    arn = functions[0]["code_signing_config_arn"]
    try:
        found = context.client("lambda").get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        yield Finding(STOP, "code signing", f"{arn} does not exist.", "Correct code_signing_config_arn.")
        return
    policy = found["CodeSigningPolicies"]["UntrustedArtifactOnDeployment"]
    unsigned = sorted({name for each in functions if not is_signed(ROOT / (name := each["filename"]))})
    if not unsigned:
        yield Finding(OK, "code signing", f"The packages are signed. The policy is {policy}.")
        return
    text = f"The policy is {policy}, and {len(unsigned)} packages are not signed, such as {Path(unsigned[0]).name}"
    if policy == "Enforce":
        remedy = f"Sign them after the build, then run `python build.py --signed DIR`. {HOW}"
        yield Finding(STOP, "code signing", f"{text}: Lambda refuses them.", remedy)
    else:
        remedy = f"Ignore this, or sign them after the build. {HOW}"
        yield Finding(WARNING, "code signing", f"{text}: Lambda deploys them, with a warning for each.", remedy)


def is_signed(package: Path) -> bool:
    """Return whether a package has a signature of AWS Signer. Lambda verifies it."""
    try:
        with zipfile.ZipFile(package) as archive:
            return any(name.startswith(SIGNATURE) for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


# --- the distribution's firewall


def firewall(context: Context) -> Findings:
    """Check that the firewall of the website's distribution exists."""
    arns = {
        each["web_acl_id"] for each in planned_values(context, "aws_cloudfront_distribution") if each.get("web_acl_id")
    }
    if not arns:
        yield Finding(OK, "firewall", "No distribution uses an existing firewall.")
    for arn in sorted(arns):
        _, _, name, identifier = arn.rpartition(":")[2].split("/")
        try:
            context.client("wafv2", "us-east-1").get_web_acl(Name=name, Scope="CLOUDFRONT", Id=identifier)
        except ClientError as error:
            if code_of(error) != "WAFNonexistentItemException":
                raise
            yield Finding(STOP, "firewall", f"{arn} does not exist.", "Correct website.web_acl_arn.")
            continue
        yield Finding(OK, "firewall", f"{name} exists.")


# --- mail


def mail(context: Context) -> Findings:
    """Check that Amazon SES may send the mail to users."""
    emails = [
        each for pool in planned_values(context, "aws_cognito_user_pool")
        for each in pool.get("email_configuration") or ()
        if each.get("email_sending_account") == "DEVELOPER"
    ]  # fmt: skip
    if not emails:
        yield Finding(OK, "mail", "No user pool sends with Amazon SES.")
    for email in emails:
        arn = email["source_arn"]
        place, identity = arn.split(":")[3], arn.partition(":identity/")[2]
        ses = context.client("sesv2", place)
        if fault := mail_fault(ses, identity, email.get("configuration_set"), place):
            yield Finding(STOP, "mail", fault, "Verify it in Amazon SES, or correct user_pool.email.")
            continue
        if not ses.get_account().get("ProductionAccessEnabled"):
            text = f"Amazon SES is in the sandbox in {place}: only verified addresses get mail, 200 a day."
            yield Finding(WARNING, "mail", text, "Before you have users, request production access in the SES console.")
        elif place != context.region:
            text = f"{identity} is in {place}, the pool in {context.region}. Cognito allows this for some regions only."
            remedy = "Verify the identity in the pool's region, unless Cognito's list of SES regions has this pair."
            yield Finding(WARNING, "mail", text, remedy)
        else:
            yield Finding(OK, "mail", f"{identity} is verified.")


def mail_fault(ses: Any, identity: str, configuration_set: str | None, place: str) -> str | None:
    """Return why SES cannot send for an identity, or None."""
    try:
        if not ses.get_email_identity(EmailIdentity=identity).get("VerifiedForSendingStatus"):
            return f"The identity {identity} is not verified in {place} yet."
    except ClientError as error:
        if code_of(error) != "NotFoundException":
            raise
        return f"Amazon SES has no identity {identity} in {place}."
    try:
        if configuration_set:
            ses.get_configuration_set(ConfigurationSetName=configuration_set)
    except ClientError as error:
        if code_of(error) != "NotFoundException":
            raise
        return f"Amazon SES has no configuration set {configuration_set} in {place}."
    return None


# --- the budget


def budget(context: Context) -> Findings:
    """Check that the budget's cost allocation tags are active."""
    if not any(planned_values(context, "aws_budgets_budget")):
        yield Finding(OK, "budget", "There is no budget.")
        return
    try:
        # Billing has one endpoint for all regions.
        found = context.client("ce", "us-east-1").list_cost_allocation_tags(TagKeys=[*COST_TAGS], Status="Active")
    except ClientError as error:
        text = f"The cost allocation tags ({', '.join(COST_TAGS)}) could not be checked: {code_of(error)}."
        remedy = "In an organization, the management account activates them: Billing, Cost allocation tags."
        yield Finding(WARNING, "budget", text, remedy)
        return
    active = {each["TagKey"] for each in found["CostAllocationTags"]}
    if missing := [name for name in COST_TAGS if name not in active]:
        text = f"The budget counts no costs until these cost allocation tags are active: {', '.join(missing)}."
        remedy = (
            "A day after the first apply, run `aws ce update-cost-allocation-tags-status "
            f"--cost-allocation-tags-status {' '.join(f'TagKey={name},Status=Active' for name in missing)}`, in an "
            "organization as its management account."
        )
        yield Finding(WARNING, "budget", text, remedy)
    else:
        yield Finding(OK, "budget", "Its cost allocation tags are active.")
