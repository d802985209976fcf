"""The VPC, its routes to other networks, and the functions that may use them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plan.planner import Plan

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share


@pytest.fixture(scope="session", params=["none", "single", "per_az"])
def nat(request: pytest.FixtureRequest, systems: dict[str, Plan]) -> tuple[str, Plan]:
    return request.param, systems[f"nat_{request.param}"]


def test_vpc_has_dns_and_the_documented_addresses(plan: Plan) -> None:
    vpc = plan.one("aws_vpc")
    assert vpc["cidr_block"] == "10.0.0.0/16"
    assert vpc["enable_dns_hostnames"] is True
    assert vpc["enable_dns_support"] is True


@pytest.mark.parametrize(
    ("kind", "blocks"),
    [("public", ["10.0.1.0/24", "10.0.3.0/24"]), ("private", ["10.0.2.0/24", "10.0.4.0/24"])],
)
def test_two_subnets_of_a_kind_lie_in_two_zones(plan: Plan, kind: str, blocks: list[str]) -> None:
    subnets = [s for a, s in plan.all("aws_subnet").items() if f".{kind}[" in a]
    assert sorted(s["cidr_block"] for s in subnets) == blocks
    assert len({s["availability_zone"] for s in subnets}) == 2
    assert not any(s["map_public_ip_on_launch"] for s in subnets)


def test_there_are_four_subnets(plan: Plan) -> None:
    assert plan.counts["aws_subnet"] == 4
    assert plan.counts["aws_route_table_association"] == 4


def test_public_and_private_subnets_pair_up_in_their_zones(plan: Plan) -> None:
    zones: dict[str, list[str]] = {}
    for subnet in sorted(plan.all("aws_subnet").values(), key=lambda s: str(s["cidr_block"])):
        zones.setdefault(subnet["availability_zone"], []).append(subnet["cidr_block"])
    assert sorted(zones.values()) == [["10.0.1.0/24", "10.0.2.0/24"], ["10.0.3.0/24", "10.0.4.0/24"]]


def test_public_subnets_reach_the_internet_gateway(plan: Plan) -> None:
    assert plan.counts["aws_internet_gateway"] == 1
    (route,) = (r for r in plan.all("aws_route").values() if r["gateway_id"])
    assert route["destination_cidr_block"] == "0.0.0.0/0"


def test_nat_gateways_and_routes_by_setting(nat: tuple[str, Plan]) -> None:
    setting, plan = nat
    gateways = {"none": 0, "single": 1, "per_az": 2}[setting]
    assert plan.counts["aws_nat_gateway"] == gateways
    assert plan.counts["aws_eip"] == gateways
    to_nat = [r for a, r in plan.all("aws_route").items() if ".nat[" in a]
    assert [r["destination_cidr_block"] for r in to_nat] == ["0.0.0.0/0"] * (2 if gateways else 0)


def test_egress_is_limited_to_443_and_to_the_internet_only_with_nat(nat: tuple[str, Plan]) -> None:
    setting, plan = nat
    rules = plan.all("aws_vpc_security_group_egress_rule")
    assert {(r["from_port"], r["to_port"], r["ip_protocol"]) for r in rules.values()} == {(443, 443, "tcp")}
    internet = [r for r in rules.values() if r["cidr_ipv4"] or r["cidr_ipv6"]]
    assert [r["cidr_ipv4"] for r in internet] == ([] if setting == "none" else ["0.0.0.0/0"])
    endpoints = [a for a, r in rules.items() if r["prefix_list_id"]]
    assert len(endpoints) == 2, "one rule each for the prefix lists of DynamoDB and S3"
    assert len(rules) == len(internet) + len(endpoints)


def test_functions_accept_no_connection(plan: Plan) -> None:
    assert plan.counts["aws_vpc_security_group_ingress_rule"] == 0
    assert plan.counts["aws_security_group_rule"] == 0
    group = plan.one("aws_security_group", "functions")
    assert group["name"] == "shop-test-functions"


def test_default_security_group_is_emptied(plan: Plan) -> None:
    group = plan.one("aws_default_security_group")
    # Without these arguments, the provider revokes every rule.
    configured = resource_configuration(plan, "aws_default_security_group")
    assert not {"ingress", "egress"} & configured.keys()
    assert group["tags"]["Name"]


def resource_configuration(plan: Plan, kind: str) -> dict[str, Any]:
    modules = plan.configuration["module_calls"]
    (found,) = (
        r
        for m in modules.values()
        for r in m["module"].get("resources", [])
        if r["type"] == kind and r["mode"] == "managed"
    )
    expressions: dict[str, Any] = found["expressions"]
    return expressions


def test_gateway_endpoints_allow_only_own_tables_and_buckets(plan: Plan) -> None:
    endpoints = {e["service_name"]: e for e in plan.all("aws_vpc_endpoint").values()}
    assert set(endpoints) == {"com.amazonaws.us-west-2.dynamodb", "com.amazonaws.us-west-2.s3"}
    table = "arn:aws:dynamodb:us-west-2:000000000000:table/shop-todos-test"
    wanted = {
        "com.amazonaws.us-west-2.dynamodb": [table, f"{table}/index/*"],
        "com.amazonaws.us-west-2.s3": ["arn:aws:s3:::shop-*-test", "arn:aws:s3:::shop-*-test/*"],
    }
    for service, endpoint in endpoints.items():
        assert endpoint["vpc_endpoint_type"] == "Gateway"
        (statement,) = json.loads(endpoint["policy"])["Statement"]
        assert statement["Effect"] == "Allow"
        assert statement["Resource"] == wanted[service]
        assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": "000000000000"}}
        assert not any("*" in action for action in statement["Action"])


def test_network_acls_cover_both_kinds_of_subnets(plan: Plan) -> None:
    assert plan.counts["aws_network_acl"] == 2
    for acl in plan.all("aws_network_acl").values():
        rules = acl["ingress"] + acl["egress"]
        assert {r["action"] for r in rules} == {"allow"}
        assert {r["protocol"] for r in rules} == {"tcp"}
        open_to_all = [r for r in acl["ingress"] if r["cidr_block"] == "0.0.0.0/0"]
        assert all(r["from_port"] >= 1024 for r in open_to_all), "answers alone come in from the internet"


def test_flow_logs_take_all_traffic_to_an_encrypted_group(plan: Plan) -> None:
    assert plan.one("aws_flow_log")["traffic_type"] == "ALL"
    group = plan.one("aws_cloudwatch_log_group", "flow")
    assert group["retention_in_days"] == 365
    assert group["name"] == "/aws/vpc/shop-test"
    (statement,) = json.loads(plan.one("aws_iam_role_policy", "flow")["policy"])["Statement"]
    assert statement["Resource"] == "arn:aws:logs:us-west-2:000000000000:log-group:/aws/vpc/shop-test:*"
    assert "logs:CreateLogGroup" not in statement["Action"]


def test_interface_endpoints_are_reached_by_the_functions_alone(systems: dict[str, Plan]) -> None:
    plan = systems["interface_endpoint"]
    endpoint = plan.one("aws_vpc_endpoint", "interface")
    assert endpoint["service_name"] == "com.amazonaws.us-west-2.kms"
    assert endpoint["vpc_endpoint_type"] == "Interface"
    assert endpoint["private_dns_enabled"] is True
    (statement,) = json.loads(endpoint["policy"])["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", "*")
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": "000000000000"}}
    rule = plan.one("aws_vpc_security_group_ingress_rule")
    assert (rule["from_port"], rule["to_port"], rule["cidr_ipv4"]) == (443, 443, None)
    assert set(plan.outputs["security_group_ids"]) == {"functions", "endpoints"}


def test_other_addresses(systems: dict[str, Plan]) -> None:
    plan = systems["nat_per_az"]
    assert plan.one("aws_vpc")["cidr_block"] == "10.9.0.0/16"
    assert sorted(s["cidr_block"] for s in plan.all("aws_subnet").values()) == [f"10.9.{n}.0/24" for n in (1, 2, 3, 4)]


def test_no_network_means_no_vpc(systems: dict[str, Plan]) -> None:
    plan = systems["small"]
    network = (
        "aws_vpc",
        "aws_subnet",
        "aws_security_group",
        "aws_vpc_endpoint",
        "aws_flow_log",
        "aws_network_acl",
    )
    assert {kind: plan.counts[kind] for kind in network} == dict.fromkeys(network, 0)
    assert plan.outputs["vpc_id"] is None
    assert plan.outputs["private_subnet_ids"] == plan.outputs["public_subnet_ids"] == []
    assert plan.outputs["security_group_ids"] == {}
    assert {bool(f["vpc_config"]) for f in plan.all("aws_lambda_function").values()} == {False}
