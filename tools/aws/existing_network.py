"""Check the existing VPC that functions are to run in, before an apply."""

from __future__ import annotations

import ipaddress
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tools import contract
from tools.aws.findings import FREE_ADDRESSES, OK, STOP, WARNING, Context, Finding, Findings
from tools.aws.policies import REFUSED, UNSURE, always_known, as_list, decide

SUBJECT = "vpc"

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
ZONES_WITHOUT_LAMBDA = {"use1-az3"}

NETWORK = contract.read("network")
SERVICES: Mapping[str, Mapping[str, str]] = NETWORK["services"]

# Route targets that lead out of the VPC. An internet gateway does not: functions have no public
# address.
WAYS_OUT = ("NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId", "VpcPeeringConnectionId")


@dataclass(frozen=True)
class Existing:
    """The subnets of a VPC, their route tables, the endpoints and these endpoints' security groups."""

    subnets: Sequence[Mapping[str, Any]]
    tables: Mapping[str, Mapping[str, Any]]  # by the subnet's id
    endpoints: Sequence[Mapping[str, Any]]
    groups: Mapping[str, Mapping[str, Any]]  # of the endpoints, by id

    def subnets_without_egress(self) -> list[str]:
        """Return the subnets without a route to the internet."""
        return [subnet for subnet, table in self.tables.items() if not has_egress(table)]

    def subnets_without_gateway(self, name: str) -> list[str]:
        """Return the subnets whose route table has no gateway endpoint of a service."""
        served = {table for each in self.usable_endpoints(name, "Gateway") for table in each.get("RouteTableIds") or ()}
        return [subnet for subnet, table in self.tables.items() if table.get("RouteTableId") not in served]

    def usable_endpoints(self, name: str, kind: str) -> list[Mapping[str, Any]]:
        """Return the endpoints of a service that functions can use."""
        return [
            each
            for each in self.endpoints
            if each["ServiceName"] == name
            and each.get("VpcEndpointType", "Gateway") == kind
            and str(each.get("State", "available")).lower() == "available"
            and (kind == "Gateway" or each.get("PrivateDnsEnabled"))
        ]


def has_egress(table: Mapping[str, Any]) -> bool:
    """Return whether a route table leads functions to the internet."""
    return any(
        route.get("DestinationCidrBlock") == "0.0.0.0/0"
        and route.get("State", "active") == "active"
        and any(route.get(way) for way in WAYS_OUT)
        for route in table.get("Routes", ())
    )


def existing_network(context: Context) -> Findings:
    """Check that functions can run in an existing VPC, and reach the services they call."""
    network = context.variable("network") or {}
    if not network.get("vpc_id"):
        yield Finding(OK, SUBJECT, "No existing VPC is used.")
        return
    vpc, ids = network["vpc_id"], network["subnet_ids"]
    ec2 = context.client("ec2")
    found = list(subnet_findings(ec2, vpc, ids, context.region))
    faults = [each for each in found if isinstance(each, Finding)]
    subnets = [each for each in found if not isinstance(each, Finding)]
    yield from faults
    if any(each.level == STOP for each in faults):
        return
    existing = read_network(ec2, vpc, subnets)
    ways = [*services(context, existing), *policies(context, existing)]
    yield from ways
    if not any(each.level != OK for each in [*faults, *ways]):
        names = ", ".join(sorted(each["AvailabilityZone"] for each in subnets))
        yield Finding(OK, SUBJECT, f"{vpc} has subnets in {names}, and functions can reach all they call.")


def subnet_findings(ec2: Any, vpc: str, ids: Sequence[str], region: str) -> Iterable[Finding | Mapping[str, Any]]:
    """Yield the faults of a VPC and its subnets, and the subnets."""
    try:
        ec2.describe_vpcs(VpcIds=[vpc])
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidVpcID.NotFound":
            raise
        yield Finding(STOP, SUBJECT, f"There is no VPC {vpc} in {region}.", "Correct network.vpc_id or region.")
        return
    support = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsSupport")["EnableDnsSupport"]["Value"]
    if not support:
        text = f"{vpc} has no DNS support, so functions cannot reach AWS's services."
        yield Finding(STOP, SUBJECT, text, f"Run `aws ec2 modify-vpc-attribute --vpc-id {vpc} --enable-dns-support`.")
    try:
        subnets = ec2.describe_subnets(SubnetIds=list(ids))["Subnets"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidSubnetID.NotFound":
            raise
        text = f"Not all subnets exist: {error.response['Error']['Message']}"
        yield Finding(STOP, SUBJECT, text, f"Write ids of subnets of {vpc} in network.subnet_ids.")
        return
    for subnet in subnets:
        yield from subnet_faults(subnet, vpc, region)
    zones = {each["AvailabilityZone"] for each in subnets}
    if len(zones) < 2:
        text = f"All subnets are in {', '.join(sorted(zones))}: if that zone fails, the API fails."
        yield Finding(WARNING, SUBJECT, text, "Name a subnet in another zone as well.")
    yield from subnets


def subnet_faults(subnet: Mapping[str, Any], vpc: str, region: str) -> Findings:
    """Yield the reasons why functions cannot use a subnet, or soon cannot."""
    name, zone, free = subnet["SubnetId"], subnet["AvailabilityZone"], subnet["AvailableIpAddressCount"]
    if subnet["VpcId"] != vpc:
        text = f"{name} belongs to {subnet['VpcId']}, not to {vpc}."
        yield Finding(STOP, SUBJECT, text, f"Name subnets of {vpc} in network.subnet_ids.")
    if zone[:-1] != region or subnet.get("OutpostArn") or subnet.get("AvailabilityZoneId") in ZONES_WITHOUT_LAMBDA:
        text = f"{name} is in {zone} ({subnet.get('AvailabilityZoneId')}), where Lambda cannot run functions."
        yield Finding(STOP, SUBJECT, text, "Name a subnet in another zone.")
    if subnet.get("Ipv6Native"):
        yield Finding(STOP, SUBJECT, f"{name} has no IPv4 addresses, which functions need.", "Name another subnet.")
    elif free < FREE_ADDRESSES:
        text = f"{name} has {free} addresses left, and functions need some to scale."
        remedy = "Free some, or name a larger subnet."
        yield Finding(WARNING if free else STOP, SUBJECT, text, remedy)


def read_network(ec2: Any, vpc: str, subnets: Sequence[Mapping[str, Any]]) -> Existing:
    """Return the parts of a VPC that functions in these subnets use."""
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    tables = [table for page in ec2.get_paginator("describe_route_tables").paginate(Filters=of_vpc)
              for table in page["RouteTables"]]  # fmt: skip
    by_subnet = {
        association["SubnetId"]: table
        for table in tables
        for association in table.get("Associations", ())
        if association.get("SubnetId")
    }
    main: Mapping[str, Any] = next(
        (t for t in tables if any(each.get("Main") for each in t.get("Associations", ()))), {}
    )
    endpoints = [endpoint for page in ec2.get_paginator("describe_vpc_endpoints").paginate(Filters=of_vpc)
                 for endpoint in page["VpcEndpoints"] if endpoint["VpcId"] == vpc]  # fmt: skip
    wanted = sorted({group["GroupId"] for each in endpoints for group in each.get("Groups") or ()})
    groups = ec2.describe_security_groups(GroupIds=wanted)["SecurityGroups"] if wanted else []
    return Existing(
        subnets,
        {each["SubnetId"]: by_subnet.get(each["SubnetId"], main) for each in subnets},
        endpoints,
        {group["GroupId"]: group for group in groups},
    )


def callers_by_service(context: Context) -> tuple[dict[str, list[str]], list[str]]:
    """Return the functions that need a VPC endpoint, by service, and the functions with egress."""
    functions: Mapping[str, Mapping[str, Any]] = context.facts().get("functions", {})
    callers: dict[str, list[str]] = defaultdict(list)
    callers["dynamodb"] = []  # all functions call it
    for name, function in sorted(functions.items()):
        for service in function["services"]:
            if service == "s3" or not function["egress"]:
                callers[service].append(name)
    return callers, sorted(name for name, function in functions.items() if function["egress"])


def services(context: Context, existing: Existing) -> Findings:
    """Check that functions reach the services they call."""
    callers, with_egress = callers_by_service(context)
    closed = existing.subnets_without_egress()
    for service, names in sorted(callers.items()):
        full = f"com.amazonaws.{context.region}.{service}"
        known = SERVICES.get(service, {"endpoint": "Interface", "name": service})
        who = f" ({', '.join(f'functions.{name}' for name in names)})" if names else ""
        if known["endpoint"] == "Gateway":
            lost = [subnet for subnet in existing.subnets_without_gateway(full) if subnet in closed]
            if lost:
                tables = sorted({existing.tables[subnet].get("RouteTableId", "") for subnet in lost})
                text = f"{', '.join(lost)} have no route to {known['name']}{who}."
                remedy = (
                    f"Add a gateway endpoint, which costs nothing: `aws ec2 create-vpc-endpoint --vpc-id "
                    f"{existing.subnets[0]['VpcId']} --service-name {full} --route-table-ids {' '.join(tables)}`."
                )
                yield Finding(STOP, SUBJECT, text, remedy)
            continue
        endpoints = existing.usable_endpoints(full, "Interface")
        if not endpoints:
            # A function may have permission for a service without calling it.
            level = STOP if service in SERVICES else WARNING
            text = f"The VPC has no interface endpoint with private DNS for {known['name']}, which functions call{who}."
            remedy = f"Add one ({full}), or set egress = true for the function if the subnets have a route out."
            yield Finding(level, SUBJECT, text, remedy)
        elif not any(accepts_functions(existing, endpoint, context) for endpoint in endpoints):
            names_of_groups = ", ".join(group["GroupId"] for group in endpoints[0].get("Groups") or ())
            text = f"The endpoint {endpoints[0]['VpcEndpointId']} of {known['name']} does not admit the functions{who}."
            remedy = (
                f"Allow port 443 in its security group {names_of_groups} from the subnets' addresses, or after "
                "the first apply from endpoint_clients of the output security_group_ids."
            )
            yield Finding(WARNING, SUBJECT, text, remedy)
    if with_egress and closed:
        egress = ", ".join(f"functions.{name}" for name in with_egress)
        text = f"{', '.join(closed)} have no route to the internet, and {egress} need one (egress = true)."
        remedy = "Add a route for 0.0.0.0/0 to a NAT or transit gateway; an internet gateway does not work."
        yield Finding(STOP, SUBJECT, text, remedy)


def accepts_functions(existing: Existing, endpoint: Mapping[str, Any], context: Context) -> bool:
    """Return whether an endpoint's security groups admit the functions, by address or by group."""
    ours = {
        (each["change"].get("before") or {}).get("id")
        for each in context.changes("aws_security_group")
        if each["name"] == "endpoint_clients"
    }
    blocks = [ipaddress.ip_network(subnet["CidrBlock"]) for subnet in existing.subnets]
    permissions = [
        permission
        for group in endpoint.get("Groups") or ()
        for permission in existing.groups.get(group["GroupId"], {}).get("IpPermissions", ())
        if permission["IpProtocol"] == "-1"
        or (permission["IpProtocol"] == "tcp" and permission["FromPort"] <= 443 <= permission["ToPort"])
    ]
    open_to = [
        ipaddress.ip_network(each["CidrIp"], strict=False)
        for permission in permissions
        for each in permission.get("IpRanges", ())
    ]
    by_group = any(pair.get("GroupId") in ours for each in permissions for pair in each.get("UserIdGroupPairs", ()))
    return by_group or all(
        # isinstance() has compared the IP versions, which mypy does not see.
        any(isinstance(wide, type(block)) and block.subnet_of(wide) for wide in open_to)  # type: ignore[arg-type]
        for block in blocks
    )


def policies(context: Context, existing: Existing) -> Findings:
    """Check that the endpoints' policies allow the functions' permissions."""
    permissions = planned_permissions(context)
    principal = {"AWS": f"arn:aws:iam::{context.account}:root"}
    known = {**always_known(principal, context.account), "aws:ResourceAccount": context.account}
    for endpoint in existing.endpoints:
        service, policy = endpoint["ServiceName"].rpartition(".")[2], endpoint.get("PolicyDocument")
        if not policy or service not in permissions:
            continue
        decisions = {
            (action, resource): decide(policy, action, resource, principal, known)
            for action, resource in sorted(permissions[service])
        }
        for wanted, level in ((REFUSED, STOP), (UNSURE, WARNING)):
            if pairs := [pair for pair, decision in decisions.items() if decision == wanted]:
                action, resource = pairs[0]
                more = f", and {len(pairs) - 1} more" if len(pairs) > 1 else ""
                verb = "refuses" if wanted == REFUSED else "has conditions that may refuse"
                text = f"The policy of {endpoint['VpcEndpointId']} {verb} {action} on {resource}{more}."
                remedy = "Ask its owner to allow these actions on this system's resources."
                yield Finding(level, SUBJECT, text, remedy)


def planned_permissions(context: Context) -> dict[str, set[tuple[str, str]]]:
    """Return the actions and resources that the functions' planned roles allow, by endpoint name."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for each in context.changes("aws_iam_role_policy"):
        after = each["change"].get("after") or {}
        if ".module.function[" not in each["address"] and ".module.own_function[" not in each["address"]:
            continue
        for statement in as_list(json.loads(after.get("policy") or '{"Statement": []}')["Statement"]):
            if statement["Effect"] != "Allow":
                continue
            for action in as_list(statement["Action"]):
                prefix = action.partition(":")[0]
                service = NETWORK["endpoint_names"].get(prefix, prefix)
                found[service] |= {(action, resource) for resource in as_list(statement["Resource"])}
    return found
