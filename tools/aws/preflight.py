"""Check for problems that would make an apply fail or lose data.

Print a line for each check (ok, warning or stop) with the remedy, and exit with 1 if there is a
stop. Preflight changes nothing and holds no lock.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tools.aws import existing_resources
from tools.aws.cost import flatten
from tools.aws.environment import AwsEnvironment, read_backend
from tools.aws.errors import SIGN_IN
from tools.aws.existing_key import existing_key
from tools.aws.existing_network import existing_network
from tools.aws.findings import FREE_ADDRESSES, OK, STOP, WARNING, Context, Finding, Findings
from tools.console import table_row
from tools.dist import build_functions
from tools.errors import ROOT, UserError

sys.path.insert(0, str(ROOT / "lambda_src"))

UNRESERVED = 100  # of the account's concurrency, which Lambda keeps for functions without a reservation
NEW_ACCOUNT = 100  # below this quota, the account is new and has never requested an increase
NEARLY = 0.8  # of a quota
RENEWAL = timedelta(days=30)

# The data lost with each type of resource, and the remedy.
LOSSES = {
    "aws_api_gateway_api_key": (WARNING, "its value", "Tell its holder the new one."),
    "aws_api_gateway_rest_api": (STOP, "the API's address", "Tell every client, or undo the change."),
    "aws_backup_vault": (STOP, "its backups", "Undo the change, or copy them to another vault first."),
    "aws_cloudwatch_log_group": (WARNING, "its logs", "Export them to S3 first if you need them."),
    "aws_cognito_user_pool": (STOP, "its users and their passwords", "Undo the change."),
    "aws_cognito_user_pool_client": (WARNING, "its id", "Give the apps the new one."),
    "aws_dynamodb_table": (STOP, "its items", "Undo the change, or `make export` first."),
    "aws_kms_key": (STOP, "all data encrypted with it, including backups", "Undo the change."),
    "aws_s3_bucket": (STOP, "its objects", "Undo the change, or copy them first."),
}


# --- before a plan


def backend(context: Context) -> Findings:
    """Check that the backend file names the state's bucket, key and region."""
    context.backend, fault, remedy = read_backend(context.name)
    if fault:
        yield Finding(STOP, "state", fault, remedy)


def credentials(context: Context) -> Findings:
    """Check that AWS accepts the credentials, and report the account."""
    try:
        caller = context.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        yield Finding(STOP, "credentials", f"No valid AWS credentials: {error}", SIGN_IN)
        return
    context.account = caller["Account"]
    yield Finding(OK, "credentials", f"Account {caller['Account']} as {caller['Arn']}.")
    if caller["Arn"].endswith(":root"):
        yield Finding(
            WARNING, "credentials", "This is the account's root user.", "Use a role with limited permissions."
        )


def region(context: Context) -> Findings:
    """Check that the account may use the region."""
    name = context.region
    found = context.client("ec2", "us-east-1").describe_regions(AllRegions=True)["Regions"]
    status = {each["RegionName"]: each.get("OptInStatus") for each in found}.get(name)
    if status is None:
        yield Finding(STOP, "region", f"There is no region {name}.", "Correct `region` in the tfvars.")
    elif status == "not-opted-in":
        remedy = f"Run `aws account enable-region --region-name {name}`, and wait a few minutes."
        yield Finding(STOP, "region", f"The account has not opted in to {name}.", remedy)
    else:
        yield Finding(OK, "region", f"{name} is enabled in the account.")


def bucket(context: Context) -> Findings:
    """Check that the state's bucket exists and belongs to the account."""
    name = context.backend["bucket"]
    s3 = context.client("s3", context.backend["region"])
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=context.account)
    except ClientError as error:
        remedy = "Run `make bootstrap` in this account, or set AWS_PROFILE to the bucket's account."
        code = error.response["Error"]["Code"]
        why = "does not exist" if code == "404" else f"cannot be read with your credentials ({code})"
        yield Finding(STOP, "state", f"The bucket {name} {why}.", remedy)
        return
    yield Finding(OK, "state", f"It is in {name}, {context.backend['key']}.")


def lock(context: Context) -> Findings:
    """Check that nobody holds the state's lock, a file of Terraform beside the state."""
    s3, key = context.client("s3", context.backend["region"]), f"{context.backend['key']}.tflock"
    try:
        lock_info = json.load(s3.get_object(Bucket=context.backend["bucket"], Key=key)["Body"])
    except s3.exceptions.NoSuchKey:
        yield Finding(OK, "lock", "Nobody holds the state's lock.")
        return
    who = f"{lock_info.get('Who', 'Somebody')} since {lock_info.get('Created', 'an unknown time')}"
    yield Finding(
        STOP, "lock", f"{who}: {lock_info.get('Operation', 'an operation')}.",
        "Wait until it ends; if it ended without releasing the lock, run "
        f"`TF_DATA_DIR=.terraform/{context.name} terraform force-unlock {lock_info.get('ID', 'ID')}`.",
    )  # fmt: skip


def gateway_role(context: Context) -> Findings:
    """Check that API Gateway has a role to write logs in this account and region: stages require it."""
    role = context.client("apigateway").get_account().get("cloudwatchRoleArn")
    if not role:
        text = f"API Gateway has no role for writing logs in {context.region}."
        yield Finding(STOP, "gateway's role", text, "Run `make bootstrap` for this region.")
        return
    iam = context.client("iam")
    try:
        iam.get_role(RoleName=role.rpartition("/")[2])
    except iam.exceptions.NoSuchEntityException:
        yield Finding(
            STOP, "gateway's role", f"{role} does not exist any more.", "Run `make bootstrap` for this region."
        )
        return
    yield Finding(OK, "gateway's role", f"{role}.")


# --- Terraform


def state(context: Context) -> Findings:
    """Check that the variables are valid, and that the state belongs to this environment and region."""
    try:
        context.facts()
    except UserError as error:
        yield Finding(STOP, "tfvars", str(error), "Correct the file, and run preflight again.")
        return
    environment = AwsEnvironment(context.name, context.progress)
    try:
        environment.terraform.init(environment.backend_argument)
        found = environment.terraform.state()
        environment.check_state(found)
    except UserError as error:
        yield Finding(STOP, "environment", str(error), "Correct it, and run preflight again.")
        return
    count = len(found.get("resources", ()))
    text = f"The state holds {count} resources of {context.name}." if count else "Nothing is deployed yet."
    yield Finding(OK, "environment", text)


def plan(context: Context) -> Findings:
    """Check that Terraform can plan, and count the changes."""
    environment = AwsEnvironment(context.name, context.progress)
    try:
        context.plan = environment.terraform.plan([environment.var_file])
    except UserError as error:
        yield Finding(STOP, "plan", str(error), "Correct it, and run preflight again.")
        return
    actions = [each["change"]["actions"] for each in context.plan.get("resource_changes", ())]
    words = {"created": "create", "changed": "update", "deleted": "delete"}
    counts = [f"{sum(action in each for each in actions)} {word}" for word, action in words.items()]
    yield Finding(OK, "plan", f"{', '.join(counts)}.")


def losses(context: Context) -> Findings:
    """Report unrecoverable data that the apply would delete, and data that is lost already."""
    count = 0
    for each in context.plan.get("resource_drift", ()):
        if each["mode"] == "managed" and each["type"] in LOSSES and each["change"]["actions"] == ["delete"]:
            count += 1
            level, what, _ = LOSSES[each["type"]]
            text = f"{each['address']} was deleted outside of Terraform, with {what}."
            remedy = "The apply would create an empty one. Restore it first if you can (docs/how-to/restore.md)."
            yield Finding(level, "losses", text, remedy)
    for kind, (level, what, remedy) in LOSSES.items():
        for each in context.changes(kind):
            change = each["change"]
            if "delete" not in change["actions"]:
                continue
            count += 1
            paths = sorted({str(path[0]) for path in change.get("replace_paths", ()) if path})
            because = f" (because of {', '.join(paths)})" if paths else ""
            verb = f"is replaced{because}" if "create" in change["actions"] else "is deleted"
            yield Finding(level, "losses", f"{each['address']} {verb}, and {what} would be lost.", remedy)
    if not count:
        yield Finding(OK, "losses", "Nothing that holds data is deleted or replaced.")


def indexes(context: Context) -> Findings:
    """Check the indexes of existing tables: queries find no items in an index that is being created."""
    count = 0
    for each in context.changes("aws_dynamodb_table"):
        if each["change"]["actions"] != ["update"]:
            continue
        before, after = (index_keys(each["change"][side]) for side in ("before", "after"))
        entity = each["address"].rpartition('"')[0].rpartition('"')[2]
        reindex = f"Then run `make reindex ENV={context.name} ENTITY={entity}`."
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) == after.get(name):
                continue
            count += 1
            index = f"The index {name} of {entity}"
            if name not in after:
                text, level, remedy = "is deleted, and its filter stops working", WARNING, "Tell those who use it."
            elif name not in before:
                text, level, remedy = "is new: it lacks the items stored so far", WARNING, reindex
            else:
                text, level = "is replaced: its filter fails until the index is rebuilt", STOP
                remedy = f"Undo the change, or apply it at a time of little traffic. {reindex}"
            yield Finding(level, "indexes", f"{index} {text}.", remedy)
    if not count:
        yield Finding(OK, "indexes", "No index of a table with data changes.")


def index_keys(table: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the hash and range keys of a table's indexes by name."""
    found = table.get("global_secondary_index") or ()
    return {each["name"]: (each.get("hash_key"), each.get("range_key")) for each in found}


# --- quotas


def concurrency(context: Context) -> Findings:
    """Check that the account has as much concurrency as functions reserve."""
    limits = context.client("lambda").get_account_settings()["AccountLimit"]
    limit, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    more = sum(
        reserved_concurrency(each["change"]["after"]) - reserved_concurrency(each["change"]["before"])
        for each in context.changes("aws_lambda_function")
    )
    remedy = request_quota_command("lambda", "L-B99A9384", limit + max(more, 1000))
    if more > 0 and unreserved - more < UNRESERVED:
        text = (
            f"This apply reserves {more} more concurrency; {unreserved} of {limit} are unreserved, "
            f"and {UNRESERVED} must remain."
        )
        yield Finding(STOP, "concurrency", text, f"Lower reserved_concurrency, or {remedy}.")
    elif limit < NEW_ACCOUNT:
        text = f"All functions of the account share a concurrency of {limit}."
        yield Finding(WARNING, "concurrency", text, f"Before you have users, {remedy}.")
    else:
        yield Finding(OK, "concurrency", f"{unreserved - more} of {limit} stay unreserved.")


def reserved_concurrency(function: Mapping[str, Any] | None) -> int:
    """Return the concurrency that a function reserves; -1 means none."""
    return max((function or {}).get("reserved_concurrent_executions") or 0, 0)


def addresses(context: Context) -> Findings:
    """Check the quota of Elastic IP addresses, one for each NAT gateway."""
    more = len(context.creations("aws_eip"))
    used = len(context.client("ec2").describe_addresses()["Addresses"])
    yield quota(context, "addresses", ("Elastic IP addresses", "ec2", "L-0263D0A3", 5), used, more)


def networks(context: Context) -> Findings:
    """Check the quota of VPCs."""
    more = len(context.creations("aws_vpc"))
    used = count(context, "describe_vpcs", "Vpcs")
    yield quota(context, "networks", ("VPCs", "vpc", "L-F678F1CE", 5), used, more)


def interfaces(context: Context) -> Findings:
    """Check the quota of network interfaces: Lambda creates one in each private subnet for all functions."""
    private = [each for each in context.changes("aws_subnet") if each["name"] == "private"]
    # In an existing VPC, Lambda creates one per subnet and combination of security groups, at most
    # three.
    existing = (context.variable("network") or {}).get("subnet_ids") or ()
    groups = sum(each["name"] != "endpoints" for each in context.creations("aws_security_group"))
    zones = sum(each["change"]["actions"] == ["create"] for each in private) + len(existing) * groups
    endpoints = context.creations("aws_vpc_endpoint")
    inside = sum(each["change"]["after"].get("vpc_endpoint_type") == "Interface" for each in endpoints)
    more = zones + inside * len(private) + len(context.creations("aws_nat_gateway"))
    used = count(context, "describe_network_interfaces", "NetworkInterfaces")
    yield quota(context, "interfaces", ("network interfaces", "vpc", "L-DF5E4CA3", 5000), used, more)
    known = [each["change"]["before"]["id"] for each in private if each["change"]["before"]]
    found = context.client("ec2").describe_subnets(SubnetIds=known)["Subnets"] if known else []
    for subnet in found:
        if subnet["AvailableIpAddressCount"] < FREE_ADDRESSES:
            text = f"{subnet['SubnetId']} has {subnet['AvailableIpAddressCount']} addresses left."
            yield Finding(WARNING, "interfaces", text, "Free some addresses: functions need them to scale.")


def quota(context: Context, subject: str, limit_of: tuple[str, str, str, int], used: int, more: int) -> Finding:
    """Compare a quota with what is used and what the apply adds.

    limit_of: what is counted, the service and code of the quota, and AWS's default.
    """
    what, service, code, default = limit_of
    try:
        found = context.client("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)
        limit, source = int(found["Quota"]["Value"]), ""
    except (BotoCoreError, ClientError):
        limit, source = default, " (AWS's default: the account's own quota could not be read)"
    text = f"{used} of {limit} {what} used{source}; this apply adds {more}."
    remedy = f"Free some, or {request_quota_command(service, code, 2 * limit)}."
    if more and used + more > limit:
        return Finding(STOP, subject, text, remedy)
    if used + more > limit * NEARLY and more:
        return Finding(WARNING, subject, text, remedy)
    return Finding(OK, subject, text)


def request_quota_command(service: str, code: str, value: int) -> str:
    """Return the remedy with the command that requests a larger quota."""
    return (
        "request more: `aws service-quotas request-service-quota-increase "
        f"--service-code {service} --quota-code {code} --desired-value {value}`"
    )


def count(context: Context, operation: str, member: str) -> int:
    """Count the members of all pages of an operation of EC2."""
    pages = context.client("ec2").get_paginator(operation).paginate()
    return sum(len(page[member]) for page in pages)


def rules(context: Context) -> Findings:
    """Check the quota of EventBridge rules on each bus; each function with an event needs one."""
    buses = {bus_name(each["event"].get("bus")): 0 for each in context.own_functions.values() if each.get("event")}
    for each in context.creations("aws_cloudwatch_event_rule"):
        name = bus_name(each["change"]["after"].get("event_bus_name"))
        buses[name] = buses.get(name, 0) + 1
    if not buses:
        yield Finding(OK, "events", "No function has an event.")
    events = context.client("events")
    for bus, more in sorted(buses.items()):
        try:
            used = sum(len(page["Rules"]) for page in events.get_paginator("list_rules").paginate(EventBusName=bus))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            text = f"There is no event bus {bus} in {context.region}."
            yield Finding(STOP, "events", text, "Create it first, or correct `bus` of the function's event.")
            continue
        yield quota(context, "events", (f"rules of the event bus {bus}", "events", "L-244521F2", 300), used, more)


def bus_name(bus: str | None) -> str:
    """Return the name of a bus given by name, ARN or None, the default bus."""
    return (bus or "default").rpartition("/")[2]


# --- secrets


def secrets(context: Context) -> Findings:
    """Check that the functions' secrets exist and can be read."""
    wanted = [
        (name, function, arn)
        for name, function in sorted(context.own_functions.items())
        for arn in sorted(set((function.get("secrets") or {}).values()))
    ]
    if not wanted:
        yield Finding(OK, "secrets", "No function reads secrets.")
    for name, function, arn in wanted:
        yield secret_finding(context, name, function, arn)


def secret_finding(context: Context, name: str, function: Mapping[str, Any], arn: str) -> Finding:
    """Return the finding on a secret that a function reads, without reading its value."""
    place = arn.split(":")[3]
    try:
        found = context.client("secretsmanager", place).describe_secret(SecretId=arn)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ResourceNotFoundException":
            return Finding(STOP, "secrets", f"functions.{name} reads {arn}, which does not exist.", "Correct its ARN.")
        remedy = "Get permission for secretsmanager:DescribeSecret, or look in the console."
        return Finding(WARNING, "secrets", f"{arn}, for functions.{name}, could not be checked: {code}.", remedy)
    if found.get("DeletedDate"):
        remedy = f"Run `aws secretsmanager restore-secret --secret-id {arn}`, or name another."
        return Finding(STOP, "secrets", f"functions.{name} reads {arn}, which is marked for deletion.", remedy)
    if not any("AWSCURRENT" in stages for stages in (found.get("VersionIdsToStages") or {}).values()):
        remedy = f"Run `aws secretsmanager put-secret-value --secret-id {arn} --secret-string ...`."
        return Finding(STOP, "secrets", f"functions.{name} reads {arn}, which has no value yet.", remedy)
    key = found.get("KmsKeyId")
    if key and "alias/aws/" not in key and not may_decrypt(function, key):
        text = f"functions.{name} reads {arn}, which is encrypted with the key {key}."
        remedy = (
            f'Add {{ actions = ["kms:Decrypt"], resources = ["{key}"] }} to the function\'s statements, unless the '
            "key's policy lets its role decrypt."
        )
        return Finding(WARNING, "secrets", text, remedy)
    if place != context.region:
        text = f"functions.{name} reads {arn}, which is not in {context.region}: an outage of either region stops it."
        return Finding(WARNING, "secrets", text, f"Replicate the secret to {context.region}, and name the replica.")
    return Finding(OK, "secrets", f"{found['Name']}, for functions.{name}, exists.")


def may_decrypt(function: Mapping[str, Any], key: str) -> bool:
    """Return whether a function's own statements name a key for decryption."""
    return any(
        {"kms:Decrypt", "kms:*"} & {*each["actions"]} and any(resource in (key, "*") for resource in each["resources"])
        for each in function.get("statements") or ()
    )


# --- domain


def certificate(context: Context) -> Findings:
    """Check that a domain's certificate is issued, names the domain, and is in the right region."""
    domains = [
        each["values"]
        for each in flatten(context.plan.get("planned_values", {}).get("root_module", {}))
        if each["type"] == "aws_api_gateway_domain_name"
    ]
    if not domains:
        yield Finding(OK, "certificate", "The API has no domain of its own.")
    for domain in domains:
        name, regional = domain["domain_name"], domain.get("regional_certificate_arn")
        arn = regional or domain.get("certificate_arn")
        if not arn:
            yield Finding(OK, "certificate", f"This apply creates the certificate of {name}.")
            continue
        # Regional domains use a certificate of their own region, edge-optimized domains one of
        # us-east-1.
        wanted, place = context.region if regional else "us-east-1", arn.split(":")[3]
        if place != wanted:
            text = f"{arn}, for {name}, is in {place}, not in {wanted}."
            yield Finding(
                STOP, "certificate", text, f"Request one from ACM in {wanted}, and set domain.certificate_arn to it."
            )
            continue
        try:
            described = context.client("acm", place).describe_certificate(CertificateArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            text = f"{arn}, for {name}, does not exist."
            yield Finding(STOP, "certificate", text, "Correct domain.certificate_arn.")
            continue
        yield certificate_finding(name, described)


def certificate_finding(name: str, described: Mapping[str, Any]) -> Finding:
    """Return the finding on a domain's certificate, as ACM describes it."""
    found = described["Certificate"]
    names = {found["DomainName"], *found.get("SubjectAlternativeNames", ())}
    if found["Status"] != "ISSUED":
        text = f"The certificate of {name} is {found['Status']}."
        return Finding(STOP, "certificate", text, "Create the DNS record that ACM shows, and wait until it is issued.")
    if not names & {name, f"*.{name.partition('.')[2]}"}:
        text = f"The certificate is for {', '.join(sorted(names))}, not for {name}."
        return Finding(STOP, "certificate", text, f"Request one from ACM that names {name}.")
    end = found.get("NotAfter")
    if end and end - datetime.now(UTC) < RENEWAL and found.get("RenewalEligibility") != "ELIGIBLE":
        text = f"The certificate of {name} expires on {end:%Y-%m-%d}, and ACM will not renew it."
        return Finding(WARNING, "certificate", text, "Import a new one before that day.")
    return Finding(OK, "certificate", f"The certificate of {name} is issued.")


def domain(context: Context) -> Findings:
    """Check that the domain's name is free, its zone serves the name, and its truststore exists."""
    wanted: Mapping[str, Any] | None = context.plan.get("variables", {}).get("domain", {}).get("value")
    if not wanted:
        return  # the certificate's check reports it
    name = wanted["name"]
    if context.creations("aws_api_gateway_domain_name"):
        gateway = context.client("apigateway")
        try:
            gateway.get_domain_name(domainName=name)
        except gateway.exceptions.NotFoundException:
            pass
        else:
            text = f"API Gateway in {context.region} already has a domain {name}, which is not in this state."
            remedy = "Choose another name, since two environments cannot share one, or delete or import the domain."
            yield Finding(STOP, "domain", text, remedy)
    if zone := wanted.get("zone_id"):
        yield zone_finding(context, name, zone)
    if truststore := wanted.get("truststore"):
        yield truststore_finding(context, truststore, wanted.get("truststore_version"))


def zone_finding(context: Context, name: str, zone: str) -> Finding:
    """Return the finding on the hosted zone that gets a domain's records."""
    client = context.client("route53")
    try:
        found = client.get_hosted_zone(Id=zone)
    except client.exceptions.NoSuchHostedZone:
        return Finding(STOP, "domain", f"There is no hosted zone {zone}.", "Correct domain.zone_id.")
    apex = found["HostedZone"]["Name"].rstrip(".")
    if name != apex and not name.endswith(f".{apex}"):
        text = f"The hosted zone {zone} is for {apex}, not for {name}."
        return Finding(STOP, "domain", text, "Set domain.zone_id to the zone of that name.")
    if found["HostedZone"].get("Config", {}).get("PrivateZone"):
        text = f"The hosted zone {zone} is private: ACM cannot see its records, so the apply would time out."
        return Finding(STOP, "domain", text, "Set domain.zone_id to the public zone of that name.")
    pages = client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
    records = [record for page in pages for record in page["ResourceRecordSets"]]
    # A delegated zone below this one serves the name instead.
    below = {r["Name"].rstrip(".") for r in records if r["Type"] == "NS"} - {apex}
    if found_below := next((each for each in below if name == each or name.endswith(f".{each}")), None):
        text = f"{found_below} is delegated to another zone, so {zone} does not serve {name}."
        return Finding(STOP, "domain", text, f"Set domain.zone_id to the zone {found_below}.")
    servers = sorted(found.get("DelegationSet", {}).get("NameServers", ()))
    taken = [r for r in records if r["Name"].rstrip(".") == name and r["Type"] in ("A", "AAAA", "CNAME")]
    if taken and context.creations("aws_route53_record"):
        kinds = ", ".join(sorted({r["Type"] for r in taken}))
        text = f"{name} already has records ({kinds}), and the apply cannot create a second one."
        return Finding(STOP, "domain", text, "Delete or import them, or choose another name.")
    text = f"{name} is in the zone {apex} ({zone})"
    return Finding(OK, "domain", f"{text}, whose name servers are {', '.join(servers)}." if servers else f"{text}.")


def truststore_finding(context: Context, truststore: str, version: str | None) -> Finding:
    """Return the finding on the truststore, the file of CA certificates that verify clients."""
    bucket_name, _, key = truststore.removeprefix("s3://").partition("/")
    s3 = context.client("s3")
    try:
        place = s3.get_bucket_location(Bucket=bucket_name)["LocationConstraint"] or "us-east-1"
        s3.head_object(Bucket=bucket_name, Key=key, **({"VersionId": version} if version else {}))
        versioning = s3.get_bucket_versioning(Bucket=bucket_name).get("Status")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        which = f"{truststore}, version {version}," if version else truststore
        if code in ("404", "NoSuchBucket", "NoSuchKey", "NoSuchVersion"):
            return Finding(STOP, "domain", f"The truststore {which} does not exist.", "Correct domain.truststore.")
        remedy = "Get s3:GetObject and s3:GetObjectVersion on it: API Gateway reads it with your permissions."
        return Finding(STOP, "domain", f"You may not read the truststore {which} ({code}).", remedy)
    if place != context.region:
        text = f"The truststore's bucket {bucket_name} is in {place}, and the API is in {context.region}."
        return Finding(STOP, "domain", text, "Copy the file to a bucket of that region.")
    if versioning != "Enabled" or not version:
        text = f"API Gateway reads a new {truststore} only after a change of domain.truststore_version."
        remedy = (
            f"Turn on versioning of {bucket_name}." if versioning != "Enabled" else "Set domain.truststore_version."
        )
        return Finding(WARNING, "domain", text, remedy)
    return Finding(OK, "domain", f"The truststore {truststore} exists.")


def vpc_endpoints(context: Context) -> Findings:
    """Check that the endpoints of a private API exist, are for execute-api, and are available."""
    wanted: Mapping[str, Any] | None = context.plan.get("variables", {}).get("private", {}).get("value")
    for endpoint in sorted((wanted or {}).get("vpc_endpoint_ids") or ()):
        yield vpc_endpoint_finding(context, endpoint)


def vpc_endpoint_finding(context: Context, endpoint: str) -> Finding:
    """Return the finding on an endpoint of a private API."""
    try:
        (found,) = context.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    except (ClientError, ValueError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else "InvalidVpcEndpointId.NotFound"
        if not code.startswith("InvalidVpcEndpointId"):
            raise
        remedy = "Correct private.vpc_endpoint_ids."
        return Finding(STOP, "endpoints", f"There is no VPC endpoint {endpoint} in {context.region}.", remedy)
    service = found["ServiceName"]
    if not service.endswith(f".{context.region}.execute-api"):
        text = f"{endpoint} is for {service}, not for execute-api."
        return Finding(STOP, "endpoints", text, "Name an interface endpoint for execute-api.")
    if found["State"].lower() != "available":
        text = f"{endpoint} is {found['State']}."
        return Finding(WARNING, "endpoints", text, "Wait until it is available, or accept its connection.")
    if found.get("PrivateDnsEnabled"):
        text = f"{endpoint} has private DNS: in {found['VpcId']}, calls to any API of API Gateway go through it."
        return Finding(OK, "endpoints", text)
    return Finding(OK, "endpoints", f"{endpoint} in {found['VpcId']} is available.")


# --- what AWS enables in an account only on request


def distributions(context: Context) -> Findings:
    """Check that the account may create a CloudFront distribution, which existing ones prove."""
    if not context.creations("aws_cloudfront_distribution"):
        yield Finding(OK, "distributions", "This apply creates no CloudFront distribution.")
        return
    found = context.client("cloudfront").list_distributions(MaxItems="1")
    if found["DistributionList"].get("Quantity"):
        yield Finding(OK, "distributions", "The account already has CloudFront distributions.")
        return
    text = "This is the account's first CloudFront distribution, and AWS verifies a new account first."
    remedy = (
        'If the apply says "Your account must be verified", open a case with AWS Support (account and '
        "billing), and remove `website` from the tfvars until it is resolved."
    )
    yield Finding(WARNING, "distributions", text, remedy)


def sign_up(context: Context) -> Findings:
    """Check who sends mail to users who sign up: Cognito's own sender has a low limit."""
    pools = [each["change"]["after"] for each in context.changes("aws_cognito_user_pool")]
    for pool in filter(None, pools):
        by_administrators = [
            each["allow_admin_create_user_only"] for each in pool.get("admin_create_user_config") or ()
        ]
        senders = [each.get("email_sending_account") for each in pool.get("email_configuration") or ()]
        if not all(by_administrators) and "DEVELOPER" not in senders:
            text = "Anyone may sign up, but Cognito itself sends about 50 mails a day."
            remedy = "Before you have users, set user_pool.email to send with Amazon SES, or turn off self_sign_up."
            yield Finding(WARNING, "sign-up", text, remedy)
            return
    yield Finding(OK, "sign-up", "Only administrators create users, or Amazon SES sends the mail.")


def issuer(context: Context) -> Findings:
    """Check, with the authorizer's own code, that the issuer in `jwt` publishes usable keys."""
    named: str | None = (context.plan.get("variables", {}).get("jwt", {}).get("value") or {}).get("issuer")
    if named is None:
        yield Finding(OK, "issuer", "No operation accepts tokens of your own issuer.")
        return
    # PyJWT and cryptography import slowly, and few systems need them.
    from trestle.authorizer.documents import DISCOVERY, Documents  # noqa: PLC0415 - as above
    from trestle.authorizer.errors import IssuerError, UnreachableError  # noqa: PLC0415
    from trestle.authorizer.keys import key_set  # noqa: PLC0415

    document = named.removesuffix("/") + DISCOVERY
    try:
        keys = key_set(Documents(named).keys())
    except UnreachableError as error:
        remedy = f"Make {document} reachable from the internet: the authorizer runs outside any VPC."
        yield Finding(WARNING, "issuer", f"{named} cannot be read from here. {error}", remedy)
    except IssuerError as error:
        remedy = f"Check that `issuer` in {document} equals jwt.issuer exactly, and that its `jwks_uri` works."
        yield Finding(STOP, "issuer", f"The authorizer would refuse every token of {named}. {error}", remedy)
    else:
        algorithms = sorted({algorithm for _, algorithm in keys})
        if algorithms:
            yield Finding(OK, "issuer", f"{named} has keys for {' and '.join(algorithms)}.")
            return
        remedy = "Let the issuer sign access tokens with one of these. Shared keys (HS256) are not supported."
        yield Finding(STOP, "issuer", f"{named} publishes no key for RS256 or ES256.", remedy)


# --- all of them

Check = Callable[[Context], Findings]

# A group runs unless a required check of an earlier group found a stop.
GROUPS: tuple[tuple[Check, ...], ...] = (
    (backend, credentials),
    (region, bucket),
    (lock, gateway_role, state),
    (plan,),
    (
        losses,
        indexes,
        concurrency,
        addresses,
        networks,
        interfaces,
        rules,
        secrets,
        existing_network,
        existing_key,
        certificate,
        domain,
        vpc_endpoints,
        distributions,
        sign_up,
        issuer,
        existing_resources.topic,
        existing_resources.log_bucket,
        existing_resources.code_signing,
        existing_resources.firewall,
        existing_resources.mail,
        existing_resources.budget,
    ),
)
# Later checks depend on these. A stop of another check does not end the run.
REQUIRED = (backend, credentials, region, bucket, state, plan)


def run_checks(context: Context, report: Callable[[Finding], None]) -> list[Finding]:
    """Run the checks. After a stop of a required check, report the remaining groups as not checked."""
    findings: list[Finding] = []
    for group in GROUPS:
        stopped = False
        for check in group:
            found = list(run_check(check, context))
            stopped |= check in REQUIRED and any(each.level == STOP for each in found)
            findings += found
            for each in found:
                report(each)
        if stopped:
            rest = GROUPS[GROUPS.index(group) + 1 :]
            names = [check.__name__.replace("_", " ") for checks in rest for check in checks]
            if names:
                left = Finding(
                    WARNING, "not checked", f"{', '.join(names)}.", "Fix the stops above, and run preflight again."
                )
                findings.append(left)
                report(left)
            break
    return findings


def run_check(check: Check, context: Context) -> Findings:
    """Yield the findings of a check; an error of AWS is a finding, too."""
    try:
        yield from check(context)
    except UserError as error:
        yield Finding(STOP, check.__name__.replace("_", " "), str(error), "Correct it, and run preflight again.")
    except (BotoCoreError, ClientError) as error:
        subject = check.__name__.replace("_", " ")
        remedy = "Get the missing permission, or look in the console."
        # A required check that cannot run is a stop, except the region's: an apply to a disabled
        # region fails anyway.
        level = STOP if check in REQUIRED and check is not region else WARNING
        yield Finding(level, subject, f"Not checked: {error}", remedy)


def row(finding: Finding) -> str:
    """Return a finding as a line of the table, and its remedy as a second line."""
    widths = (9, 16, 0)
    text = table_row((finding.level, finding.subject, finding.text), widths)
    return f"{text}\n{table_row(('', '', finding.remedy), widths)}" if finding.remedy else text


def preflight(options: argparse.Namespace) -> int:
    """Run all checks, print the findings, and return the exit code."""
    progress = options.progress
    environment = AwsEnvironment(options.env, progress)
    build_functions(progress)
    try:
        environment.check_var_file()
        home = environment.region
    except UserError as error:
        print(row(Finding(STOP, "tfvars", str(error), "Correct the file.")))
        return 1

    def client(service: str, region: str = home) -> Any:
        make: Any = boto3.client  # typed for each service's literal name
        # The region selects the partition in the addresses of IAM and S3.
        return make(service, region_name=region, config=Config(retries={"total_max_attempts": 3}))

    context = Context(environment.name, home, client, progress=progress, facts=lambda: environment.variables)
    findings = run_checks(context, lambda finding: print(row(finding), flush=True))
    stops, warnings = (sum(each.level == level for each in findings) for level in (STOP, WARNING))
    if stops:
        print(f"\nStop: fix the stops before an apply ({stops}, and warnings: {warnings}).")
    else:
        print(f"\nNothing prevents an apply (warnings: {warnings}).")
    return 1 if stops else 0
