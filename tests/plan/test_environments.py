"""The committed var-files: what each plans, and that all can coexist in one account."""

from __future__ import annotations

import itertools
import json
import re

import pytest

from tests.plan import inventory
from tests.plan.planner import UNKNOWN, Plan, Values

pytestmark = pytest.mark.xdist_group("environments")  # one worker makes the plans these tests share

OUTPUTS = {
    "api_key_ids", "api_url", "dashboard_url", "function_names", "function_role_arns", "kms_key_arn",
    "openapi_url", "own_code", "private_subnet_ids", "public_subnet_ids", "security_group_ids", "sign_in_url",
    "table_names", "usage_plan_ids", "user_pool_client_id", "user_pool_id", "user_pool_machine_client_id",
    "vpc_id", "website_domain", "website_url",
}  # fmt: skip

# Types whose names are unique in an account and region, with the argument for the name.
NAMED = {
    "aws_api_gateway_api_key": "name",
    "aws_api_gateway_rest_api": "name",
    "aws_api_gateway_usage_plan": "name",
    "aws_cloudfront_function": "name",
    "aws_cloudfront_origin_access_control": "name",
    "aws_cloudfront_response_headers_policy": "name",
    "aws_cloudtrail": "name",
    "aws_cloudwatch_composite_alarm": "alarm_name",
    "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_cloudwatch_log_group": "name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_cloudwatch_query_definition": "name",
    "aws_cognito_user_pool": "name",
    "aws_dynamodb_table": "name",
    "aws_iam_role": "name",
    "aws_kms_alias": "name",
    "aws_lambda_function": "function_name",
    "aws_s3_bucket": "bucket",
    "aws_security_group": "name",
    "aws_sns_topic": "name",
    "aws_wafv2_web_acl": "name",
}


@pytest.fixture(scope="session", params=sorted(inventory.VAR_FILES))
def environment(request: pytest.FixtureRequest, var_files: dict[str, Plan]) -> tuple[str, Plan]:
    return request.param, var_files[request.param]


def test_plan_is_as_inventoried(environment: tuple[str, Plan]) -> None:
    name, plan = environment
    listed = inventory.load(name)
    assert listed, f"tests/plan/inventories/{name}.json is missing: run `python -m tests.plan.inventory {name}`."
    found = "\n".join(inventory.differences(plan, listed))
    assert not found, (
        f"{inventory.VAR_FILES[name]} does not plan what tests/plan/inventories/{name}.json lists:\n{found}\n"
        f"If that is meant, run `python -m tests.plan.inventory {name}` and read what it changes."
    )


def test_inventories_belong_to_var_files() -> None:
    assert {f.stem for f in inventory.FOLDER.glob("*.json")} == inventory.VAR_FILES.keys()


def test_outputs(environment: tuple[str, Plan]) -> None:
    _, plan = environment
    assert plan.outputs.keys() >= OUTPUTS
    assert plan.outputs["api_url"] == UNKNOWN
    routes = [re.findall(r'route\["([^ ]+)\.([^ ]+)"\]', address) for address in plan.all("aws_api_gateway_method")]
    operations: dict[str, set[str]] = {entity: set() for entity in plan.outputs["table_names"]}
    for entity, operation in itertools.chain.from_iterable(routes):
        operations[entity].add(operation)
    for name in ("function_names", "function_role_arns"):
        assert {entity: set(made) for entity, made in plan.outputs[name].items()} == operations
    secret = [name for name, output in plan.data["planned_values"]["outputs"].items() if output["sensitive"]]
    assert secret == [], "outputs are printed, logged and read by others"
    # The output that `make openapi` reads.
    assert "document" in plan.configuration["module_calls"]["openapi"]["module"]["outputs"]


def test_names_carry_name_and_environment(environment: tuple[str, Plan]) -> None:
    _, plan = environment
    variables = plan.variables
    for kind, argument in NAMED.items():
        for address, values in plan.all(kind).items():
            if (name := values[argument]) != UNKNOWN:  # a log group that API Gateway names after the API's id
                assert variables["name"] in name, address
                assert variables["environment"] in name, address


def test_names_that_all_regions_share_carry_the_region(environment: tuple[str, Plan]) -> None:
    """A second region can then have the same system: names in IAM, S3 and CloudFront are unique across regions."""
    _, plan = environment
    shared = {kind for kind in NAMED if kind.startswith(("aws_cloudfront_", "aws_iam_", "aws_s3_"))}
    for kind in (*shared, "aws_cloudwatch_dashboard"):
        for address, values in plan.all(kind).items():
            assert values[NAMED[kind]].endswith(plan.variables["region"]), address


def taggable_resources(plan: Plan) -> dict[str, Values]:
    """Return the resources with tags, by address.

    The web console's files are left out: an S3 object may have ten tags, and an environment may have more.
    """
    files = plan.all("aws_s3_object")
    found = {a: v for a, v in plan.resources.items() if "tags_all" in v and a not in files}
    assert len(found) > 5
    return found


def test_tags_are_on_everything_that_takes_them(environment: tuple[str, Plan]) -> None:
    name, plan = environment
    variables = plan.variables
    ours = {"Environment": variables["environment"], "ManagedBy": "terraform", "Project": variables["name"]}
    for address, values in taggable_resources(plan).items():
        assert values["tags_all"].items() >= ours.items(), address
        if name in inventory.BY_THE_ROOT:
            assert not set(values["tags"] or {}) & ours.keys(), f"{address}: the provider adds them already"


def test_environments_do_not_collide(var_files: dict[str, Plan]) -> None:
    taken: dict[tuple[str, str], str] = {}
    for environment in inventory.VAR_FILES:
        plan = var_files[environment]
        for kind, argument in NAMED.items():
            for address, values in plan.all(kind).items():
                if (name := values[argument]) != UNKNOWN:
                    assert (kind, name) not in taken, f"{address} of {environment}, {taken[kind, name]}"
                    taken[kind, name] = f"{address} of {environment}"


class TestInventories:
    """The differences that the comparison finds and ignores."""

    @pytest.mark.parametrize(
        ("listed", "difference"),
        [
            ({"counts": {"aws_vpc": 0}}, "counts > aws_vpc: planned 1, listed 0"),
            ({"counts": {"aws_nat_gateway": 1}}, "counts > aws_nat_gateway: planned 0, listed 1"),
            (
                {"values": {"module.none.aws_vpc.this": {"cidr_block": "x"}}},
                'values > module.none.aws_vpc.this: planned "(not in the plan)", listed {"cidr_block": "x"}',
            ),
            (
                {"values": {"module.network[0].aws_vpc.this": {"cidr_block": "10.9.0.0/16"}}},
                'values > module.network[0].aws_vpc.this > cidr_block: planned "10.0.0.0/16", listed "10.9.0.0/16"',
            ),
            ({"outputs": {"none": 1}}, 'outputs > none: planned "(not in the plan)", listed 1'),
            ({"outputs": {"vpc_id": None}}, 'outputs > vpc_id: planned "(known after apply)", listed null'),
        ],
    )
    def test_sees(self, plan: Plan, listed: dict[str, object], difference: str) -> None:
        assert inventory.differences(plan, listed) == [difference]

    def test_leaves_what_is_not_listed_alone(self, plan: Plan) -> None:
        listed = {
            "values": {"module.network[0].aws_vpc.this": {"enable_dns_support": True}},
            "counts": {"aws_vpc": 1, "aws_cognito_user_pool": 0},
            "outputs": {"table_names": {"todos": "shop-todos-test"}},
        }
        assert inventory.differences(plan, listed) == []

    def test_reads_policies(self, plan: Plan) -> None:
        address = "module.encryption[0].aws_kms_key.this"
        policy = {"Statement": [{"Effect": "Allow"}, {"Effect": "Deny"}]}
        assert inventory.differences(plan, {"values": {address: {"policy": policy}}}) == [
            f'values > {address} > policy > Statement > 1 > Effect: planned "Allow", listed "Deny"'
        ]

    def test_regenerated_keeps_what_is_listed(self, plan: Plan) -> None:
        address = "module.network[0].aws_vpc.this"
        listed = {
            "values": {address: {"cidr_block": "x"}, "gone": {"a": 1}},
            "counts": {"aws_cognito_user_pool": 0},
            "outputs": {},
        }
        made = inventory.regenerate(plan, listed)
        assert made["values"] == {address: {"cidr_block": "10.0.0.0/16"}}
        assert made["counts"]["aws_cognito_user_pool"] == 0
        assert made["counts"]["aws_vpc"] == 1
        assert made["outputs"] == {}
        assert inventory.differences(plan, made) == []
        assert json.dumps(made)
