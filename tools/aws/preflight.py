"""What would stop or spoil an apply, looked at before it.

Prints a line for each check, ok, warning or stop, with the remedy, and exits with 1 when there is a stop. It
changes nothing, and holds no lock.
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

UNRESERVED = 100  # invocations at once that Lambda keeps for functions without a reservation
NEW_ACCOUNT = 100  # a quota below is that of an account that never asked
NEARLY = 0.8  # of a quota
RENEWAL = timedelta(days=30)

# What goes when a resource is deleted, and what to do about it.
LOSSES = {
    "aws_api_gateway_api_key": (WARNING, "its value", "Tell its holder the new one."),
    "aws_api_gateway_rest_api": (STOP, "the API's address", "Tell every client, or undo the change."),
    "aws_backup_vault": (STOP, "its backups", "Undo the change, or copy them to another vault first."),
    "aws_cloudwatch_log_group": (WARNING, "its logs", "Export them to S3 first if you need them."),
    "aws_cognito_user_pool": (STOP, "its users and their passwords", "Undo the change."),
    "aws_cognito_user_pool_client": (WARNING, "its id", "Give the apps the new one."),
    "aws_dynamodb_table": (STOP, "its items", "Undo the change, or `make export` first."),
    "aws_kms_key": (STOP, "what it encrypted, backups too", "Undo the change."),
    "aws_s3_bucket": (STOP, "what is in it", "Undo the change, or copy it first."),
}


# --- before a plan


def backend(context: Context) -> Findings:
    """Whether the file of the state's place is filled in."""
    context.backend, fault, remedy = read_backend(context.name)
    if fault:
        yield Finding(STOP, "state", fault, remedy)


def credentials(context: Context) -> Findings:
    """Who we are, in which account."""
    try:
        caller = context.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        yield Finding(STOP, "credentials", f"No valid AWS credentials: {error}", SIGN_IN)
        return
    context.account = caller["Account"]
    yield Finding(OK, "credentials", f"Account {caller['Account']} as {caller['Arn']}.")
    if caller["Arn"].endswith(":root"):
        yield Finding(WARNING, "credentials", "This is the account's root.", "Use a role that can be bounded.")


def region(context: Context) -> Findings:
    """Whether the account may use the region."""
    name = context.region
    found = context.client("ec2", "us-east-1").describe_regions(AllRegions=True)["Regions"]
    status = {each["RegionName"]: each.get("OptInStatus") for each in found}.get(name)
    if status is None:
        yield Finding(STOP, "region", f"There is no region {name}.", "Correct `region` in the tfvars.")
    elif status == "not-opted-in":
        remedy = f"Run `aws account enable-region --region-name {name}`, and wait some minutes."
        yield Finding(STOP, "region", f"The account has not opted in to {name}.", remedy)
    else:
        yield Finding(OK, "region", f"{name} is open to the account.")


def bucket(context: Context) -> Findings:
    """Whether the state's bucket is there, and ours."""
    name = context.backend["bucket"]
    s3 = context.client("s3", context.backend["region"])
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=context.account)
    except ClientError as error:
        remedy = "Run `make bootstrap` in this account, or set AWS_PROFILE to the bucket's."
        code = error.response["Error"]["Code"]
        why = "does not exist" if code == "404" else f"is not ours to read ({code})"
        yield Finding(STOP, "state", f"The bucket {name} {why}.", remedy)
        return
    yield Finding(OK, "state", f"In {name}, {context.backend['key']}.")


def lock(context: Context) -> Findings:
    """Whether anybody is at work on the state: Terraform writes who into a file beside it."""
    s3, key = context.client("s3", context.backend["region"]), f"{context.backend['key']}.tflock"
    try:
        lock_info = json.load(s3.get_object(Bucket=context.backend["bucket"], Key=key)["Body"])
    except s3.exceptions.NoSuchKey:
        yield Finding(OK, "lock", "Nobody is at work on the state.")
        return
    who = f"{lock_info.get('Who', 'Somebody')} since {lock_info.get('Created', 'a time unknown')}"
    yield Finding(
        STOP, "lock", f"{who}: {lock_info.get('Operation', 'an operation')}.",
        "Wait until it is done; if it is long over, "
        f"`TF_DATA_DIR=.terraform/{context.name} terraform force-unlock {lock_info.get('ID', 'ID')}`.",
    )  # fmt: skip


def gateway_role(context: Context) -> Findings:
    """Whether API Gateway may write logs, a setting of account and region: else it refuses the stage."""
    role = context.client("apigateway").get_account().get("cloudwatchRoleArn")
    if not role:
        text = f"API Gateway has no role to write logs with in {context.region}."
        yield Finding(STOP, "gateway's role", text, "Run `make bootstrap` for this region.")
        return
    iam = context.client("iam")
    try:
        iam.get_role(RoleName=role.rpartition("/")[2])
    except iam.exceptions.NoSuchEntityException:
        yield Finding(STOP, "gateway's role", f"{role} is gone.", "Run `make bootstrap` for this region.")
        return
    yield Finding(OK, "gateway's role", f"{role}.")


# --- Terraform


def state(context: Context) -> Findings:
    """Whether the variables are valid, and the state is this environment's, and in its region."""
    try:
        context.facts()
    except UserError as error:
        yield Finding(STOP, "tfvars", str(error), "Correct the file, and look again.")
        return
    environment = AwsEnvironment(context.name, context.progress)
    try:
        environment.terraform.init(environment.backend_argument)
        found = environment.terraform.state()
        environment.check_state(found)
    except UserError as error:
        yield Finding(STOP, "environment", str(error), "Correct what it names, and look again.")
        return
    count = len(found.get("resources", ()))
    text = f"The state holds {count} resources of {context.name}." if count else "Nothing is deployed yet."
    yield Finding(OK, "environment", text)


def plan(context: Context) -> Findings:
    """Whether it can be planned, and what changes."""
    environment = AwsEnvironment(context.name, context.progress)
    try:
        context.plan = environment.terraform.plan([environment.var_file])
    except UserError as error:
        yield Finding(STOP, "plan", str(error), "Correct what it names, and look again.")
        return
    actions = [each["change"]["actions"] for each in context.plan.get("resource_changes", ())]
    words = {"made": "create", "changed": "update", "deleted": "delete"}
    counts = [f"{sum(action in each for each in actions)} {word}" for word, action in words.items()]
    yield Finding(OK, "plan", f"{', '.join(counts)}.")


def losses(context: Context) -> Findings:
    """What the apply would delete or replace and nobody can recover, and what is gone already."""
    count = 0
    for each in context.plan.get("resource_drift", ()):
        if each["mode"] == "managed" and each["type"] in LOSSES and each["change"]["actions"] == ["delete"]:
            count += 1
            level, what, _ = LOSSES[each["type"]]
            text = f"{each['address']} is gone, and Terraform did not delete it: this lost {what}."
            remedy = "An apply would create it again, empty. Restore it first if you can (docs/how-to/restore.md)."
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
            yield Finding(level, "losses", f"{each['address']} {verb}: {what} would be lost.", remedy)
    if not count:
        yield Finding(OK, "losses", "Nothing that holds data is deleted or replaced.")


def indexes(context: Context) -> Findings:
    """What becomes of the indexes of tables that stay: a list by one that is being made finds nothing yet."""
    count = 0
    for each in context.changes("aws_dynamodb_table"):
        if each["change"]["actions"] != ["update"]:
            continue
        before, after = (index_keys(each["change"][side]) for side in ("before", "after"))
        entity = each["address"].rpartition('"')[0].rpartition('"')[2]
        reindex = f"Afterwards `make reindex ENV={context.name} ENTITY={entity}`."
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) == after.get(name):
                continue
            count += 1
            index = f"The index {name} of {entity}"
            if name not in after:
                text, level, remedy = "goes, and its lists with it", WARNING, "Tell who asks for them."
            elif name not in before:
                text, level, remedy = "is new: its lists lack what is stored already", WARNING, reindex
            else:
                text, level = "is replaced: its lists fail until it is rebuilt", STOP
                remedy = f"Undo the change, or apply it in quiet hours. {reindex}"
            yield Finding(level, "indexes", f"{index} {text}.", remedy)
    if not count:
        yield Finding(OK, "indexes", "No index of a table with data changes.")


def index_keys(table: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys of a table's indexes by name."""
    found = table.get("global_secondary_index") or ()
    return {each["name"]: (each.get("hash_key"), each.get("range_key")) for each in found}


# --- quotas


def concurrency(context: Context) -> Findings:
    """Whether the account has as many invocations at once as functions reserve."""
    limits = context.client("lambda").get_account_settings()["AccountLimit"]
    limit, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    more = sum(
        reserved_concurrency(each["change"]["after"]) - reserved_concurrency(each["change"]["before"])
        for each in context.changes("aws_lambda_function")
    )
    remedy = request_quota_command("lambda", "L-B99A9384", limit + max(more, 1000))
    if more > 0 and unreserved - more < UNRESERVED:
        text = f"Functions reserve {more} more, and {unreserved} of {limit} are left, {UNRESERVED} for others."
        yield Finding(STOP, "concurrency", text, f"Lower reserved_concurrency, or {remedy}.")
    elif limit < NEW_ACCOUNT:
        text = f"All functions of the account together have {limit} invocations at once."
        yield Finding(WARNING, "concurrency", text, f"Before users come, {remedy}.")
    else:
        yield Finding(OK, "concurrency", f"{unreserved - more} of {limit} are left.")


def reserved_concurrency(function: Mapping[str, Any] | None) -> int:
    """The concurrency that a function reserves; -1 is none."""
    return max((function or {}).get("reserved_concurrent_executions") or 0, 0)


def addresses(context: Context) -> Findings:
    """Elastic IP addresses, one for each NAT gateway."""
    more = len(context.creations("aws_eip"))
    used = len(context.client("ec2").describe_addresses()["Addresses"])
    yield quota(context, "addresses", ("Elastic IP addresses", "ec2", "L-0263D0A3", 5), used, more)


def networks(context: Context) -> Findings:
    """VPCs."""
    more = len(context.creations("aws_vpc"))
    used = count(context, "describe_vpcs", "Vpcs")
    yield quota(context, "networks", ("VPCs", "vpc", "L-F678F1CE", 5), used, more)


def interfaces(context: Context) -> Findings:
    """Network interfaces: Lambda makes one in each private subnet, which all functions share."""
    private = [each for each in context.changes("aws_subnet") if each["name"] == "private"]
    # In an existing VPC one in each subnet for each combination of security groups, of which there are three at most.
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
            yield Finding(WARNING, "interfaces", text, "Delete what else is in it: functions need some to scale.")


def quota(context: Context, subject: str, limit_of: tuple[str, str, str, int], used: int, more: int) -> Finding:
    """Compare what there is, and what an apply adds, with a quota: (what, service, code, AWS's default)."""
    what, service, code, default = limit_of
    try:
        found = context.client("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)
        limit, source = int(found["Quota"]["Value"]), ""
    except (BotoCoreError, ClientError):
        limit, source = default, ", AWS's default: the account's own quota could not be read"
    text = f"{used} of {limit} {what} used{source}; this apply adds {more}."
    remedy = f"Free some, or {request_quota_command(service, code, 2 * limit)}."
    if more and used + more > limit:
        return Finding(STOP, subject, text, remedy)
    if used + more > limit * NEARLY and more:
        return Finding(WARNING, subject, text, remedy)
    return Finding(OK, subject, text)


def request_quota_command(service: str, code: str, value: int) -> str:
    """How to ask for a larger quota."""
    return (
        "ask for more: `aws service-quotas request-service-quota-increase "
        f"--service-code {service} --quota-code {code} --desired-value {value}`"
    )


def count(context: Context, operation: str, member: str) -> int:
    """How many there are of something in EC2, over all pages."""
    pages = context.client("ec2").get_paginator(operation).paginate()
    return sum(len(page[member]) for page in pages)


def rules(context: Context) -> Findings:
    """EventBridge rules, one for each function on events; a quota holds for each bus."""
    buses = {bus_name(each["event"].get("bus")): 0 for each in context.own_functions.values() if each.get("event")}
    for each in context.creations("aws_cloudwatch_event_rule"):
        name = bus_name(each["change"]["after"].get("event_bus_name"))
        buses[name] = buses.get(name, 0) + 1
    if not buses:
        yield Finding(OK, "events", "No function waits for events.")
    events = context.client("events")
    for bus, more in sorted(buses.items()):
        try:
            used = sum(len(page["Rules"]) for page in events.get_paginator("list_rules").paginate(EventBusName=bus))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            text = f"There is no event bus {bus} in {context.region}."
            yield Finding(STOP, "events", text, "Make it first, or correct `bus` of the function's event.")
            continue
        yield quota(context, "events", (f"rules of the event bus {bus}", "events", "L-244521F2", 300), used, more)


def bus_name(bus: str | None) -> str:
    """The name of a bus that is given by its name or ARN, or not at all."""
    return (bus or "default").rpartition("/")[2]


# --- secrets


def secrets(context: Context) -> Findings:
    """Whether the secrets of functions are there, where functions can read them."""
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
    """What there is to say of a secret that a function reads. Its value is not asked for."""
    place = arn.split(":")[3]
    try:
        found = context.client("secretsmanager", place).describe_secret(SecretId=arn)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ResourceNotFoundException":
            return Finding(STOP, "secrets", f"functions.{name} reads {arn}, which does not exist.", "Correct its ARN.")
        remedy = "Give yourself secretsmanager:DescribeSecret, or look in the console."
        return Finding(WARNING, "secrets", f"{arn}, for functions.{name}, is not checked: {code}.", remedy)
    if found.get("DeletedDate"):
        remedy = f"Run `aws secretsmanager restore-secret --secret-id {arn}`, or name another."
        return Finding(STOP, "secrets", f"functions.{name} reads {arn}, which is marked for deletion.", remedy)
    if not any("AWSCURRENT" in stages for stages in (found.get("VersionIdsToStages") or {}).values()):
        remedy = f"Run `aws secretsmanager put-secret-value --secret-id {arn} --secret-string ...`."
        return Finding(STOP, "secrets", f"functions.{name} reads {arn}, which has no value yet.", remedy)
    key = found.get("KmsKeyId")
    if key and "alias/aws/" not in key and not may_decrypt(function, key):
        text = f"functions.{name} reads {arn}, which is encrypted by the key {key}."
        remedy = (
            f'Add {{ actions = ["kms:Decrypt"], resources = ["{key}"] }} to statements of the function, unless the '
            "key's policy lets its role decrypt."
        )
        return Finding(WARNING, "secrets", text, remedy)
    if place != context.region:
        text = f"functions.{name} reads {arn}, which is not in {context.region}: it needs both regions to work."
        return Finding(WARNING, "secrets", text, f"Replicate the secret to {context.region}, and name the replica.")
    return Finding(OK, "secrets", f"{found['Name']}, for functions.{name}, is there.")


def may_decrypt(function: Mapping[str, Any], key: str) -> bool:
    """Whether a function's own statements name a key for decryption."""
    return any(
        {"kms:Decrypt", "kms:*"} & {*each["actions"]} and any(resource in (key, "*") for resource in each["resources"])
        for each in function.get("statements") or ()
    )


# --- domain


def certificate(context: Context) -> Findings:
    """Whether the certificate of a domain is issued, is good for it, and is in the right region."""
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
            yield Finding(OK, "certificate", f"That of {name} is made by this apply.")
            continue
        # Regional domains take theirs from their own region, those at the edge from us-east-1.
        wanted, place = context.region if regional else "us-east-1", arn.split(":")[3]
        if place != wanted:
            text = f"{arn}, for {name}, is in {place}, not in {wanted}."
            yield Finding(STOP, "certificate", text, f"Ask ACM for one in {wanted}, and name that.")
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
    """What there is to say of a domain's certificate, as ACM describes it."""
    found = described["Certificate"]
    names = {found["DomainName"], *found.get("SubjectAlternativeNames", ())}
    if found["Status"] != "ISSUED":
        text = f"The certificate of {name} is {found['Status']}."
        return Finding(STOP, "certificate", text, "Set the DNS record that ACM shows, and wait for it.")
    if not names & {name, f"*.{name.partition('.')[2]}"}:
        text = f"The certificate is for {', '.join(sorted(names))}, not for {name}."
        return Finding(STOP, "certificate", text, f"Ask ACM for one that names {name}.")
    end = found.get("NotAfter")
    if end and end - datetime.now(UTC) < RENEWAL and found.get("RenewalEligibility") != "ELIGIBLE":
        text = f"The certificate of {name} ends on {end:%Y-%m-%d}, and ACM will not renew it."
        return Finding(WARNING, "certificate", text, "Import a new one before.")
    return Finding(OK, "certificate", f"That of {name} is issued.")


def domain(context: Context) -> Findings:
    """Whether the domain's name is free, its zone is for the name and answers, and its truststore is there."""
    wanted: Mapping[str, Any] | None = context.plan.get("variables", {}).get("domain", {}).get("value")
    if not wanted:
        return  # which the check of the certificate says
    name = wanted["name"]
    if context.creations("aws_api_gateway_domain_name"):
        gateway = context.client("apigateway")
        try:
            gateway.get_domain_name(domainName=name)
        except gateway.exceptions.NotFoundException:
            pass
        else:
            text = f"{name} is a domain of API Gateway in {context.region} already, which this state does not know."
            remedy = "Write another name, since two environments cannot share one, or delete or import the domain."
            yield Finding(STOP, "domain", text, remedy)
    if zone := wanted.get("zone_id"):
        yield zone_finding(context, name, zone)
    if truststore := wanted.get("truststore"):
        yield truststore_finding(context, truststore, wanted.get("truststore_version"))


def zone_finding(context: Context, name: str, zone: str) -> Finding:
    """What there is to say of the hosted zone that gets a domain's records."""
    client = context.client("route53")
    try:
        found = client.get_hosted_zone(Id=zone)
    except client.exceptions.NoSuchHostedZone:
        return Finding(STOP, "domain", f"There is no hosted zone {zone}.", "Correct domain.zone_id.")
    apex = found["HostedZone"]["Name"].rstrip(".")
    if name != apex and not name.endswith(f".{apex}"):
        text = f"The hosted zone {zone} is for {apex}, not for {name}."
        return Finding(STOP, "domain", text, "Write the id of the zone that holds the name.")
    if found["HostedZone"].get("Config", {}).get("PrivateZone"):
        text = f"The hosted zone {zone} is private: ACM does not find its record, so the apply would wait in vain."
        return Finding(STOP, "domain", text, "Write the id of the public zone of that name.")
    pages = client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
    records = [record for page in pages for record in page["ResourceRecordSets"]]
    # A zone below this one answers for the name in place of it.
    below = {r["Name"].rstrip(".") for r in records if r["Type"] == "NS"} - {apex}
    if found_below := next((each for each in below if name == each or name.endswith(f".{each}")), None):
        text = f"{found_below} is delegated to another zone, so {zone} does not answer for {name}."
        return Finding(STOP, "domain", text, f"Write the id of the zone {found_below}.")
    servers = sorted(found.get("DelegationSet", {}).get("NameServers", ()))
    taken = [r for r in records if r["Name"].rstrip(".") == name and r["Type"] in ("A", "AAAA", "CNAME")]
    if taken and context.creations("aws_route53_record"):
        kinds = ", ".join(sorted({r["Type"] for r in taken}))
        text = f"{name} has records already ({kinds}), and Route 53 makes no second."
        return Finding(STOP, "domain", text, "Delete or import them, or write another name.")
    text = f"{name} is in the zone {apex} ({zone})"
    return Finding(OK, "domain", f"{text}, whose name servers are {', '.join(servers)}." if servers else f"{text}.")


def truststore_finding(context: Context, truststore: str, version: str | None) -> Finding:
    """What there is to say of the file of authorities whose clients may call."""
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
            return Finding(STOP, "domain", f"The truststore {which} is not there.", "Correct domain.truststore.")
        remedy = "Give yourself s3:GetObject and s3:GetObjectVersion on it: API Gateway reads it in your name."
        return Finding(STOP, "domain", f"The truststore {which} is not yours to read ({code}).", remedy)
    if place != context.region:
        text = f"The truststore's bucket {bucket_name} is in {place}, and the API is in {context.region}."
        return Finding(STOP, "domain", text, "Copy the file to a bucket of that region.")
    if versioning != "Enabled" or not version:
        text = f"A new {truststore} reaches API Gateway only with another domain.truststore_version."
        remedy = f"Turn on versioning of {bucket_name}." if versioning != "Enabled" else "Write it."
        return Finding(WARNING, "domain", text, remedy)
    return Finding(OK, "domain", f"The truststore {truststore} is there.")


def vpc_endpoints(context: Context) -> Findings:
    """Whether the endpoints of a private API are there, are for it, and are available."""
    wanted: Mapping[str, Any] | None = context.plan.get("variables", {}).get("private", {}).get("value")
    for endpoint in sorted((wanted or {}).get("vpc_endpoint_ids") or ()):
        yield vpc_endpoint_finding(context, endpoint)


def vpc_endpoint_finding(context: Context, endpoint: str) -> Finding:
    """What there is to say of an endpoint that a private API is called through."""
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
        return Finding(WARNING, "endpoints", text, "Wait until it is available, or accept it.")
    if found.get("PrivateDnsEnabled"):
        text = f"{endpoint} has private DNS: in {found['VpcId']} every API of API Gateway is looked for there."
        return Finding(OK, "endpoints", text)
    return Finding(OK, "endpoints", f"{endpoint} in {found['VpcId']} is available.")


# --- what AWS allows an account only on request


def distributions(context: Context) -> Findings:
    """Whether the account may make a CloudFront distribution, as far as its existing ones show."""
    if not context.creations("aws_cloudfront_distribution"):
        yield Finding(OK, "distributions", "This apply makes no CloudFront distribution.")
        return
    found = context.client("cloudfront").list_distributions(MaxItems="1")
    if found["DistributionList"].get("Quantity"):
        yield Finding(OK, "distributions", "The account has CloudFront distributions already.")
        return
    text = "This is the account's first CloudFront distribution, and AWS verifies a new account first."
    remedy = (
        'If the apply says "Your account must be verified", open a case with AWS Support (account and '
        "billing), and leave `website` out of the tfvars until it is closed."
    )
    yield Finding(WARNING, "distributions", text, remedy)


def sign_up(context: Context) -> Findings:
    """Whether everyone who signs up gets a mail: Cognito's own sender is only for trials."""
    pools = [each["change"]["after"] for each in context.changes("aws_cognito_user_pool")]
    for pool in filter(None, pools):
        by_administrators = [
            each["allow_admin_create_user_only"] for each in pool.get("admin_create_user_config") or ()
        ]
        senders = [each.get("email_sending_account") for each in pool.get("email_configuration") or ()]
        if not all(by_administrators) and "DEVELOPER" not in senders:
            text = "Anyone may sign up, but Cognito itself sends about 50 mails a day."
            remedy = "Before users come, write user_pool.email, which sends by Amazon SES, or end self_sign_up."
            yield Finding(WARNING, "sign-up", text, remedy)
            return
    yield Finding(OK, "sign-up", "Strangers cannot sign up, or Amazon SES sends the mail.")


def issuer(context: Context) -> Findings:
    """Whether the authorizer will find keys of the issuer that `jwt` names, read as it reads them."""
    named: str | None = (context.plan.get("variables", {}).get("jwt", {}).get("value") or {}).get("issuer")
    if named is None:
        yield Finding(OK, "issuer", "No operation takes tokens of an issuer of your own.")
        return
    # PyJWT and cryptography take a while to import, and few systems need them.
    from trestle.authorizer.documents import DISCOVERY, Documents  # noqa: PLC0415 - as above
    from trestle.authorizer.errors import IssuerError, UnreachableError  # noqa: PLC0415
    from trestle.authorizer.keys import key_set  # noqa: PLC0415

    document = named.removesuffix("/") + DISCOVERY
    try:
        keys = key_set(Documents(named).keys())
    except UnreachableError as error:
        remedy = f"Open {document} from the internet: the authorizer runs outside of any VPC."
        yield Finding(WARNING, "issuer", f"{named} cannot be read from here. {error}", remedy)
    except IssuerError as error:
        remedy = f"Compare `issuer` in {document} with jwt.issuer, to the letter, and open its `jwks_uri`."
        yield Finding(STOP, "issuer", f"Every token of {named} would be refused. {error}", remedy)
    else:
        algorithms = sorted({algorithm for _, algorithm in keys})
        if algorithms:
            yield Finding(OK, "issuer", f"{named} has keys for {' and '.join(algorithms)}.")
            return
        remedy = "Have the issuer sign access tokens by one of these. Keys that both sides know (HS256) are not taken."
        yield Finding(STOP, "issuer", f"{named} publishes no key for RS256 or ES256.", remedy)


# --- all of them

Check = Callable[[Context], Findings]

# Each group is looked at if no check of the one before stopped.
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
# What the checks after them need; another stop only adds to the table.
REQUIRED = (backend, credentials, region, bucket, state, plan)


def run_checks(context: Context, report: Callable[[Finding], None]) -> list[Finding]:
    """Run the checks; what none can be made without leaves out those after it, and says so."""
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
                left = Finding(WARNING, "not checked", f"{', '.join(names)}.", "Mend the above, and look again.")
                findings.append(left)
                report(left)
            break
    return findings


def run_check(check: Check, context: Context) -> Findings:
    """What a check finds; that AWS does not answer it is a finding, too."""
    try:
        yield from check(context)
    except UserError as error:
        yield Finding(STOP, check.__name__.replace("_", " "), str(error), "Correct it, then look again.")
    except (BotoCoreError, ClientError) as error:
        subject = check.__name__.replace("_", " ")
        remedy = "Give yourself the right, or look in the console."
        # What later checks need is not left open, but for the region: AWS will say if it is closed.
        level = STOP if check in REQUIRED and check is not region else WARNING
        yield Finding(level, subject, f"Not checked: {error}", remedy)


def row(finding: Finding) -> str:
    """Return a finding as a line, and its remedy as another."""
    widths = (9, 16, 0)
    text = table_row((finding.level, finding.subject, finding.text), widths)
    return f"{text}\n{table_row(('', '', finding.remedy), widths)}" if finding.remedy else text


def preflight(options: argparse.Namespace) -> int:
    """Look, print, and return the exit code."""
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
        # IAM's and S3's addresses are of the partition that the region is in.
        return make(service, region_name=region, config=Config(retries={"total_max_attempts": 3}))

    context = Context(environment.name, home, client, progress=progress, facts=lambda: environment.variables)
    findings = run_checks(context, lambda finding: print(row(finding), flush=True))
    stops, warnings = (sum(each.level == level for each in findings) for level in (STOP, WARNING))
    if stops:
        print(f"\nStop: mend what is marked so before an apply ({stops}, and warnings: {warnings}).")
    else:
        print(f"\nNothing stands in the way of an apply (warnings: {warnings}).")
    return 1 if stops else 0
