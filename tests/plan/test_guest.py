"""A system in an existing VPC, with an existing key."""

from __future__ import annotations

import json

import pytest

from tests.plan.conftest import GUEST_NETWORK, KEY
from tests.plan.planner import UNKNOWN, Plan, Values

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

NETWORK_KINDS = {
    "aws_default_security_group", "aws_eip", "aws_flow_log", "aws_internet_gateway", "aws_nat_gateway",
    "aws_network_acl", "aws_route", "aws_route_table", "aws_route_table_association", "aws_subnet", "aws_vpc",
    "aws_vpc_endpoint",
}  # fmt: skip
KEY_KINDS = {"aws_kms_alias", "aws_kms_key", "aws_kms_key_policy", "aws_kms_grant"}
GROUP = "module.existing_network[0].aws_security_group"


@pytest.fixture(scope="session")
def guest(systems: dict[str, Plan]) -> Plan:
    return systems["guest"]


@pytest.fixture(scope="session")
def guest_functions(triggers: dict[str, Plan]) -> Plan:
    """A guest with own functions: secrets, a queue, egress, and statements for S3 and SNS."""
    return triggers["guest"]


def egress(plan: Plan) -> dict[str, Values]:
    """Return the egress rules, by what distinguishes their addresses."""
    rules = plan.all("aws_vpc_security_group_egress_rule")
    return {address.rpartition("_rule.")[2]: rule for address, rule in rules.items()}


def test_security_groups_are_all_that_is_made_of_a_network(guest: Plan, guest_functions: Plan) -> None:
    for plan in (guest, guest_functions):
        assert not NETWORK_KINDS & plan.counts.keys()
    assert list(guest.all("aws_security_group")) == [f"{GROUP}.functions"]
    assert guest.one("aws_security_group")["vpc_id"] == GUEST_NETWORK["vpc_id"]
    assert "/aws/vpc/shop-test" not in {group["name"] for group in guest.all("aws_cloudwatch_log_group").values()}


def test_functions_are_in_the_existing_subnets(guest: Plan) -> None:
    for function in guest.all("aws_lambda_function").values():
        (config,) = function["vpc_config"]
        assert sorted(config["subnet_ids"]) == GUEST_NETWORK["subnet_ids"]
    assert guest.outputs["vpc_id"] == GUEST_NETWORK["vpc_id"]
    assert guest.outputs["private_subnet_ids"] == GUEST_NETWORK["subnet_ids"]
    assert guest.outputs["public_subnet_ids"] == []
    assert guest.outputs["security_group_ids"].keys() == {"functions"}


def test_functions_of_entities_reach_only_dynamodb(guest: Plan) -> None:
    rules = egress(guest)
    assert rules.keys() == {'gateway["dynamodb"]'}
    (rule,) = rules.values()
    assert (rule["from_port"], rule["to_port"], rule["ip_protocol"]) == (443, 443, "tcp")
    assert rule["prefix_list_id"].startswith("pl-")
    assert (rule["cidr_ipv4"], rule["cidr_ipv6"]) == (None, None)
    assert guest.counts["aws_vpc_security_group_ingress_rule"] == 0


def test_only_functions_that_need_it_have_more_egress(guest_functions: Plan) -> None:
    plan = guest_functions
    assert egress(plan).keys() == {'gateway["dynamodb"]', 'gateway["s3"]', "internet[0]"}
    assert egress(plan)["internet[0]"]["cidr_ipv4"] == "0.0.0.0/0"
    assert plan.outputs["security_group_ids"].keys() == {"egress", "endpoint_clients", "functions"}
    (rule,) = plan.resources[f"{GROUP}.endpoint_clients[0]"]["egress"]
    assert (rule["from_port"], rule["to_port"], rule["protocol"]) == (443, 443, "tcp")
    assert rule["cidr_blocks"] == ["172.31.0.0/16"], "the VPC's own addresses"
    # Each function has the group of all functions. The other groups' ids are unknown before an
    # apply.
    groups = plan.configuration["module_calls"]["own_function"]["expressions"]["network"]["references"]
    assert {"local.networks", "local.carried_groups"} <= set(groups)


def test_the_existing_key_encrypts_everything(guest: Plan, guest_functions: Plan) -> None:
    for plan in (guest, guest_functions):
        assert not KEY_KINDS & plan.counts.keys()
        assert plan.outputs["kms_key_arn"] == KEY
        assert {f["kms_key_arn"] for f in plan.all("aws_lambda_function").values()} == {KEY}
        assert {g["kms_key_id"] for g in plan.all("aws_cloudwatch_log_group").values()} == {KEY}
        assert {t["server_side_encryption"][0]["kms_key_arn"] for t in plan.all("aws_dynamodb_table").values()} == {KEY}
        keys = [
            statement
            for address, policy in plan.all("aws_iam_role_policy").items()
            if address.endswith(".key[0]")
            for statement in json.loads(policy["policy"])["Statement"]
        ]
        assert {statement["Resource"] for statement in keys} == {KEY}
    assert {q["kms_master_key_id"] for q in guest_functions.all("aws_sqs_queue").values()} == {KEY}


def test_the_keys_owner_learns_the_statements_that_a_key_of_ours_has(
    systems: dict[str, Plan], triggers: dict[str, Plan]
) -> None:
    for plan in (systems["audited"], systems["small"], triggers["full"]):
        stated, ours = plan.outputs["kms_key_statements"], json.loads(plan.one("aws_kms_key")["policy"])["Statement"]
        assert ours[0]["Sid"] == "AccountAdministers"
        assert stated[1:] == ours[1:]
        assert (stated[0]["Sid"], stated[0]["Principal"]) == ("AccountUses", ours[0]["Principal"])
        assert not {"kms:*", "kms:PutKeyPolicy"} & set(stated[0]["Action"])
    sids = [statement["Sid"] for statement in triggers["guest"].outputs["kms_key_statements"]]
    assert sids == ["AccountUses", "LogGroups", "Events"]
    assert UNKNOWN not in json.dumps(triggers["guest"].outputs["kms_key_statements"])
