"""Test preflight checks of an existing VPC and an existing KMS key: faults are found, each with a remedy."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tools.aws import findings
from tools.aws.existing_key import existing_key
from tools.aws.existing_network import existing_network

REGION = "us-west-2"
ACCOUNT = "123456789012"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/shop-todos-test"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.fixture(autouse=True, scope="module")
def aws() -> Iterator[None]:
    """One account for all tests: each test creates its own VPC or key, which is faster than resetting moto."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            yield


@functools.cache
def client(service: str, region: str = REGION) -> Any:
    make: Any = boto3.client
    return make(service, region_name=region)


def context(
    functions: Any = None,
    changes: Any = (),
    statements: Any = (),
    client: Callable[..., Any] = client,
    **variables: Any,
) -> findings.Context:
    """Return the checks' input: a plan with these variables and changes, and the tools' view of the functions."""
    plan = {
        "variables": {name: {"value": value} for name, value in variables.items()},
        "resource_changes": list(changes),
        "planned_values": {"outputs": {"kms_key_statements": {"value": list(statements)}}},
    }
    return findings.Context(
        "dev", REGION, client, account=ACCOUNT, plan=plan, facts=lambda: {"functions": functions or {}}
    )


def found(
    check: Callable[[findings.Context], findings.Findings], *arguments: Any, **more: Any
) -> list[tuple[str, str]]:
    """Return the levels and texts of a check's findings, after checking that each problem has a remedy."""
    made = list(check(context(*arguments, **more)))
    assert made
    assert all(bool(each.remedy) == (each.level != findings.OK) for each in made)
    return [(each.level, each.text) for each in made]


@dataclass
class Vpc:
    """A VPC with private subnets in two zones and a gateway endpoint for DynamoDB: all that a guest system needs."""

    ec2: Any = field(default_factory=lambda: client("ec2"))

    def __post_init__(self) -> None:
        ec2 = self.ec2
        self.id = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [self.subnet(f"10.20.{n}.0/24", zone) for n, zone in enumerate("ab")]
        self.table = ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        for subnet in self.subnets:
            ec2.associate_route_table(RouteTableId=self.table, SubnetId=subnet)

    def subnet(self, cidr: str, zone: str) -> str:
        made = self.ec2.create_subnet(VpcId=self.id, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}")
        return str(made["Subnet"]["SubnetId"])

    def gateway(self, service: str = "dynamodb", **more: Any) -> str:
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.id, ServiceName=f"com.amazonaws.{REGION}.{service}", RouteTableIds=[self.table], **more
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def interface(self, service: str, source: str | None = None, **more: Any) -> tuple[str, str]:
        """Create an interface endpoint that accepts a CIDR block; return its id and its security group's."""
        group = self.ec2.create_security_group(GroupName=f"of {service}", Description="x", VpcId=self.id)["GroupId"]
        if source:
            permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": source}]}
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.id, ServiceName=f"com.amazonaws.{REGION}.{service}", VpcEndpointType="Interface",
            SubnetIds=self.subnets, SecurityGroupIds=[group], **{"PrivateDnsEnabled": True, **more},
        )  # fmt: skip
        return str(made["VpcEndpoint"]["VpcEndpointId"]), str(group)

    def way_out(self) -> None:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = self.ec2.create_nat_gateway(SubnetId=self.subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)

    @property
    def network(self) -> dict[str, Any]:
        return {"vpc_id": self.id, "subnet_ids": self.subnets}


@pytest.fixture
def vpc() -> Vpc:
    return Vpc()


def check_vpc(vpc: Vpc, functions: Any = None, changes: Any = (), **network: Any) -> list[tuple[str, str]]:
    return found(existing_network, functions, changes, network={**vpc.network, **network})


def calling(*services: str, egress: bool = False) -> dict[str, Any]:
    return {"services": list(services), "egress": egress}


def test_a_system_without_an_existing_vpc() -> None:
    for network in (None, {"nat": "none", "vpc_id": None}):
        assert found(existing_network, network=network) == [("ok", "No existing VPC is used.")]


def test_a_suitable_vpc(vpc: Vpc) -> None:
    vpc.gateway()
    text = f"{vpc.id} has subnets in us-west-2a, us-west-2b, and functions can reach all they call."
    assert check_vpc(vpc) == [("ok", text)]
    assert check_vpc(vpc, {"pay": calling()}) == [("ok", text)]


def test_missing_resources(vpc: Vpc) -> None:
    assert check_vpc(vpc, vpc_id="vpc-0a1b") == [("stop", "There is no VPC vpc-0a1b in us-west-2.")]
    ((level, text),) = check_vpc(vpc, subnet_ids=[vpc.subnets[0], "subnet-0a1b"])
    assert (level, text.startswith("Not all subnets exist: ")) == ("stop", True)


def test_subnets_of_another_vpc_and_in_one_zone(vpc: Vpc) -> None:
    vpc.gateway()
    assert check_vpc(vpc, subnet_ids=vpc.subnets[:1]) == [
        ("warning", "All subnets are in us-west-2a: if that zone fails, the API fails.")
    ]
    other = Vpc()
    assert check_vpc(vpc, subnet_ids=[vpc.subnets[0], other.subnets[1]]) == [
        ("stop", f"{other.subnets[1]} belongs to {other.id}, not to {vpc.id}.")
    ]


def test_a_vpc_without_dns(vpc: Vpc) -> None:
    vpc.gateway()
    vpc.ec2.modify_vpc_attribute(VpcId=vpc.id, EnableDnsSupport={"Value": False})
    assert check_vpc(vpc) == [("stop", f"{vpc.id} has no DNS support, so functions cannot reach AWS's services.")]


@pytest.mark.parametrize(
    ("changed", "level", "said"),
    [
        ({"AvailableIpAddressCount": 15}, "warning", "has 15 addresses left, and functions need some to scale."),
        ({"AvailableIpAddressCount": 0}, "stop", "has 0 addresses left, and functions need some to scale."),
        ({"AvailabilityZone": "us-west-2-lax-1a"}, "stop", "where Lambda cannot run functions."),
        ({"AvailabilityZoneId": "use1-az3"}, "stop", "(use1-az3), where Lambda cannot run functions."),
        ({"OutpostArn": "arn:aws:outposts:x"}, "stop", "where Lambda cannot run functions."),
        ({"Ipv6Native": True}, "stop", "has no IPv4 addresses, which functions need."),
    ],
)  # fmt: skip
def test_unsuitable_subnets(vpc: Vpc, changed: Any, level: str, said: str) -> None:
    vpc.gateway()
    ec2 = client.__wrapped__("ec2")
    ec2.meta.events.register("after-call.ec2.DescribeSubnets", lambda parsed, **_: parsed["Subnets"][0].update(changed))
    ((seen, text),) = found(existing_network, network=vpc.network, client=lambda *_: ec2)
    assert (seen, text.endswith(said)) == (level, True), text


def test_no_way_to_dynamodb(vpc: Vpc) -> None:
    text = f"{vpc.subnets[0]}, {vpc.subnets[1]} have no route to DynamoDB."
    assert check_vpc(vpc) == [("stop", text)]
    (stop,) = existing_network(context(network=vpc.network))
    assert f"--service-name com.amazonaws.us-west-2.dynamodb --route-table-ids {vpc.table}`" in stop.remedy
    # Functions cannot use an internet gateway, and these subnets cannot use an endpoint in another
    # route table.
    gateway = vpc.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    vpc.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc.id)
    vpc.ec2.create_route(RouteTableId=vpc.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    table, vpc.table = vpc.table, vpc.ec2.create_route_table(VpcId=vpc.id)["RouteTable"]["RouteTableId"]
    vpc.gateway()
    assert check_vpc(vpc) == [("stop", text)]
    vpc.table = table
    vpc.ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    vpc.way_out()
    assert check_vpc(vpc)[0][0] == "ok", "a NAT gateway also leads to DynamoDB"


def test_subnets_without_a_route_table_use_the_main_one(vpc: Vpc) -> None:
    lone = vpc.subnet("10.20.9.0/24", "c")
    vpc.gateway()
    assert check_vpc(vpc, subnet_ids=[vpc.subnets[0], lone]) == [("stop", f"{lone} have no route to DynamoDB.")]
    tables = vpc.ec2.describe_route_tables(Filters=[{"Name": "association.main", "Values": ["true"]}])["RouteTables"]
    vpc.table = next(each["RouteTableId"] for each in tables if each["VpcId"] == vpc.id)
    vpc.gateway()
    assert check_vpc(vpc, subnet_ids=[vpc.subnets[0], lone])[0][0] == "ok"


def test_services_that_own_functions_call(vpc: Vpc) -> None:
    vpc.gateway()
    functions = {"mail": calling("sns"), "pay": calling("s3", "secretsmanager", "sqs"), "work": calling("sqs")}
    no_endpoint = "The VPC has no interface endpoint with private DNS for {}, which functions call ({})."
    assert check_vpc(vpc, functions) == [
        ("stop", f"{vpc.subnets[0]}, {vpc.subnets[1]} have no route to Amazon S3 (functions.pay)."),
        ("stop", no_endpoint.format("Secrets Manager", "functions.pay")),
        ("warning", no_endpoint.format("sns", "functions.mail")),
        ("stop", no_endpoint.format("SQS", "functions.pay, functions.work")),
    ]
    vpc.gateway("s3")
    vpc.interface("secretsmanager", "10.20.0.0/16")
    vpc.interface("sns", "0.0.0.0/0")
    vpc.interface("sqs", "10.20.0.0/16", PrivateDnsEnabled=False)
    assert check_vpc(vpc, functions) == [("stop", no_endpoint.format("SQS", "functions.pay, functions.work"))]
    vpc.interface("sqs ", "10.20.0.0/16")
    elsewhere = Vpc()
    elsewhere.interface("sqs", "0.0.0.0/0")
    assert check_vpc(vpc, functions)[0][0] == "stop", "the endpoint is in another VPC"


def test_an_endpoint_that_does_not_accept_the_functions(vpc: Vpc) -> None:
    vpc.gateway()
    endpoint, group = vpc.interface("sqs", "10.20.0.0/24")  # only the first subnet
    functions = {"work": calling("sqs")}
    said = [("warning", f"The endpoint {endpoint} of SQS does not admit the functions (functions.work).")]
    assert check_vpc(vpc, functions) == said
    (warning,) = existing_network(context(functions, network=vpc.network))
    assert f"Allow port 443 in its security group {group} from" in warning.remedy
    ours = vpc.ec2.create_security_group(GroupName="ours", Description="x", VpcId=vpc.id)["GroupId"]
    pair = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": ours}]}
    vpc.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[pair])
    made = {"mode": "managed", "type": "aws_security_group", "name": "endpoint_clients", "address": "x",
            "change": {"actions": ["no-op"], "before": {"id": ours}}}  # fmt: skip
    assert check_vpc(vpc, functions, [made])[0][0] == "ok"
    assert check_vpc(vpc, functions) == said


def test_functions_with_egress_need_a_way_out_and_no_endpoint(vpc: Vpc) -> None:
    vpc.gateway()
    functions = {"work": calling("sqs", egress=True)}
    assert check_vpc(vpc, functions) == [
        (
            "stop",
            f"{vpc.subnets[0]}, {vpc.subnets[1]} have no route to the internet, and functions.work need one "
            "(egress = true).",
        )
    ]
    vpc.way_out()
    assert check_vpc(vpc, functions)[0][0] == "ok"


def role_policy(*statements: Any, module: str = 'function["todos.create"]') -> dict[str, Any]:
    return {
        "mode": "managed", "type": "aws_iam_role_policy", "name": "this",
        "address": f"module.service.module.{module}.x",
        "change": {"actions": ["create"], "after": {"policy": json.dumps({"Statement": list(statements)})}},
    }  # fmt: skip


def allow(actions: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": actions, "Resource": resource, **more}


OUR_ACCOUNT = {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}


@pytest.mark.parametrize(
    ("statements", "level", "said"),
    [
        ([allow("*", Principal="*")], "ok", "can reach all"),
        ([allow("dynamodb:*", f"{TABLE}*", Principal="*", Condition=OUR_ACCOUNT)], "ok", "can reach all"),
        ([allow("dynamodb:GetItem", Principal="*")], "stop", f"refuses dynamodb:PutItem on {TABLE}, and 1 more."),
        ([allow("*", "arn:aws:dynamodb:*:*:table/other", Principal="*")], "stop", "and 2 more."),
        (
            [allow("*", Principal="*"), allow("dynamodb:PutItem", effect="Deny", Principal="*")],
            "stop",
            f"refuses dynamodb:PutItem on {TABLE}.",
        ),
        (
            [allow("*", Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})],
            "warning",
            "has conditions that may refuse dynamodb:GetItem on",
        ),
        (
            [
                allow("*", Principal="*"),
                allow("*", effect="Deny", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
            ],
            "ok",
            "can reach all",
        ),
        ([allow("*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/x"})], "warning", "conditions that may refuse"),
    ],
)
def test_the_policy_of_an_endpoint(vpc: Vpc, statements: Any, level: str, said: str) -> None:
    endpoint = vpc.gateway(PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    rights = [
        role_policy(allow(["dynamodb:GetItem", "dynamodb:PutItem"], TABLE), allow("ec2:*", effect="Deny")),
        role_policy(allow("dynamodb:Query", [f"{TABLE}/index/*"])),
        role_policy(allow("dynamodb:Scan", "*"), module="backup[0]"),
        {**role_policy(), "change": {"actions": ["delete"], "after": None}},
    ]
    ((seen, text),) = check_vpc(vpc, None, rights)
    assert (seen, said in text, endpoint in text) == (level, True, level != "ok"), text


# --- the key

ALL = {"Sid": "Administers", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
USES = {**ALL, "Sid": "AccountUses", "Action": ["kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]}
GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"
CONTEXT = "kms:EncryptionContext:aws:logs:arn"


def logs(*groups: str, **more: Any) -> dict[str, Any]:
    return {
        "Sid": "LogGroups", "Effect": "Allow", "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*",
        "Condition": {"ArnLike": {CONTEXT: [f"{GROUP}{group}" for group in groups]}}, **more,
    }  # fmt: skip


NEEDED = [USES, logs("/aws/lambda/shop-*-test", "/aws/vpc/shop-test")]
ALARMS = {
    "Sid": "Alarms", "Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "kms:Decrypt",
    "Resource": "*",
    "Condition": {
        "ArnEquals": {"aws:SourceArn": [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:shop-test"]},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    },
}  # fmt: skip


def make_key(*statements: Any, rotated: bool = True, **more: Any) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements or [ALL])})
    kms = client("kms")
    arn: str = kms.create_key(Policy=policy, **more)["KeyMetadata"]["Arn"]
    if rotated:
        kms.enable_key_rotation(KeyId=arn)
    return arn


def check_key(arn: str | None, statements: Any = NEEDED, **more: Any) -> list[tuple[str, str]]:
    return found(existing_key, statements=statements, encryption={"key_arn": arn}, **more)


def test_a_system_with_its_own_key() -> None:
    assert check_key(None) == [("ok", "No existing key is used.")]
    assert found(existing_key) == [("ok", "No existing key is used.")]


def test_a_suitable_key() -> None:
    arn = make_key(ALL, *NEEDED)
    assert check_key(arn) == [("ok", f"{arn} is enabled, and its policy lets the system use it.")]
    # Equivalent, not identical: wider patterns, another order, no condition.
    arn = make_key(logs("*", Action="kms:*"), {**ALL, "Principal": {"AWS": ACCOUNT}}, {**ALARMS, "Condition": {}})
    assert check_key(arn, [*NEEDED, ALARMS])[0][0] == "ok"


def test_statements_that_a_policy_lacks() -> None:
    arn = make_key(ALL)
    assert check_key(arn, [*NEEDED, ALARMS]) == [
        ("stop", f"The policy of {arn} does not allow LogGroups."),
        ("stop", f"The policy of {arn} does not allow Alarms."),
    ]
    (first, _) = existing_key(context(statements=[*NEEDED, ALARMS], encryption={"key_arn": arn}))
    assert json.dumps(NEEDED[1]) in first.remedy


@pytest.mark.parametrize(
    ("statements", "level"),
    [
        ([ALL, logs("/aws/lambda/shop-*-test")], "stop"),  # not all groups
        ([ALL, logs("/aws/*", Action="kms:Decrypt")], "stop"),  # not all actions
        ([ALL, logs("/aws/*", Action=["kms:Decrypt", "kms:GenerateDataKey"])], "stop"),  # one that the pattern covers
        ([ALL, logs("/aws/*", Principal={"Service": "logs.eu-west-1.amazonaws.com"})], "stop"),
        ([ALL, logs("/aws/*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})], "warning"),
        ([ALL, logs("/aws/*"), {**logs("/aws/vpc/*"), "Effect": "Deny"}], "stop"),
        ([ALL, logs("/aws/*"), logs(Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})], "ok"),
        ([ALL, logs("/aws/*"), logs(Effect="Deny", Condition={"Null": {"aws:SourceVpce": "true"}})], "warning"),
        ([{**ALL, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/deploy"}}, logs("/aws/*")], "warning"),
        ([{**ALL, "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}, logs("/aws/*")], "stop"),
        ([{**ALL, "Condition": {"StringEquals": {"kms:CallerAccount": ACCOUNT}}}, logs("/aws/*")], "ok"),
        (
            [{**ALL, "Condition": {"StringEquals": {"kms:ViaService": "s3.us-west-2.amazonaws.com"}}}, logs("*")],
            "warning",
        ),
    ],
)
def test_actions_that_a_policy_allows(statements: Any, level: str) -> None:
    assert [seen for seen, _ in check_key(make_key(*statements))] == [level]


def test_unsuitable_keys() -> None:
    arn = make_key(ALL, *NEEDED, rotated=False)
    assert check_key(arn) == [
        ("warning", f"{arn} is not rotated."),
        ("ok", f"{arn} is enabled, and its policy lets the system use it."),
    ]
    kms, key = client("kms"), arn.rpartition("/")[2]
    kms.disable_key(KeyId=key)
    assert check_key(arn) == [("stop", f"{arn} is Disabled.")]
    kms.enable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key)
    assert check_key(arn) == [("stop", f"{arn} is PendingDeletion.")]
    arn = make_key(rotated=False, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    assert check_key(arn) == [("stop", f"{arn} has the spec RSA_2048 and the usage ENCRYPT_DECRYPT.")]
    missing = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
    assert check_key(missing) == [("stop", f"{missing} does not exist.")]


def test_a_key_that_aws_manages() -> None:
    kms = client.__wrapped__("kms")
    arn = make_key()
    kms.meta.events.register(
        "after-call.kms.DescribeKey", lambda parsed, **_: parsed["KeyMetadata"].update(KeyManager="AWS")
    )
    assert check_key(arn, client=lambda *_: kms) == [
        ("stop", f"{arn} is managed by AWS, and its policy cannot be changed.")
    ]


def test_a_key_of_another_account_is_not_read() -> None:
    arn = f"arn:aws:kms:{REGION}:999999999999:key/0a"

    class Closed:
        """A KMS client that denies every call."""

        def __getattr__(self, operation: str) -> Callable[..., Any]:
            def call(**_: Any) -> Any:
                raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)

            return call

    assert check_key(arn, client=lambda *_: Closed()) == [
        ("warning", f"The state of {arn} cannot be read: AccessDeniedException."),
        ("warning", f"You may not read the policy of {arn}, in account 999999999999: AccessDeniedException."),
    ]
    *_, warning = existing_key(context(statements=NEEDED, encryption={"key_arn": arn}, client=lambda *_: Closed()))
    assert json.dumps(NEEDED) in warning.remedy
    own = arn.replace("999999999999", ACCOUNT)
    assert check_key(own, client=lambda *_: Closed())[1][1].startswith(f"You may not read the policy of {own}: ")
