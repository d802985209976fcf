"""One function per operation: its code, and its role's permissions."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.plan import rules
from tests.plan.conftest import BOUNDARY, ORIGINS, SMALL
from tests.plan.planner import ROOT, UNKNOWN, Plan, Planner, Values, project_of
from tools import contract

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

OPERATIONS = sorted(contract.OPERATIONS)
KEY = "arn:aws:kms:us-west-2:000000000000:key/11111111-2222-3333-4444-555555555555"
TABLE = "arn:aws:dynamodb:us-west-2:000000000000:table/shop-todos-test"

# All DynamoDB actions of each operation, with default settings.
RIGHTS: dict[str, tuple[list[str], str]] = {
    "create": (["dynamodb:PutItem"], TABLE),
    "delete": (["dynamodb:DeleteItem"], TABLE),
    "get": (["dynamodb:GetItem"], TABLE),
    "list": (["dynamodb:Query"], f"{TABLE}/index/created"),
    "merge": (["dynamodb:GetItem", "dynamodb:UpdateItem"], TABLE),
    "replace": (["dynamodb:UpdateItem"], TABLE),
}


def function(plan: Plan, operation: str) -> Values:
    return plan.one("aws_lambda_function", f'"todos.{operation}"')


def statements(plan: Plan, operation: str) -> list[dict[str, Any]]:
    """Return the statements of the function's role that the plan shows. It does not show the key's."""
    policies = [p for a, p in plan.all("aws_iam_role_policy").items() if f'"todos.{operation}"' in a]
    return [s for p in policies if p["policy"] != UNKNOWN for s in json.loads(p["policy"])["Statement"]]


def entity_options(plan: Plan, operation: str) -> Values:
    """Return the function's settings of its entity."""
    found: Values = json.loads(function(plan, operation)["environment"][0]["variables"]["ENTITY_OPTIONS"])
    return found


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_there_is_one_function_an_operation(plan: Plan) -> None:
    names = sorted(f["function_name"] for f in plan.all("aws_lambda_function").values())
    assert names == [f"shop-todos-{operation}-test" for operation in OPERATIONS]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_runtime_and_size(plan: Plan, operation: str) -> None:
    made = function(plan, operation)
    assert made["runtime"] == "python3.13"
    assert made["architectures"] == ["arm64"]
    assert made["handler"] == "index.lambda_handler"
    assert made["memory_size"] == 256
    assert made["timeout"] == 30
    assert made["tracing_config"] == [{"mode": "Active"}]
    assert made["kms_key_arn"] == UNKNOWN
    assert made["reserved_concurrent_executions"] == -1
    assert made["snap_start"] == []
    (network,) = made["vpc_config"]
    assert network["subnet_ids"] == network["security_group_ids"] == UNKNOWN


@pytest.mark.parametrize("operation", OPERATIONS)
def test_package_is_the_built_one(plan: Plan, operation: str) -> None:
    made = function(plan, operation)
    package = ROOT / "dist" / f"{operation}.zip"
    assert made["filename"].endswith(f"dist/{operation}.zip")
    assert made["source_code_hash"] == base64.b64encode(hashlib.sha256(package.read_bytes()).digest()).decode()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_published_version_stands_behind_the_alias(plan: Plan, operation: str) -> None:
    assert function(plan, operation)["publish"] is True
    alias = plan.one("aws_lambda_alias", f'"todos.{operation}"')
    assert alias["name"] == "live"
    assert alias["function_name"] == f"shop-todos-{operation}-test"
    assert alias["function_version"] == UNKNOWN, "a version of its own, not $LATEST"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_log_group_exists_before_the_function_with_key_and_retention(plan: Plan, operation: str) -> None:
    group = plan.one("aws_cloudwatch_log_group", f'"todos.{operation}"')
    assert group["name"] == f"/aws/lambda/shop-todos-{operation}-test"
    assert group["retention_in_days"] == 365
    assert group["kms_key_id"] == UNKNOWN
    module = plan.configuration["module_calls"]["function"]["module"]
    (made,) = (r for r in module["resources"] if r["type"] == "aws_lambda_function")
    assert {"aws_cloudwatch_log_group.this", "aws_iam_role_policy.this"} <= set(made["depends_on"])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_role_may_do_only_what_its_operation_needs(plan: Plan, operation: str) -> None:
    group = f"arn:aws:logs:us-west-2:000000000000:log-group:/aws/lambda/shop-todos-{operation}-test:*"
    dynamodb, logs, traces, network, denied = statements(plan, operation)
    assert (sorted(dynamodb["Action"]), as_list(dynamodb["Resource"])) == (
        RIGHTS[operation][0],
        [RIGHTS[operation][1]],
    )
    assert (logs["Action"], as_list(logs["Resource"])) == (
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        [group],
    )
    assert traces["Action"] == ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    assert all(action.startswith("ec2:") for action in network["Action"])
    assert [s["Effect"] for s in (dynamodb, logs, traces, network)] == ["Allow"] * 4
    assert (denied["Effect"], denied["Action"], denied["Resource"]) == ("Deny", "ec2:*", "*")


def test_without_a_network_the_roles_know_no_interfaces(systems: dict[str, Plan]) -> None:
    for operation in OPERATIONS:
        found = statements(systems["small"], operation)
        assert len(found) == 3
        assert not any("ec2" in json.dumps(s) for s in found)


def test_roles_use_the_key_only_for_tables_variables_and_queues(planner: Planner, tmp_path: Path) -> None:
    """A new key's ARN is unknown before the apply, so this plan has an existing key and shows all permissions."""
    project = project_of(tmp_path, {"jobs": "def handle(job, context): ...\n"})
    known = {"modules/encryption": {"output": {"key_arn": {"value": KEY}}}}
    root = planner.copy_root(tmp_path / "root", known)
    for name in ("app", "dist", "schemas"):
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(project / name)
    functions: Values = {"jobs": {"queue": {}}, "sender": {"code": "jobs:handle", "sends": ["jobs"]}}
    network = {"endpoints": ["sqs"]}
    found = planner.make_plan(root, "known-key", (), {**SMALL, "functions": functions, "network": network})
    policies = {a: p["policy"] for a, p in Plan(found).all("aws_iam_role_policy").items()}
    assert UNKNOWN not in policies.values()
    rights = {
        address: json.loads(policy)["Statement"]
        for address, policy in policies.items()
        if "kms" in policy or KEY in policy
    }
    the_only_one = {
        "Sid": "DecryptTableAndEnvironment",
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": KEY,
        "Condition": {
            "StringEquals": {"kms:ViaService": ["dynamodb.us-west-2.amazonaws.com", "lambda.us-west-2.amazonaws.com"]}
        },
    }
    queues = {
        "Sid": "UseQueues",
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": KEY,
        "Condition": {"StringEquals": {"kms:ViaService": "sqs.us-west-2.amazonaws.com"}},
    }
    assert rights == {
        f'module.function["todos.{operation}"].aws_iam_role_policy.key[0]': [the_only_one] for operation in OPERATIONS
    } | {f'module.own_function["{name}"].aws_iam_role_policy.key[0]': [the_only_one, queues] for name in functions}


def test_roles_belong_to_lambda_and_have_no_managed_policies(plan: Plan) -> None:
    assert plan.counts["aws_iam_role_policy_attachment"] == 0
    for operation in OPERATIONS:
        role = plan.one("aws_iam_role", f'"todos.{operation}"')
        (trust,) = json.loads(role["assume_role_policy"])["Statement"]
        assert (trust["Principal"], trust["Action"]) == (
            {"Service": "lambda.amazonaws.com"},
            "sts:AssumeRole",
        )
        assert role["managed_policy_arns"] == UNKNOWN  # not set by the configuration: the provider reads it


@pytest.mark.parametrize(
    "file", [*ROOT.glob("*.tf"), *ROOT.glob("modules/*/*.tf")], ids=lambda f: str(f.relative_to(ROOT))
)
def test_no_function_may_create_log_groups(file: Path) -> None:
    managed = ("AWSLambdaVPCAccessExecutionRole", "AWSLambdaBasicExecutionRole", "AWSLambdaExecute")
    assert not [word for word in ("CreateLogGroup", "logs:*", *managed) if word in file.read_text()]


def test_listing_unordered_scans_and_a_merging_put_reads(systems: dict[str, Plan]) -> None:
    unordered, merging = systems["unordered"], systems["merging"]
    assert (statements(unordered, "list")[0]["Action"], statements(unordered, "list")[0]["Resource"]) == (
        ["dynamodb:Scan"],
        [TABLE],
    )
    assert sorted(statements(merging, "replace")[0]["Action"]) == ["dynamodb:GetItem", "dynamodb:UpdateItem"]


def test_listing_queries_the_indexes_it_uses_and_no_others(systems: dict[str, Plan]) -> None:
    (query, *_) = statements(systems["filtered"], "list")
    assert (query["Action"], sorted(query["Resource"])) == (
        ["dynamodb:Query"],
        [f"{TABLE}/index/by_status", f"{TABLE}/index/by_userId", f"{TABLE}/index/created"],
    )
    scan, query, *_ = statements(systems["filtered_unordered"], "list")
    assert (scan["Action"], scan["Resource"]) == (["dynamodb:Scan"], [TABLE])
    assert (query["Action"], sorted(query["Resource"])) == (
        ["dynamodb:Query"],
        [f"{TABLE}/index/by_title", f"{TABLE}/index/by_year"],
    )


def test_a_function_per_entity_has_what_its_operations_have(systems: dict[str, Plan]) -> None:
    plan = systems["per_entity"]
    made = plan.one("aws_lambda_function")
    assert made["function_name"] == "shop-todos-entity-test"
    assert made["filename"].endswith("dist/entity.zip")
    assert json.loads(made["environment"][0]["variables"]["ENTITY_OPTIONS"]) == {
        "ids": "server",
        "list": "created",
        "put": "replace",
    }
    items, query, *_ = statements(plan, "entity")
    assert (items["Resource"], query["Resource"]) == ([TABLE], [f"{TABLE}/index/created"])
    assert items["Action"] == [f"dynamodb:{a}" for a in ("DeleteItem", "GetItem", "PutItem", "UpdateItem")]
    assert query["Action"] == ["dynamodb:Query"]
    assert plan.outputs["function_names"]["todos"] == dict.fromkeys(OPERATIONS, "shop-todos-entity-test")
    assert plan.outputs["function_role_arns"]["todos"].keys() == set(OPERATIONS)


def test_options_tell_filters_and_expiry(systems: dict[str, Plan]) -> None:
    filters = {"status": {"sort": "quantity"}, "userId": {}}
    assert entity_options(systems["filtered"], "create")["filters"] == filters
    assert entity_options(systems["filtered"], "list") == {"filters": filters, "list": "created", "schema": "order"}
    assert entity_options(systems["expiring"], "create")["ttl"] == "expiresAt"
    assert entity_options(systems["expiring"], "get") == {"ttl": "expiresAt"}


def test_options_tell_who_is_asked_for(systems: dict[str, Plan]) -> None:
    plan = systems["with_scopes"]
    assert entity_options(plan, "create") == {"ids": "server", "list": "created", "signed_in": ["create"]}
    assert entity_options(plan, "delete") == {"groups": {"delete": "admins"}, "signed_in": ["delete"]}
    assert entity_options(plan, "get") == {"signed_in": ["get"]}
    assert entity_options(plan, "replace") == {"put": "replace"}, "open"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_options_tell_every_function_of_owners(systems: dict[str, Plan], operation: str) -> None:
    found = entity_options(systems["owned"], operation)
    assert (found["owner"], found["signed_in"]) == ("sub", [operation])
    assert "groups" not in found
    assert statements(systems["owned"], operation) == statements(systems["small"], operation), "no more rights"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_who_reaches_the_items_of_others_needs_rights_for_it(systems: dict[str, Plan], operation: str) -> None:
    found = entity_options(systems["shared"], operation)
    assert (found["owner"], found["sees_all"], found["acts_for"]) == (
        "claim:tenant_id", "group=support", "scope=shop-test/act",
    )  # fmt: skip
    queried = [
        resource.rpartition("/")[2]
        for statement in statements(systems["shared"], operation)
        if statement["Action"] == ["dynamodb:Query"]
        for resource in as_list(statement["Resource"])
    ]
    assert sorted(queried) == {"create": [], "list": ["by_status", "created", "everyone"]}.get(operation, ["ids"])


def test_options_of_one_function_tell_of_all_its_operations(systems: dict[str, Plan]) -> None:
    found = entity_options(systems["owned_per_entity"], "entity")
    assert found["signed_in"] == OPERATIONS
    assert found["groups"] == {"delete": "admins"}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_environment_has_what_the_operation_reads(plan: Plan, operation: str) -> None:
    (environment,) = function(plan, operation)["environment"]
    variables = environment["variables"]
    options = json.loads(variables.pop("ENTITY_OPTIONS", "{}"))
    assert variables == {
        "TABLE_NAME": "shop-todos-test",
        "ENTITY": "todos",
        "ENVIRONMENT": "test",
        "LOG_LEVEL": "INFO",
        "METRICS_NAMESPACE": "shop-test",
        "CORS_ORIGINS": "*",
    }
    assert options == {
        "create": {"ids": "server", "list": "created"},
        "delete": {},
        "get": {},
        "list": {"list": "created"},
        "merge": {},
        "replace": {"put": "replace"},
    }[operation]  # fmt: skip


def test_function_settings_reach_every_function_of_the_entity(systems: dict[str, Plan]) -> None:
    plan = systems["unordered"]
    for operation in ("create", "list"):
        made = function(plan, operation)
        assert (made["memory_size"], made["timeout"], made["reserved_concurrent_executions"]) == (512, 10, 5)
        assert made["environment"][0]["variables"]["LOG_LEVEL"] == "DEBUG"
        assert made["snap_start"][0]["apply_on"] == "PublishedVersions"


def test_more_origins_than_the_environment_holds_are_refused(tmp_path: Path) -> None:
    (said,) = rules.rule_errors(rules.validations(tmp_path), {**SMALL, "cors_origins": ORIGINS})
    assert said.startswith("cors_origins: the origins have 4999 characters, and functions have room for 2600. Write")


def test_environment_stays_below_lambdas_limit(systems: dict[str, Plan]) -> None:
    """4 KB, names and values together, with as many origins as may be configured."""
    for made in systems["many_origins"].all("aws_lambda_function").values():
        variables = made["environment"][0]["variables"]
        assert sum(len(k) + len(v) for k, v in variables.items()) <= 4096


def test_every_role_has_the_boundary_that_is_given(systems: dict[str, Plan], plan: Plan) -> None:
    bounded = systems["bounded"].all("aws_iam_role").values()
    assert len(bounded) == 2, "the function's and the flow logs'"
    assert {role["permissions_boundary"] for role in bounded} == {BOUNDARY}
    assert {role["permissions_boundary"] for role in plan.all("aws_iam_role").values()} == {None}


def test_ids_that_are_paths_of_something_else_are_told(systems: dict[str, Plan]) -> None:
    made = systems["among_others"].all("aws_lambda_function")
    found = {}
    for address, function in made.items():
        options = json.loads(function["environment"][0]["variables"].get("ENTITY_OPTIONS", "{}"))
        found[address.split('"')[1]] = sorted(options.get("reserved_ids", []))
    root = ["openapi.json", "ping", "sping", "v1"]
    assert found == {"docs.get": [], "films.create": root, "todos.create": ["docs"]}
